"""The documentation speaks of what is there."""

import re
from pathlib import Path

import pytest

from pexschedd.management import filters
from pexschedd.management.resources import BY_KIND
from pexschedd.scheduling.alarms import names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

ALARMS = {
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str)
}


def test_every_alarm_is_explained() -> None:
    """docs/operations.md has a row for each alarm, and for nothing else."""
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(
        r"^\| (`(?:scheduling|one_touch)_[^|]*) \| ([^|]+) \|$", text, re.MULTILINE
    )
    explained = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(explained) == sorted(ALARMS)


def test_an_alarm_is_named_in_one_place() -> None:
    """Every name of an alarm in the code is a constant of `scheduling.alarms`."""
    found = {
        name
        for folder in ("scheduling", "onetouch")
        for path in (ROOT / "pexschedd" / folder).rglob("*.py")
        for name in re.findall(r'= "((?:scheduling|one_touch)_\w+)"', path.read_text())
    }
    assert found == ALARMS


def test_every_resource_and_filter_is_named() -> None:
    """docs/api.md has all that the management API has, and says of which kind it is."""
    text = (ROOT / "docs" / "api.md").read_text()
    for kind, resources in BY_KIND.items():
        rows = re.findall(rf"^\| `{kind}`: .*$", text, re.MULTILINE)
        named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        assert resources.keys() <= named, kind
    operators = {*filters._TEXT, *filters._ORDER, "in", "isnull"} - {"exact"}
    assert operators <= set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Links between pages and to pictures, and the page is reached from the README."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    if page.parent.name == "docs":
        assert f"docs/{page.name}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_are_there(page: Path) -> None:
    """A module that a page names is in the tree, wherever its folder begins."""
    known = {
        f"/{path.relative_to(ROOT)}"
        for folder in ("pexschedd", "tests", "benchmarks")
        for path in ROOT.glob(f"{folder}/**/*.py")
    }
    for name in re.findall(r"`([\w/]+\.py)`", page.read_text()):
        assert any(each.endswith(f"/{name}") for each in known), name
