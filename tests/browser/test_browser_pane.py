"""The pane in a real browser: adding a single-use room, with a pretended Outlook."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.pane_page import GUEST, INVITED, OURS, ROOM, SETTLED, TAG, Open


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
    key = fresh.asked[-1]["headers"]["request-id"]
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
