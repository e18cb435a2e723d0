"""The pane in a real browser: where it is opened, how it looks, what it says."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pane_page import GUEST, INVITED, ROOM, TAG, Open
from tests.browser.tabs import Tabs


def test_keyboard_only(open_pane: Open) -> None:
    """Tab reaches the button, it shows the focus, a key presses it, Tab goes on."""
    pane = open_pane()
    pane.shows("#action")
    pane.page.keyboard.press("Tab")
    expect(pane.button).to_be_focused()
    assert pane.button.evaluate("b => getComputedStyle(b).outlineStyle") == "solid"
    pane.page.keyboard.press("Enter")
    pane.reach("Success")
    close = pane.page.get_by_role("button", name="Close")
    expect(close).to_be_focused()
    described = str(close.get_attribute("aria-describedby")).split()
    assert described[:2] == ["card-heading", "card-message"]
    pane.page.keyboard.press("Tab")
    expect(pane.page.locator('[data-action="remove"]')).to_be_focused()


def test_nothing_out_of_reach_has_the_focus(open_pane: Open) -> None:
    """Outlook on the web moves the focus itself: it needs a place that Tab knows."""
    pane = open_pane(set="1.4")
    pane.press("add")
    pane.reach("Success")
    assert pane.page.evaluate("document.activeElement.tabIndex") == 0
    assert pane.page.locator("[tabindex='-1']").count() == 0


@pytest.mark.parametrize(
    ("outlook", "heading"),
    [
        ({"noHost": True}, "Open this pane in Outlook"),
        ({"readMode": True}, "Open a meeting first"),
        ({"set": "1.0"}, "This Outlook is too old"),
        ({"messageMade": True}, "The room cannot be invited here"),
    ],
)
def test_where_nothing_can_be_added(
    open_pane: Open, outlook: dict[str, Any], heading: str
) -> None:
    """The pane says where it belongs, and has no button."""
    pane = open_pane(**outlook)
    pane.reach(heading)
    assert pane.actions == []


def test_switched_off(open_pane: Open) -> None:
    """Without rooms of any kind there is no button."""
    pane = open_pane(3)
    pane.reach("No rooms to add")
    assert pane.actions == []


def test_a_missing_library(open_pane: Open) -> None:
    """A library that cannot be loaded is named at once."""
    pane = open_pane(4)
    pane.reach("The pane cannot start")
    pane.told("/test/missing.js")


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
    pane.reads(".lead b", "your")
    pane.reads("h1 u", "rooms")
    assert pane.page.title() == "Add rooms"
    pane.reads("#action u", "now")
    pane.press("add")
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
    pane.shows("#action")
    background, text = pane.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.body).color]"
    )
    assert (background == "rgb(31, 31, 31)") is dark
    assert (text == "rgb(255, 255, 255)") is dark


def test_a_theme_that_changes(open_pane: Open) -> None:
    """The pane follows Outlook while it is open."""
    pane = open_pane(theme={"bodyBackgroundColor": "#ffffff"})
    pane.page.wait_for_function("() => outlook.handlers.olkOfficeThemeChanged")
    pane.page.evaluate(
        "outlook.handlers.olkOfficeThemeChanged("
        "{officeTheme: {bodyBackgroundColor: '#000000'}})"
    )
    expect(pane.page.locator("html")).to_have_class("dark")


@pytest.mark.parametrize("language", ["ar-SA", "he-IL", "en-US"])
def test_directions(open_pane: Open, language: str) -> None:
    """Outlook's language decides on which side the pane begins."""
    pane = open_pane(language=language, token="early")
    pane.press("add")
    pane.reach("Error")
    icon = pane.page.locator(".card-icon").bounding_box()
    heading = pane.heading.bounding_box()
    assert icon
    assert heading
    assert (icon["x"] > heading["x"]) is (language != "en-US")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de-AT", "Fehlendes ergänzen"),
        ("nn-NO", "Legg til det som mangler"),
        ("ar-EG", "إضافة ما ينقص"),
        ("ja-JP", "Add what is missing"),
    ],
)
def test_languages(open_pane: Open, language: str, words: str) -> None:
    """The pane's own words are in Outlook's language, where there is a translation."""
    pane = open_pane(language=language, required=[ROOM])
    pane.reads("#action", words)
    label = pane.page.locator("#action .label")
    known = {"nn-NO": "nb", "ja-JP": "en"}.get(language, language[:2])
    expect(label).to_have_attribute("lang", known)
    expect(label).to_have_attribute("dir", "rtl" if known == "ar" else "ltr")
    assert pane.page.locator("html").get_attribute("lang") == known


def test_translations_of_the_administrator(open_pane: Open) -> None:
    """They go before the built-in ones, for fields and other languages, too; every
    block has its own language and direction."""
    pane = open_pane(11, language="de-DE", required=[ROOM])
    pane.reads("#action", "Bitte ergänzen")
    pane.press("repair")
    pane.reach("Fertig")
    expect(pane.heading).to_have_attribute("lang", "de")
    title = pane.page.locator("h1")
    expect(title).to_have_attribute("lang", "en")
    message = pane.page.locator("#card-message")
    expect(message).to_have_text("מוכן")
    expect(message).to_have_attribute("lang", "")
    expect(message).to_have_attribute("dir", "auto")
    other = open_pane(11, language="ja-JP", required=[ROOM])
    other.reads("#action", "追加")


@pytest.mark.parametrize("forced", [None, "active"])
def test_everything_fits(open_pane: Open, forced: str | None) -> None:
    """320 pixels are enough, with every colour taken away, too."""
    pane = open_pane(2, page={"forced_colors": forced}, token="early")
    pane.press("add")
    pane.reach("Error")
    assert pane.page.evaluate("document.documentElement.scrollWidth <= 320")
    assert pane.page.evaluate("getComputedStyle(action).borderStyle") == "solid"


def test_texts_stay_within(open_pane: Open) -> None:
    """Whatever an administrator's text makes of itself, the pane is as wide as it is,
    and its title and button lie beneath nothing."""
    pane = open_pane(14)
    pane.shows("#action")
    assert pane.page.evaluate("document.documentElement.scrollWidth <= 320")
    for place in ("h1", "[data-action=add]"):
        on_top = pane.page.evaluate(
            """selector => {
                const place = document.querySelector(selector);
                place.scrollIntoView();
                const box = place.getBoundingClientRect();
                return place.contains(document.elementFromPoint(
                    box.left + box.width / 2, box.top + box.height / 2));
            }""",
            place,
        )
        assert on_top, place


def test_twice_the_size(open_pane: Open) -> None:
    """At 200 % of a narrow pane nothing is cut off."""
    pane = open_pane(
        2, page={"viewport": {"width": 160, "height": 300}}, body=TAG, required=[ROOM]
    )
    pane.reach("VMR already assigned")
    assert pane.page.evaluate("document.documentElement.scrollWidth <= 160")
    heading, box = pane.heading.bounding_box(), pane.card.bounding_box()
    assert heading
    assert box
    assert heading["width"] > box["width"] - 20, "the icon takes no column"


def test_for_whom(open_pane: Open) -> None:
    """A delegate sees in whose calendar the meeting is."""
    pane = open_pane(set="1.8", owner="boss@example.test")
    pane.reads("#owner", "For the calendar of boss@example.test")


@pytest.mark.parametrize(
    ("outlook", "kind", "words"),
    [
        ({}, "informationalMessage", "A room was added"),
        ({"required": [ROOM], "body": TAG}, "informationalMessage", "a room already"),
        ({"token": "early"}, "errorMessage", "not valid until"),
    ],
)
def test_the_one_click_command(
    tabs: Tabs, origin: str, outlook: dict[str, Any], kind: str, words: str
) -> None:
    """The command adds a room without a pane and says so above the meeting."""
    with tabs.tab() as tab:
        page = tab.page
        refused: list[str] = []
        tab.on("pageerror", lambda error: refused.append(str(error)))
        tab.run_first(f"window.outlook = {outlook};")
        page.goto(f"{origin}/api/client/v2/msexchange_schedulers/1/commands")
        page.wait_for_function("() => outlook.addRoom")
        page.evaluate("new Promise(done => outlook.addRoom({completed: done}))")
        notices = page.evaluate("outlook.notices")
        assert notices[-1]["type"] == kind
        assert words in notices[-1]["message"]
        assert len(notices[-1]["message"]) <= 150
        if not outlook:
            assert page.evaluate("outlook.required") == [INVITED]
        assert refused == []


@pytest.mark.parametrize(
    ("set_", "host", "platform"),
    [
        ("1.1", "Outlook", "PC"),
        ("1.3", "Outlook", "PC"),
        ("1.5", "OutlookWebApp", "OfficeOnline"),
        ("1.8", "Outlook", "Mac"),
        ("1.14", "newOutlookWindows", "OfficeOnline"),
    ],
)
def test_every_outlook(open_pane: Open, set_: str, host: str, platform: str) -> None:
    """From Outlook 2013 on, in every client, one press adds one room."""
    pane = open_pane(
        set=set_, host=host, platform=platform, required=[dict(GUEST)], body="Agenda"
    )
    pane.press("add")
    pane.reach("Success")
    assert pane.outlook("body").count(TAG) == 1
    assert pane.outlook("required") == [GUEST, INVITED]
    assert pane.outlook("most") == 1
