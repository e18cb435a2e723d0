"""The demo desk as somebody sees it who has never been there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import in_page
from tests.browser.axe import barriers
from tests.browser.conftest import shorter_patience
from tests.browser.desk_page import CUT_OFF, Desk, desk_again, desk_page
from tests.browser.pane_page import PaneWindow
from tests.browser.tabs import Tabs
from tests.demo.demo_process import ALICE, RunningDemo, running

TELEPHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("visitor") / "state") as demo:
        yield demo


@pytest.fixture(scope="module")
def open_desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    """One load for the tests that do not need their own."""
    with desk_page(tabs, demo) as desk:
        yield desk


@pytest.fixture
def desk(open_desk: Desk, demo: RunningDemo) -> Iterator[Desk]:
    with desk_again(open_desk) as desk:
        yield desk
    demo.post("clock", {"reset": True})


def test_mail_of_yesterday(desk: Desk) -> None:
    """When the clock is moved, what came before came earlier than today. The first test
    here: the stamps of mail never go back with the clock."""
    desk.invite_bob("To be dated")
    desk.hides(".mail time", "yesterday")
    desk.press("[data-advance='86400']")
    desk.shows(".mail time", "yesterday")


def test_a_join_link_leads_to_the_room(desk: Desk) -> None:
    """A guest follows the link of the invitation and waits in front of the room, which
    opens while the page is there; card and calendar have the way in, too."""
    page = desk.page
    desk.compose("With a guest")
    desk.invite("bob@example.test")
    desk.add_room()
    desk.send()
    desk.shows(".join-state")
    desk.sit("Bob")
    desk.press(".mail button", "With a guest")
    with page.expect_popup() as popup:
        page.frame_locator(".mail iframe").get_by_role("link").first.click()
    joining = popup.value
    in_page.reads(joining, "h1", "The room is not open yet")
    desk.press("button", "Show the meeting")
    desk.press("button", "Move the clock to the opening")
    in_page.reads(joining, "h1", "You would be in the room now")
    in_page.tells(joining, "#name", "With a guest")
    assert barriers(joining) == []
    for way in (".join-here", "[data-act=join]"):
        with page.expect_popup() as opened:
            desk.press(way)
        in_page.reads(opened.value, "h1", "You would be in the room now")
    assert barriers(page) == []


def test_a_meeting_without_a_room(desk: Desk) -> None:
    """Who sends a meeting without a room is told, and has one button to add it."""
    page = desk.page
    desk.compose("Without")
    desk.send()
    desk.shows(".toast", "Sent, without a video room.")
    assert page.evaluate(CUT_OFF, "#meeting") == []
    desk.press("[data-act=add]")
    in_page.press(desk.pane_frame(), '[data-action="add"]')
    desk.shows("#required .chip.room")
    desk.send()
    desk.shows(".join-state")
    desk.hides("[data-act=add]")


def test_the_steps_are_ticked_in_order(tabs: Tabs, demo: RunningDemo) -> None:
    """The first when the room is in the meeting, and not for a meeting thrown away."""
    with desk_page(tabs, demo) as desk:
        desk.compose("Thrown away")
        desk.add_room()
        desk.shows("#steps .done", "Add a video room")
        assert desk.count("#steps .done") == 1
        desk.discard()
        desk.hides("#steps .done")


def test_a_telephone_shows_a_day(tabs: Tabs, demo: RunningDemo) -> None:
    """One day with its week above it; a way back from the pane; what was sent is in
    view."""
    with desk_page(tabs, demo, viewport=TELEPHONE) as desk:
        page = desk.page
        assert desk.count(".day") == 1
        title = desk.text("#week-title")
        desk.press(".days button:last-child")
        assert desk.text("#week-title") != title
        assert page.evaluate(
            "document.activeElement === [...document.querySelectorAll('.days button')]"
            ".at(-1)"
        )
        desk.compose("On the way")
        desk.add_room()
        desk.press("#pane-back")
        desk.shows("#subject")
        desk.send()
        desk.reads("#meeting h2", "On the way")
        expect(page.locator("#meeting h2")).to_be_in_viewport()
        assert barriers(page) == []


def test_twice_the_size(tabs: Tabs, demo: RunningDemo) -> None:
    """At 200 % of a laptop's screen the pane still has most of the window's height."""
    with desk_page(tabs, demo, viewport={"width": 640, "height": 400}) as desk:
        desk.compose("Large")
        desk.open_pane()
        box = "document.getElementById('pane-frame').getBoundingClientRect()"
        assert desk.page.evaluate(f"{box}.height") >= 240
        desk.press("#pane-back")
        expect(desk.page.locator("#addin-button")).to_be_focused()


def test_a_sunday_shows_what_comes(tabs: Tabs, demo: RunningDemo) -> None:
    """On a weekend the week that is shown begins today."""
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    sunday = now + timedelta(days=6 - now.weekday() + 7)
    demo.post("clock", {"to": sunday.replace(hour=12).isoformat()})
    with desk_page(tabs, demo) as desk:
        desk.tells(".days span + .today", "Sun")
        desk.press("#week-next")
        desk.tells(".days span + div", "Mon")
    demo.post("clock", {"reset": True})


def test_a_series(desk: Desk) -> None:
    """A meeting that repeats is in each week, has one room, and the card says when that
    opens next."""
    desk.compose("Every week")
    desk.write("#repeats", "weekly")
    desk.write("#times", "3")
    desk.open_pane()
    recurrence = desk.pane_frame().evaluate(
        """() => new Promise(resolve => Office.context.mailbox.item.recurrence
            .getAsync(result => resolve(result.value)))"""
    )
    assert (recurrence["recurrenceType"], recurrence["occurrences"]) == ("weekly", 3)
    desk.press("#addin-button")
    desk.add_room()
    desk.send()
    desk.tells(".join-state", "Opens")
    first = desk.text(".join-state")
    desk.tells("#meeting", "Every week, 3 times")
    desk.press("#week-next")
    desk.shows(".event", "Every week")
    desk.press("button", "Move the clock to the opening")
    desk.shows(".join-state.open")
    desk.press("button", "Move the clock to the end")
    desk.tells(".join-state", "Opens")
    assert desk.text(".join-state") != first


def press_in_mood(desk: Desk, pane: PaneWindow, mood: str) -> None:
    """Choose how Outlook is, and press the button of the pane that has begun anew."""
    pane.window.evaluate("document.documentElement.dataset.before = ''")
    desk.write("#mood", mood)
    in_page.press(pane.window, "html:not([data-before]) #action")


def test_outlook_on_a_bad_day(tabs: Tabs, demo: RunningDemo) -> None:
    """What goes wrong in Outlook can be chosen, and the pane begins anew with it."""
    with desk_page(tabs, demo) as desk:
        # The pane alone. Its server must be as fast as that, on a busy machine, too.
        desk.tab.run_first(f"if (window !== top) {shorter_patience(10)}")
        desk.compose("On a bad day")
        pane = desk.open_pane()
        for mood, said in (
            ("token", "9018"),
            ("text", "There was an internal format error."),
            ("attendee", "pexipmeeting@example.test"),
        ):
            press_in_mood(desk, pane, mood)
            pane.told(said)
        press_in_mood(desk, pane, "well")
        desk.shows("#required .chip.room")
        pane.told("added")


def test_a_new_meeting_late_at_the_end_of_a_month(
    desk: Desk, demo: RunningDemo
) -> None:
    """It is proposed for the next working day, and not for a month later."""
    now = datetime.now().astimezone()
    day = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(2):
        day = (day + timedelta(days=31)).replace(day=1)
    evening = day - timedelta(minutes=90)
    demo.post("clock", {"to": evening.astimezone(UTC).isoformat()})
    desk.open(demo)
    desk.compose("Tomorrow")
    while day.weekday() > 4:
        day += timedelta(days=1)
    desk.holds("#date", day.date().isoformat())
