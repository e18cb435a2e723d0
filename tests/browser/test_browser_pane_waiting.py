"""Meetings that wait for a server that is down: a placeholder, and a token."""

import pytest

from pexschedd.bodies import rewrite as body_rewrite
from pexschedd.bodies import tags
from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.fields.default_texts import (
    JOINING_INSTRUCTIONS,
    PLACEHOLDER_INSTRUCTIONS,
)
from pexschedd.model.meeting import Tags
from tests.browser.pane_page import DOWN, GUEST, INVITED, TAG, TOKEN, Open, Pane


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
    """An answer without a token is not written into the meeting: the pane says why."""
    pane = open_pane(token=token)
    pane.press("add")
    pane.reach("Error")
    pane.told("signing keys cannot be read")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_refusals_are_errors(open_pane: Open, status: int) -> None:
    """Lasting trouble adds nothing: the meeting would wait in vain."""
    pane = open_pane(token=TOKEN)
    answer(pane, status, "{}")
    pane.press("add")
    pane.reach("Error")
    pane.told("makes no sense" if status == 200 else f"HTTP status {status}")
    assert pane.actions.count("retry") == int(status in (401, 429, 500))
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
