"""The display of a room, as a door sign and in the room."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import barriers
from tests.browser.display_page import (
    DAY,
    LANDSCAPE,
    NOW,
    PORTRAIT,
    TOKEN,
    DisplayPage,
    display_origin,
    display_page,
    line,
)
from tests.browser.tabs import LOOK, Tab, Tabs

ROOM = f"#token={TOKEN}&lang=en&view=room"
SMALL = {"width": 800, "height": 480}
PHONE = {"width": 390, "height": 844}
LOOKS = (
    ("landscape", LANDSCAPE, "light"),
    ("portrait", PORTRAIT, "dark"),
    ("small", SMALL, "light"),
    ("phone", PHONE, "dark"),
)
"""Each size and each scheme: colours do not depend on the size."""
INSPECTED = ("landscape", "phone")
"""Looks for axe-core: both schemes, on a wall and where the page is scrolled."""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with display_origin() as origin:
        yield origin


@pytest.fixture
def display(tabs: Tabs, served: str) -> Iterator[DisplayPage]:
    with display_page(tabs, served) as page:
        yield page


def shown(display: DisplayPage) -> tuple[str, str, str]:
    """Word, time and title of the panel, once an answer is there."""
    expect(display.page.locator("body")).not_to_have_attribute("data-state", "unknown")
    return display.text("word"), display.text("until"), display.text("title")


def test_a_day_passes(display: DisplayPage) -> None:
    """In use until the meetings that follow each other end, free, soon in use; the list
    of next meetings gets shorter."""
    display.open()
    assert shown(display) == ("In use", "until 11:00", "Design review")
    assert display.text("organizer") == "8:30 – 10:00 · Alice Ångström"
    assert display.page.locator("#upcoming li").count() == 4
    display.later(3600)
    assert shown(display)[2] == "Budget 2027, second reading"
    display.later(3600)
    assert shown(display) == ("Free", "until 13:00", "")
    display.later(3600 + 46 * 60)
    assert shown(display) == ("Free", "next meeting in 14 min", "")
    display.later(14 * 60)
    assert shown(display) == ("In use", "until 14:00", "Interview")
    display.later(3 * 3600)
    assert shown(display) == ("Free", "for the rest of the day", "")
    assert display.page.locator("#upcoming li").all_inner_texts() == [
        "9:00\nWed 2 Dec\n\nBoard\n\nAlice Ångström"
    ]


def test_meetings_of_all_kinds(display: DisplayPage) -> None:
    """Two at once are both named; one of a whole day counts if there is no other; texts
    are never markup."""
    fair = line("Fair", 0, 24, all_day=True)
    display.meetings = [fair, *DAY[:1], line("<b>Second</b>", 8.75, 9.5)]
    display.open()
    assert shown(display)[2] == "<b>Second</b>"
    assert display.text("also") == "Also now: Fair · Also now: Design review"
    display.meetings = [fair]
    display.later(60)
    expect(display.page.locator("#title")).to_have_text("Fair")
    assert display.text("until") == "until tomorrow"
    assert display.text("organizer") == "All day · Alice Ångström"


def test_the_code_to_join(display: DisplayPage) -> None:
    """In the room, in its time: the address, its picture, and the PIN; at the door only
    if that is wanted."""
    display.open(ROOM)
    shown(display)
    assert display.text("address") == "4021.77@zoomcrc.com"
    assert display.text("pin") == "PIN 123456"
    code = display.page.get_by_role("img", name="Code to join Design review")
    expect(code.locator("path")).to_have_count(1)
    display.later(3601)
    assert display.text("join") == ""
    display.later(3 * 3600 - 301)
    assert display.text("address") == "5550123@vc.example.test"
    assert display.text("pin") == ""
    display.open(f"#token={TOKEN}&view=door")
    display.page.reload()
    shown(display)
    assert display.text("join") == ""
    display.open(f"#token={TOKEN}&join=yes")
    display.page.reload()
    expect(display.page.locator("#join")).to_be_visible()


GOLDEN = [
    (14, 1, "4565fccd1293a65a"),
    (26, 2, "c58ae852d050f6ec"),
    (42, 3, "28f1532b33028b92"),
    (62, 4, "3c4cff27b5d29b90"),
    (84, 5, "c7e7a34db75e9b0d"),
    (106, 6, "326bae7f54519dc7"),
    (122, 7, "294a39546ba9a2da"),
    (152, 0, "7bd6da81fe83393c"),
    (180, 1, "c63ca522a054a50e"),
    (213, 2, "96cbfcb4e3839d83"),
    (251, 3, "13e60e300cdd0ef4"),
    (287, 4, "f379acb5d22e610b"),
    (331, 5, "fde7ca9ff01c565b"),
]
"""Length and mask of a text that fills a code, and a digest of the code by segno 1.6.6:
each size once, and all masks."""
FILLING = ("sip:" + "0123456789abcdefghij@example.test" * 11)[:331]


def test_qr_codes(display: DisplayPage) -> None:
    """Codes of every size and mask are those that another encoder makes; what is too
    long has none."""
    display.open()
    for length, mask, digest in GOLDEN:
        rows: Any = display.page.evaluate(
            "([text, mask]) => roomDisplay.encode(text, mask)", [FILLING[:length], mask]
        )
        text = "/".join("".join(map(str, row)) for row in rows)
        assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest
    assert display.page.evaluate("roomDisplay.encode('x'.repeat(332))") is None
    assert len(display.page.evaluate("roomDisplay.encode('é')")) == 21


def test_no_network_for_an_hour(display: DisplayPage) -> None:
    """The sign goes on by the clock and says since when it is alone; afterwards it
    shows what has changed, and says nothing."""
    display.open()
    shown(display)
    display.is_offline = True
    display.later(80)
    assert display.text("notice") == ""
    display.later(3520)
    assert shown(display)[2] == "Budget 2027, second reading"
    assert display.text("notice") == "Not updated since 9:00"
    display.is_offline = False
    display.meetings = DAY[2:]
    display.read_at = NOW + timedelta(hours=1)
    display.later(31)
    expect(display.page.locator("#word")).to_have_text("Free")
    display.later(1)
    assert display.text("notice") == ""


def test_a_calendar_that_is_not_read(display: DisplayPage) -> None:
    """An old calendar is shown with its age; one that was never read is not shown as
    free."""
    display.read_at = NOW - timedelta(hours=3)
    display.open()
    shown(display)
    display.later(1)
    assert display.text("notice") == "Calendar as of 6:00"
    display.read_at = None
    display.meetings = []
    display.later(31)
    expect(display.page.locator("#word")).to_have_text("One moment")
    assert display.text("next") == ""


def test_nothing_new_costs_nothing(display: DisplayPage) -> None:
    """The tag goes back, the token is in a header, and a pause that is asked for is
    kept."""
    display.open()
    shown(display)
    display.later(31)
    display.page.wait_for_timeout(100)
    assert [each.get("if-none-match", "") for each in display.asked] == [
        *("", display._tag())
    ]
    assert {each["authorization"] for each in display.asked} == {f"Bearer {TOKEN}"}
    display.status = 429
    display.later(31)
    display.page.wait_for_timeout(100)
    assert shown(display)[0] == "In use"


def test_a_token_that_is_deleted(display: DisplayPage) -> None:
    """Nothing is shown any more, and the form asks for another one."""
    display.open()
    shown(display)
    display.status = 401
    display.later(31)
    expect(display.page.get_by_role("alert")).to_have_text(
        "The token is wrong, or was deleted. Enter another one."
    )
    assert display.text("title") == ""
    for storage in ("localStorage", "sessionStorage"):
        kept = display.page.evaluate(f"JSON.stringify({storage})")
        assert TOKEN not in kept
        assert "Design review" not in kept
    display.status = 200
    display.page.get_by_label("Token").fill(TOKEN)
    display.page.get_by_label("In the room").check()
    display.page.get_by_label("Dark").check()
    display.page.get_by_role("button", name="Show the room").click()
    assert shown(display)[0] == "In use"
    assert display.text("address") == "4021.77@zoomcrc.com"


def test_settings_are_kept(display: DisplayPage) -> None:
    """The text behind the # is taken away at once, and kept over a restart."""
    display.open(f"#token={TOKEN}&view=room&theme=dark&lang=de")
    assert shown(display)[0] == "Belegt"
    assert display.page.url == f"{display.origin}/display/"
    display.page.reload()
    assert shown(display) == ("Belegt", "bis 11:00", "Design review")
    html = display.page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    expect(html).to_have_attribute("lang", "de")
    display.open("#settings")
    display.page.reload()
    expect(display.page.get_by_label("Im Raum")).to_be_checked()
    expect(display.page.get_by_label("Token")).to_have_value("")
    display.page.get_by_role("button", name="Raum anzeigen").click()
    assert shown(display)[0] == "Belegt"


def test_signs_of_two_rooms(display: DisplayPage) -> None:
    """Each tab of a browser keeps its own sign when it is loaded anew; a new tab has
    the one that was set up last."""
    context = display.page.context
    other = DisplayPage(Tab(context.new_page(), LOOK), display.origin)
    display.open()
    shown(display)
    other_token = TOKEN.replace("secret", "public")
    other.open(f"#token={other_token}&lang=de")
    assert shown(other)[0] == "Belegt"
    display.page.reload()
    assert shown(display)[0] == "In use"
    assert display.asked[-1]["authorization"] == f"Bearer {TOKEN}"
    third = DisplayPage(Tab(context.new_page(), LOOK), display.origin)
    third.open("")
    assert shown(third)[0] == "Belegt"
    assert third.asked[-1]["authorization"] == f"Bearer {other_token}"


def test_without_a_token(display: DisplayPage) -> None:
    """The form says what is missing, and asks the server nothing."""
    display.open("#lang=en")
    display.page.get_by_role("button", name="Show the room").click()
    expect(display.page.get_by_role("alert")).to_have_text("Enter the room’s token.")
    assert display.asked == []


def test_languages(display: DisplayPage) -> None:
    """Each has all texts, with the values that belong into them; Arabic runs from right
    to left."""
    display.open(f"#token={TOKEN}&lang=ar")
    shown(display)
    html = display.page.locator("html")
    expect(html).to_have_attribute("dir", "rtl")
    words = "language => roomDisplay.wordsFor(language)"
    english = display.page.evaluate(words, "en")["text"]
    for language in ("ar", "de", "en", "es", "fr", "nb", "nl"):
        own = display.page.evaluate(words, language)
        assert own["language"] == language
        assert own["direction"] == ("rtl" if language == "ar" else "ltr"), language
        assert own["text"].keys() == english.keys(), language
        for name, text in english.items():
            assert own["text"][name].count("{") == text.count("{"), (language, name)
            assert own["text"][name].strip(), (language, name)
    display.open(f"#token={TOKEN}&lang=nl")
    display.page.reload()
    shown(display)
    expect(html).to_have_attribute("dir", "ltr")


def test_the_look(display: DisplayPage) -> None:
    """No serious finding of axe-core in any state, nothing to scroll sideways, and
    nothing to scroll at all on a wall."""
    page = display.page
    found: list[Any] = []

    def inspect(what: str) -> None:
        for look, size, scheme in LOOKS:
            display.tab.change(viewport=size, color_scheme=scheme)
            page.evaluate("new Promise(requestAnimationFrame)")
            if look in INSPECTED:
                found.extend((what, look, each) for each in barriers(page))
            width, height = page.evaluate(
                "[document.documentElement.scrollWidth, "
                "document.documentElement.scrollHeight]"
            )
            may_scroll = look == "phone" or what == "form"
            if width > size["width"] or (not may_scroll and height > size["height"]):
                found.append((what, look, width, height))

    long = line(
        "A title that does not end " * 12, 8.5, 10, "a" * 120 + "@x.test", pin="1"
    )
    display.meetings = [
        long,
        *(line(f"Meeting {n}", n, n + 1) for n in range(10, 20)),
    ]
    display.open(ROOM)
    shown(display)
    page.clock.resume()  # axe-core waits for its timers
    inspect("in use")
    for what, meetings in (("free", DAY[2:]), ("soon", [line("x", 9.1, 10)])):
        display.meetings = meetings
        display.later(31)
        expect(page.locator("body")).to_have_attribute("data-state", what)
        page.wait_for_timeout(50)
        inspect(what)
    display.open("#settings")
    page.reload()
    inspect("form")
    assert found == []
