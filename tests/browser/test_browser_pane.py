"""The pane in a real browser: page, scripts and policy, with a pretended Outlook."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pexschedd.bodies import rewrite as body_rewrite
from pexschedd.bodies import tags
from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.fields.default_texts import (
    JOINING_INSTRUCTIONS,
    PLACEHOLDER_INSTRUCTIONS,
)
from pexschedd.model.meeting import Tags

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
TAG = "PXPS:-6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f#"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJub25jZSI6Ii1fLSJ9-_." + "QkJCa-_" * 130 + "Last12"
DOWN = f"down{TOKEN}"
"""To this one the server answers that it cannot help now."""
ROOM = {"displayName": "Pexip Meeting", "emailAddress": "PexipMeeting@Example.test"}
GUEST = {"displayName": "Bob", "emailAddress": "bob@example.test"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `pane_server.py` serves."""
    with subprocess.Popen(
        [
            sys.executable,
            str(HERE / "pane_server.py"),
            str(tmp_path_factory.mktemp("pane")),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


class Pane:
    """An open pane. `outlook` is what the meeting looks like behind it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.button = page.locator("#action")
        self.heading = page.locator("#card-heading")
        self.card = page.locator("#card")
        self.refused: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.refused.append(str(error)))

    def _console(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def outlook(self, name: str) -> Any:
        return self.page.evaluate(f"outlook.{name}")

    def calls(self, method: str) -> int:
        return [call["method"] for call in self.outlook("calls")].count(method)

    def reach(self, heading: str) -> None:
        """Waits until the card has this heading."""
        expect(self.heading).to_have_text(heading)


Open = Callable[..., Pane]


@pytest.fixture
def open_pane(browser: Browser, origin: str) -> Iterator[Open]:
    """Opens the pane of an integration with a meeting; nothing may break the policy."""
    panes = []

    def opened(
        integration: int = 1, page: dict[str, Any] | None = None, **outlook: Any
    ) -> Pane:
        context = browser.new_context(
            viewport={"width": 320, "height": 560}, **(page or {})
        )
        pane = Pane(context.new_page())
        panes.append(pane)
        pane.page.add_init_script(f"window.outlook = {json.dumps(outlook)};")
        pane.page.goto(
            f"{origin}/api/client/v2/msexchange_schedulers/{integration}/addin?m=1"
        )
        return pane

    yield opened
    for pane in panes:
        assert pane.page.title() != "broken"
        pane.page.context.close()
        assert pane.refused == []


def test_a_room_is_added(open_pane: Open) -> None:
    """One click puts the instructions on top, invites the room, and says so."""
    pane = open_pane(body="<p>Agenda</p>", required=[dict(GUEST)])
    expect(pane.button).to_have_text("Add a Single-use VMR")
    pane.button.click()
    pane.reach("Success")
    body = pane.outlook("body")
    assert body.index("Please join") < body.index(TAG) < body.index("Agenda")
    assert pane.outlook("required") == [
        GUEST,
        {"displayName": "Pexip Meeting", "emailAddress": "pexipmeeting@example.test"},
    ]
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1
    expect(pane.card).to_contain_text("not scheduled until you select Send")
    expect(pane.button).to_be_hidden()
    expect(pane.heading).to_be_focused()


@pytest.mark.parametrize(
    "meeting",
    [
        {"body": f"<p>x {TAG}</p>", "required": [ROOM]},
        {"body": f"<p>{TAG[:20]} <br>\u200b\n{TAG[20:]}</p>", "optional": [ROOM]},
        {
            "body": TAG,
            "required": [{"displayName": "Pexip Meeting", "emailAddress": "/o=X/cn=p"}],
        },
        {"required": [ROOM], "mailboxSet": 1.1},
    ],
    ids=["as written", "wrapped, optional", "directory name", "body unreadable"],
)
def test_already_assigned(open_pane: Open, meeting: dict[str, Any]) -> None:
    """A meeting that has a room gets no second one, however Outlook shows it."""
    pane = open_pane(**meeting)
    pane.reach("VMR already assigned")
    expect(pane.button).to_be_hidden()


def test_the_room_is_not_invited(open_pane: Open) -> None:
    """With instructions but no room, the pane invites the room, and books nothing."""
    pane = open_pane(body=f"<p>{TAG}</p>")
    pane.reach("The room is not invited")
    pane.button.click()
    pane.reach("Success")
    assert pane.calls("getUserIdentityTokenAsync") == pane.calls("prependAsync") == 0
    assert len(pane.outlook("required")) == 1


def test_the_instructions_are_missing(open_pane: Open) -> None:
    """With the room but no instructions, the pane adds these and no second room."""
    pane = open_pane(required=[ROOM])
    pane.reach("The joining instructions are missing")
    pane.button.click()
    pane.reach("Success")
    assert TAG in pane.outlook("body")
    assert pane.calls("required.addAsync") == 0


def test_outlook_forgets_the_room_once(open_pane: Open) -> None:
    """An attendee that Outlook says it added but did not is added once more."""
    pane = open_pane(lose={"required.addAsync": 1})
    pane.button.click()
    pane.reach("Success")
    assert pane.calls("required.addAsync") == 2
    assert len(pane.outlook("required")) == 1


def test_outlook_never_adds_the_room(open_pane: Open) -> None:
    """Then the pane gives the address, and trying again books no second room."""
    pane = open_pane(lose={"required.addAsync": 2})
    pane.button.click()
    pane.reach("The room is not invited")
    expect(pane.card).to_contain_text("pexipmeeting@example.test")
    pane.button.click()
    pane.reach("Success")
    assert pane.calls("getUserIdentityTokenAsync") == pane.calls("prependAsync") == 1


def test_outlook_forgets_the_instructions(open_pane: Open) -> None:
    """Instructions are read back, written once more, and never there twice."""
    pane = open_pane(lose={"prependAsync": 1})
    pane.button.click()
    pane.reach("Success")
    assert pane.outlook("body").count(TAG) == 1


@pytest.mark.parametrize(
    "failure",
    [
        {"code": 9002, "message": "The body is busy."},
        {"thrown": True, "message": "Invalid."},
    ],
    ids=["answered", "thrown"],
)
def test_the_instructions_cannot_be_added(
    open_pane: Open, failure: dict[str, Any]
) -> None:
    """An Outlook that refuses is an error with its words, and the room is kept."""
    pane = open_pane(fail={"prependAsync": failure})
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_contain_text(failure["message"])
    assert pane.outlook("required") == []
    pane.page.evaluate("outlook.fail = {}")
    pane.button.click()
    pane.reach("Success")
    assert pane.calls("getUserIdentityTokenAsync") == 1


def test_a_refused_token(open_pane: Open) -> None:
    """The server's reason is shown with a reference that can be copied."""
    pane = open_pane(token="early", page={"permissions": ["clipboard-read"]})
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_have_attribute("role", "alert")
    expect(pane.card).to_contain_text("There was a problem adding the joining")
    expect(pane.card).to_contain_text(
        "The token is not valid until 2026-11-21 10:00:00 UTC"
    )
    reference = pane.page.locator("#card-reference").inner_text()
    assert reference
    pane.page.get_by_role("button", name="Copy details").click()
    expect(pane.page.locator("#copy")).to_have_text("Copied")
    copied = pane.page.evaluate("navigator.clipboard.readText()")
    assert reference in copied
    assert "not valid until" in copied
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    pane.page.evaluate("outlook.token = 'good'")
    expect(pane.button).to_have_text("Try again")
    pane.button.click()
    pane.reach("Success")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"code": 9018, "message": "Internal error"}, "does not give this mailbox"),
        ({"code": 9022, "message": "Not permitted"}, "Not permitted (9022)"),
    ],
)
def test_outlook_gives_no_token(
    open_pane: Open, failure: dict[str, Any], words: str
) -> None:
    """Without a token the pane says what Outlook said."""
    pane = open_pane(fail={"getUserIdentityTokenAsync": failure})
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_contain_text(words)


IMPATIENT = """(() => {
  const timeout = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, "timeout");
  Object.defineProperty(XMLHttpRequest.prototype, "timeout",
    { set(patience) { timeout.set.call(this, patience / 100); } });
})();"""


def answer(pane: Pane, status: int, body: str = "<html>Bad gateway</html>") -> None:
    """Something between the pane and the server answers instead of it."""
    pane.page.route(
        "**/meeting_details", lambda route: route.fulfill(status=status, body=body)
    )


@pytest.mark.parametrize("how", ["503", "refused", "silent", "500", "502", "504"])
def test_the_server_is_down(open_pane: Open, how: str) -> None:
    """Down or out of reach: the meeting waits with placeholder, token and the room."""
    pane = open_pane(
        2,
        token=DOWN if how == "503" else TOKEN,
        body="<p>Agenda</p>",
        required=[dict(GUEST)],
    )
    if how == "refused":
        pane.page.route(
            "**/meeting_details", lambda route: route.abort("connectionrefused")
        )
    elif how == "silent":
        pane.page.evaluate(IMPATIENT)
        pane.page.route("**/meeting_details", lambda route: None)
    elif how != "503":
        answer(pane, int(how))
    pane.button.click()
    pane.reach("Cannot assign a VMR right now")
    expect(pane.card).to_contain_text("Select Send to schedule the meeting")
    expect(pane.card).not_to_contain_text("Nothing has been added")
    expect(pane.button).to_be_hidden()
    expect(pane.heading).to_be_focused()
    body = pane.outlook("body")
    token = DOWN if how == "503" else TOKEN
    assert tags.find(body) == Tags(tok=(token,))
    assert body.index("will be hosted in") < body.index("TOK:-") < body.index("Agenda")
    assert [each["emailAddress"] for each in pane.outlook("required")] == [
        "bob@example.test",
        "pexipmeeting@example.test",
    ]
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
    pane.button.click()
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
    pane.button.click()
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
        text = pane.page.evaluate("html => pexschedd.outlook.plainText(html)", html)
        assert text == plain_text(html) + "\n\n"


def test_a_waiting_meeting_is_opened_again(open_pane: Open) -> None:
    """A token counts like a room: nothing is added, nobody is asked."""
    lines = "<br>".join([tags.make_tok(TOKEN)[:70], tags.make_tok(TOKEN)[70:]])
    pane = open_pane(body=f"<p>{lines}</p>", required=[ROOM])
    pane.reach("VMR already assigned")
    expect(pane.button).to_be_hidden()
    assert pane.calls("getUserIdentityTokenAsync") == 0


def test_a_waiting_meeting_without_the_room(open_pane: Open) -> None:
    """The missing half is repaired without the server, and the pane says what is so."""
    pane = open_pane(body=f"<p>{tags.make_tok(TOKEN)}</p>")
    pane.reach("The room is not invited")
    expect(pane.card).to_contain_text("waits for its joining instructions")
    pane.button.click()
    pane.reach("Cannot assign a VMR right now")
    assert pane.calls("getUserIdentityTokenAsync") == pane.calls("prependAsync") == 0
    assert len(pane.outlook("required")) == 1


def test_the_room_without_anything_else(open_pane: Open) -> None:
    """With the room invited already, an absent server still leads to one token."""
    pane = open_pane(token=DOWN, required=[ROOM])
    pane.reach("The joining instructions are missing")
    pane.button.click()
    pane.reach("Cannot assign a VMR right now")
    assert tags.find(pane.outlook("body")).tok == (DOWN,)
    assert pane.calls("required.addAsync") == 0


@pytest.mark.parametrize("readable", [1.5, 1.1])
def test_a_waiting_meeting_that_outlook_does_not_keep(
    open_pane: Open, readable: float
) -> None:
    """Each half is written again if it is not there, the token is never there twice."""
    pane = open_pane(
        token=DOWN,
        mailboxSet=readable,
        lose={"required.addAsync": 2, "prependAsync": 1 if readable > 1.1 else 0},
    )
    pane.button.click()
    pane.reach("The room is not invited")
    expect(pane.card).to_contain_text("pexipmeeting@example.test")
    pane.button.click()
    pane.reach("Cannot assign a VMR right now")
    assert pane.outlook("body").count("TOK:-") == 1
    assert len(pane.outlook("required")) == 1


def test_neither_server_nor_outlook(open_pane: Open) -> None:
    """If the placeholder cannot be added either, that is an error, and not the end."""
    pane = open_pane(token=DOWN, fail={"prependAsync": {"code": 1, "message": "Busy."}})
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_contain_text("Busy.")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])
    pane.page.evaluate("outlook.fail = {}; outlook.token = 'good'")
    pane.button.click()
    pane.reach("Success")
    assert TAG in pane.outlook("body")
    assert "TOK" not in pane.outlook("body")


@pytest.mark.parametrize("token", ["down", "down.a<b>.c", "down.a.b#", "down.a.b.c"])
def test_a_token_that_could_not_be_found_again(open_pane: Open, token: str) -> None:
    """What is no token is not written into the meeting: the pane says what is wrong."""
    pane = open_pane(token=token)
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_contain_text("signing keys cannot be read")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429])
def test_refusals_are_errors(open_pane: Open, status: int) -> None:
    """What does not pass by itself adds nothing: the meeting would wait in vain."""
    pane = open_pane(token=TOKEN)
    answer(pane, status, "{}")
    pane.button.click()
    pane.reach("Error")
    expect(pane.card).to_contain_text(f"HTTP status {status}")
    assert (pane.outlook("body"), pane.outlook("required")) == ("", [])


def test_a_text_body(open_pane: Open) -> None:
    """A plain text invitation gets plain text, with the links written out."""
    pane = open_pane(bodyType="text", body="Agenda")
    pane.button.click()
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
    expect(pane.button).to_be_visible()
    pane.page.evaluate("for (let i = 0; i < 5; i += 1) action.click()")
    expect(pane.button).to_have_attribute("aria-disabled", "true")
    pane.button.click(force=True)
    pane.reach("Success")
    assert pane.calls("prependAsync") == pane.calls("required.addAsync") == 1


def test_keyboard_only(open_pane: Open) -> None:
    """Tab reaches the button, it shows the focus, and a key presses it."""
    pane = open_pane()
    expect(pane.button).to_be_visible()
    pane.page.keyboard.press("Tab")
    expect(pane.button).to_be_focused()
    assert pane.button.evaluate("b => getComputedStyle(b).outlineStyle") == "solid"
    pane.page.keyboard.press("Enter")
    pane.reach("Success")
    expect(pane.heading).to_be_focused()


def test_not_in_outlook(open_pane: Open) -> None:
    """Opened in a browser, the pane says where it belongs."""
    open_pane(noHost=True).reach("Open this pane in Outlook")


def test_not_writing_a_meeting(open_pane: Open) -> None:
    """Beside a meeting that is only read there is nothing to add to."""
    open_pane(readMode=True).reach("Open a meeting first")


def test_switched_off(open_pane: Open) -> None:
    """Without single-use rooms there is no button."""
    pane = open_pane(3)
    pane.reach("No rooms to add")
    expect(pane.button).to_be_hidden()


def test_a_missing_library(open_pane: Open) -> None:
    """A library that cannot be loaded is named at once."""
    pane = open_pane(4)
    pane.reach("The pane cannot start")
    expect(pane.card).to_contain_text("/test/missing.js")


@pytest.mark.parametrize("integration", [1, 5], ids=["silent", "never loaded"])
def test_a_silent_library(browser: Browser, origin: str, integration: int) -> None:
    """A library that never answers is reported after a while, not waited for."""
    with browser.new_context() as context:
        page = context.new_page()
        page.clock.install()
        page.add_init_script("window.outlook = {neverReady: true};")
        page.goto(
            f"{origin}/api/client/v2/msexchange_schedulers/{integration}/addin",
            wait_until="commit",
        )
        # The parser comes to the library's element after our own scripts have run.
        page.locator("#library").wait_for(state="attached")
        page.clock.fast_forward(13_000)
        expect(page.locator("#card-heading")).to_have_text("The pane cannot start")


def test_rich_texts_and_the_debug_log(open_pane: Open) -> None:
    """Allowed markup is shown, other markup is not run; the log keeps the token."""
    pane = open_pane(2)
    expect(pane.page.locator(".lead b")).to_have_text("your")
    expect(pane.page.locator("h1")).to_have_text(
        "</script><script>document.title='broken'</script>"
    )
    pane.page.evaluate("outlook.token = 'good'")
    pane.button.click()
    pane.reach("Success")
    link = pane.page.get_by_role("link", name="Help")
    assert link.get_attribute("rel") == "noopener noreferrer"
    log = pane.page.locator("#debug-log")
    expect(log).to_contain_text("token of 4 characters")
    expect(log).to_contain_text("required.addAsync: ok")


@pytest.mark.parametrize(
    ("page", "outlook", "dark"),
    [
        ({"color_scheme": "dark"}, {}, True),
        ({"color_scheme": "light"}, {}, False),
        (
            {"color_scheme": "dark"},
            {"theme": {"bodyBackgroundColor": "#FFFFFF"}},
            False,
        ),
        (
            {"color_scheme": "light"},
            {"theme": {"bodyBackgroundColor": "#1f1f1f"}},
            True,
        ),
    ],
)
def test_themes(
    open_pane: Open, page: dict[str, Any], outlook: dict[str, Any], dark: bool
) -> None:
    """Outlook's theme counts, else the system's; the text keeps its contrast."""
    pane = open_pane(page=page, **outlook)
    expect(pane.button).to_be_visible()
    background, text = pane.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.body).color]"
    )
    assert (background == "rgb(31, 31, 31)") is dark
    assert (text == "rgb(255, 255, 255)") is dark


@pytest.mark.parametrize("language", ["ar-SA", "he-IL", "en-US"])
def test_directions(open_pane: Open, language: str) -> None:
    """Outlook's language decides on which side the pane begins."""
    pane = open_pane(language=language, token="early")
    pane.button.click()
    pane.reach("Error")
    icon = pane.page.locator(".card-icon").bounding_box()
    heading = pane.heading.bounding_box()
    assert icon
    assert heading
    assert (icon["x"] > heading["x"]) is (language != "en-US")


@pytest.mark.parametrize("forced", [None, "active"])
def test_everything_fits(open_pane: Open, forced: str | None) -> None:
    """320 pixels are enough, with every colour taken away, too."""
    pane = open_pane(2, page={"forced_colors": forced}, token="early")
    pane.button.click()
    pane.reach("Error")
    assert pane.page.evaluate("document.documentElement.scrollWidth <= 320")
    assert pane.page.evaluate("getComputedStyle(action).borderStyle") == "solid"
