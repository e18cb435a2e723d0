"""The window in which a user signs in, in a real browser: the question before, the way
to the identity provider, and the page at the end."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.tabs import Tabs
from tests.system.system_support import World

BASE = "/api/client/v2/msexchange_schedulers"


class SignInPage(BaseHTTPRequestHandler):
    """The identity provider's page; it cuts windows off from their openers."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("cross-origin-opener-policy", "same-origin")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Password</title><h1>Password</h1>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SignInPage)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[World]:
    """A daemon for all these tests, each of which makes attempts of its own."""
    with World(tmp_path_factory.mktemp("user-sign-in")) as world:
        world.create_integration(
            enable_personal_vmrs=True,
            auth_provider="ADFS",
            personal_vmr_oauth_auth_endpoint=f"{provider}/adfs/oauth2/authorize",
            personal_vmr_oauth_token_endpoint=f"{provider}/adfs/oauth2/token",
            personal_vmr_adfs_relying_party_trust_identifier="https://vc.test/p",
        )
        yield world


@pytest.fixture
def page(tabs: Tabs) -> Iterator[Page]:
    problems: list[str] = []
    with tabs.tab() as tab:
        tab.on("console", lambda message: problems.append(message.text))
        yield tab.page
    assert not [each for each in problems if "Content Security Policy" in each]


def start_address(world: World) -> str:
    answer = requests.post(f"{world.addin}{BASE}/1/sign_in", timeout=10)
    return f"{world.addin}{BASE}/1/{answer.json()['result']['start']}"


def test_an_address_from_a_message(world: World, page: Page, provider: str) -> None:
    """Whoever opens the address by itself is asked, and the button leads on, past the
    page's own policy; a second time the address says that it is over."""
    address = start_address(world)
    page.goto(address)
    expect(page.get_by_role("heading")).to_have_text("Sign in for Outlook?")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text("Password")
    assert page.url.startswith(f"{provider}/adfs/oauth2/authorize?")
    page.goto(address)
    expect(page.get_by_role("heading").first).to_have_text("Not signed in")


def test_a_window_of_our_own_page(world: World, page: Page) -> None:
    """A window that a page of this server opens goes on without a question."""
    page.goto(f"{world.addin}{BASE}/oauth_redirect")
    expect(page.get_by_role("heading").first).to_have_text("Not signed in")
    address = start_address(world)
    with page.expect_popup() as opened:
        page.evaluate("address => { window.open(address) }", address)
    expect(opened.value.get_by_role("heading")).to_have_text("Password")


def test_a_link_on_another_page(world: World, page: Page, provider: str) -> None:
    """A page of another site cannot send its reader past the question."""
    page.goto(provider)
    page.evaluate("address => { location.href = address }", start_address(world))
    expect(page.get_by_role("heading")).to_have_text("Sign in for Outlook?")
    address = start_address(world)
    page.goto(provider)
    page.evaluate(
        """address => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = address;
            document.body.appendChild(form);
            form.submit();
        }""",
        address,
    )
    expect(page.get_by_role("heading").first).to_have_text("Not signed in")
