"""What the package imports is declared, and the locks have all of it with digests."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("run", "kerberos", "demo", "dev", "build")

IMPORT = re.compile(
    r"^ *(?:from ([\w.]+) import\b|import ([\w.]+)(?: as \w+)?(?:  #.*)?$)",
    re.MULTILINE,
)
"""As ruff formats it, on a line of its own: nothing else need be parsed."""

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def declared(*groups: str) -> set[str]:
    """The distributions that the project says it needs."""
    lists = [PROJECT["project"]["dependencies"]]
    lists += [PROJECT["dependency-groups"][group] for group in groups]
    return {
        canonicalize_name(Requirement(each).name) for all_ in lists for each in all_
    }


@cache
def imports(path: Path) -> set[str]:
    """The modules that a file imports."""
    return {a or b for a, b in IMPORT.findall(path.read_text())}


@cache
def distributions() -> Mapping[str, list[str]]:
    """By the modules that they bring."""
    return packages_distributions()


def undeclared(paths: Iterator[Path], known: set[str]) -> set[str]:
    """Foreign modules whose distribution is not among the known ones."""
    wrong = set()
    for path in paths:
        for name in imports(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == "pexschedd":
                continue
            theirs = distributions().get(top, [])
            if top == "zope":  # a namespace, where two names tell which it is
                theirs = [".".join(name.split(".")[:2])]
            elif top == "twisted":  # our plugins are in its namespace, too
                theirs = ["twisted"]
            if not {canonicalize_name(each) for each in theirs} & known:
                wrong.add(f"{path.relative_to(ROOT)} imports {name}")
    return wrong


def of_the_package(*, is_demo: bool) -> Iterator[Path]:
    for path in (ROOT / "pexschedd").rglob("*.py"):
        if (path.relative_to(ROOT).parts[1] in ("demo", "sandbox")) == is_demo:
            yield path
    yield from (ROOT / "twisted" / "plugins").glob("*.py")


def test_every_import_is_declared() -> None:
    """A distribution that only comes with another may go with it, too."""
    assert undeclared(of_the_package(is_demo=False), declared()) == set()
    assert undeclared(of_the_package(is_demo=True), declared("demo")) == set()


def test_an_undeclared_import_is_seen() -> None:
    """Of a namespace, too."""
    known = declared() - {"zope-interface", "werkzeug"}
    found = undeclared(of_the_package(is_demo=False), known)
    assert any(each.endswith("imports zope.interface") for each in found)
    assert any(each.endswith("imports werkzeug.exceptions") for each in found)


def pins(name: str) -> list[tuple[str, str]]:
    """Names and releases; a name has two where versions of Python differ."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return [(canonicalize_name(each), r) for each, r in PINNED.findall(text)]


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_digests_and_no_index(name: str) -> None:
    """Each release has one for each of its files; where they are is pip's affair."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    parts = PINNED.split(text)[1:]
    assert len(parts) == 3 * len(pins(name)) > 0
    assert all("--hash=sha256:" in rest for rest in parts[2::3])
    assert "://" not in text
    assert "index" not in text


def test_locks_have_what_is_declared() -> None:
    """In a release that the ranges allow."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    groups = PROJECT["dependency-groups"]
    for name, wanted in (
        ("run", project["dependencies"]),
        ("kerberos", extras["kerberos"]),
        ("demo", groups["demo"]),
        ("dev", groups["dev"]),
        ("build", groups["build"]),
    ):
        for each in map(Requirement, wanted):
            own = canonicalize_name(each.name)
            releases = [release for other, release in pins(name) if other == own]
            assert releases, (name, own)
            assert all(map(each.specifier.contains, releases)), (name, releases)


def test_what_is_tested_is_what_is_installed() -> None:
    """All locks have the same release of a distribution."""
    assert {*pins("run")} <= {*pins("demo")} <= {*pins("dev")}
    assert {*pins("run")} <= {*pins("kerberos")}


def test_what_runs_is_without_what_tests() -> None:
    """Nor is the demo in it."""
    run, demo = dict(pins("run")), dict(pins("demo"))
    assert "python-dateutil" in demo
    assert not {"pytest", "mypy", "playwright", "python-dateutil", "krb5"} & run.keys()


def test_the_build_is_the_declared_one() -> None:
    """`make` builds with what others build with."""
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
