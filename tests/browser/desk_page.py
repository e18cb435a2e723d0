"""A page at the demo desk, and what a person does with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import ConsoleMessage, Frame

from tests.browser import in_page
from tests.browser.in_page import WAIT_MS
from tests.browser.pane_page import PaneWindow
from tests.browser.tabs import Tab, Tabs
from tests.demo.demo_process import RunningDemo

BENIGN = "can escape its sandboxing"
"""Chromium's remark about our own two sandbox words; the frame is of another origin."""
SIZE = {"width": 1280, "height": 800}
POLL_MS = 10
PAPER = "#paper >> body"
WRITABLE = "#paper >> body[contenteditable=true]"
MESSAGE = ".mail iframe >> body"
OPENED = ".mail iframe[style*=height]"
"""A message that has been loaded; one that is answered before is gone by then."""
CUT_OFF = """selector => {
    const root = document.querySelector(selector), frame = root.getBoundingClientRect();
    return [...root.querySelectorAll("button, input, p")]
        .filter(one => one.checkVisibility() && !one.closest(".scroll"))
        .map(one => [one.id || one.textContent, one.getBoundingClientRect()])
        .filter(([, box]) => box.left < frame.left || box.right > frame.right)
        .map(([name]) => name);
}"""
"""Names what sticks out of a part of the page."""


class Desk:
    """A page at the desk. `trouble` has the errors and warnings of its console, `asked`
    the addresses of its requests."""

    def __init__(self, tab: Tab, demo: RunningDemo) -> None:
        self.tab = tab
        self.page = tab.page
        self.trouble: list[str] = []
        self.asked: set[str] = set()
        tab.on("console", self._heard)
        tab.on("pageerror", lambda error: self.trouble.append(str(error)))
        tab.on("request", lambda request: self.asked.add(request.url))
        self.open(demo)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and BENIGN not in message.text:
            self.trouble.append(message.text)

    def open(self, demo: RunningDemo) -> None:
        self.demo = demo
        self.page.goto(f"{demo.desk}/")
        self.shows("body[data-ready]")

    def check(self, ignored: str = "") -> None:
        """Fail if there was trouble, but that with the ignored words."""
        trouble = [one for one in self.trouble if not ignored or ignored not in one]
        assert not trouble, trouble

    def begin_again(self) -> None:
        """Go back to an empty desk, without a load: no form, an Outlook that is well,
        Alice in her seat, this week. Ticked steps stay: what is about them takes a page
        of its own."""
        self.page.unroute_all()
        self.tab.change(viewport=SIZE, color_scheme="light")
        self.page.evaluate(LEAVE, WAIT_MS)
        self.hides("#compose")
        self.sit("Alice")
        self.press("#week-today")
        self.trouble.clear()
        self.asked.clear()

    # What is done by a script in the page; see `in_page`.

    def press(self, selector: str, text: str = "") -> None:
        in_page.press(self.page, selector, text)

    def write(self, selector: str, value: str) -> None:
        in_page.write(self.page, selector, value)

    def reads(self, selector: str, whole: str) -> None:
        in_page.reads(self.page, selector, whole)

    def tells(self, selector: str, *texts: str) -> None:
        in_page.tells(self.page, selector, *texts)

    def holds(self, selector: str, value: str) -> None:
        in_page.holds(self.page, selector, value)

    def shows(self, selector: str, text: str = "") -> None:
        in_page.shows(self.page, selector, text)

    def hides(self, selector: str, text: str = "") -> None:
        in_page.hides(self.page, selector, text)

    def count(self, selector: str) -> int:
        return int(self.page.evaluate(COUNT, selector))

    def text(self, selector: str) -> str:
        return in_page.text(self.page, selector)

    # Steps that many tests take.

    def sit(self, name: str) -> None:
        self.press("#who button", name)

    def compose(self, subject: str) -> None:
        self.press("#new-meeting")
        self.write("#subject", subject)

    def invite(self, address: str) -> None:
        """Write somebody's address; sending takes it over."""
        self.write("#required-input", address)

    def open_pane(self) -> PaneWindow:
        """Press the add-in's button, and wait until the pane can be used."""
        self.press("#addin-button")
        pane = PaneWindow(self.pane_frame())
        pane.shows("#buttons button")
        return pane

    def pane_frame(self) -> Frame:
        """Return the pane's frame, which stays the same while it is closed."""
        for _ in range(WAIT_MS // POLL_MS):
            for frame in self.page.frames:
                if frame.url.startswith(self.demo.addin):
                    return frame
            self.page.wait_for_timeout(POLL_MS)
        raise AssertionError("there is no pane")

    def add_room(self) -> None:
        self.open_pane().press("add")
        self.shows("#required .chip.room")

    def send(self) -> None:
        self.press("#send")
        self.hides("#compose")

    def edit(self) -> None:
        self.press("[data-act=edit]")
        self.shows("#compose")

    def discard(self) -> None:
        self.press("#discard")
        self.press("#confirm-yes")

    def invite_bob(self, subject: str) -> None:
        """Alice sends a meeting, and Bob, who takes her place, has it in his inbox."""
        self.compose(subject)
        self.invite("bob@example.test")
        self.send()
        self.sit("Bob")
        self.shows(".mail", subject)


LEAVE = """async patience => {
    const [form, discard, sure] = ["compose", "discard", "confirm-yes"].map(
        id => document.getElementById(id));
    const end = Date.now() + patience;
    while (form.checkVisibility() && Date.now() < end) {
        (sure.checkVisibility() ? sure : discard).click();
        await new Promise(resume => setTimeout(resume, 10));
    }
    const mood = document.getElementById("mood");
    mood.value = "well";
    mood.dispatchEvent(new Event("change"));
    document.getElementById("toasts").replaceChildren();
}"""
"""Discards what is being written, also where it opens or asks only now."""
COUNT = "selector => document.querySelectorAll(selector).length"


@contextmanager
def desk_page(
    tabs: Tabs, demo: RunningDemo, ignored: str = "", **look: Any
) -> Iterator[Desk]:
    """Open a desk, whose page shall have no errors but those with the ignored words.

    Its movements, which never end, are in `test_story` alone: to draw them takes a
    sixth of the other tests' processor time.
    """
    with tabs.tab(**{"viewport": SIZE, "reduced_motion": "reduce", **look}) as tab:
        desk = Desk(tab, demo)
        yield desk
        desk.check(ignored)


@contextmanager
def desk_again(desk: Desk, ignored: str = "") -> Iterator[Desk]:
    """Lend a desk that is open to one test after the other."""
    desk.begin_again()
    yield desk
    desk.check(ignored)
