"""The SBOM and the licences of what is shipped."""

import io
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from datetime import date
from importlib.metadata import distribution
from pathlib import Path

import pytest

from deploy.debian.build import EXAMPLES, SUBCOMMANDS
from deploy.debian.man_pages import _roff, manual_page
from deploy.shipped import licence_name, licence_texts, sbom, shipped, write_licences
from pexschedd import __version__
from pexschedd.tools.main import SUBCOMMANDS as COMMANDS
from pexschedd.tools.store_arguments import store_parser
from tests.test_requirements import pins

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sysconfig.get_path("purelib"))
NOT_HERE = {"sspilib"}
"""What the lock has for other systems only."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the lock for running has, out of this environment."""
    for name, release in pins("run"):
        if name in NOT_HERE:
            continue
        found = distribution(name)
        if found.version != release:
            pytest.skip(f"{name} {found.version} is installed, and not {release}")
        (metadata,) = {
            str(file.locate()).partition(".dist-info")[0] + ".dist-info"
            for file in found.files or []
            if ".dist-info/" in str(file)
        }
        (tmp_path / Path(metadata).name).symlink_to(metadata)
    return tmp_path


def test_the_sbom_names_what_is_locked(folder: Path) -> None:
    """Each with its licence and digests; dependencies lead to what is there."""
    bom = sbom(shipped(folder))
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == __version__
    listed = {(each["name"], each["version"]) for each in bom["components"]}
    assert listed == {each for each in pins("run") if each[0] not in NOT_HERE}
    assert all(each["licenses"] for each in bom["components"])
    assert all(each["externalReferences"] for each in bom["components"])
    refs = {each["bom-ref"] for each in bom["components"]}
    first, *others = bom["dependencies"]
    assert any(ref.startswith("pkg:pypi/twisted@") for ref in first["dependsOn"])
    assert {each["ref"] for each in others} == refs
    assert all({*each["dependsOn"]} <= refs for each in bom["dependencies"])
    assert bom == sbom(shipped(folder))  # the same each time


def test_the_sbom_names_what_is_compiled_in(folder: Path) -> None:
    """The libraries that matter most are no distributions: OpenSSL for one."""
    parts = {
        each["name"]: [part["name"] for part in each.get("components", ())]
        for each in sbom(shipped(folder))["components"]
    }
    assert "openssl" in parts["cryptography"]
    assert "libwebp" in parts["pillow"]
    assert "pillow" not in parts["pillow"]
    assert parts["attrs"] == []


def test_every_licence_has_a_name_and_a_text(folder: Path) -> None:
    """Whether a distribution names it as an SPDX expression or not."""
    found = shipped(folder)
    assert all(licence_name(each) for each in found)
    without = {each.name for each in found if not [*licence_texts(each)]}
    assert without <= {"google-re2"}
    out = io.StringIO()
    write_licences(folder, out)
    assert f"Twisted {distribution('twisted').version}: MIT" in out.getvalue()


def test_what_the_lock_has_not_is_refused(folder: Path) -> None:
    """As anything else that would be shipped without being asked for."""
    other = next(SITE.glob("pytest-*.dist-info"))
    (folder / other.name).symlink_to(other)
    with pytest.raises(ValueError, match=r"pytest .* is not what the lock has"):
        shipped(folder)
    with pytest.raises(ValueError, match="no distributions"):
        shipped(folder / "nothing")


def test_the_package_has_the_samples() -> None:
    """Each folder of `deploy/` that the documents name: as an example, or, like the
    units, in its own place."""
    page = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"`deploy/([a-z]+)/", page))
    assert {"nginx", "prometheus", "grafana"} <= named
    assert named == {*EXAMPLES, "systemd"}


def test_manual_pages_say_what_help_says() -> None:
    """As text: what looks like a command of roff is none."""
    day = date(2026, 11, 30)
    page = manual_page(
        "pexschedd-password", "pexschedd.tools.password:main", version="1.0", day=day
    )
    assert page.startswith('.TH PEXSCHEDD-PASSWORD 8 "2026-11-30" "pexschedd 1.0"\n')
    assert "\n.SH NAME\npexschedd\\-password \\- " in page
    assert "\\-\\-config FILE" in page
    assert _roff(".so x\n'y \\n") == "\\&.so x\n\\&'y \\en"


def test_manual_pages_have_the_subcommands() -> None:
    """Each that a command has, with its own options."""
    assert set(SUBCOMMANDS["pexschedd-store"]) == set(store_commands())
    page = manual_page(
        "pexschedd-join",
        "pexschedd.tools.join:main",
        version="1.0",
        day=date(2026, 11, 30),
        subcommands=SUBCOMMANDS["pexschedd-join"],
    )
    own = page.partition("\n.SH TEST\n")[2]
    assert own.startswith(".nf\npexschedd\\-join test [\\-h] ")
    assert "\n  \\-\\-catalogue FILE" in own


def test_completion_knows_the_commands() -> None:
    """bash completes the subcommands that there are, and no others."""
    assert set(completed("pexschedd", "")) == {*COMMANDS, "--help", "--version"}
    assert set(completed("pexschedd-store", "")) == {*store_commands()}
    assert completed("pexschedd", "join", "t") == ["test"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("pexschedd-store", "--config", "/c", "ba"), ["backup"]),
        (("pexschedd", "store", "--config", "/c", "ba"), ["backup"]),
        (("pexschedd-store", "--sta"), ["--state-dir"]),
        (("pexschedd-store", "--config", "/c", "backup", "--k"), ["--keep"]),
        (("pexschedd", "store", "--config", "/c", "backup", "--k"), ["--keep"]),
        (("pexschedd-store", "--state-dir", "backup", "--k"), ["--key-file"]),
        (("pexschedd-store", "--config", "/dev/nul"), ["/dev/null"]),
        (("pexschedd-store", "--config", "/c", "restore", "/dev/nul"), ["/dev/null"]),
        (("pexschedd", "join", "test", "--cat"), ["--catalogue"]),
        (("pexschedd", "doctor", "--mig"), ["--migrate"]),
    ],
)
def test_completion_knows_where_it_is(
    words: tuple[str, ...], offered: list[str]
) -> None:
    """Subcommands behind the options of their command, options of a subcommand behind
    it, and files where a value is wanted."""
    assert completed(*words) == offered


HELP = """
options() {
    case "$*" in
    *"backup --help") echo "--into FOLDER --keep COUNT" ;;
    *"join test --help") echo "--catalogue FILE" ;;
    *"doctor --help") echo "--migrate ID" ;;
    *"store --help") echo "--config FILE --key-file FILE --state-dir DIR" ;;
    esac
}
pexschedd() { options pexschedd "$@"; }
pexschedd-store() { options store "$@"; }
"""
"""Stand-ins that say which options the commands have, in the place of programs."""


def completed(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = (
        f"source deploy/debian/bash-completion{HELP}"
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pexschedd "$1"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "-", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def store_commands() -> Iterable[str]:
    parser = store_parser("pexschedd store")
    (choices,) = (a.choices for a in parser._actions if a.dest == "command")
    assert choices is not None
    return choices
