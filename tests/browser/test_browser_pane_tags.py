"""The pane beside meetings that have a tag already: whose it is, and what to do."""

from typing import Any

import pytest

from pexschedd.bodies import tags
from tests.browser.pane_page import (
    DOWN,
    GUEST,
    INVITED,
    OLD,
    OTHER_TAG,
    ROOM,
    TAG,
    TOKEN,
    Open,
)


def said(state: str) -> dict[str, Any]:
    """The server's word on the other tag."""
    return {"meeting_tags": {"tags": {OTHER_TAG: {"state": state, "certain": True}}}}


@pytest.mark.parametrize(
    ("state", "words", "body_type"),
    [
        ("another", "belong to another meeting", "html"),
        ("another", "belong to another meeting", "text"),
        ("spent", "is over or was cancelled", "html"),
        ("expired", "kept for too long", "html"),
        ("unknown", "are not known here", "html"),
    ],
)
def test_a_tag_that_is_not_ours(
    open_pane: Open, state: str, words: str, body_type: str
) -> None:
    """The pane says whose it is, and puts a new room in the place of the old text."""
    body = OLD + "<p>Agenda</p>"
    if body_type == "text":
        body = (
            "Hello\n\nPlease join my Pexip Virtual Meeting Room in one of the "
            f"following ways:\n\nweb\n{OTHER_TAG}\n\nAgenda"
        )
    pane = open_pane(
        answers=said(state),
        bodyType=body_type,
        body=body,
        required=[GUEST, ROOM],
    )
    pane.reach("These joining instructions do not fit")
    pane.told(words)
    assert pane.asked[0]["body"]["tags"] == [OTHER_TAG]
    pane.press("replace")
    pane.reach("Success")
    body = pane.outlook("body")
    assert tags.find(body if body_type == "html" else "", body).pxps == (TAG[6:-1],)
    assert "Pexip Virtual" not in body
    assert body.rstrip().endswith("<p>Agenda</p>" if body_type == "html" else "Agenda")
    assert pane.outlook("required") == [GUEST, ROOM]
    assert "may be left" not in pane.says


def test_the_instructions_have_changed_since(open_pane: Open) -> None:
    """Of instructions whose beginning is not known any more the tag is replaced."""
    body = f"<p>Our old words</p><p>{OTHER_TAG}</p><p>Agenda</p>"
    pane = open_pane(answers=said("spent"), body=body, required=[ROOM])
    pane.press("replace")
    pane.reach("Success")
    pane.told("may be left in the meeting")
    body = pane.outlook("body")
    assert "Our old words" in body
    assert OTHER_TAG not in body
    assert "Agenda" in body


def test_the_new_room_cannot_be_had(open_pane: Open) -> None:
    """Then nothing of the meeting is changed, and no placeholder is added."""
    body = OLD + "<p>Agenda</p>"
    pane = open_pane(answers=said("spent"), body=body, token=DOWN, required=[ROOM])
    pane.press("replace")
    pane.reach("Error")
    assert pane.outlook("body") == body
    assert pane.calls("body.setAsync") == pane.calls("prependAsync") == 0


@pytest.mark.parametrize("invited", [True, False])
def test_nobody_can_be_asked(open_pane: Open, invited: bool) -> None:
    """Without the server's word the pane claims nothing, and offers another room."""
    pane = open_pane(
        answers={"meeting_tags": (503, {"message": "down"})},
        body=OLD,
        required=[ROOM] if invited else [],
    )
    pane.reach("VMR already assigned" if invited else "The room is not invited")
    pane.told("could not be checked")
    pane.offers("replace")


def test_removing(open_pane: Open) -> None:
    """Text, attendee and location are taken out; all the rest stays as it is."""
    details = {
        "instructions": OLD.replace(OTHER_TAG, TAG).replace("<p><br></p>", ""),
        "alias_id": TAG,
        "location": "https://join.test/1",
    }
    pane = open_pane(
        answers={"meeting_details": details},
        set="1.8",
        body='<p style="color:red">Agenda</p>',
        places=[{"id": "Room 5", "type": "custom"}],
        required=[dict(GUEST)],
        optional=[dict(GUEST)],
    )
    pane.press("add")
    pane.reach("Success")
    assert len(pane.outlook("places")) == 2
    pane.press("remove")
    pane.reach("The room was removed")
    assert pane.outlook("body") == '<p style="color:red">Agenda</p>'
    assert pane.outlook("required") == pane.outlook("optional") == [GUEST]
    assert pane.outlook("places") == [{"id": "Room 5", "type": "custom"}]
    assert pane.outlook("properties") == {"pexschedd": ""}
    pane.press("add")
    pane.reach("Success")
    keys = [each["headers"]["request-id"] for each in pane.asked]
    assert len(set(keys)) == 2


def test_removing_what_can_be_removed(open_pane: Open) -> None:
    """A failure in the middle is said, and the next press does the rest."""
    pane = open_pane(
        impatient=True,
        answers=said("spent"),
        body=OLD + "<p>Agenda</p>",
        required=[ROOM],
        fail={"requiredAttendees.setAsync": {"code": 1, "message": "no"}},
    )
    pane.page.evaluate("outlook.fail['required.setAsync'] = {code: 1, message: 'no'}")
    pane.press("remove")
    pane.reach("Error")
    pane.told("Not everything could be removed")
    pane.page.evaluate("outlook.fail = {}")
    pane.press("retry")
    pane.reach("The room was removed")
    assert pane.outlook("required") == []
    assert pane.outlook("body") == "<p>Agenda</p>"


def test_success_is_watched(open_pane: Open) -> None:
    """A user who deletes text and room is told that the meeting has none any more."""
    pane = open_pane(impatient=True)
    pane.press("add")
    pane.reach("Success")
    pane.page.evaluate("outlook.body = ''; outlook.required = [];")
    pane.reach("This meeting has no room any more")
    pane.offers("add")


def test_a_waiting_meeting_without_the_room(open_pane: Open) -> None:
    """The missing half is repaired without the server, and the pane says what is so."""
    pane = open_pane(body=f"<p>{tags.make_tok(TOKEN)}</p>")
    pane.reach("The room is not invited")
    pane.told("waits for its joining instructions")
    pane.press("repair")
    pane.reach("Cannot assign a VMR right now")
    assert pane.calls("getUserIdentityTokenAsync") == pane.calls("prependAsync") == 0
    assert pane.outlook("required") == [INVITED]


def test_the_room_without_anything_else(open_pane: Open) -> None:
    """With the room invited already, an absent server still leads to one token."""
    pane = open_pane(token=DOWN, required=[ROOM])
    pane.reach("The joining instructions are missing")
    pane.press("repair")
    pane.reach("Cannot assign a VMR right now")
    assert tags.find(pane.outlook("body")).tok == (DOWN,)
    assert pane.calls("required.addAsync") == 0


def test_a_teams_meeting(open_pane: Open) -> None:
    """A Teams link beside ours is pointed out before and after the room is added."""
    pane = open_pane(body="<p>https://teams.microsoft.com/l/meetup-join/19%3a</p>")
    pane.reach("This is a Teams meeting already")
    pane.press("add")
    pane.reach("Success")
    pane.told("There is a Teams link in this meeting, too")
