"""The pane in a real browser: personal rooms and the sign-in for them."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.pane_page import GUEST, OURS, ROOM, TAG, Open, Pane

USER = {"name": "Ann Bee", "email": "ann@example.test"}
TEXT = "<div>Join my room:<br>https://vc.test/ann<br>PIN <b>1234</b></div>"
DETAILS = {"instructions": TEXT, "location": "https://vc.test/ann", "name": "Ann's"}
NEEDED = (401, {"status": "error", "code": "sign_in_needed", "message": "Sign in."})
ATTEMPT = {"attempt": "a-secret", "start": "sign_in/start/once", "expires_in": 600}
DONE = {"state": "done", "session": "s-secret", "user": USER}


def room(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "name": f"Room {number}",
        "description": "",
        "usable": True,
        "problem": "",
        **more,
    }


def rooms(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"user": USER, "rooms": list(listed)}


def signing_in(pane: Pane, *states: Any, begun: Any = ATTEMPT) -> None:
    """Answers the sign-in's route: a beginning, then the states."""
    pane.answer("sign_in", begun, method="POST")
    pane.answer("sign_in", *states, method="GET")
    pane.answer("sign_in", {}, method="DELETE")


@pytest.mark.parametrize("integration", [8, 9], ids=["both", "personal only"])
def test_a_personal_room(open_pane: Open, integration: int) -> None:
    """Text goes on top, the address into the location, and nobody is invited."""
    pane = open_pane(
        integration,
        answers={"personal_rooms": rooms(room(7)), "personal_rooms/7": DETAILS},
        set="1.8",
        body="<p>Agenda</p>",
        required=[dict(GUEST)],
    )
    assert pane.page.locator('[data-action="add"]').count() in (9 - integration, 0)
    pane.press("listRooms")
    pane.reads("#choice-lead", "Select the VMR you want to add to the meeting")
    pane.tells("#user", "Signed in as Ann Bee")
    button = pane.page.get_by_role("button", name="Room 7")
    expect(button).to_be_focused()
    button.click()
    pane.reach("Success")
    pane.told("Ann's")
    assert pane.outlook("body") == f"{TEXT}<p><br></p><p>Agenda</p>"
    assert pane.outlook("required") == [GUEST]
    assert pane.outlook("places") == [{"id": "https://vc.test/ann", "type": "custom"}]
    pane.press("remove")
    pane.reach("The room was removed")
    assert pane.outlook("body") == "<p>Agenda</p>"
    assert pane.outlook("places") == []


def test_many_rooms(open_pane: Open) -> None:
    """From eight rooms on there is a search, which says how many are left."""
    many = [room(n, description=f"Floor {n % 3}") for n in range(12)]
    many[3]["name"] = "<b>Board</b>" + "x" * 200
    pane = open_pane(8, answers={"personal_rooms": rooms(*many)})
    pane.press("listRooms")
    search = pane.page.get_by_label("Search your rooms")
    expect(search).to_be_focused()
    search.fill("floor 2")
    pane.reads("#rooms-count", "4 rooms")
    expect(pane.page.locator(".room:visible")).to_have_count(4)
    search.fill("<b>board")
    expect(pane.page.locator(".room:visible")).to_have_count(1)
    assert pane.page.evaluate("document.documentElement.scrollWidth <= 320")
    assert pane.page.evaluate("[...document.images].length >= 0")
    expect(pane.page.locator(".room b")).to_have_count(0)


def test_no_rooms(open_pane: Open) -> None:
    """Somebody without a room is told so, and gets back."""
    pane = open_pane(8, answers={"personal_rooms": rooms()})
    pane.press("listRooms")
    pane.reach("You do not have any personal VMRs")
    pane.press("back")
    pane.offers("add")


def test_no_kind_of_room_is_offered(open_pane: Open) -> None:
    """A record of an earlier version may offer none: the pane says so, and a room that
    the meeting has can still be removed."""
    pane = open_pane(3)
    pane.reach("No rooms to add")
    assert "add" not in pane.actions
    pane = open_pane(3, answers=OURS, body=TAG, required=[ROOM])
    pane.reach("VMR already assigned")
    pane.press("remove")
    pane.reach("The room was removed")
    assert "add" not in pane.actions
    assert TAG not in pane.outlook("body")


def test_a_room_that_cannot_be_used(open_pane: Open) -> None:
    """It is shown with the reason, and a press does nothing."""
    listed = rooms(room(1, usable=False, problem="It has no alias."), room(2))
    pane = open_pane(8, answers={"personal_rooms": listed})
    pane.press("listRooms")
    unusable = pane.page.locator(".room").first
    pane.tells(".room", "It has no alias.")
    expect(unusable).to_have_attribute("aria-disabled", "true")
    unusable.click(force=True)
    pane.shows("#choice")
    assert pane.outlook("body") == ""


@pytest.mark.parametrize(
    ("code", "values", "language", "words"),
    [
        ("no_alias", {}, "de-DE", "Dieser Raum hat keinen Alias"),
        (
            "wrong_aliases",
            {"aliases": "a@b.cc"},
            "nl-NL",
            "ander soort alias nodig dan",
        ),
        (
            "wrong_aliases",
            {"aliases": "<b>7</b>"},
            "en-US",
            "another kind than <b>7</b>",
        ),
        ("of_a_later_release", {}, "de-DE", "In English."),
    ],
)
def test_why_a_room_cannot_be_used(
    open_pane: Open, code: str, values: dict[str, str], language: str, words: str
) -> None:
    """The reason is said in Outlook's language; one that the pane does not know, as the
    server says it."""
    told = {"problem_code": code, "problem_values": values}
    listed = rooms(room(1, usable=False, problem="In English.", **told))
    pane = open_pane(8, answers={"personal_rooms": listed}, language=language)
    pane.press("listRooms")
    pane.tells(".room", words)


def test_a_room_that_has_become_unusable(open_pane: Open) -> None:
    """That it cannot be used when it is chosen is said in Outlook's language, too."""
    refused = (409, {"status": "error", "code": "room_not_usable", "message": "No."})
    answers = {"personal_rooms": rooms(room(7)), "personal_rooms/7": refused}
    pane = open_pane(8, answers=answers, language="de-DE")
    pane.press("listRooms")
    pane.page.get_by_role("button", name="Room 7").click()
    pane.told("kann nicht für eine Besprechung")


def test_signing_in(open_pane: Open) -> None:
    """A window opens, the server completes the sign-in, the pane shows the rooms."""
    pane = open_pane(
        8, impatient=True, answers={"personal_rooms": [NEEDED, rooms(room(1))]}
    )
    signing_in(pane, {"state": "waiting"}, DONE)
    pane.press("listRooms")
    pane.reach("Sign in to see your rooms")
    pane.press("signIn")
    pane.shows("#choice")
    pane.tells("#user", "Ann Bee")
    assert pane.outlook("dialogs")[0].endswith(
        "/msexchange_schedulers/8/sign_in/start/once"
    )
    assert "a-secret" not in pane.outlook("dialogs")[0]
    assert pane.outlook("dialogClosed")
    polls = [each for each in pane.asked if each["method"] == "GET"]
    assert [
        each["headers"].get("attempt") for each in polls if each["path"] == "sign_in"
    ]
    assert polls[-1]["headers"]["session"] == "s-secret"


@pytest.mark.parametrize("dialog", [{"event": 12006}, 12009, 12011, "1.3"])
def test_the_window_does_not_work(open_pane: Open, dialog: Any) -> None:
    """Closed, cut off, blocked or impossible: the pane goes on waiting, with a link."""
    pane = open_pane(
        8,
        answers={"personal_rooms": [NEEDED, rooms(room(1))]},
        dialog=dialog,
        set="1.3" if dialog == "1.3" else "1.8",
    )
    states: list[Any] = [{"state": "waiting"}]
    pane.answer("sign_in", ATTEMPT, method="POST")
    pane.answer("sign_in", {}, method="DELETE")
    pane.press("listRooms")
    pane.answer("sign_in", *states, method="GET")
    pane.press("signIn")
    if isinstance(dialog, dict):
        pane.reach("Sign in in the other window")
        pane.told("The window seems to be closed")
    else:
        pane.reach("Sign in to see your rooms")
        pane.told("No window could be opened")
        link = pane.page.get_by_role("link", name="Sign in on this page")
        assert str(link.get_attribute("href")).endswith("sign_in/start/once")
        assert link.get_attribute("target") == "_blank"
    pane.answer("sign_in", DONE, method="GET")
    pane.shows("#choice")


def test_a_blank_window(open_pane: Open) -> None:
    """Starting again gives a link for another attempt, and no second window."""
    pane = open_pane(8, answers={"personal_rooms": NEEDED})
    signing_in(pane, {"state": "waiting"})
    pane.press("listRooms")
    pane.press("signIn")
    pane.reach("Sign in in the other window")
    pane.press("signIn")
    pane.shows("#link")
    pane.reach("Sign in to see your rooms")
    assert "No window could be opened" not in pane.says
    assert len(pane.outlook("dialogs")) == 1
    methods = [each["method"] for each in pane.asked if each["path"] == "sign_in"]
    assert methods.count("POST") == 2
    assert methods.count("DELETE") == 1
    pane.press("cancel")
    pane.reach("Sign in to see your rooms")


GETTING = "addin_pane_personal_vmr_error_getting_message"
SIGNING_IN = "addin_pane_personal_vmr_error_signing_in_message"


@pytest.mark.parametrize(
    ("code", "field", "language", "again", "words"),
    [
        (
            "unknown_user",
            GETTING,
            "en-US",
            1,
            ["a problem getting your personal VMRs", "There is no user record with"],
        ),
        ("sign_in_declined", SIGNING_IN, "de-DE", 1, ["signing you in", "abgelehnt"]),
        ("of_a_later_release", SIGNING_IN, "de-DE", 1, ["signing you in", "It said."]),
        (
            "provider_refuses",
            SIGNING_IN,
            "en-US",
            0,
            ["Trying again will not help", "An administrator has to see to it"],
        ),
    ],
)
def test_signing_in_fails(
    open_pane: Open, code: str, field: str, language: str, again: int, words: list[str]
) -> None:
    """The spec's message for this failure is shown, its reason in Outlook's language if
    the pane knows it, and its reference; trying again is offered where it can help."""
    failed = {
        "state": "failed",
        "code": code,
        "message": "It said.",
        "text_field": field,
        "retry": bool(again),
        "correlation_id": "c-1",
    }
    pane = open_pane(8, answers={"personal_rooms": NEEDED}, language=language)
    signing_in(pane, failed)
    pane.press("listRooms")
    pane.press("signIn")
    pane.reach("Error")
    for text in (*words, "c-1"):
        pane.told(text)
    assert pane.actions.count("retry") == again
    (begun,) = [each for each in pane.asked if each["method"] == "POST"]
    assert begun["headers"]["language"] == language
    if again:
        pane.press("retry")
        pane.reach("Error")


def test_reasons_of_the_server(open_pane: Open) -> None:
    """The server's refusals are said in Outlook's language, if the pane knows the
    code."""
    refused = (429, {"code": "too_many_requests", "message": "Slow down."})
    pane = open_pane(8, answers={"personal_rooms": refused}, language="fr-FR")
    pane.press("listRooms")
    pane.told("Trop de demandes")


@pytest.mark.parametrize(
    ("status", "code", "reason", "again"),
    [
        (404, "personal_rooms_off", "Personal rooms are switched off.", 0),
        (500, "internal", "Because.", 1),
    ],
)
def test_the_rooms_cannot_be_had(
    open_pane: Open, status: int, code: str, reason: str, again: int
) -> None:
    """The spec's message for it, the reason, in the pane's words where it has some, and
    trying again only where that can help."""
    problem = {"code": code, "message": "Because.", "correlation_id": "c-2"}
    pane = open_pane(8, answers={"personal_rooms": (status, problem)})
    pane.press("listRooms")
    pane.reach("Error")
    pane.told(reason)
    assert pane.actions.count("retry") == again
    if again:
        pane.told("a problem getting your personal VMRs")


def test_signing_out(open_pane: Open) -> None:
    """Signing out tells the server, and the next look at the rooms needs a sign-in."""
    pane = open_pane(
        8, answers={"personal_rooms": [rooms(room(1)), NEEDED], "session": {}}
    )
    pane.press("listRooms")
    pane.page.get_by_role("button", name="Sign out").click()
    pane.hides("#user")
    out = [each for each in pane.asked if each["path"] == "session"]
    assert [each["method"] for each in out] == ["DELETE"]
    assert out[0]["headers"]["token"] == "good"
    pane.press("listRooms")
    pane.reach("Sign in to see your rooms")


def test_no_secret_is_shown(open_pane: Open) -> None:
    """Neither the debug log nor an address has the attempt or the session."""
    pane = open_pane(
        10, impatient=True, answers={"personal_rooms": [NEEDED, rooms(room(1))]}
    )
    signing_in(pane, DONE)
    pane.press("listRooms")
    pane.press("signIn")
    pane.shows("#choice")
    assert "secret" not in pane.page.locator("#debug-log").inner_text()
