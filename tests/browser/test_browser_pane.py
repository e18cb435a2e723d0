"""The pane in a real browser: adding a single-use room, with a pretended Outlook."""

from typing import Any

import pytest
from playwright.sync_api import expect

from pexschedd.bodies import rewrite as body_rewrite
from pexschedd.bodies import tags
from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.fields.default_texts import (
    JOINING_INSTRUCTIONS,
    PLACEHOLDER_INSTRUCTIONS,
)
from pexschedd.model.meeting import Tags
from tests.browser.pane_page import (
    DOWN,
    GUEST,
    INVITED,
    ROOM,
    SETTLED,
    TAG,
    TOKEN,
    Open,
    Pane,
)

OURS = {"meeting_tags": {"tags": {TAG: {"state": "this", "certain": True}}}}


def test_a_room_is_added(open_pane: Open) -> None:
    """One click of the mouse puts the instructions on top, invites the room, and says
    so."""
    pane = open_pane(body="<p>Agenda</p>", required=[dict(GUEST)])
    pane.reads("#action", "Add a Single-use VMR")
    pane.page.evaluate(SETTLED)
    pane.button.click()
    pane.reach("Success")
    body = pane.outlook("body")
    assert body.index("Please join") < body.index(TAG) < body.index("Agenda")
    assert pane.outlook("required") == [GUEST, INVITED]
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1
    pane.told("not scheduled until you select Send")
    expect(pane.page.get_by_role("button", name="Close")).to_be_focused()


def test_calls_come_one_after_the_other(open_pane: Open) -> None:
    """Outlook on the web takes few calls at once: it gets one at a time."""
    pane = open_pane(set="1.14", delay=5)
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("most") == 1


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
    """What was answered with success is waited for, and never written twice."""
    pane = open_pane(
        impatient=True,
        late={"prependAsync": late, "required.addAsync": late},
    )
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("body").count(TAG) == 1
    assert pane.outlook("required") == [INVITED]
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1


def test_adding_is_broken_but_setting_works(open_pane: Open) -> None:
    """The whole list is written, last, if a room cannot be added to it."""
    pane = open_pane(
        impatient=True,
        required=[dict(GUEST)],
        fail={"required.addAsync": {"code": 9003, "message": "internal"}},
    )
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("required") == [GUEST, INVITED]


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
    """What was added with success and shows one attendee more is believed."""
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


@pytest.mark.parametrize(
    ("failure", "writes"),
    [
        ({"code": 9002, "message": "The body is busy."}, 2),
        ({"thrown": True, "message": "Invalid."}, 1),
        ({"silent": True, "message": "Outlook does not answer (body.prepend"}, 1),
    ],
    ids=["answered", "thrown", "silent"],
)
def test_the_instructions_cannot_be_added(
    open_pane: Open, failure: dict[str, Any], writes: int
) -> None:
    """An Outlook that refuses is an error with its words, and the room is kept."""
    pane = open_pane(impatient=True, fail={"prependAsync": failure})
    pane.press("add")
    pane.reach("Error")
    pane.told(failure["message"])
    assert pane.calls("prependAsync") == writes
    assert pane.outlook("required") == []
    pane.page.evaluate("outlook.fail = {}")
    pane.press("retry")
    pane.reach("Success")
    assert pane.calls("getUserIdentityTokenAsync") == 1


def test_a_refused_token(open_pane: Open) -> None:
    """The server's reason is shown with a reference that can be copied."""
    pane = open_pane(token="early", page={"permissions": ["clipboard-read"]})
    pane.press("add")
    pane.reach("Error")
    expect(pane.button).to_be_focused()
    expect(pane.card).to_have_attribute("role", "alert")
    pane.told("There was a problem adding the joining")
    pane.told("The token is not valid until 2026-11-21 10:00:00 UTC")
    reference = pane.page.locator("#card-reference").inner_text()
    assert reference
    pane.page.get_by_role("button", name="Copy details").click()
    pane.reads("#copy", "Copied")
    copied = pane.page.evaluate("navigator.clipboard.readText()")
    assert reference in copied
    assert "not valid until" in copied
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    pane.page.evaluate("outlook.token = 'good'")
    pane.reads("#action", "Try again")
    pane.press("retry")
    pane.reach("Success")


@pytest.mark.parametrize(
    ("failure", "words", "again"),
    [
        ({"code": 9018, "message": "Internal error"}, "does not give this mailbox", 0),
        ({"code": 9022, "message": "Not permitted"}, "Not permitted (9022)", 1),
    ],
)
def test_outlook_gives_no_token(
    open_pane: Open, failure: dict[str, Any], words: str, again: int
) -> None:
    """Without a token the pane says what Outlook said, and whether to try again."""
    pane = open_pane(fail={"getUserIdentityTokenAsync": failure})
    pane.press("add")
    pane.reach("Error")
    pane.told(words)
    assert pane.actions.count("retry") == again
    assert ("Please try again" in pane.card.inner_text()) is bool(again)


def answer(pane: Pane, status: int, body: str = "<html>Bad gateway</html>") -> None:
    """Something between the pane and the server answers instead of it."""
    pane.page.route(
        "**/meeting_details", lambda route: route.fulfill(status=status, body=body)
    )


@pytest.mark.parametrize("how", ["503", "refused", "silent", "502", "504", "portal"])
def test_the_server_is_down(open_pane: Open, how: str) -> None:
    """Down or out of reach: the meeting waits with placeholder, token and the room."""
    pane = open_pane(
        2,
        token=DOWN if how == "503" else TOKEN,
        body="<p>Agenda</p>",
        required=[dict(GUEST)],
        impatient=how == "silent",
    )
    if how == "refused":
        pane.page.route(
            "**/meeting_details", lambda route: route.abort("connectionrefused")
        )
    elif how == "silent":
        pane.page.route("**/meeting_details", lambda route: None)
    elif how == "portal":
        answer(pane, 200, "<html>Please sign in to our network</html>")
    elif how != "503":
        answer(pane, int(how))
    pane.press("add")
    pane.reach("Cannot assign a VMR right now")
    pane.told("Select Send to schedule the meeting")
    assert "Nothing has been added" not in pane.says
    body = pane.outlook("body")
    token = DOWN if how == "503" else TOKEN
    assert tags.find(body) == Tags(tok=(token,))
    assert body.index("will be hosted in") < body.index("TOK:-") < body.index("Agenda")
    assert pane.outlook("required") == [GUEST, INVITED]
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1
    log = pane.page.locator("#debug-log").inner_text()
    assert token[-6:] in log
    assert token[-7:] not in log
    assert token[:12] not in log
    # What the server makes of it is what was there before, with instructions.
    assert (
        body_rewrite.replace_token(body, token, PLACEHOLDER_INSTRUCTIONS, "<p>Join</p>")
        == "<p>Join</p>\n<p><br></p><p>Agenda</p>"
    )


def test_the_tokens_lines(open_pane: Open) -> None:
    """The token comes in short lines, small and grey, after the configured text."""
    pane = open_pane(6, token=DOWN)
    pane.press("add")
    pane.reach("Cannot assign a VMR right now")
    body = pane.outlook("body")
    assert body.startswith("<p>Instructions follow&nbsp;</script><a href=")
    opening, lines = body.split('<p style="', 1)[1].split('">', 1)
    assert "color:#767676" in opening
    written = lines.split("</p>")[0].split("<br>\n")
    assert len(written) > 10
    assert all(len(line) <= 70 for line in written)
    assert "".join(written) == tags.make_tok(DOWN)


def test_a_text_body_waits(open_pane: Open) -> None:
    """A plain text invitation gets placeholder and token as lines of text."""
    pane = open_pane(token=DOWN, bodyType="text", body="Agenda")
    pane.press("add")
    pane.reach("Cannot assign a VMR right now")
    body = pane.outlook("body")
    assert "<" not in body
    assert body.startswith("This meeting will be hosted in a Virtual Meeting Room.")
    assert all(len(line) <= 90 for line in body.splitlines())
    assert tags.find("", body) == Tags(tok=(DOWN,))
    # What the server makes of it is what was there before, with instructions.
    assert (
        body_rewrite.replace_token_text(
            body, DOWN, plain_text(PLACEHOLDER_INSTRUCTIONS), "Join"
        )
        == "Join\n\nAgenda"
    )


def test_both_make_the_same_text(open_pane: Open) -> None:
    """Instructions read the same, whether the pane or the server writes them."""
    pane = open_pane()
    for html in (
        JOINING_INSTRUCTIONS,
        PLACEHOLDER_INSTRUCTIONS,
        "<p>a&nbsp;&amp; <i>b</i></p>\n<p><br></p><ul><li>c</li></ul>e<br/>\r\nf",
        "<a href='mailto:a@a.test'>a@a.test</a> <a href=\"x?a=1&amp;b=2\"> y </a>.",
    ):
        text = pane.page.evaluate("html => pexschedd.plainText(html)", html)
        assert text == plain_text(html) + "\n\n"


@pytest.mark.parametrize("readable", ["1.5", "1.1"])
def test_a_waiting_meeting_that_outlook_does_not_keep(
    open_pane: Open, readable: str
) -> None:
    """Each half can be written again if it is not there; the token is there once."""
    pane = open_pane(
        impatient=True,
        token=DOWN,
        set=readable,
        lose={"required.addAsync": 1, "required.setAsync": 1},
    )
    pane.press("add")
    pane.reach("The room is not invited")
    pane.told("pexipmeeting@example.test")
    pane.press("repair")
    pane.reach("Cannot assign a VMR right now")
    assert pane.outlook("body").count("TOK:-") == 1
    assert pane.outlook("required") == [INVITED]


def test_neither_server_nor_outlook(open_pane: Open) -> None:
    """If the placeholder cannot be added either, that is an error, and not the end."""
    pane = open_pane(token=DOWN, fail={"prependAsync": {"code": 1, "message": "Busy."}})
    pane.press("add")
    pane.reach("Error")
    pane.told("Busy.")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    pane.page.evaluate("outlook.fail = {}; outlook.token = 'good'")
    pane.press("retry")
    pane.reach("Success")
    assert TAG in pane.outlook("body")
    assert "TOK" not in pane.outlook("body")


@pytest.mark.parametrize("token", ["down", "down.a<b>.c", "down.a.b#", "down.a.b.c"])
def test_a_token_that_could_not_be_found_again(open_pane: Open, token: str) -> None:
    """What is no token is not written into the meeting: the pane says what is wrong."""
    pane = open_pane(token=token)
    pane.press("add")
    pane.reach("Error")
    pane.told("signing keys cannot be read")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_refusals_are_errors(open_pane: Open, status: int) -> None:
    """What does not pass by itself adds nothing: the meeting would wait in vain."""
    pane = open_pane(token=TOKEN)
    answer(pane, status, "{}")
    pane.press("add")
    pane.reach("Error")
    pane.told("makes no sense" if status == 200 else f"HTTP status {status}")
    assert pane.actions.count("retry") == int(status in (401, 429, 500))
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


def test_a_text_body(open_pane: Open) -> None:
    """A plain text invitation gets plain text, with the links written out."""
    pane = open_pane(bodyType="text", body="Agenda")
    pane.press("add")
    pane.reach("Success")
    body = pane.outlook("body")
    url = "https://vc.example.org/webapp/#/?conference=555123456"
    assert "<br>" not in body
    assert body.count(url) == 1
    assert "How to join <https://vc.example.org/help>" in body
    assert body.startswith("Please join my Virtual Meeting Room")
    assert body.endswith(f"\n{TAG}\n\nAgenda")


def test_a_second_click(open_pane: Open) -> None:
    """Clicks while the pane works change nothing."""
    pane = open_pane(delay=60)
    pane.shows("#action")
    pane.page.evaluate(SETTLED)
    pane.page.evaluate("for (let i = 0; i < 5; i += 1) action.click()")
    expect(pane.button).to_have_attribute("aria-disabled", "true")
    pane.button.click(force=True)
    pane.reach("Success")
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1


def test_a_pane_that_is_opened_again(open_pane: Open) -> None:
    """Every pane of a meeting asks for its room under the meeting's own key."""
    details = {"instructions": f"<p>Join</p>{TAG}", "alias_id": TAG}
    pane = open_pane(
        set="1.14",
        answers={"meeting_details": details},
        session={"pexschedd.request": "k1"},
    )
    pane.press("add")
    pane.reach("Success")
    assert pane.asked[0]["headers"]["request-id"] == "k1"
    fresh = open_pane(set="1.14", answers={"meeting_details": details})
    fresh.press("add")
    fresh.reach("Success")
    key = fresh.asked[0]["headers"]["request-id"]
    assert len(key) == 32
    assert fresh.outlook("session") == {"pexschedd.request": key}


def test_another_pane_was_faster(open_pane: Open) -> None:
    """What another pane has added meanwhile is found, and nothing is added."""
    pane = open_pane(answers=OURS)
    pane.shows("#action")
    pane.page.evaluate(
        "([body, room]) => { outlook.body = body; outlook.required = [room]; }",
        [TAG, ROOM],
    )
    pane.press("add")
    pane.reach("VMR already assigned")
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 0


def test_it_takes_long(open_pane: Open) -> None:
    """After a while the pane says so, can be told to stop, and looks what is there."""
    pane = open_pane(impatient=True)
    pane.page.route("**/meeting_details", lambda route: None)
    # Only the person gives up, however late the button is pressed here.
    pane.page.evaluate(
        "Object.defineProperty(XMLHttpRequest.prototype, 'timeout', { set() {} })"
    )
    pane.press("add")
    pane.tells("#slow", "longer than usual")
    pane.page.locator("#cancel").click()
    pane.offers("add")
    pane.hides("#slow")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


@pytest.mark.parametrize(
    ("set_", "before", "after"),
    [
        ("1.8", "", [{"id": "https://join.test/1", "type": "custom"}]),
        ("1.7", "", "https://join.test/1"),
        ("1.7", "Room 5", "Room 5"),
        ("1.1", "https://join.test/1; Room 5", "https://join.test/1; Room 5"),
    ],
)
def test_the_location(open_pane: Open, set_: str, before: str, after: Any) -> None:
    """The location is added to where Outlook can, and never overwritten."""
    details = {
        "instructions": f"<p>Join</p>{TAG}",
        "alias_id": TAG,
        "location": "https://join.test/1",
    }
    pane = open_pane(answers={"meeting_details": details}, set=set_, location=before)
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("places" if set_ == "1.8" else "location") == after


@pytest.mark.parametrize(
    "failure",
    [{"thrown": True, "message": "too long"}, {"code": 1, "message": "typing"}],
)
def test_the_location_is_no_reason_to_fail(
    open_pane: Open, failure: dict[str, Any]
) -> None:
    """A location that cannot be added is left out."""
    details = {"instructions": TAG, "alias_id": TAG, "location": "x"}
    pane = open_pane(
        answers={"meeting_details": details},
        set="1.8",
        fail={"enhancedLocation.addAsync": failure},
    )
    pane.press("add")
    pane.reach("Success")


def test_closing_on_success(open_pane: Open) -> None:
    """Where the integration wants it, the pane closes and leaves a line behind."""
    pane = open_pane(7, impatient=True)
    pane.press("add")
    pane.page.wait_for_function("() => outlook.closed")
    assert (
        "not scheduled until you select Send" in pane.outlook("notices")[0]["message"]
    )
