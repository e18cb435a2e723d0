"""An integration with Microsoft Graph on the administrator's page."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.admin_page import AdminPage, admin_page
from tests.browser.tabs import Tabs
from tests.browser.test_browser_admin_look import NARROW, inspect
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
def page(tabs: Tabs, admin_world: World) -> Iterator[AdminPage]:
    with admin_page(tabs, admin_world) as page:
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
    assert inspect(page, NARROW) == []
    page.press("Create the integration")
    wrong = shown.locator("#field-oauth_token_endpoint-wrong")
    expect(wrong).to_contain_text("stands for any organization")
    assert inspect(page, NARROW) == []
    page.fill(
        {"oauth_token_endpoint": "http://127.0.0.1:9/example.test/oauth2/v2.0/token"}
    )
    page.press("Create the integration")
    page.expect_heading("“Oslo” is there")
    shown.get_by_role("link", name="Go on to the integration").click()
    page.expect_heading("Oslo")
    settings = page.card("Settings")
    expect(settings).to_contain_text("Microsoft Graph127.0.0.1:9")
    expect(settings).to_contain_text(
        f"OAuth, as an application as {ENTRIES['oauth_client_id']}"
    )
    assert inspect(page, NARROW) == []


@pytest.fixture
def tenant(admin_world: World) -> str:
    """The host of the sandbox's Graph, which knows the application."""
    application = {
        "client_id": ENTRIES["oauth_client_id"],
        "tenant": "contoso.test",
        "secret": "gr4ph",
    }
    url = f"{admin_world.exchange}/sandbox/graph/applications"
    requests.put(url, json=application, timeout=10).raise_for_status()
    return admin_world.exchange.removeprefix("http://")


def test_the_verdict_is_at_the_field_that_it_names(
    page: AdminPage, tenant: str
) -> None:
    """A wrong secret is told at the secret, although the sign-in needs four fields."""
    shown = page.page
    shown.locator("#field-mailbox_protocol").select_option("GRAPH")
    endpoint = f"http://{tenant}/contoso.test/oauth2/v2.0/token"
    page.fill(
        {
            **ENTRIES,
            "name": "Narvik",
            "room_mailbox_email_address": "narvik@example.test",
            "graph_api_domain": tenant,
            "oauth_token_endpoint": endpoint,
        }
    )
    page.press("Check")
    verdict = shown.locator("#field-oauth_client_secret-verdict")
    expect(verdict).to_contain_text("The client secret is wrong")
    expect(shown.locator("#field-graph_api_domain-verdict")).not_to_contain_text(
        "wrong"
    )
    expect(shown.locator("#field-oauth_client_secret")).to_be_focused()


def test_a_certificate_instead_of_a_secret(page: AdminPage, tenant: str) -> None:
    """It can be chosen; the integration is made without a secret, and what is left to
    do begins with the certificate and is about Exchange Online."""
    shown = page.page
    shown.locator("#field-mailbox_protocol").select_option("GRAPH")
    endpoint = f"http://{tenant}/contoso.test/oauth2/v2.0/token"
    page.fill(
        {
            **ENTRIES,
            "name": "Bergen",
            "room_mailbox_email_address": "bergen@example.test",
            "graph_api_domain": tenant,
            "oauth_token_endpoint": endpoint,
        }
    )
    shown.locator("#field-application_shows").select_option("CERTIFICATE")
    expect(shown.locator("#field-oauth_client_secret")).to_be_hidden()
    assert inspect(page, NARROW) == []
    page.press("Create the integration")
    page.expect_heading("“Bergen” is there")
    (record,) = (
        each
        for each in page.world.objects("ms_exchange_connector")
        if each["name"] == "Bergen"
    )
    steps = shown.locator(".next-steps")
    expect(steps).to_contain_text(f"{record['id']}/make_certificate/")
    expect(steps).to_contain_text("ExchangeOnlineManagement")
    expect(steps).not_to_contain_text("Exchange Management Shell")
    assert inspect(page, NARROW) == []
    shown.get_by_role("link", name="Go on to the integration").click()
    page.expect_heading("Bergen")
    alarms = page.card("Alarms")
    expect(alarms).to_contain_text("The application is not let in")
    expect(alarms).to_contain_text("the tenant in the token endpoint")
    expect(alarms).not_to_contain_text("service account")
