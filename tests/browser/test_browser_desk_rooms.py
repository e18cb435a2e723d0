"""Rooms at the demo desk: personal ones, meeting rooms with their door signs, and the
states of the pane on demand."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import FrameLocator, expect

from tests.browser.axe import barriers
from tests.browser.pane_page import SETTLED
from tests.browser.tabs import Tabs
from tests.browser.test_browser_desk import Desk
from tests.demo.demo_process import RunningDemo, running
from tests.demo.test_demo_door_signs import read_calendars

TOLD = "status of 401"
"""Chromium's remark when the pane asks for rooms before anybody has signed in."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("rooms") / "state") as demo:
        yield demo


@pytest.fixture
def desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    desk = Desk(tabs, demo)
    yield desk
    desk.close()
    assert [each for each in desk.trouble if TOLD not in each] == []


def press(desk: Desk, pane: FrameLocator, name: str) -> None:
    """Presses a button of the pane, once it takes presses."""
    button = pane.get_by_role("button", name=name)
    expect(button).to_be_visible()
    frame = next(f for f in desk.page.frames if f.url.startswith(desk.demo.addin))
    frame.evaluate(SETTLED)
    button.click()


def sign_in(desk: Desk, pane: FrameLocator, name: str) -> None:
    """From the ready pane to the list: the window opens, and closes by itself."""
    press(desk, pane, "Use a room of your own")
    expect(pane.locator("#card-heading")).to_have_text("Sign in to see your rooms")
    with desk.page.expect_popup() as popup:
        press(desk, pane, "Sign in")
    window = popup.value
    expect(window.get_by_role("heading")).to_have_text("Sign in to the demo")
    with window.expect_event("close"):
        window.get_by_role("button", name=name).click()


def test_a_room_of_ones_own(desk: Desk) -> None:
    """Bob signs in in a window, finds one of his rooms, and has its text and place in
    the meeting, which nobody has to answer; then he signs out."""
    page = desk.page
    page.get_by_role("radio", name="Bob").click()
    desk.compose("In Bob's room")
    pane = desk.press_ribbon()
    sign_in(desk, pane, "Bob Baker")
    expect(pane.locator("#user")).to_contain_text("Bob Baker")
    pane.get_by_label("Search your rooms").fill("north")
    expect(pane.locator(".room:visible")).to_have_count(1)
    press(desk, pane, "Customers north")
    expect(pane.locator("#card")).to_contain_text("Customers north")
    expect(desk.paper.locator("body")).to_contain_text("Join in Customers north")
    expect(page.get_by_label("Location")).to_have_value("Customers north")
    expect(page.locator("#required .chip")).to_have_count(0)
    desk.send()
    expect(page.locator("#toasts")).to_have_text("Sent.")
    expect(page.locator("#meeting")).to_contain_text("Always open")
    expect(page.locator("[data-act=add]")).to_have_count(0)
    assert barriers(page) == []
    with page.expect_popup() as opened:
        page.locator("[data-act=join]").click()
    expect(opened.value.locator("h1")).to_have_text("You would be in the room now")
    desk.compose("Another one")
    pane = desk.press_ribbon()
    press(desk, pane, "Use a room of your own")
    press(desk, pane, "Sign out")
    press(desk, pane, "Use a room of your own")
    expect(pane.locator("#card-heading")).to_have_text("Sign in to see your rooms")


def test_nobody_has_to_sign_in(desk: Desk) -> None:
    """Somebody without rooms is told so; who cancels in the window reads why, and a
    window that was blocked leaves a link."""
    pane = ready(desk)
    sign_in(desk, pane, "Carol Carter")
    expect(pane.locator("#card-heading")).to_have_text("You have no room of your own")
    press(desk, pane, "Sign out")
    press(desk, pane, "Use a room of your own")
    with desk.page.expect_popup() as popup:
        press(desk, pane, "Sign in")
    assert barriers(popup.value) == []
    popup.value.get_by_role("button", name="Cancel").click()
    expect(pane.locator("#card")).to_contain_text("You could not be signed in")
    desk.page.locator("#mood").select_option("window")
    press(desk, pane, "Use a room of your own")
    press(desk, pane, "Sign in")
    expect(pane.get_by_role("link", name="Sign in on this page")).to_be_visible()


def ready(desk: Desk) -> FrameLocator:
    desk.compose("On demand")
    pane = desk.press_ribbon()
    expect(pane.get_by_role("button", name="Add a video room")).to_be_visible()
    return pane


def test_where_nothing_can_be_added(desk: Desk) -> None:
    """Each place that the pane can do nothing in can be chosen."""
    pane = ready(desk)
    for mood, heading in (
        ("browser", "Open this pane in Outlook"),
        ("reading", "Open a meeting first"),
        ("old", "This Outlook is too old"),
        ("message", "The room cannot be invited here"),
    ):
        desk.page.locator("#mood").select_option(mood)
        expect(pane.locator("#card-heading")).to_have_text(heading)


def test_the_server_is_away(desk: Desk) -> None:
    """Without a network a placeholder and a code wait for the room, and the room takes
    their place when the network is back."""
    page = desk.page
    pane = ready(desk)
    page.locator("#mood").select_option("offline")
    press(desk, pane, "Add a video room")
    expect(pane.locator("#card-heading")).to_have_text("The video room comes later")
    expect(desk.paper.locator("body")).to_contain_text("TOK:-")
    press(desk, pane, "Get the room now")
    expect(pane.locator("#card-heading")).to_have_text("The video room comes later")
    page.locator("#mood").select_option("well")
    expect(pane.locator("#card-heading")).to_have_text("The video room comes later")
    press(desk, pane, "Get the room now")
    expect(pane.locator("#card-heading")).to_have_text("The video room is added")
    expect(desk.paper.locator("body")).to_contain_text("PXPS:-")
    expect(desk.paper.locator("body")).not_to_contain_text("TOK:-")


def test_opened_again_with_a_network(desk: Desk) -> None:
    """A pane that is opened beside a placeholder gets the room by itself."""
    page = desk.page
    pane = ready(desk)
    page.locator("#mood").select_option("offline")
    press(desk, pane, "Add a video room")
    expect(pane.locator("#card-heading")).to_have_text("The video room comes later")
    page.locator("#pane-close").click()
    page.locator("#mood").evaluate("one => { one.value = 'well'; }")
    page.locator("#mood").dispatch_event("change")
    desk.press_ribbon()
    expect(pane.locator("#card-heading")).to_have_text("The video room is added")
    expect(pane.locator("#card")).to_contain_text(
        "has taken the place of the placeholder"
    )


def test_whose_text_it_is(desk: Desk) -> None:
    """A text from another meeting, and one meeting of a series, can be shown."""
    mood = desk.page.locator("#mood")
    pane = ready(desk)
    mood.select_option("pasted")
    heading = pane.locator("#card-heading")
    expect(heading).to_have_text("These joining instructions do not fit")
    press(desk, pane, "Use a new room")
    expect(heading).to_have_text("The video room is added")
    expect(pane.locator("#card")).not_to_contain_text("Parts of the earlier")
    mood.select_option("occurrence")
    expect(heading).to_have_text("This meeting has a video room")
    expect(pane.locator("#card")).to_contain_text("open the whole series")
    expect(pane.get_by_role("button", name="Use a new room")).to_have_count(0)
    mood.select_option("pasted")
    expect(heading).to_have_text("These joining instructions do not fit")


def test_door_signs(desk: Desk) -> None:
    """Alice pastes an invitation and invites a room by a press; the room's sign gets
    its button when the clock is there, the large one what to dial; cancelled, it is
    gone."""
    page, demo = desk.page, desk.demo
    oak = page.locator(".sign[data-room='oak@example.test']")
    desk.compose("Numbers")
    page.locator("#invitation").select_option("Zoom")
    page.locator("#invitation").select_option("Microsoft Teams")
    expect(desk.paper.locator("body")).to_contain_text("Video ID: 118 220 331 4")
    expect(desk.paper.locator("body")).not_to_contain_text("Zoom")
    for _ in range(3):
        page.get_by_role("button", name="Oak", exact=True).click()
    expect(page.get_by_label("Location")).to_have_value("Oak")
    expect(page.locator("#required .chip")).to_have_count(1)
    desk.send()
    expect(page.locator("#toasts")).to_contain_text("Sent.")
    read_calendars(demo)
    oak.get_by_role("button", name="Move the clock to Join").click()
    oak.get_by_role("button", name="Join · Microsoft Teams").click()
    expect(page.locator("#toasts")).to_contain_text("1182203314@teams.example.test")
    expect(oak).to_have_attribute("data-state", "soon")
    assert barriers(page) == []
    with page.expect_popup() as opened:
        oak.get_by_role("link", name="Screen in the room").click()
    large = opened.value
    expect(large.locator("#address")).to_contain_text("teams.example.test")
    expect(large.locator("#until")).to_have_text("next meeting in 5 min")
    large.close()
    page.set_viewport_size({"width": 400, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.get_by_role("button", name="Cancel meeting").click()
    read_calendars(demo)
    expect(oak).to_contain_text("No meetings")
