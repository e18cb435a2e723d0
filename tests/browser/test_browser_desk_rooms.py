"""Rooms at the demo desk: personal ones, meeting rooms with their door signs, and the
states of the pane on demand."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import in_page
from tests.browser.axe import barriers
from tests.browser.desk_page import PAPER, Desk, desk_again, desk_page
from tests.browser.pane_page import PaneWindow
from tests.browser.tabs import Tabs
from tests.demo.demo_process import RunningDemo, running
from tests.demo.test_demo_door_signs import read_calendars

TOLD = "status of 401"
"""Chromium's remark when the pane asks for rooms before anybody has signed in."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("rooms") / "state") as demo:
        yield demo


@pytest.fixture(scope="module")
def open_desk(tabs: Tabs, demo: RunningDemo) -> Iterator[Desk]:
    """One load for the tests that do not need their own."""
    with desk_page(tabs, demo, ignored=TOLD) as desk:
        yield desk


@pytest.fixture
def desk(open_desk: Desk) -> Iterator[Desk]:
    with desk_again(open_desk, ignored=TOLD) as desk:
        yield desk


def press(pane: PaneWindow, text: str) -> None:
    in_page.press(pane.window, "button", text)


def sign_in(desk: Desk, pane: PaneWindow, name: str) -> None:
    """From the ready pane to the list: the window opens, and closes by itself."""
    press(pane, "Use a room of your own")
    pane.reach("Sign in to see your rooms")
    with desk.page.expect_popup() as popup:
        press(pane, "Sign in")
    window = popup.value
    expect(window.get_by_role("heading")).to_have_text("Sign in to the demo")
    with window.expect_event("close"):
        window.get_by_role("button", name=name).click()


def test_a_room_of_ones_own(desk: Desk) -> None:
    """Bob signs in in a window, finds one of his rooms, and has its text and place in
    the meeting, which nobody has to answer; then he signs out."""
    page = desk.page
    desk.sit("Bob")
    desk.compose("In Bob's room")
    pane = desk.open_pane()
    sign_in(desk, pane, "Bob Baker")
    pane.tells("#user", "Bob Baker")
    in_page.write(pane.window, "#search-line input", "north")
    pane.hides(".room", "south")
    press(pane, "Customers north")
    pane.told("Customers north")
    desk.tells(PAPER, "Join in Customers north")
    desk.holds("#location", "Customers north")
    desk.hides("#required .chip")
    desk.send()
    desk.reads("#toasts", "Sent.")
    desk.tells("#meeting", "Always open")
    desk.hides("[data-act=add]")
    assert barriers(page) == []
    with page.expect_popup() as opened:
        desk.press("[data-act=join]")
    in_page.reads(opened.value, "h1", "You would be in the room now")
    desk.compose("Another one")
    pane = desk.open_pane()
    press(pane, "Use a room of your own")
    press(pane, "Sign out")
    press(pane, "Use a room of your own")
    pane.reach("Sign in to see your rooms")


def test_nobody_has_to_sign_in(desk: Desk) -> None:
    """Somebody without rooms is told so; who cancels in the window reads why, and a
    window that was blocked leaves a link."""
    pane = ready(desk)
    sign_in(desk, pane, "Carol Carter")
    pane.reach("You have no room of your own")
    press(pane, "Sign out")
    press(pane, "Use a room of your own")
    with desk.page.expect_popup() as popup:
        press(pane, "Sign in")
    assert barriers(popup.value) == []
    popup.value.get_by_role("button", name="Cancel").click()
    pane.told("You could not be signed in")
    desk.write("#mood", "window")
    press(pane, "Use a room of your own")
    press(pane, "Sign in")
    pane.shows("#link", "Sign in on this page")


def ready(desk: Desk) -> PaneWindow:
    desk.compose("On demand")
    pane = desk.open_pane()
    pane.offers("add")
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
        desk.write("#mood", mood)
        pane.reach(heading)


def test_the_server_is_away(desk: Desk) -> None:
    """Without a network a placeholder and a code wait for the room, and the room takes
    their place when the network is back."""
    pane = ready(desk)
    desk.write("#mood", "offline")
    press(pane, "Add a video room")
    pane.reach("The video room comes later")
    desk.tells(PAPER, "TOK:-")
    press(pane, "Get the room now")
    pane.reach("The video room comes later")
    desk.write("#mood", "well")
    pane.reach("The video room comes later")
    press(pane, "Get the room now")
    pane.reach("The video room is added")
    desk.tells(PAPER, "PXPS:-")
    assert "TOK:-" not in desk.text(PAPER)


def test_opened_again_with_a_network(desk: Desk) -> None:
    """A pane that is opened beside a placeholder gets the room by itself."""
    page = desk.page
    pane = ready(desk)
    desk.write("#mood", "offline")
    press(pane, "Add a video room")
    pane.reach("The video room comes later")
    desk.press("#pane-close")
    page.evaluate(
        """() => {
            const mood = document.getElementById("mood");
            mood.value = "well";
            mood.dispatchEvent(new Event("change"));
        }"""
    )
    desk.press("#addin-button")
    pane.reach("The video room is added")
    pane.told("has taken the place of the placeholder")


def test_whose_text_it_is(desk: Desk) -> None:
    """A text from another meeting, and one meeting of a series, can be shown."""
    pane = ready(desk)
    desk.write("#mood", "pasted")
    pane.reach("These joining instructions do not fit")
    press(pane, "Use a new room")
    pane.reach("The video room is added")
    assert "Parts of the earlier" not in pane.says
    desk.write("#mood", "occurrence")
    pane.reach("This meeting has a video room")
    pane.told("open the whole series")
    assert "replace" not in pane.actions
    desk.write("#mood", "pasted")
    pane.reach("These joining instructions do not fit")


def test_door_signs(desk: Desk) -> None:
    """Alice pastes an invitation and invites a room by a press; the room's sign gets
    its button when the clock is there, the large one what to dial; cancelled, it is
    gone."""
    page, demo = desk.page, desk.demo
    oak = ".sign[data-room='oak@example.test']"
    desk.compose("Numbers")
    desk.write("#invitation", "Zoom")
    desk.write("#invitation", "Microsoft Teams")
    desk.tells(PAPER, "Video ID: 118 220 331 4")
    assert "Zoom" not in desk.text(PAPER)
    for _ in range(3):
        desk.press("button", "Oak")
    desk.holds("#location", "Oak")
    assert desk.count("#required .chip") == 1
    desk.send()
    desk.tells("#toasts", "Sent.")
    read_calendars(demo)
    desk.press(f"{oak} button", "Move the clock to Join")
    desk.press(f"{oak} button", "Join · Microsoft Teams")
    desk.tells("#toasts", "1182203314@teams.example.test")
    desk.shows(f"{oak}[data-state=soon]")
    assert barriers(page) == []
    with page.expect_popup() as opened:
        desk.press(f"{oak} a", "Screen in the room")
    large = opened.value
    in_page.tells(large, "#address", "teams.example.test")
    in_page.reads(large, "#until", "next meeting in 5 min")
    large.close()
    desk.tab.change(viewport={"width": 400, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    desk.press("button", "Cancel meeting")
    read_calendars(demo)
    desk.tells(oak, "No meetings")
