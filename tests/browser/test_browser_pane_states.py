"""The pane's state machine by itself: its table, without page, Outlook or server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pexschedd.model.integration.pane_texts import ENGLISH
from pexschedd.web.addin.static import load_static

Table = dict[str, dict[str, str]]
DOCUMENT = Path(__file__).parents[2] / "docs/pane.md"
FOUND = {
    "foundNothing": "ready",
    "foundRoom": "already",
    "foundHalf": "partly",
    "foundPlaceholder": "placeholder",
    "foundForeign": "foreign",
    "foundUnreadable": "unreadable",
}


@pytest.fixture(scope="module")
def machine(browser: Browser) -> Iterator[Any]:
    """An empty page that has the table."""
    page = browser.new_page()
    page.add_script_tag(content=load_static()["pane-states.js"].content.decode())
    yield page
    page.close()


@pytest.fixture(scope="module")
def table(machine: Any) -> Table:
    found: Table = machine.evaluate("pexschedd.states.table")
    return found


def test_every_state_can_be_reached(table: Table) -> None:
    """Each event leads to a state of the table, and each state is led to."""
    led_to = {state for events in table.values() for state in events.values()}
    assert led_to == table.keys()


def test_only_one_state_writes(table: Table) -> None:
    """Results come from `working` alone, or from a sign-in."""
    results = {"added", "choosing", "error"}
    for state, events in table.items():
        if state not in ("working", "waitingForSignIn"):
            assert not results & set(events.values())


def test_no_dead_end_after_a_failure(table: Table) -> None:
    """From each state that is not about Outlook itself there is a way back."""
    ends = {state for state, events in table.items() if not events}
    assert ends == {"notInOutlook", "notWriting", "clientTooOld", "noAttendees"}


def test_an_event_that_a_state_does_not_know(machine: Any) -> None:
    """It leads nowhere, whatever its name."""
    for event in ("add", "toString", "__proto__", ""):
        assert machine.evaluate("e => pexschedd.states.next('error', e)", event) is None
    assert machine.evaluate("pexschedd.states.next('nowhere', 'add')") is None


def test_the_documented_table(table: Table) -> None:
    """docs/pane.md has the same table."""
    documented: Table = {}
    rows = re.findall(
        r"^\| (\w+) \| [^|]+ \| ?(.*?) ?\|$", DOCUMENT.read_text(), re.MULTILINE
    )
    for state, ways in rows:
        events = dict(re.findall(r"(\w+) → (\w+)", ways))
        documented[state] = {**(FOUND if "looks" in ways else {}), **events}
    documented.pop("state", None)
    assert documented == table


def test_the_documented_words() -> None:
    """docs/pane.md has every word that can be translated."""
    text = DOCUMENT.read_text()
    missing = [n for n, t in ENGLISH.items() if f"| `{n}` | {t} |" not in text]
    assert missing == []
