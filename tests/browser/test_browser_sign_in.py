"""An administrator signs the service account in, with real pages on all sides."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.peers.oidc_peer import REDIRECT_PATH, Provider, public_client
from tests.system.system_support import World, eventually

SVC = "svc@example.test"
PAGE = "/admin/platform/msexchangeconnector/1/sign_in/"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider([public_client("pexschedd")])
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def world(
    provider: Provider, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A daemon with an integration that nobody has signed in to."""
    with World(tmp_path_factory.mktemp("sign-in")) as world:
        world.create_integration(
            authentication_method="OAUTH",
            oauth_client_id="pexschedd",
            oauth_redirect_uri=world.admin + REDIRECT_PATH,
            oauth_auth_endpoint=provider.auth_endpoint,
            oauth_token_endpoint=provider.token_endpoint,
        )
        yield world


@pytest.fixture
def context(browser: Browser, world: World) -> Iterator[BrowserContext]:
    """An administrator's browser."""
    context = browser.new_context(
        http_credentials={"username": "admin", "password": world.password},
        viewport={"width": 320, "height": 720},
    )
    yield context
    context.close()


@pytest.fixture
def elsewhere(browser: Browser) -> Iterator[BrowserContext]:
    """A private window: nobody is signed in."""
    context = browser.new_context()
    yield context
    context.close()


def make_link(page: Page, world: World) -> str:
    page.goto(world.admin + PAGE)
    page.get_by_role("button").click()
    return page.get_by_role("textbox").input_value()


def sign_in(page: Page, link: str, name: str) -> None:
    """As a person does, up to the question of consent."""
    page.goto(link)
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.get_by_role("button", name="Sign-in").click()


def test_signing_in(
    world: World, context: BrowserContext, elsewhere: BrowserContext
) -> None:
    """From the alarm to the page that says it is done, and to the alarm's end."""
    needed = "scheduling_exchange_sign_in_needed"

    def raised() -> bool:
        return needed in [a["name"] for a in world.objects("alarm", "status")]

    eventually(raised, "the alarm")
    administrator, person = context.new_page(), elsewhere.new_page()
    administrator.goto(world.admin + PAGE)
    expect(administrator.get_by_text("Nobody has signed in")).to_be_visible()
    link = make_link(administrator, world)
    sign_in(person, link, "eve@example.test")
    person.get_by_role("button", name="Continue").click()
    expect(person.get_by_role("alert")).to_contain_text("eve@example.test signed in")
    link = make_link(administrator, world)
    sign_in(person, link, SVC)
    person.get_by_role("button", name="Continue").click()
    expect(person.get_by_role("status")).to_contain_text("Successfully signed in.")
    administrator.reload()
    expect(administrator.get_by_text(f"Signed in as {SVC} since")).to_be_visible()
    eventually(lambda: not raised(), "the end of the alarm")


def test_declining(
    world: World, context: BrowserContext, elsewhere: BrowserContext
) -> None:
    """Who cancels at the provider is told what to do."""
    person = elsewhere.new_page()
    sign_in(person, make_link(context.new_page(), world), SVC)
    person.get_by_text("Cancel").click()
    expect(person.get_by_role("alert")).to_contain_text("declined")


def test_the_button_says_where_it_is(world: World, context: BrowserContext) -> None:
    """Browsers without Sec-Fetch-Site, or with plain http, tell by Origin alone that
    our own page has sent the form."""
    page = context.new_page()
    page.goto(world.admin + PAGE)
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button").click()
    assert sent.value.all_headers()["origin"] == world.admin


def test_the_page_itself(world: World, context: BrowserContext) -> None:
    """It fits into 320 pixels, obeys its policy, and works from the keyboard; the link
    that was just made has the focus and is copied by selecting all."""
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("pageerror", lambda error: refused.append(str(error)))
    link = make_link(page, world)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Control+A")
    selected = page.evaluate(
        "(f => f.value.slice(f.selectionStart, f.selectionEnd))(document.activeElement)"
    )
    assert selected == link
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Open in a new tab")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "link => document.getElementById('link').value != link", arg=link
    )
    assert refused == []
