"""The look of the administrator's page: every view, in light and dark, wide and narrow,
without barriers for anybody."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.admin_page import AdminPage, admin_page, first_steps
from tests.browser.axe import barriers
from tests.browser.tabs import Tabs
from tests.system.system_support import World

VIEWS = {
    "/": "Overview",
    "/integrations": "Integrations",
    "/integrations/1": "Head office",
    "/integrations/2": "Lyon",
    "/rooms": "Today’s rooms",
    "/rooms/2021-01-01": "Rooms on Friday, 1 January 2021",
    "/alarms": "Alarms",
    "/certificates": "Certificates",
    "/rule-test": "Rule test",
    "/search?q=alice@example.test": "Search: alice@example.test",
    "/search?q=nothing-of-the-kind": "Search: nothing-of-the-kind",
    "/conferences/1": "Room 0 of the day, with a name that is rather long",
    "/conferences/999": "A room that is gone",
    "/nowhere": "There is nothing here",
}
Looks = tuple[tuple[int, str], ...]
LOOKS: Looks = ((1280, "light"), (400, "dark"))
"""Each width and each scheme: colours do not depend on the width."""


@pytest.fixture(scope="module")
def page(tabs: Tabs, admin_world: World) -> Iterator[AdminPage]:
    with admin_page(tabs, admin_world) as page:
        page.sign_in()
        yield page


NARROW = LOOKS[1:]
"""Enough for what has new words alone, in parts that are elsewhere in all looks."""


def inspect(page: AdminPage, looks: Looks = LOOKS) -> list[Any]:
    """Return the barriers in what is shown, in any of these looks."""
    found: list[Any] = []
    for width, scheme in looks:
        size = {"width": width, "height": 800}
        page.tab.change(viewport=size, color_scheme=scheme)
        found += [(width, scheme, each) for each in barriers(page.page)]
        needed = page.page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append((width, f"{needed} pixels wide"))
    return found


@pytest.mark.parametrize("where", VIEWS)
def test_views(page: AdminPage, where: str) -> None:
    """No serious finding of axe-core, and nothing to scroll sideways."""
    page.go(where, VIEWS[where])
    assert inspect(page) == []


def test_first_steps(page: AdminPage, admin_world: World) -> None:
    """With the errors of fields, with the doctor's verdicts, and when it is done."""
    page.go("/first-steps", "First steps")
    page.press("Create the integration")
    expect(page.page.locator("#field-name-wrong")).to_be_visible()
    assert inspect(page) == []
    page.fill(first_steps(admin_world, password="wrong", name="Paris"))
    page.fill({"room_mailbox_email_address": "paris@example.test"})
    page.press("Check")
    expect(page.page.locator(".finding").first).to_be_visible()
    assert inspect(page) == []
    page.press("Create the integration")
    page.expect_heading("“Paris” is there")
    assert inspect(page) == []


def test_doctor_and_account(page: AdminPage) -> None:
    """A report with failures unfolded, and a link for the service account."""
    page.go("/integrations/2", "Lyon")
    page.press("Run the doctor")
    page.card("Doctor").get_by_text("checks passed").click()
    assert inspect(page) == []
    page.go("/integrations/3", "Cloud")
    page.press("Make a sign-in link")
    expect(page.page.get_by_role("textbox", name="The link")).to_be_focused()
    assert inspect(page) == []


def test_signed_out(page: AdminPage) -> None:
    """The form, with an error."""
    page.button("Sign out").click()
    page.button("Sign in").click()
    expect(page.page.get_by_role("alert")).to_contain_text("Enter your name.")
    assert inspect(page) == []
