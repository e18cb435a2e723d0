"""Rooms and instructions that the pane finds in a meeting, or one without the other."""

from typing import Any

import pytest

from tests.browser.pane_page import GUEST, INVITED, OURS, ROOM, TAG, Open


@pytest.mark.parametrize(
    "meeting",
    [
        {"body": f"<p>x {TAG}</p>", "required": [ROOM]},
        {"body": f"<p>{TAG[:20]} <br>\u200b\n{TAG[20:]}</p>", "optional": [ROOM]},
        {
            "body": TAG,
            "required": [{"displayName": "Pexip Meeting", "emailAddress": "/o=X/cn=p"}],
        },
        {"required": [ROOM], "set": "1.1"},
    ],
    ids=["as written", "wrapped, optional", "directory name", "body unreadable"],
)
def test_already_assigned(open_pane: Open, meeting: dict[str, Any]) -> None:
    """A meeting that has a room gets no second one, however Outlook shows it."""
    pane = open_pane(answers=OURS, **meeting)
    pane.reach("VMR already assigned")
    assert "add" not in pane.actions
    assert "could not be checked" not in pane.says


def test_the_room_is_not_invited(open_pane: Open) -> None:
    """With instructions but no room, the pane invites the room, and books nothing."""
    pane = open_pane(answers=OURS, body=f"<p>{TAG}</p>")
    pane.reach("The room is not invited")
    pane.press("repair")
    pane.reach("Success")
    assert pane.calls("prependAsync") == 0
    assert pane.outlook("required") == [INVITED]


def test_the_instructions_are_missing(open_pane: Open) -> None:
    """With the room but no instructions, the pane adds these and no second room."""
    pane = open_pane(required=[ROOM])
    pane.reach("The joining instructions are missing")
    pane.press("repair")
    pane.reach("Success")
    assert TAG in pane.outlook("body")
    assert pane.calls("required.addAsync") == 0


@pytest.mark.parametrize("what", ["required.getAsync", "body.getAsync"])
def test_what_cannot_be_read_is_not_absent(open_pane: Open, what: str) -> None:
    """A meeting that cannot be read gets nothing, neither at first nor on a press."""
    failure = {what: {"code": 9002, "message": "busy"}}
    pane = open_pane(fail=failure, required=[ROOM])
    pane.reach("The meeting could not be read")
    pane.page.evaluate("outlook.fail = {}")
    pane.press("lookAgain")
    pane.reach("The joining instructions are missing")
    pane.page.evaluate("fail => { outlook.fail = fail; }", failure)
    pane.press("repair")
    pane.reach("The meeting could not be read")
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 0


@pytest.mark.parametrize("late", [700, 4000])
def test_outlook_shows_it_later(open_pane: Open, late: int) -> None:
    """A text that was answered with success is waited for, and never written twice."""
    pane = open_pane(
        impatient=True,
        late={"prependAsync": late, "required.addAsync": late},
    )
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("body").count(TAG) == 1
    assert pane.outlook("required") == [INVITED]
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1


def test_outlook_never_adds_the_room(open_pane: Open) -> None:
    """Then the pane gives the address, and trying again books no second room."""
    pane = open_pane(
        impatient=True, lose={"required.addAsync": 1, "required.setAsync": 1}
    )
    pane.press("add")
    pane.reach("The room is not invited")
    pane.told("pexipmeeting@example.test")
    pane.press("repair")
    pane.reach("Success")
    assert pane.calls("getUserIdentityTokenAsync") == pane.calls("prependAsync") == 1


def test_the_room_shows_under_another_address(open_pane: Open) -> None:
    """An addition with success that shows one attendee more is believed."""
    pane = open_pane(shows="room.proxy@example.test", required=[dict(GUEST)])
    pane.press("add")
    pane.reach("Success")
    assert pane.calls("required.addAsync") == 1
    assert pane.calls("required.setAsync") == 0


def test_the_server_knows_the_rooms_addresses(open_pane: Open) -> None:
    """The primary address, a proxy and the directory's name are one room."""
    known = {"name": "Meeting Room", "addresses": ["smtp:Primary@Example.test"]}
    pane = open_pane(
        answers={"meeting_tags": {**OURS["meeting_tags"], "room_addresses": known}},
        body=TAG,
        required=[{"displayName": "x", "emailAddress": "primary@example.test"}],
    )
    pane.reach("VMR already assigned")


def test_outlook_forgets_the_instructions(open_pane: Open) -> None:
    """Instructions that Outlook took and does not show are an error."""
    pane = open_pane(impatient=True, lose={"prependAsync": 1})
    pane.press("add")
    pane.reach("Error")
    pane.told("Outlook does not show what was added")
    assert pane.calls("prependAsync") == 1
    pane.press("retry")
    pane.reach("Success")
    assert pane.outlook("body").count(TAG) == 1
    assert pane.calls("getUserIdentityTokenAsync") == 1
