"""The pane beside one meeting of a series, which has the room of the whole series."""

from typing import Any

import pytest

from pexschedd.bodies import tags
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS
from tests.browser.pane_page import GUEST, INVITED, OLD, ROOM, TOKEN, Open, Pane
from tests.browser.test_browser_pane_tags import said

SERIES = {"set": "1.8", "series": "AAMkAGVjb3VudA=="}
NOTE = "This is one meeting of a series."
WAITING = f"{PLACEHOLDER_INSTRUCTIONS}\n<p>{tags.make_tok(TOKEN)}</p>"


def offered(pane: Pane) -> list[str]:
    names: list[str] = pane.page.locator("#buttons button").evaluate_all(
        "buttons => buttons.map((one) => one.getAttribute('data-action'))"
    )
    return names


@pytest.mark.parametrize(
    ("state", "heading"),
    [
        ("this", "VMR already assigned"),
        ("another", "These joining instructions do not fit"),
        ("unknown", "These joining instructions do not fit"),
    ],
)
def test_no_new_room_for_one_meeting(open_pane: Open, state: str, heading: str) -> None:
    """Another room is not offered, since it would be declined, and the way is said."""
    pane = open_pane(answers=said(state), body=OLD, required=[ROOM], **SERIES)
    pane.reach(heading)
    pane.told(NOTE)
    pane.told("open the whole series")
    assert "replace" not in offered(pane)
    assert "remove" in offered(pane)


def test_the_series_itself(open_pane: Open) -> None:
    """The whole series, which is no part of one, may have a new room."""
    pane = open_pane(answers=said("spent"), body=OLD, required=[ROOM], set="1.8")
    pane.reach("These joining instructions do not fit")
    assert NOTE not in pane.says
    pane.press("replace")
    pane.reach("Success")


def test_no_second_room_after_removing(open_pane: Open) -> None:
    """Once the series' room was removed from one meeting, no other can be added."""
    pane = open_pane(
        answers=said("this"), body=OLD, required=[dict(GUEST), ROOM], **SERIES
    )
    pane.press("remove")
    pane.reach("The room was removed")
    pane.told(NOTE)
    assert offered(pane) == ["close"]
    assert pane.outlook("required") == [GUEST]


@pytest.mark.parametrize(
    ("meeting", "heading", "buttons", "says"),
    [
        (
            {"required": [ROOM]},
            "The joining instructions are missing",
            ["remove"],
            "Copy the joining instructions from the series",
        ),
        (
            {"body": WAITING, "required": [ROOM]},
            "Cannot assign a VMR right now",
            ["close", "remove"],
            "open the whole series",
        ),
        (
            {"body": OLD},
            "The room is not invited",
            ["repair", "remove"],
            "open the whole series",
        ),
    ],
)
def test_nothing_that_needs_a_new_tag(
    open_pane: Open,
    meeting: dict[str, Any],
    heading: str,
    buttons: list[str],
    says: str,
) -> None:
    """Half a room and a placeholder get no tag of their own: the series has one."""
    pane = open_pane(answers=said("this"), **meeting, **SERIES)
    pane.reach(heading)
    pane.told(says)
    assert offered(pane) == buttons
    assert pane.calls("prependAsync") == pane.calls("body.setAsync") == 0


def test_a_meeting_whose_series_has_no_room(open_pane: Open) -> None:
    """It gets a room of its own, which may be removed and had anew."""
    pane = open_pane(**SERIES)
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("required") == [INVITED]
    pane.press("remove")
    pane.reach("The room was removed")
    assert NOTE not in pane.says
    pane.press("add")
    pane.reach("Success")


def test_an_outlook_that_does_not_tell(open_pane: Open) -> None:
    """Before Mailbox 1.7 nobody knows of the series, and the room is offered."""
    pane = open_pane(answers=said("spent"), body=OLD, required=[ROOM], set="1.5")
    pane.reach("These joining instructions do not fit")
    assert "replace" in offered(pane)
