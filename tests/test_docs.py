"""The documentation speaks of what is there."""

import re
from functools import cache
from pathlib import Path

import msgspec
import pytest

from pexschedd.doctor.graph_remedies import MAILBOX_ROLES
from pexschedd.management import filters
from pexschedd.management.resources import BY_KIND
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.microsoft_clouds import CLOUDS
from pexschedd.scheduling.alarms import names
from pexschedd.tools import check

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


@cache
def modules() -> set[str]:
    return {
        f"/{path.relative_to(ROOT)}"
        for folder in ("pexschedd", "tests", "benchmarks")
        for path in ROOT.glob(f"{folder}/**/*.py")
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_are_there(page: Path) -> None:
    """A module that a page names is in the tree, wherever its folder begins."""
    for name in re.findall(r"`([\w/]+\.py)`", page.read_text()):
        assert any(each.endswith(f"/{name}") for each in modules()), name


def test_units_of_systemd_are_described() -> None:
    """docs/operations.md has each file of deploy/systemd, no copy of one, and no other
    values than they have."""
    text = (ROOT / "docs" / "operations.md").read_text()
    units = {
        path.name: path.read_text() for path in (ROOT / "deploy/systemd").iterdir()
    }
    table = text[text.index("| in `deploy/systemd/` |") :].partition("\n\n")[0]
    assert sorted(re.findall(r"`(pexschedd[\w-]*\.\w+)`", table)) == sorted(units)
    assert "[Unit]" not in text
    service = units["pexschedd.service"]
    assert "RestartPreventExitStatus=2 77 78" in service
    assert "exit statuses 2, 77 and 78" in text
    assert "WatchdogSec=60\n" in service
    assert "hangs for a minute" in text
    assert "backup --keep 14\n" in units["pexschedd-backup.service"]
    assert "14 are kept" in table


MICROSOFT_365 = ROOT / "docs" / "microsoft-365.md"


def test_the_integration_over_graph_can_be_made() -> None:
    """The example of docs/microsoft-365.md is an integration without contradictions,
    and the table beside it has the defaults."""
    text = MICROSOFT_365.read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    fields = msgspec.json.decode(example)
    made = Connector(id=1, uuid="0", **fields)
    assert made.uses_graph
    assert list(made.contradictions()) == []
    rows = re.findall(r"^\| `(\w+)` \| `?([^`|]+?)`? \| ", text, re.MULTILINE)
    defaults = {name: default for name, default in rows if hasattr(made, name)}
    assert len(defaults) == 4
    for name, default in defaults.items():
        assert str(getattr(made, name)) == default, name


def test_clouds_and_roles_of_microsoft_365() -> None:
    """Each cloud has its row, each role its name."""
    text = MICROSOFT_365.read_text()
    rows = re.findall(r"^\| [^|]+ \| `([\w.-]+)` \| (`login.*) \|$", text, re.MULTILINE)
    assert [graph for graph, _ in rows] == [cloud.graph for cloud in CLOUDS]
    for cloud, (_, hosts) in zip(CLOUDS, rows, strict=True):
        named = re.findall(r"`([\w.-]+)`", hosts)
        assert named
        assert set(named) <= set(cloud.sign_in)
    for role in MAILBOX_ROLES:
        assert f"`Application {role}`" in text


def test_options_of_trials(capsys: pytest.CaptureFixture[str]) -> None:
    """The options that docs/microsoft-365.md explains are those of the tool."""
    with pytest.raises(SystemExit):
        check.arguments(["--help"])
    known = capsys.readouterr().out
    explained = re.findall(r"^\| `(--\w+)", MICROSOFT_365.read_text(), re.MULTILINE)
    assert explained == ["--live", "--user", "--yes", "--json"]
    for option in explained:
        assert option in known


def test_sections_that_microsoft_365_links_to() -> None:
    """Links to a section, here and on other pages, name one that is there."""
    links = re.findall(r"\]\(([\w-]+\.md)?#([^)]+)\)", MICROSOFT_365.read_text())
    assert links
    for page, section in links:
        text = (ROOT / "docs" / (page or MICROSOFT_365.name)).read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert section in {_anchor(each) for each in headings}, (page, section)


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.casefold())
    return kept.replace(" ", "-")


def test_the_readme_installs_what_is_locked() -> None:
    """By the lines of docs/operations.md, which a test runs."""
    readme, page = (
        re.findall(r"^(?:/opt/pexschedd/bin/)?(pip install .*)$", text, re.MULTILINE)
        for text in (
            (ROOT / "README.md").read_text(),
            (ROOT / "docs" / "operations.md").read_text(),
        )
    )
    assert len(page) == 2
    assert readme == page
