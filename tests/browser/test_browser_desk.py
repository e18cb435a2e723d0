"""The demo desk in real Chromium, with the real daemon and the real pane."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Frame, Route, expect

from tests.browser.desk_page import (
    CUT_OFF,
    MESSAGE,
    OPENED,
    PAPER,
    Desk,
    desk_again,
    desk_page,
)
from tests.browser.tabs import Tabs
from tests.demo.demo_process import ALICE, RunningDemo, running
from tests.system.system_support import eventually


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("desk") / "state") as demo:
        yield demo


@pytest.fixture(scope="module")
def open_desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    """One load for the tests that do not need their own."""
    with desk_page(tabs, demo) as desk:
        yield desk


@pytest.fixture
def desk(open_desk: Desk, demo: RunningDemo) -> Iterator[Desk]:
    """A desk whose page has no errors and asks nobody but this machine."""
    with desk_again(open_desk) as desk:
        yield desk
    ours = (demo.desk, demo.addin, "data:", "about:")
    assert [url for url in desk.asked if not url.startswith(ours)] == []


def test_story(tabs: Tabs, tmp_path: Path) -> None:
    """Button, room, Send, answer, opening, move, kill, start again, cancel. Up to the
    answer with mouse and keys."""
    state = tmp_path / "state"
    with ExitStack() as demos:
        first = demos.enter_context(running(state))
        with desk_page(tabs, first, reduced_motion="no-preference") as desk:
            page = desk.page
            page.get_by_role("button", name="New meeting", exact=True).click()
            page.get_by_label("Title").fill("Quarterly review")
            page.locator("#required-input").fill("bo")
            page.keyboard.press("Enter")
            page.locator("#addin-button").click()
            pane = page.frame_locator("#pane-frame")
            pane.get_by_role("button", name="Add a video room").click()
            chips = page.locator("#required .chip > span:not(.avatar)")
            expect(chips).to_have_text(["Bob Baker", "Video room"])
            desk.tells(PAPER, "PXPS:-")
            page.locator("#send").click()
            expect(page.locator("#compose")).to_be_hidden()

            mail = page.locator(".mail").first
            expect(mail).to_contain_text("Video room")
            expect(mail).to_contain_text("is reserved")
            mail.get_by_role("button").first.click()
            desk.tells(MESSAGE, "is reserved")

            desk.tells(".join-state", "Closed", "Opens")
            desk.press("button", "Move the clock to the opening")
            desk.tells(".join-state", "Joinable now")
            desk.shows("#steps p", "That is all.")

            desk.press("button", "Edit")
            desk.tells(PAPER, "PXPS:-")
            desk.write("#date", "2030-01-15")
            desk.write("#subject", "Moved review")
            desk.send()
            desk.tells(".mail", "changed meeting")
            desk.tells(".join-state", "Opens Tue 15 Jan")
            assert desk.trouble == []
            # The sandbox is written down a moment after each change.
            kept = state / "exchange.json"
            eventually(lambda: b"changed meet" in kept.read_bytes(), "what is kept")
            first.kill()
            desk.tells("#alerts", "does not answer")

            second = demos.enter_context(running(state, first.port))
            desk.open(second)
            desk.trouble.clear()  # the browser has noticed that nobody was there
            assert desk.count(".mail") == 2
            uid = second.get("state", user=ALICE)["meetings"][-1]["uid"]
            desk.press(".mail button")
            desk.press("button", "Show the meeting")
            desk.tells(".join-state", "Opens Tue 15 Jan")
            desk.press("button", "Cancel meeting")
            desk.tells(".join-state", "The room is gone")
            desk.hides(f"[data-uid='{uid}']")
            assert desk.trouble == []


def test_bob_gets_the_invitation(desk: Desk) -> None:
    """The other seat has its own calendar and inbox, and its answer comes back."""
    desk.invite_bob("For Bob")
    desk.press(".mail button", "For Bob")
    desk.shows(OPENED)
    desk.press("button", "Accept")
    desk.sit("Alice")
    desk.tells(".mail", "Accepted: For Bob")


# Office.js


class Office(NamedTuple):
    """A desk with a form, and the window of the pane beside it."""

    desk: Desk
    pane: Frame


@pytest.fixture(scope="module")
def office(tabs: Tabs, demo: RunningDemo) -> Iterator[Office]:
    """A form with a pane, opened once for all the tests that call Office there."""
    with desk_page(tabs, demo) as desk:
        desk.compose("Office")
        desk.open_pane()
        yield Office(desk, desk.pane_frame())


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
    desk.write("#subject", "Title from the form")

    def call(*args: object) -> object:
        status, value, error = pane.evaluate(CALL, list(args))
        assert (status, error) == ("succeeded", None)
        return value

    assert call("subject.getAsync") == "Title from the form"
    call("subject.setAsync", "Title from the pane")
    desk.holds("#subject", "Title from the pane")

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
    desk.reads("#notices", "A <b>room</b> was added.")


def test_strangers_are_not_answered(office: Office) -> None:
    """Messages from other windows than the pane's get neither answer nor effect."""
    desk, _ = office
    desk.write("#subject", "Mine")
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
    desk.holds("#subject", "Mine")


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
    desk.tells("#alerts", "The daemon does not answer")
    desk.page.unroute("**/desk/api/state*")
    desk.reads("#alerts", "")


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
    desk.holds("#subject", "By keys alone")
    page.keyboard.press("Control+Enter")
    desk.hides("#compose")
    desk.tells("#meeting", "By keys alone")


def test_fits_and_follows_the_scheme(desk: Desk) -> None:
    """Neither page nor pane is wider than the window, and dark is dark: colours do not
    depend on the width."""
    page = desk.page
    desk.compose("Width " * 40)
    desk.open_pane()
    for width, scheme in ((320, "dark"), (900, "light"), (1280, "dark")):
        size = {"width": width, "height": 760}
        desk.tab.change(viewport=size, color_scheme=scheme)
        desk.shows(f"html[data-theme={scheme}]")
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
    with desk_page(tabs, demo, viewport={"width": 320, "height": 640}) as desk:
        page = desk.page
        page.evaluate('localStorage.setItem(\'steps\', \'["room", "send", "watch"]\')')
        demo.post("clock", {"advance_s": 86400})
        desk.open(demo)
        desk.shows("#clock-reset", "Back to now")
        desk.shows("#steps p", "That is all.")
        for direction in ("ltr", "rtl"):
            page.evaluate(f"document.documentElement.dir = '{direction}'")
            assert page.evaluate("document.documentElement.scrollWidth") == 320
            assert page.evaluate(CUT_OFF, "body") == []
        desk.compose("Narrow")
        desk.open_pane()
        for direction in ("rtl", "ltr"):
            page.evaluate(f"document.documentElement.dir = '{direction}'")
            assert page.evaluate(CUT_OFF, "#compose") == []
        desk.press("#compose-close")
        desk.press("#confirm-yes")
        desk.press("#clock-reset")
        desk.hides("#clock-reset")


def test_a_form_without_its_server_closes(desk: Desk) -> None:
    """Nobody is held in a form whose sheet cannot be fetched."""
    desk.page.route("**/desk/paper", lambda route: route.abort())
    desk.press("button", "New meeting")
    desk.shows(".toast", "Is the demo still running?")
    desk.hides("#compose")
    desk.trouble.clear()  # the browser has noticed that nobody was there


def test_the_equipment_mailbox_alone_is_no_room(tabs: Tabs, demo: RunningDemo) -> None:
    """Somebody who invites it without the button is not told that there is a room."""
    with desk_page(tabs, demo) as desk:
        desk.compose("By hand")
        desk.write("#required-input", "video")
        desk.page.keyboard.press("Enter")
        desk.shows("#required .chip.room")
        desk.tells("#coach", "press Video room")
        desk.send()
        desk.hides("#steps .done")
        desk.shows(".mail", "Declined: By hand")


def test_begins_in_the_week_of_its_clock(desk: Desk, demo: RunningDemo) -> None:
    """A desk whose clock was moved into another week opens there."""
    title = desk.text("#week-title")
    demo.post("clock", {"advance_s": 7 * 86400})
    desk.open(demo)
    assert desk.text("#week-title") != title
    desk.shows(".days .today")
    desk.press("#clock-reset")
    desk.hides("#clock-reset")
