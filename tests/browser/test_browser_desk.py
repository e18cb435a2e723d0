"""The demo desk in real Chromium, with the real daemon and the real pane."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from playwright.sync_api import (
    ConsoleMessage,
    Frame,
    FrameLocator,
    Locator,
    Route,
    expect,
)

from tests.browser.tabs import Tabs
from tests.demo.demo_process import ALICE, RunningDemo, running
from tests.system.system_support import eventually

BENIGN = "can escape its sandboxing"
"""Chromium's remark about our own two sandbox words; the frame is of another origin."""
CUT_OFF = """selector => {
    const root = document.querySelector(selector), frame = root.getBoundingClientRect();
    return [...root.querySelectorAll("button, input, p")]
        .filter(one => one.checkVisibility() && !one.closest(".scroll"))
        .map(one => [one.id || one.textContent, one.getBoundingClientRect()])
        .filter(([, box]) => box.left < frame.left || box.right > frame.right)
        .map(([name]) => name);
}"""
"""Names what sticks out of a part of the page."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("desk") / "state") as demo:
        yield demo


class Desk:
    """A page at the desk, and what a person does with it.

    Its movements, which never end, are in `test_story`; to draw them takes a sixth of
    the other tests' processor time.
    """

    def __init__(self, tabs: Tabs, demo: RunningDemo, **options: Any) -> None:
        size = {"width": 1280, "height": 800}
        options = {"viewport": size, "reduced_motion": "reduce", **options}
        self._lent = ExitStack()
        self.tab = tab = self._lent.enter_context(tabs.tab(**options))
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
        self.page.locator("body[data-ready]").wait_for()

    def close(self) -> None:
        self._lent.close()

    def compose(self, subject: str) -> None:
        self.page.get_by_role("button", name="New meeting", exact=True).click()
        self.page.get_by_label("Title").fill(subject)

    def press_ribbon(self) -> FrameLocator:
        self.page.locator("#addin-button").click()
        return self.page.frame_locator("#pane-frame")

    def add_room(self) -> None:
        self.press_ribbon().get_by_role("button", name="Add a video room").click()
        self.page.locator("#required .chip.room").wait_for()

    def send(self) -> None:
        self.page.locator("#send").click()
        expect(self.page.locator("#compose")).to_be_hidden()

    def invite_bob(self, subject: str) -> Locator:
        """Alice sends a meeting, and Bob takes her place; the mail in his inbox."""
        self.compose(subject)
        self.page.locator("#required-input").fill("bob@example.test")
        self.send()
        self.page.get_by_role("radio", name="Bob").click()
        return self.page.locator(".mail", has_text=subject)

    @property
    def paper(self) -> FrameLocator:
        return self.page.frame_locator("#paper")

    @property
    def join_state(self) -> Any:
        return self.page.locator(".join-state")

    def pane(self) -> Frame:
        """The pane's own window, for calling Office there."""
        self.press_ribbon().get_by_role("button", name="Add a video room").wait_for()
        frames = [f for f in self.page.frames if f.url.startswith(self.demo.addin)]
        assert len(frames) == 1
        return frames[0]


@pytest.fixture
def desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    """A desk whose page has no errors and asks nobody but this machine."""
    desk = Desk(tabs, demo)
    yield desk
    desk.close()
    assert desk.trouble == []
    ours = (demo.desk, demo.addin, "data:", "about:")
    assert [url for url in desk.asked if not url.startswith(ours)] == []


def test_story(tabs: Tabs, tmp_path: Path) -> None:
    """Button, room, Send, answer, opening, move, kill, start again, cancel."""
    with running(tmp_path / "state") as first:
        desk = Desk(tabs, first, reduced_motion="no-preference")
        page = desk.page
        desk.compose("Quarterly review")
        page.locator("#required-input").fill("bo")
        page.keyboard.press("Enter")
        desk.add_room()
        expect(desk.paper.locator("body")).to_contain_text("PXPS:-")
        chips = page.locator("#required .chip > span:not(.avatar)")
        expect(chips).to_have_text(["Bob Baker", "Video room"])
        desk.send()

        mail = page.locator(".mail").first
        expect(mail).to_contain_text("Video room")
        expect(mail).to_contain_text("is reserved")
        mail.get_by_role("button").first.click()
        answer = page.frame_locator(".mail iframe").locator("body")
        expect(answer).to_contain_text("is reserved")

        expect(desk.join_state).to_contain_text("Closed")
        expect(desk.join_state).to_contain_text("Opens")
        page.get_by_role("button", name="Move the clock to the opening").click()
        expect(desk.join_state).to_contain_text("Joinable now")
        expect(page.get_by_text("That is all.")).to_be_visible()

        page.get_by_role("button", name="Edit").click()
        expect(desk.paper.locator("body")).to_contain_text("PXPS:-")
        page.get_by_label("Date").fill("2030-01-15")
        page.get_by_label("Title").fill("Moved review")
        desk.send()
        expect(page.locator(".mail").first).to_contain_text("changed meeting")
        expect(desk.join_state).to_contain_text("Opens Tue 15 Jan")
        assert desk.trouble == []
        # The sandbox is written down a moment after each change.
        kept = tmp_path / "state" / "exchange.json"
        eventually(lambda: b"changed meet" in kept.read_bytes(), "the answer's keeping")
        first.kill()
        expect(page.locator("#alerts")).to_contain_text("does not answer")

    with running(tmp_path / "state", first.port) as second:
        desk.open(second)
        desk.trouble.clear()  # the browser has noticed that nobody was there
        expect(page.locator(".mail")).to_have_count(2)
        uid = second.get("state", user=ALICE)["meetings"][-1]["uid"]
        page.locator(".mail button").first.click()
        page.get_by_role("button", name="Show the meeting").click()
        expect(desk.join_state).to_contain_text("Opens Tue 15 Jan")
        page.get_by_role("button", name="Cancel meeting").click()
        expect(desk.join_state).to_contain_text("The room is gone")
        expect(page.locator(f"[data-uid='{uid}']")).to_have_count(0)
        assert desk.trouble == []
        desk.close()


def test_bob_gets_the_invitation(desk: Desk) -> None:
    """The other seat has its own calendar and inbox, and its answer comes back."""
    page = desk.page
    desk.invite_bob("For Bob").get_by_role("button").first.click()
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("radio", name="Alice").click()
    expect(page.locator(".mail").first).to_contain_text("Accepted: For Bob")


# Office.js


class Office(NamedTuple):
    """A desk with a form, and the window of the pane beside it."""

    desk: Desk
    pane: Frame


@pytest.fixture(scope="module")
def office(tabs: Tabs, demo: RunningDemo) -> Iterator[Office]:
    """A form with a pane, opened once for all the tests that call Office there."""
    desk = Desk(tabs, demo)
    desk.compose("Office")
    yield Office(desk, desk.pane())
    desk.close()
    assert desk.trouble == []


def test_office_looks_like_outlook(office: Office) -> None:
    """The pane finds a host, a user, sets up to Mailbox 1.8, and enumerations."""
    found = office.pane.evaluate("""() => ({
        host: Office.context.host === Office.HostType.Outlook,
        platform: Office.context.platform,
        user: Office.context.mailbox.userProfile.emailAddress,
        item: Office.context.mailbox.item.itemType
            === Office.MailboxEnums.ItemType.Appointment,
        sets: ['1.1', '1.8', '1.9', '1.14', '2.0'].map(
            (v) => Office.context.requirements.isSetSupported('Mailbox', v)),
        other: Office.context.requirements.isSetSupported('IdentityAPI', '1.3'),
    })""")
    assert found == {
        "host": True,
        "platform": "OfficeOnline",
        "user": ALICE,
        "item": True,
        "sets": [True, True, False, False, False],
        "other": False,
    }


CALL = """([path, ...args]) => new Promise((resolve) => {
    const names = path.split('.');
    const last = names.pop();
    const target = names.reduce((at, name) => at[name], Office.context.mailbox.item);
    target[last](...args, (result) => resolve([result.status, result.value,
        result.error && result.error.name]));
})"""


def test_office_reads_and_writes_the_form(office: Office) -> None:
    """What the pane sets is in the form, and what is in the form it gets."""
    desk, pane = office
    desk.page.get_by_label("Title").fill("Title from the form")

    def call(*args: object) -> object:
        status, value, error = pane.evaluate(CALL, list(args))
        assert (status, error) == ("succeeded", None)
        return value

    assert call("subject.getAsync") == "Title from the form"
    call("subject.setAsync", "Title from the pane")
    expect(desk.page.get_by_label("Title")).to_have_value("Title from the pane")

    call("location.setAsync", "Room 1")
    call("enhancedLocation.addAsync", [{"id": "Room 2", "type": "custom"}])
    assert call("location.getAsync") == "Room 1; Room 2"

    people = [{"displayName": "Bob", "emailAddress": "bob@example.test"}]
    call("requiredAttendees.addAsync", people)
    call("requiredAttendees.addAsync", people)
    listed = call("requiredAttendees.getAsync")
    assert isinstance(listed, list)
    assert [one["emailAddress"] for one in listed] == ["bob@example.test"]
    call("requiredAttendees.setAsync", [])
    assert call("requiredAttendees.getAsync") == []

    assert call("body.getTypeAsync") == "html"
    call("body.setAsync", "<p>Below</p>", {"coercionType": "html"})
    call("body.prependAsync", "<p>Above</p>", {"coercionType": "html"})
    call("body.setSelectedDataAsync", "a < b", {"coercionType": "text"})
    text = str(call("body.getAsync", "text"))
    assert "a < b" in text
    assert text.index("Above") < text.index("Below")

    length = """async () => {
        const get = (f) => new Promise((r) =>
            Office.context.mailbox.item[f].getAsync((x) => r(x.value)));
        return (await get('end')) - (await get('start'));
    }"""
    assert pane.evaluate(length) == 3_600_000


def test_office_refuses_as_office_does(office: Office) -> None:
    """Wrong arguments are thrown and never reach the callback."""
    thrown = office.pane.evaluate("""() => {
        const item = Office.context.mailbox.item;
        const attempts = [
            () => item.location.setAsync('x'.repeat(256)),
            () => item.subject.setAsync(5),
            () => item.start.setAsync('today'),
            () => item.requiredAttendees.addAsync({ emailAddress: 'a@b' }),
            () => item.requiredAttendees.addAsync([{ displayName: 'nobody' }]),
            () => item.body.setAsync('x'.repeat(1000001)),
            () => Office.context.mailbox.getUserIdentityTokenAsync(),
        ];
        return attempts.map((attempt) => {
            try { attempt(); return ''; } catch (error) { return error.name; }
        });
    }""")
    assert all(name.startswith("Sys.Argument") for name in thrown), thrown


def test_office_keeps_properties_and_shows_notices(office: Office) -> None:
    """Custom properties last as long as the form; a notice is shown above it."""
    desk, pane = office
    kept = pane.evaluate("""() => new Promise((resolve) => {
        const item = Office.context.mailbox.item;
        item.loadCustomPropertiesAsync((first) => {
            first.value.set('uuid', 'x');
            first.value.saveAsync(() => item.loadCustomPropertiesAsync(
                (second) => resolve(second.value.get('uuid'))));
        });
    })""")
    assert kept == "x"
    pane.evaluate(
        CALL,
        [
            "notificationMessages.addAsync",
            "done",
            {"type": "informationalMessage", "message": "A <b>room</b> was added."},
        ],
    )
    expect(desk.page.locator("#notices")).to_have_text("A <b>room</b> was added.")


def test_strangers_are_not_answered(office: Office) -> None:
    """Messages from other windows than the pane's get neither answer nor effect."""
    desk, _ = office
    desk.page.get_by_label("Title").fill("Mine")
    answered = desk.page.evaluate("""() => new Promise((resolve) => {
        const frame = document.createElement('iframe');
        document.body.append(frame);
        const hear = (event) => event.data.type === 'result' && resolve(true);
        window.addEventListener('message', hear);
        frame.contentWindow.addEventListener('message', hear);
        const call = { desk: 1, type: 'call', id: 1, method: 'subject.set',
            args: { value: 'Theirs' } };
        window.postMessage(call, '*');
        frame.contentWindow.parent.postMessage(call, '*');
        setTimeout(() => { frame.remove(); resolve(false); }, 300);
    })""")
    assert not answered
    expect(desk.page.get_by_label("Title")).to_have_value("Mine")


def test_office_alone_has_no_host(tabs: Tabs, demo: RunningDemo) -> None:
    """Outside of the desk's frame the library is ready, but there is no host."""
    with tabs.tab() as tab:
        page = tab.page
        page.route(
            "**/empty",
            lambda route: route.fulfill(body="<p>", content_type="text/html"),
        )
        page.goto(f"{demo.desk}/empty")
        page.add_script_tag(url=f"{demo.desk}/desk/office.js")
        assert page.evaluate("Office.onReady()") == {"host": None, "platform": None}


# The page itself


def test_says_when_the_daemon_is_down(desk: Desk) -> None:
    """A daemon that does not answer is said plainly, and forgotten when it is back."""

    def down(route: Route) -> None:
        answer = route.fetch()
        body = {**answer.json(), "problem": "The daemon does not answer: refused."}
        route.fulfill(response=answer, json=body)

    desk.page.route("**/desk/api/state*", down)
    expect(desk.page.locator("#alerts")).to_contain_text("The daemon does not answer")
    desk.page.unroute("**/desk/api/state*")
    expect(desk.page.locator("#alerts")).to_be_empty()


def test_keyboard_is_enough(desk: Desk) -> None:
    """A meeting is written, kept from being lost, and sent without a mouse."""
    page = desk.page
    page.get_by_role("button", name="New meeting", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("By keys alone")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_hidden()
    expect(page.get_by_label("Title")).to_have_value("By keys alone")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#compose")).to_be_hidden()
    expect(page.locator("#meeting")).to_contain_text("By keys alone")


def test_fits_and_follows_the_scheme(desk: Desk) -> None:
    """Neither page nor pane is wider than the window, and dark is dark: colours do not
    depend on the width."""
    page = desk.page
    desk.compose("Width " * 40)
    desk.press_ribbon().get_by_role("button", name="Add a video room").wait_for()
    schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light", "dark")
    for width, scheme in zip((320, 900, 1280), schemes, strict=True):
        page.set_viewport_size({"width": width, "height": 760})
        desk.tab.change_scheme(scheme)
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(int(part) for part in back[4:-1].split(","))
        assert (brightness < 200) == (scheme == "dark")
        pane = page.locator("#pane").bounding_box()
        assert pane is not None
        assert pane["x"] + pane["width"] <= width


def test_a_telephone_is_wide_enough(tabs: Tabs, demo: RunningDemo) -> None:
    """Nothing is cut off when all of the header and all hints are shown, from left to
    right and from right to left."""
    desk = Desk(tabs, demo, viewport={"width": 320, "height": 640})
    page = desk.page
    page.evaluate('localStorage.setItem(\'steps\', \'["room", "send", "watch"]\')')
    demo.post("clock", {"advance_s": 86400})
    desk.open(demo)
    expect(page.get_by_role("button", name="Back to now")).to_be_visible()
    expect(page.get_by_text("That is all.")).to_be_visible()
    for direction in ("ltr", "rtl"):
        page.evaluate(f"document.documentElement.dir = '{direction}'")
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert page.evaluate(CUT_OFF, "body") == []
    desk.compose("Narrow")
    desk.press_ribbon().get_by_role("button", name="Add a video room").wait_for()
    for direction in ("rtl", "ltr"):
        page.evaluate(f"document.documentElement.dir = '{direction}'")
        assert page.evaluate(CUT_OFF, "#compose") == []
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Discard", exact=True).last.click()
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_role("button", name="Back to now")).to_be_hidden()
    desk.close()


def test_a_form_without_its_server_closes(desk: Desk) -> None:
    """Nobody is held in a form whose sheet cannot be fetched."""
    page = desk.page
    page.route("**/desk/paper", lambda route: route.abort())
    page.get_by_role("button", name="New meeting", exact=True).click()
    expect(page.get_by_text("Is the demo still running?")).to_be_visible()
    expect(page.locator("#compose")).to_be_hidden()
    desk.trouble.clear()  # the browser has noticed that nobody was there


def test_the_equipment_mailbox_alone_is_no_room(desk: Desk) -> None:
    """Somebody who invites it without the button is not told that there is a room."""
    page = desk.page
    desk.compose("By hand")
    page.locator("#required-input").fill("video")
    page.keyboard.press("Enter")
    page.locator("#required .chip.room").wait_for()
    expect(page.locator("#coach")).to_contain_text("press Video room")
    desk.send()
    expect(page.locator("#steps .done")).to_have_count(0)
    expect(page.locator(".mail", has_text="Declined: By hand")).to_be_visible()


def test_begins_in_the_week_of_its_clock(tabs: Tabs, demo: RunningDemo) -> None:
    """A desk whose clock was moved into another week opens there."""
    desk = Desk(tabs, demo)
    page = desk.page
    title = page.locator("#week-title").inner_text()
    demo.post("clock", {"advance_s": 7 * 86400})
    desk.open(demo)
    expect(page.locator("#week-title")).not_to_have_text(title)
    expect(page.locator(".days .today")).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_role("button", name="Back to now")).to_be_hidden()
    desk.close()
