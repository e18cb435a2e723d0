"""The demo desk as somebody sees it who has never been there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.axe import barriers
from tests.browser.conftest import IMPATIENT
from tests.browser.tabs import Tabs
from tests.browser.test_browser_desk import CUT_OFF, Desk
from tests.demo.demo_process import ALICE, RunningDemo, running

TELEPHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("visitor") / "state") as demo:
        yield demo


@pytest.fixture
def desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    desk = Desk(tabs, demo)
    yield desk
    desk.close()
    demo.post("clock", {"reset": True})
    assert desk.trouble == []


def test_mail_of_yesterday(desk: Desk) -> None:
    """When the clock is moved, what came before came earlier than today. The first test
    here: the stamps of mail never go back with the clock."""
    page = desk.page
    mail = desk.invite_bob("To be dated")
    expect(mail.locator("time")).not_to_contain_text("yesterday")
    page.get_by_title("Move the clock one day forward").click()
    expect(mail.locator("time")).to_contain_text("yesterday")


def test_a_join_link_leads_to_the_room(desk: Desk) -> None:
    """A guest follows the link of the invitation and waits in front of the room, which
    opens while the page is there; card and calendar have the way in, too."""
    page = desk.page
    desk.compose("With a guest")
    page.locator("#required-input").fill("bob@example.test")
    desk.add_room()
    desk.send()
    page.locator(".join-state").wait_for()
    page.get_by_role("radio", name="Bob").click()
    page.locator(".mail", has_text="With a guest").get_by_role("button").first.click()
    with page.expect_popup() as popup:
        page.frame_locator(".mail iframe").get_by_role("link").first.click()
    joining = popup.value
    expect(joining.locator("h1")).to_have_text("The room is not open yet")
    page.get_by_role("button", name="Show the meeting").click()
    page.get_by_role("button", name="Move the clock to the opening").click()
    expect(joining.locator("h1")).to_have_text("You would be in the room now")
    expect(joining.locator("#name")).to_contain_text("With a guest")
    assert barriers(joining) == []
    for way in (page.locator(".join-here"), page.locator("[data-act=join]")):
        with page.expect_popup() as opened:
            way.click()
        expect(opened.value.locator("h1")).to_have_text("You would be in the room now")
    assert barriers(page) == []


def test_a_meeting_without_a_room(desk: Desk) -> None:
    """Who sends a meeting without a room is told, and has one button to add it."""
    page = desk.page
    desk.compose("Without")
    desk.send()
    expect(page.get_by_text("Sent, without a video room.")).to_be_visible()
    assert page.evaluate(CUT_OFF, "#meeting") == []
    page.locator("[data-act=add]").click()
    pane = page.frame_locator("#pane-frame")
    pane.get_by_role("button", name="Add a video room").click()
    page.locator("#required .chip.room").wait_for()
    desk.send()
    expect(page.locator(".join-state")).to_be_visible()
    expect(page.locator("[data-act=add]")).to_have_count(0)


def test_the_steps_are_ticked_in_order(desk: Desk) -> None:
    """The first when the room is in the meeting, and not for a meeting thrown away."""
    page = desk.page
    done = page.locator("#steps .done")
    desk.compose("Thrown away")
    desk.add_room()
    expect(done).to_have_count(1)
    expect(done).to_contain_text("Add a video room")
    page.locator("#discard").click()
    page.locator("#confirm-yes").click()
    expect(done).to_have_count(0)


def test_a_telephone_shows_a_day(tabs: Tabs, demo: RunningDemo) -> None:
    """One day with its week above it; a way back from the pane; what was sent is in
    view."""
    desk = Desk(tabs, demo, viewport=TELEPHONE)
    page = desk.page
    expect(page.locator(".day")).to_have_count(1)
    title = page.locator("#week-title").inner_text()
    page.locator(".days button").last.click()
    expect(page.locator("#week-title")).not_to_have_text(title)
    expect(page.locator(".days button").last).to_be_focused()
    desk.compose("On the way")
    desk.add_room()
    page.get_by_role("button", name="Back to the meeting").click()
    expect(page.get_by_label("Title")).to_be_visible()
    desk.send()
    expect(page.locator("#meeting h2")).to_have_text("On the way")
    expect(page.locator("#meeting h2")).to_be_in_viewport()
    assert barriers(page) == []
    assert desk.trouble == []
    desk.close()


def test_twice_the_size(tabs: Tabs, demo: RunningDemo) -> None:
    """At 200 % of a laptop's screen the pane still has most of the window's height."""
    desk = Desk(tabs, demo, viewport={"width": 640, "height": 400})
    desk.compose("Large")
    desk.press_ribbon().get_by_role("button", name="Add a video room").wait_for()
    box = desk.page.locator("#pane-frame").bounding_box()
    assert box
    assert box["height"] >= 240
    desk.page.get_by_role("button", name="Back to the meeting").click()
    expect(desk.page.locator("#addin-button")).to_be_focused()
    desk.close()


def test_a_sunday_shows_what_comes(tabs: Tabs, demo: RunningDemo) -> None:
    """On a weekend the week that is shown begins today."""
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    sunday = now + timedelta(days=6 - now.weekday() + 7)
    demo.post("clock", {"to": sunday.replace(hour=12).isoformat()})
    desk = Desk(tabs, demo)
    heads = desk.page.locator(".days div")
    expect(heads.first).to_contain_text("Sun")
    expect(heads.first).to_have_class("today")
    desk.page.get_by_role("button", name="Next week").click()
    expect(heads.first).to_contain_text("Mon")
    desk.close()
    demo.post("clock", {"reset": True})


def test_a_series(desk: Desk) -> None:
    """A meeting that repeats is in each week, has one room, and the card says when that
    opens next."""
    page = desk.page
    desk.compose("Every week")
    page.get_by_label("Repeats").select_option("weekly")
    page.get_by_label("How many times").fill("3")
    recurrence = desk.pane().evaluate(
        """() => new Promise(resolve => Office.context.mailbox.item.recurrence
            .getAsync(result => resolve(result.value)))"""
    )
    assert (recurrence["recurrenceType"], recurrence["occurrences"]) == ("weekly", 3)
    page.locator("#addin-button").click()
    desk.add_room()
    desk.send()
    expect(page.locator(".join-state")).to_contain_text("Opens")
    first = page.locator(".join-state").inner_text()
    expect(page.locator("#meeting")).to_contain_text("Every week, 3 times")
    page.get_by_role("button", name="Next week").click()
    expect(page.locator(".event", has_text="Every week")).to_have_count(1)
    page.get_by_role("button", name="Move the clock to the opening").click()
    expect(page.locator(".join-state.open")).to_be_visible()
    page.get_by_role("button", name="Move the clock to the end").click()
    expect(page.locator(".join-state")).to_contain_text("Opens")
    assert page.locator(".join-state").inner_text() != first


def press_in_mood(page: Page, pane: FrameLocator, mood: str) -> None:
    """Choose how Outlook is, and press the button of the pane that has begun anew."""
    pane.locator("html").evaluate("html => { html.dataset.before = '' }")
    page.locator("#mood").select_option(mood)
    pane.locator("html:not([data-before]) #action").click()


def test_outlook_on_a_bad_day(desk: Desk) -> None:
    """What goes wrong in Outlook can be chosen, and the pane begins anew with it."""
    page = desk.page
    desk.tab.run_first(f"if (window !== top) {IMPATIENT}")  # the pane alone
    desk.compose("On a bad day")
    desk.pane()
    pane = page.frame_locator("#pane-frame")
    for mood, said in (
        ("token", "9018"),
        ("text", "There was an internal format error."),
        ("attendee", "pexipmeeting@example.test"),
    ):
        press_in_mood(page, pane, mood)
        expect(pane.locator("#card")).to_contain_text(said)
    press_in_mood(page, pane, "well")
    page.locator("#required .chip.room").wait_for()
    expect(pane.locator("#card")).to_contain_text("added")


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
    expect(desk.page.locator("#date")).to_have_value(day.date().isoformat())
