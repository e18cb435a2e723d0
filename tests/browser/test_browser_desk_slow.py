"""The demo desk while its server is slow: somebody acts before the answer is there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.desk_page import PAPER, SIZE, WRITABLE, Desk, desk_again, desk_page
from tests.browser.in_page import WAIT_MS
from tests.browser.tabs import Tab, Tabs
from tests.demo.demo_process import ALICE, BOB, RunningDemo, running

POLL_MS = 10
MEETING = "**/desk/api/meeting?*"
MEETINGS = "**/desk/api/meetings"
SHEET = "**/desk/paper"
STATE = "**/desk/api/state?*"
TOKEN = "**/desk/api/token"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("slow") / "state") as demo:
        yield demo


@pytest.fixture(scope="module")
def open_desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    """One load for the tests that do not need their own."""
    with desk_page(tabs, demo) as desk:
        yield desk


@pytest.fixture
def desk(open_desk: Desk) -> Iterator[Desk]:
    """A desk whose page has no errors, however late the answers are."""
    with desk_again(open_desk) as desk:
        yield desk


class Held:
    """Requests that wait for their answer until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.page = page
        self.pattern = pattern
        self.routes: list[Route] = []
        page.route(pattern, lambda route: self.routes.append(route))

    def wait(self, count: int = 1) -> list[Route]:
        for _ in range(WAIT_MS // POLL_MS):
            if len(self.routes) >= count:
                return self.routes
            self.page.wait_for_timeout(POLL_MS)
        raise AssertionError(f"{self.pattern} was not asked for {count} times")

    def let_go(self) -> None:
        while self.routes:
            self.routes.pop().continue_()
        self.page.unroute(self.pattern)


def answered(page: Page, route: Route) -> None:
    """Lets one request go, and the page do something about its answer."""
    with page.expect_response(route.request.url):
        route.continue_()
    page.evaluate("new Promise(requestAnimationFrame)")


def test_a_meeting_is_sent_once(desk: Desk) -> None:
    """Who presses the keys for sending again, because nothing happens, sends one."""
    page = desk.page
    held = Held(page, MEETINGS)
    desk.compose("Only once")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    held.wait()
    held.let_go()
    desk.hides("#compose")
    desk.tells("#meeting", "Only once")
    meetings = desk.demo.get("state", user=ALICE)["meetings"]
    assert [one["subject"] for one in meetings].count("Only once") == 1


def test_a_sent_meeting_closes_only_its_own_form(desk: Desk) -> None:
    """Who has left the form while it was being sent, and writes another meeting, keeps
    that."""
    page = desk.page
    held = Held(page, MEETINGS)
    desk.compose("Sent slowly")
    desk.press("#send")
    held.wait()
    desk.discard()
    desk.compose("Being written")
    held.let_go()
    desk.tells("#meeting", "Sent slowly")
    desk.shows(".toast", "Sent, without a video room.")
    desk.shows("#subject")
    desk.holds("#subject", "Being written")


def test_a_sent_meeting_is_not_shown_to_another(desk: Desk) -> None:
    """Bob keeps the meeting that he has selected when Alice's has been sent at last."""
    page = desk.page
    held = Held(page, MEETINGS)
    desk.compose("Not for Bob")
    desk.press("#send")
    held.wait()
    desk.discard()
    desk.sit("Bob")
    desk.press(".event")
    desk.shows("#meeting h2")
    held.let_go()
    desk.shows(".toast", "Sent, without a video room.")
    desk.shows("#meeting h2")


def test_a_late_meeting_does_not_overwrite(desk: Desk) -> None:
    """A meeting is opened once, however often Edit is pressed, and never over what
    somebody has begun to write."""
    page = desk.page
    desk.compose("To be edited")
    desk.send()
    held = Held(page, MEETING)
    for _ in range(2):
        desk.press("[data-act=edit]")
    first, second = held.wait(2)
    answered(page, first)
    desk.shows(WRITABLE)
    desk.write("#subject", "New title")
    answered(page, second)
    desk.holds("#subject", "New title")
    desk.discard()

    desk.press("[data-act=edit]")
    third = held.wait(3)[-1]
    desk.compose("Something else")
    answered(page, third)
    desk.holds("#subject", "Something else")


def test_a_late_meeting_does_not_open_for_another(desk: Desk) -> None:
    """Alice's meeting does not open in front of Bob, who sits there by now."""
    page = desk.page
    desk.compose("Of Alice")
    desk.send()
    held = Held(page, MEETING)
    desk.press("[data-act=edit]")
    held.wait()
    desk.sit("Bob")
    answered(page, held.routes[0])
    desk.hides("#compose")


def test_a_late_token_is_not_another_users(desk: Desk) -> None:
    """A token that Alice's pane asked for before it was closed does not become that of
    Bob's pane."""
    page = desk.page
    used: list[str] = []

    def note(route: Route) -> None:
        used.append(route.request.headers["token"])
        route.continue_()

    page.route("**/meeting_details", note)
    held = Held(page, TOKEN)
    desk.compose("Alice asks")
    desk.open_pane().press("add")
    held.wait()
    desk.discard()
    desk.sit("Bob")
    desk.compose("Bob asks")
    desk.open_pane().press("add")
    held.wait(2)
    tokens = []
    for route in held.routes:
        answer = route.fetch()
        tokens.append(answer.json()["token"])
        with page.expect_response(TOKEN):
            route.fulfill(response=answer)
        page.evaluate("new Promise(requestAnimationFrame)")
    desk.shows("#required .chip.room")
    assert used == tokens[1:]


def test_a_sent_meeting_is_found(desk: Desk) -> None:
    """The calendar turns to a meeting that was sent, even if it is the answer to a
    later question that shows it."""
    page = desk.page
    desk.compose("In a far week")
    desk.write("#date", "2031-03-12")
    held = Held(page, STATE)
    held.wait()
    desk.press("#send")
    held.wait(2)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    held.wait(3)
    for route in held.routes[:2]:
        answered(page, route)
    held.routes = held.routes[2:]
    held.let_go()
    desk.shows(".event", "In a far week")


def test_the_other_seat_shows_nothing_of_the_first(desk: Desk) -> None:
    """From the moment the seat changes, what can be pressed is not the other's; and
    what was there before is no news, even after a failed attempt."""
    page = desk.page
    desk.compose("An old story")
    desk.invite("bob@example.test")
    desk.add_room()
    desk.send()
    desk.shows(".mail", "An old story")
    held = Held(page, STATE)
    desk.sit("Bob")
    desk.hides(".event")
    desk.hides(".mail")
    while not any("bob" in route.request.url for route in held.routes):
        page.wait_for_timeout(POLL_MS)
    for route in held.routes:
        route.abort()
    desk.tells("#alerts", "Nobody is there")
    held.routes.clear()
    held.wait()
    held.let_go()
    desk.shows(".mail", "An old story")
    assert "Alice" not in desk.text("#toasts")
    desk.trouble.clear()  # the browser has noticed that nobody was there


@pytest.fixture
def tab(tabs: Tabs) -> Iterator[Tab]:
    """A tab in which the desk has not been opened yet."""
    with tabs.tab(viewport=SIZE, reduced_motion="reduce") as tab:
        yield tab


def test_seats_change_after_a_late_daemon(tab: Tab, demo: RunningDemo) -> None:
    """A page that came before the daemon lets people change seats when it is there."""
    page = tab.page
    trouble: list[str] = []
    tab.on("pageerror", lambda error: trouble.append(str(error)))

    def without(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "addin": None})

    page.route("**/desk/api/setup?", without, times=2)
    page.goto(f"{demo.desk}/")
    page.locator("body[data-ready]").wait_for()
    page.locator("#addin-button img").wait_for(state="attached")
    for name in ("Bob", "Alice"):
        seat = page.get_by_role("radio", name=name)
        seat.click()
        expect(seat).to_be_checked()
        expect(seat).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Bob")).to_be_checked()
    assert trouble == []


def test_nothing_is_begun_before_somebody_sits_there(
    tab: Tab, demo: RunningDemo
) -> None:
    """Until the page knows who sits there, its buttons do nothing."""
    page = tab.page
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    held = Held(page, "**/desk/api/setup?")
    page.goto(f"{demo.desk}/")
    held.wait()
    for button in ("#new-meeting", "[data-advance='3600']"):
        box = page.locator(button).bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(page.locator("#compose")).to_be_hidden()
    assert [url for url in asked if "clock" in url] == []
    held.let_go()
    page.locator("body[data-ready]").wait_for()
    page.get_by_role("button", name="New meeting", exact=True).click()
    expect(page.get_by_label("Title")).to_be_focused()


def test_an_answer_keeps_its_button(desk: Desk) -> None:
    """A message that turns into a read one does not call back who goes on to answer."""
    page = desk.page
    desk.invite_bob("Will you come?")
    held = Held(page, "**/desk/api/read")
    mail = page.locator(".mail", has_text="Will you come?")
    mail.get_by_role("button").first.press("Enter")
    held.wait()
    page.get_by_role("button", name="Maybe").focus()
    held.let_go()
    desk.shows(".mail:not(.unread)", "Will you come?")
    expect(page.get_by_role("button", name="Maybe")).to_be_focused()


def test_a_message_being_read_stays(desk: Desk) -> None:
    """Another one that arrives meanwhile does not load it again."""
    page = desk.page
    desk.invite_bob("Being read")
    desk.press(".mail button", "Being read")
    desk.shows(".mail:not(.unread)", "Being read")
    loaded: list[str] = []
    desk.tab.on("request", lambda request: loaded.append(request.url))
    text = page.frame_locator(".mail iframe").locator("body")
    text.evaluate("body => body.dataset.seen = 'yes'")
    page.locator(".mail iframe").focus()
    draft = {
        "user": ALICE,
        "subject": "Comes later",
        "start": "2031-03-12T09:00:00Z",
        "end": "2031-03-12T10:00:00Z",
        "required": [{"name": "Bob", "address": BOB}],
    }
    desk.demo.post("meetings", draft)
    desk.shows(".mail", "Comes later")
    assert [url for url in loaded if "/desk/message" in url] == []
    expect(text).to_have_attribute("data-seen", "yes")
    expect(page.locator(".mail iframe")).to_be_focused()


def test_what_is_written_while_the_form_opens_is_not_lost(desk: Desk) -> None:
    """The sheet for the text comes later than the fields: who has begun to write by
    then is asked before it is thrown away."""
    page = desk.page
    held = Held(page, SHEET)
    desk.compose("Early")
    held.wait()
    held.let_go()
    desk.shows(WRITABLE)
    desk.press("#compose-close")
    expect(
        page.get_by_role("alertdialog", name="Discard this meeting?")
    ).to_be_visible()
    desk.press("#confirm-yes")
    desk.hides("#compose")


def test_the_form_does_not_move_who_has_begun_to_write(desk: Desk) -> None:
    """The title has the cursor at once, and the late sheet does not call it back:
    what is typed meanwhile lands in the field that the writer has chosen."""
    page = desk.page
    held = Held(page, SHEET)
    desk.press("button", "New meeting")
    held.wait()
    expect(page.get_by_label("Title")).to_be_focused()
    page.locator("#required-input").focus()
    page.keyboard.type("bob@exa")
    held.let_go()
    desk.shows(WRITABLE)
    page.keyboard.type("mple.test")
    expect(page.locator("#required-input")).to_have_value("bob@example.test")
    desk.holds("#subject", "")


def test_an_early_update_keeps_the_text(desk: Desk) -> None:
    """Sent before its sheet is there, a meeting keeps what was written in it, and gets
    nothing of what was written on the sheet before."""
    page = desk.page
    desk.compose("Kept text")
    desk.write(WRITABLE, "All of the agenda")
    desk.send()
    desk.compose("Thrown away")
    desk.write(WRITABLE, "Nobody's business")
    desk.discard()
    held = Held(page, SHEET)
    desk.press("[data-act=edit]")
    held.wait()
    desk.press("#send")
    desk.shows("#send:disabled")
    held.let_go()
    desk.hides("#compose")
    desk.edit()
    desk.reads(PAPER, "All of the agenda")


def test_nobody_writes_on_the_sheet_before(desk: Desk) -> None:
    """Until its own sheet is there, a form shows nothing of the meeting before, and
    takes no text that would be lost."""
    page = desk.page
    desk.compose("Thrown away")
    desk.write(WRITABLE, "Nobody's business")
    desk.discard()
    held = Held(page, SHEET)
    desk.compose("Another one")
    held.wait()
    desk.reads(PAPER, "")
    desk.hides(WRITABLE)
    held.let_go()
    desk.write(WRITABLE, "Mine")
    desk.send()
    desk.edit()
    desk.reads(PAPER, "Mine")
