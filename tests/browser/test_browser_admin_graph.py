"""An integration with Microsoft Graph on the administrator's page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.admin_page import AdminPage, admin_page
from tests.browser.test_browser_admin_look import inspect
from tests.system.system_support import World

ENTRIES = {
    "name": "Oslo",
    "oauth_client_id": "11111111-2222-3333-4444-555555555555",
    "oauth_client_secret": "a~secret",
    "room_mailbox_email_address": "oslo@example.test",
    "scheduled_alias_prefix": "777",
    "addin_server_domain": "vc.example.test",
}


@pytest.fixture
def page(browser: Browser, admin_world: World) -> Iterator[AdminPage]:
    with admin_page(browser, admin_world) as page:
        page.sign_in("/first-steps")
        yield page


def test_first_steps_with_graph(page: AdminPage, admin_world: World) -> None:
    """The form asks for what Graph needs; what is wrong is told at its field; the
    integration's own page says how it reaches its mailbox."""
    shown = page.page
    expect(shown.locator("#field-url")).to_be_visible()
    expect(shown.locator("#field-graph_api_domain")).to_be_hidden()
    shown.locator("#field-mailbox_protocol").select_option("GRAPH")
    for name in ("url", "authentication_method", "username", "password"):
        expect(shown.locator(f"#field-{name}")).to_be_hidden()
    expect(shown.locator("#field-graph_api_domain")).to_have_value(
        "graph.microsoft.com"
    )
    page.fill(
        {
            **ENTRIES,
            "graph_api_domain": "127.0.0.1:9",
            "oauth_token_endpoint": "http://127.0.0.1:9/common/oauth2/v2.0/token",
        }
    )
    assert inspect(page) == []
    page.button("Create the integration").click()
    wrong = shown.locator("#field-oauth_token_endpoint-wrong")
    expect(wrong).to_contain_text("stands for any organization")
    assert inspect(page) == []
    page.fill(
        {"oauth_token_endpoint": "http://127.0.0.1:9/example.test/oauth2/v2.0/token"}
    )
    page.button("Create the integration").click()
    page.expect_heading("“Oslo” is there")
    shown.get_by_role("link", name="Go on to the integration").click()
    page.expect_heading("Oslo")
    settings = page.card("Settings")
    expect(settings).to_contain_text("Microsoft Graph127.0.0.1:9")
    expect(settings).to_contain_text(
        f"OAuth, as an application as {ENTRIES['oauth_client_id']}"
    )
    assert inspect(page) == []
