"""Debian packages: the daemon, its dependencies, and what belongs around them.

    python -m deploy.debian.build --release 12 --into dist

A package is for one release of Debian, whose Python is in its dependencies. Nothing of
that release is needed here: pip chooses what fits it, by requirements/run.txt.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from deploy.debian.man_pages import manual_page
from deploy.shipped import write_licences, write_sbom
from pexschedd import __version__

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OPT = Path("opt/pexschedd")
DOC = Path("usr/share/doc/pexschedd")
DPKG_DEB = ("dpkg-deb", "--root-owner-group")
CONFIG = Path("etc/pexip/scheduling/scheduling_config.json")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
EXAMPLES = ("nginx", "caddy", "haproxy", "prometheus", "grafana")
"""Folders of `deploy/` with samples for other programs."""
SUBCOMMANDS = {
    "pexschedd": ("run", "check-config", "version"),
    "pexschedd-store": (
        *("verify", "export", "repair", "compact", "archive", "restore", "backup"),
    ),
    "pexschedd-join": ("test",),
}
"""Subcommands without a command, and so a manual page, of their own."""


class Release(NamedTuple):
    """A release of Debian: its version of Python, and the minor version of glibc 2."""

    python: str
    glibc: int


RELEASES = {"12": Release("3.11", 36), "13": Release("3.13", 41)}


def main() -> int:
    """Build the package that the command line asks for; write its path."""
    parser = argparse.ArgumentParser(description="Builds a Debian package.")
    parser.add_argument("--release", choices=RELEASES, required=True)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--for-check",
        action="append",
        default=[],
        metavar="VERSION",
        help="another package with this version, for tests of upgrades; none of the "
        "packages is compressed then",
    )
    given = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = str(_epoch())
    given.into.mkdir(parents=True, exist_ok=True)
    compression = ("-Znone",) if given.for_check else ("-Zxz", "-z2")
    with tempfile.TemporaryDirectory() as folder:
        dependencies = Path(folder) / "dependencies"
        _install_dependencies(dependencies, given.release)
        for version in (__version__, *given.for_check):
            work = Path(folder) / version
            tree = lay_out(work, dependencies, given.release, version)
            name = f"pexschedd_{version}+deb{given.release}_{_architecture()}.deb"
            package = given.into / name
            _run(*DPKG_DEB, *compression, "--build", tree, package)
            sys.stdout.write(f"{package}\n")
    return 0


def lay_out(work: Path, dependencies: Path, release: str, version: str) -> Path:
    """Lay the package's files out below a new folder; return the root of them."""
    work.mkdir()
    tree = work / "tree"
    python = RELEASES[release].python
    site = tree / OPT / "lib" / f"python{python}" / "site-packages"
    shutil.copytree(dependencies, site)
    with ZipFile(_wheel(work, version)) as wheel:
        wheel.extractall(site)  # among Twisted's plugins, where pip would replace them
    _commands(tree, python)
    _manual_pages(tree, version)
    _around(tree, site)
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.parent == tree / OPT / "bin"
            path.chmod(0o755 if runs else 0o644)
    _control(tree, release, version)
    return tree


def _wheel(work: Path, version: str) -> Path:
    """Build our wheel from a copy: setuptools leaves folders where it works."""
    source = work / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("pexschedd", "twisted"):
        shutil.copytree(ROOT / name, source / name)
    if version != __version__:
        module = source / "pexschedd" / "__init__.py"
        module.write_text(module.read_text().replace(__version__, version))
    build = ("wheel", "--no-deps", "--no-build-isolation")
    _pip(*build, "--wheel-dir", str(work), str(source))
    (wheel,) = work.glob("*.whl")
    return wheel


def _install_dependencies(site: Path, release: str) -> None:
    """Install all that runs, but for ours, as the release of Debian needs it."""
    python, glibc = RELEASES[release]
    machine = MACHINES[_architecture()]
    names = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 16, -1)]
    platforms = [word for name in names for word in ("--platform", name)]
    _pip(
        "install",
        *("--target", str(site), "--python-version", python, *platforms),
        *("--implementation", "cp", "--only-binary", ":all:", "--no-compile"),
        *("--require-hashes", "--no-deps"),
        *("-r", str(ROOT / "requirements" / "run.txt")),
    )
    shutil.rmtree(site / "bin")  # commands of this machine's Python


def _commands(tree: Path, python: str) -> None:
    """Make the environment's `bin`, and the commands' names in `/usr/bin`."""
    (tree / OPT / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    )
    folder = tree / OPT / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(f"/usr/bin/python{python}")
    (folder / "python").symlink_to("python3")
    names = tree / "usr" / "bin"
    names.mkdir(parents=True)
    for command, function in {
        **_scripts(),
        "twistd": "twisted.scripts.twistd:run",
    }.items():
        module, _, name = function.partition(":")
        (folder / command).write_text(
            f"#!/{OPT}/bin/python3\n"
            f"import sys\n\nfrom {module} import {name}\n\nsys.exit({name}())\n"
        )
        if command != "twistd":
            (names / command).symlink_to(f"/{OPT}/bin/{command}")


def _manual_pages(tree: Path, version: str) -> None:
    folder = tree / "usr" / "share" / "man" / "man8"
    folder.mkdir(parents=True)
    day = datetime.fromtimestamp(_epoch(), UTC).date()
    for command, function in _scripts().items():
        subcommands = SUBCOMMANDS.get(command, ())
        page = manual_page(
            command, function, version=version, day=day, subcommands=subcommands
        )
        _write_packed(folder / f"{command}.8.gz", page)


def _around(tree: Path, site: Path) -> None:
    """Copy the configuration file, units, completion and documents."""
    units = tree / "usr" / "lib" / "systemd" / "system"
    shutil.copytree(ROOT / "deploy" / "systemd", units)
    completions = tree / "usr" / "share" / "bash-completion" / "completions"
    completions.mkdir(parents=True)
    for command in _scripts():  # bash looks for a file with the command's name
        shutil.copy(HERE / "bash-completion", completions / command)
    (tree / CONFIG).parent.mkdir(parents=True)
    shutil.copy(HERE / "scheduling_config.json", tree / CONFIG)
    documents = tree / DOC
    documents.mkdir(parents=True)
    shutil.copy(ROOT / "README.md", documents)
    shutil.copytree(ROOT / "docs", documents / "docs")
    for name in EXAMPLES:
        shutil.copytree(ROOT / "deploy" / name, documents / "examples" / name)
    (documents / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "kerberos.txt", documents / "requirements")
    _write_packed(documents / "changelog.gz", (ROOT / "CHANGELOG.md").read_text())
    with (documents / "sbom.cdx.json").open("w") as out:
        write_sbom(site, out)
    with (documents / "copyright").open("w") as out:
        out.write(f"pexschedd\n\n{(ROOT / 'LICENSE').read_text()}\n")
        write_licences(site, out)


def _control(tree: Path, release: str, version: str) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir(mode=0o755)
    size = sum(p.stat().st_size for p in tree.rglob("*") if not p.is_symlink()) // 1024
    python = RELEASES[release].python
    (folder / "control").write_text(
        "Package: pexschedd\n"
        f"Version: {version}+deb{release}\n"
        f"Architecture: {_architecture()}\n"
        "Maintainer: The pexschedd developers <pexschedd@localhost>\n"
        f"Installed-Size: {size}\n"
        f"Depends: python{python}, adduser, init-system-helpers, libc6, libstdc++6\n"
        "Recommends: ca-certificates\n"
        "Section: net\n"
        "Priority: optional\n"
        "Description: meeting-room scheduling for Microsoft Exchange\n"
        " One button in Outlook, and a virtual meeting room that opens with the\n"
        " meeting. This daemon hands out aliases, answers the meetings that arrive in\n"
        " an equipment mailbox, and tells conferencing nodes which room is open.\n"
    )
    (folder / "conffiles").write_text(f"/{CONFIG}\n")
    for name in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / name, folder / name)
        (folder / name).chmod(0o755)


def _scripts() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    scripts: dict[str, str] = project["scripts"]
    return scripts


def _write_packed(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=_epoch()))


def _architecture() -> str:
    return _run("dpkg", "--print-architecture").strip()


def _epoch() -> int:
    """Return the time of the package: SOURCE_DATE_EPOCH, or the last commit's."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or _run("git", "-C", ROOT, "log", "-1", "--format=%ct"))


def _pip(*arguments: str) -> None:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", *arguments)


def _run(*command: str | Path) -> str:
    """Return what a command writes; where it fails, its errors are on the terminal."""
    return subprocess.run(  # noqa: S603 - fixed commands
        [str(word) for word in command],
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
