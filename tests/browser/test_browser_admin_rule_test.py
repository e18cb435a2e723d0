"""The administrator's page: the form that tests rules with an invitation."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.admin_page import AdminPage, admin_page
from tests.browser.admin_world import HOSTILE
from tests.browser.tabs import Tabs
from tests.browser.test_browser_admin_look import inspect
from tests.system.system_support import World

MAIL = (
    "From: Alice <alice@example.test>\r\nTo: oak@example.test\r\n"
    f"Subject: {HOSTILE}\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    "Join: https://zoom.us/j/95812345678\r\n"
)


@pytest.fixture(scope="module")
def page(tabs: Tabs, admin_world: World) -> Iterator[AdminPage]:
    """Signed in, with a profile whose only rule looks for a domain."""
    for resource, record in (
        (
            "mjx_exchange_deployment",
            {
                "name": "Rooms",
                "ews_url": "http://127.0.0.1:9/EWS/Exchange.asmx",
                "service_account_username": "rooms",
                "service_account_password": "rooms",
            },
        ),
        ("mjx_integration", {"name": "Office", "exchange_deployment": 1}),
        (
            "mjx_meeting_processing_rule",
            {
                "name": "Own rooms",
                "mjx_integration": 1,
                "priority": 1,
                "meeting_type": "domain",
                "domain": "rooms.example.test",
            },
        ),
    ):
        path = f"configuration/v1/{resource}/"
        admin_world.ask("POST", path, record).raise_for_status()
    with admin_page(tabs, admin_world) as page:
        page.sign_in()
        yield page


def test_a_file_shows_what_the_screen_will_show(page: AdminPage) -> None:
    """A mail's subject, whatever it is, is a text; the rule that matched has its sign,
    and what is dialled can be copied."""
    page.go("/rule-test", "Rule test")
    page.page.get_by_label("Or a file").set_input_files(
        {"name": "a.eml", "mimeType": "message/rfc822", "buffer": MAIL.encode()}
    )
    page.press("Test")
    screen = page.card("On the screen")
    expect(screen).to_contain_text("95812345678@zoomcrc.com")
    expect(screen).to_contain_text(HOSTILE)
    assert page.page.locator("main img, main script").count() == 0
    matched = page.card("Rules").get_by_role("listitem").filter(has_text=": matched")
    expect(matched).to_have_count(1)
    expect(matched).to_contain_text("Zoom")
    assert inspect(page) == []


def test_a_profile_s_rules(page: AdminPage) -> None:
    """With a profile its rules alone are tried; where nothing is found the answer says
    why, and which service was recognised."""
    page.go("/rule-test", "Rule test")
    page.page.get_by_label("Text").fill("Join: https://zoom.us/j/95812345678")
    page.page.get_by_label("Profile").select_option("Office")
    page.page.get_by_label("Subject").fill("Budget")
    page.press("Test")
    screen = page.card("On the screen")
    expect(screen).to_contain_text("Without Join")
    expect(screen).to_contain_text("Budget")
    expect(screen).to_contain_text("Nothing to dial was found.")
    rules = page.card("Rules").get_by_role("listitem")
    expect(rules.first).to_contain_text("Own rooms")
    expect(page.card("Remarks")).to_contain_text("Zoom")
    assert inspect(page) == []


def test_an_empty_form_says_what_is_missing(page: AdminPage) -> None:
    """Nothing is sent, and the field that is needed has the focus."""
    page.go("/rule-test", "Rule test")
    page.press("Test")
    text = page.page.get_by_label("Text")
    expect(text).to_be_focused()
    expect(page.page.locator("#invitation-text-wrong")).to_contain_text("Paste")
    assert inspect(page) == []
