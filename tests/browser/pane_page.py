"""A pane in the browser, beside a pretended Outlook, for the tests of the pane."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Frame, Page

from tests.browser import in_page
from tests.browser.canned_answers import tell
from tests.browser.tabs import Tab

TAG = "PXPS:-6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f#"
OURS = {"meeting_tags": {"tags": {TAG: {"state": "this", "certain": True}}}}
OTHER_TAG = "PXPS:-00000000-9a1b-4d7e-8f5c-2a4b6c8d0e1f#"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJub25jZSI6Ii1fLSJ9-_." + "QkJCa-_" * 130 + "Last12"
DOWN = f"down{TOKEN}"
"""To this one the server answers that it cannot help now."""
API = "aaaaaaaa-0000-4000-8000-000000000001"
APP = "bbbbbbbb-0000-4000-8000-000000000002"
"""The applications of the integrations for Microsoft 365."""
ROOM = {"displayName": "Pexip Meeting", "emailAddress": "PexipMeeting@Example.test"}
INVITED = {"displayName": "Pexip Meeting", "emailAddress": "pexipmeeting@example.test"}
GUEST = {"displayName": "Bob", "emailAddress": "bob@example.test"}
OLD = f"""<br><div style="font-size:11pt"><b>Please join my Pexip Virtual Meeting Room
in one of the following ways:</b><br><br>From a web browser:<br>
<a href="https://vc.example.test/1">https://vc.example.test/1</a><br><br>
{OTHER_TAG}<br></div><p><br></p>"""
"""Joining instructions that an earlier pane has written."""

SETTLED = """() => new Promise((settled) => {
    const look = () => pexschedd.view.settled() ? settled() : setTimeout(look, 10);
    look();
})"""
"""A button that has just appeared takes no press meant for the one before. Playwright
does not know of that; `in_page.press` does."""


class PaneWindow:
    """The document of a pane, wherever it is shown."""

    def __init__(self, window: Page | Frame) -> None:
        self.window = window

    def press(self, action: str) -> None:
        """Press the button that begins an action, once it takes presses."""
        in_page.press(self.window, f'[data-action="{action}"]')

    def reach(self, heading: str) -> None:
        """Wait until the card has this heading."""
        in_page.reads(self.window, "#card-heading", heading)

    def reads(self, selector: str, text: str) -> None:
        in_page.reads(self.window, selector, text)

    def tells(self, selector: str, *texts: str) -> None:
        in_page.tells(self.window, selector, *texts)

    def shows(self, selector: str, text: str = "") -> None:
        in_page.shows(self.window, selector, text)

    def hides(self, selector: str, text: str = "") -> None:
        in_page.hides(self.window, selector, text)

    def offers(self, action: str) -> None:
        """Wait until there is a button for an action."""
        self.shows(f'[data-action="{action}"]')

    def told(self, *texts: str) -> None:
        """Wait until the card has these texts, too."""
        in_page.tells(self.window, "#card", *texts)

    @property
    def says(self) -> str:
        """The card's text, white space aside."""
        text: str = self.window.evaluate("document.getElementById('card').innerText")
        return " ".join(text.split())

    @property
    def actions(self) -> list[str]:
        """The actions of the buttons that are there."""
        names: list[str] = self.window.evaluate(
            "[...document.querySelectorAll('#buttons button')]"
            ".map(button => button.dataset.action)"
        )
        return names


class Pane(PaneWindow):
    """An open pane of the server at `origin`. `outlook` is what the meeting looks like
    behind it."""

    def __init__(self, tab: Tab, origin: str) -> None:
        super().__init__(tab.page)
        self.tab = tab
        self.origin = origin
        self.page = page = tab.page
        self.button = page.locator("#action")
        self.heading = page.locator("#card-heading")
        self.card = page.locator("#card")
        self.refused: list[str] = []
        tab.on("console", self._console)
        tab.on("pageerror", lambda error: self.refused.append(str(error)))

    def _console(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def outlook(self, name: str) -> Any:
        return self.page.evaluate(f"outlook.{name}")

    def calls(self, method: str) -> int:
        return [call["method"] for call in self.outlook("calls")].count(method)

    def answer(
        self, path: str, *answers: Any, status: int = 200, method: str = ""
    ) -> None:
        """The server's answers to one of its routes, the last one again and again; an
        answer is a result, or (status, error)."""
        told = [
            (code, {"status": "success", "result": body} if code < 300 else body)
            for code, body in (
                each if isinstance(each, tuple) else (status, each) for each in answers
            )
        ]
        tell(self.origin, "PUT", {"path": path, "method": method, "answers": told})

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The requests that `answer` has answered: method, path, headers, body."""
        return list(tell(self.origin, "GET"))

    def forget_answers(self) -> None:
        """Have the server answer by itself again."""
        tell(self.origin, "DELETE")


Open = Callable[..., Pane]
