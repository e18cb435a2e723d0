"""The version: one source, and a changelog that knows it."""

import json
import re
import tomllib
from pathlib import Path

from pexschedd import __version__
from pexschedd.store.folder import FORMAT
from pexschedd.tools.version import version_text

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_has_the_only_version() -> None:
    """The build reads it, and nothing repeats it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    dynamic = project["tool"]["setuptools"]["dynamic"]
    assert dynamic["version"] == {"attr": "pexschedd.__version__"}


def test_the_version_is_semantic() -> None:
    """Three numbers, as CHANGELOG.md says what they mean."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert version_text() == f"pexschedd {__version__}, state format {FORMAT}"


def test_the_changelog_has_the_release() -> None:
    """The newest release with a date is this one, and they stand in order."""
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.findall(
        r"^## \[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE
    )
    numbers = [tuple(map(int, each)) for each in found]
    assert ".".join(map(str, numbers[0])) == __version__
    assert numbers == sorted(numbers, reverse=True)
    assert text.index("## [Unreleased]") < text.index(f"## [{__version__}]")


def test_documents_name_this_release() -> None:
    """The described management API is this release's."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert document["info"]["version"] == __version__
