"""The administrator's page: who is signed in, for how long, and the first steps."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Route, expect

from tests.browser.admin_page import AdminPage, admin_page, first_steps
from tests.browser.tabs import Tabs
from tests.system.system_support import World

CONNECTOR = "configuration/v1/ms_exchange_connector/"
STORED = "[localStorage.length, sessionStorage.length, document.cookie]"


@pytest.fixture(scope="module")
def world(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A new installation."""
    with World(tmp_path_factory.mktemp("admin-session")) as world:
        yield world


@pytest.fixture
def page(tabs: Tabs, world: World) -> Iterator[AdminPage]:
    with admin_page(tabs, world) as page:
        yield page


def names(world: World) -> list[str]:
    return [each["name"] for each in world.objects("ms_exchange_connector")]


def test_nothing_is_told_before_the_sign_in(world: World) -> None:
    """The page's files need no credentials and tell nothing; they allow no script but
    their own, and no frame. The data is closed, and asks no browser for a password."""
    shell = requests.get(f"{world.admin}/admin/", timeout=5)
    policy = shell.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert shell.headers["cache-control"] == "no-store"
    assert world.password not in shell.text
    address = f"{world.admin}/api/admin/status/v1/principal/"
    asked = requests.get(address, headers={"X-Requested-With": "page"}, timeout=5)
    assert asked.status_code == 401
    assert "Basic" not in asked.headers["www-authenticate"]
    script = requests.get(address, timeout=5)
    assert "Basic" in script.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/admin/"),
        ("/admin/platform/msexchangeconnector/", "/admin/#/integrations"),
        ("/admin/platform/msexchangeconnector/1/", "/admin/#/integrations/1"),
    ],
)
def test_the_platforms_addresses_lead_there(
    world: World, path: str, location: str
) -> None:
    """So does the root, for browsers; programs are told that there is nothing."""
    answer = requests.get(
        world.admin + path,
        headers={"Accept": "text/html"},
        allow_redirects=False,
        timeout=5,
    )
    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert requests.get(f"{world.admin}/", timeout=5).status_code == 404


def test_signing_in_and_out(page: AdminPage) -> None:
    """A wrong password is told beside the form; a right one leads where the person
    wanted to go. Nothing is kept: a reload signs out."""
    page.open("/alarms")
    expect(page.page).to_have_title("Sign in – pexschedd")
    expect(page.page.get_by_label("Name", exact=True)).to_be_focused()
    page.button("Sign in").click()
    expect(page.page.get_by_role("alert")).to_contain_text("Enter your name.")
    page.page.get_by_label("Name", exact=True).fill("admin")
    page.page.get_by_label("Password").fill("wrong")
    page.button("Sign in").click()
    expect(page.page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.page.get_by_label("Password")).to_be_focused()
    page.sign_in("/alarms")
    page.expect_heading("Alarms")
    expect(page.page).to_have_title("Alarms – pexschedd")
    assert page.page.evaluate(STORED) == [0, 0, ""]
    page.page.reload()
    expect(page.button("Sign in")).to_be_visible()
    page.sign_in()
    page.button("Sign out").click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "Overview" not in page.page.locator("body").inner_text()


def test_first_steps_by_keyboard_alone(page: AdminPage, world: World) -> None:
    """From the sign-in to an integration that works: the doctor's verdict is beside
    each field, and pressing twice makes one integration."""
    keys = page.page.keyboard
    page.open()
    keys.type("admin")
    keys.press("Tab")
    keys.type(world.password)
    keys.press("Enter")
    page.expect_heading("Overview")
    expect(page.page.get_by_text("Nothing is connected yet")).to_be_visible()
    keys.press("Tab")
    keys.press("Enter")
    page.expect_heading("First steps")
    entered = first_steps(world, password="wrong")
    for name in entered:
        target = page.page.locator(f"#field-{name}")
        for _ in range(5):
            if target.evaluate("field => field === document.activeElement"):
                break
            keys.press("Tab")
        expect(target).to_be_focused()
        keys.press("Control+A")
        keys.type(entered[name])
    # What follows from other fields is filled in.
    expect(page.page.locator("#field-scheduled_alias_domain")).to_have_value(
        "example.test"
    )
    expect(page.page.get_by_text("For example")).to_contain_text(
        "555123456@example.test"
    )
    keys.press("Enter")
    account = page.page.locator("#field-username-verdict")
    expect(account).to_contain_text("does not let the account")
    expect(account).to_contain_text("What to do:")
    expect(page.page.locator("#field-username")).to_be_focused()
    expect(page.page.locator("#field-url-verdict")).to_contain_text("Passed")
    assert names(world) == []
    keys.press("Tab")
    for _ in range(3):
        if page.page.locator("#field-password").evaluate(
            "field => field === document.activeElement"
        ):
            break
        keys.press("Tab")
    keys.press("Control+A")
    keys.type("svc")
    expect(page.page.locator("#field-password-verdict")).to_be_empty()
    keys.press("Enter")
    mailbox = page.page.locator("#field-room_mailbox_email_address-verdict")
    expect(mailbox).to_contain_text("Impersonation")
    create = page.button("Create the integration")
    create.focus()
    keys.press("Enter")
    keys.press("Enter")
    page.expect_heading("“Paris” is there")
    assert names(world) == ["Paris"]
    page.page.get_by_role("link", name="Go on to the integration").press("Enter")
    page.expect_heading("Paris")


def test_wrong_fields_are_told_beside_them(page: AdminPage, world: World) -> None:
    """All of them at once, and the first one has the focus; nothing is made."""
    before = names(world)
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    page.fill(first_steps(world, name="", url="mail"))
    page.press("Create the integration")
    expect(page.page.locator("#field-name-wrong")).to_have_text(
        "This field is required."
    )
    expect(page.page.locator("#field-url-wrong")).to_be_visible()
    name = page.page.locator("#field-name")
    expect(name).to_be_focused()
    assert name.get_attribute("aria-invalid") == "true"
    name.fill("A name")
    expect(page.page.locator("#field-name-wrong")).to_be_hidden()
    # Fields of other sign-in methods are asked for when they are needed.
    expect(page.page.locator("#field-oauth_client_id")).to_be_hidden()
    page.page.locator("#field-authentication_method").select_option("APP_PERM")
    expect(page.page.locator("#field-oauth_client_id")).to_be_visible()
    expect(page.page.locator("#field-password")).to_be_hidden()
    assert names(world) == before


def test_a_lost_network_loses_nothing(page: AdminPage, world: World) -> None:
    """Entries stay, and nothing that the server did before its answer was lost is done
    again."""
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    entered = first_steps(
        world, name="Lost", room_mailbox_email_address="lost@example.test"
    )
    page.fill(entered)
    lost: list[Any] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.page.route(f"**/api/admin/{CONNECTOR}", lose)
    page.press("Create the integration")
    expect(page.page.get_by_text("The server cannot be reached.")).to_be_visible()
    assert lost == [201]
    expect(page.page.locator("#field-name")).to_have_value("Lost")
    expect(page.page.locator("#field-password")).to_have_value("svc")
    page.press("Create the integration")
    page.expect_heading("“Lost” is there")
    assert names(world).count("Lost") == 1


def test_signing_in_again_keeps_what_was_entered(page: AdminPage, world: World) -> None:
    """An account whose password is changed meanwhile is asked for it, and what was
    under way goes on."""
    anna = {"name": "anna", "password": "first secret", "role": 3}
    made = world.ask("POST", "configuration/v1/administrator/", anna)
    uri = made.headers["Location"].removeprefix("/api/admin/")
    page.sign_in("/first-steps", "anna", "first secret")
    page.expect_heading("First steps")
    entered = first_steps(
        world, name="Anna's", room_mailbox_email_address="anna@example.test"
    )
    page.fill(entered)
    world.ask("PATCH", uri, {"password": "second secret"}).raise_for_status()
    page.press("Create the integration")
    dialog = page.page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password").fill("first secret")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("wrong")
    dialog.get_by_label("Password").fill("second secret")
    dialog.get_by_role("button", name="Sign in").click()
    page.expect_heading("“Anna's” is there")
    assert names(world).count("Anna's") == 1


def test_a_page_that_is_left_alone_signs_out(page: AdminPage, world: World) -> None:
    """After a quarter of an hour without a person nothing is shown any more; what was
    entered comes back, but no password."""
    page.tab.is_spent = True
    page.page.clock.install()
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    page.fill(first_steps(world, name="Unfinished"))
    page.page.clock.fast_forward("14:00")
    expect(page.page.locator("#field-name")).to_be_visible()
    page.page.keyboard.press("Shift")  # the browser says when this has arrived
    page.page.clock.fast_forward("14:00")
    expect(page.page.locator("#field-name")).to_be_visible()
    page.page.clock.fast_forward("02:00")
    expect(page.page.get_by_text("without activity")).to_be_visible()
    expect(page.page.locator("#field-name")).to_have_count(0)
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    expect(page.page.locator("#field-name")).to_have_value("Unfinished")
    expect(page.page.locator("#field-password")).to_have_value("")


def test_roles_see_what_they_may_do(page: AdminPage, world: World) -> None:
    """A role that may only read is offered nothing that would fail."""
    reader = {"name": "rudi", "password": "reads only", "role": 1}
    world.ask("POST", "configuration/v1/administrator/", reader).raise_for_status()
    page.sign_in("/integrations", "rudi", "reads only")
    page.expect_heading("Integrations")
    expect(page.page.locator("#me")).to_contain_text("Read-only")
    expect(page.page.get_by_role("link", name="New integration")).to_have_count(0)
    page.page.get_by_role("link", name="Paris").click()
    page.expect_heading("Paris")
    expect(page.button("Download the manifest")).to_be_visible()
    expect(page.button("Run the doctor")).to_have_count(0)
    page.go("/first-steps", "First steps")
    expect(page.page.get_by_text("takes the role Full")).to_be_visible()
    expect(page.page.locator("#main input")).to_have_count(0)


API_NAME = re.compile(r"\b[a-z]+_[a-z_]+\b|\b(?:APP_PERM|OAUTH|KERBEROS)\b")
"""A field of the management API, or one of its values."""

LINE = {
    "name": "mailbox",
    "title": "Equipment mailbox",
    "status": "failed",
    "message": "room_mailbox_email_address is that of a person.",
    "cause": "With APP_PERM, `oauth_client_secret` has to be the application's.",
    "remedy": "Set enable_dynamic_vmrs or authentication_method.",
    "fields": ["room_mailbox_email_address"],
    "commands": ["Set-Mailbox video_room"],
    "details": ["meeting_buffer_before: 30"],
}


def test_first_steps_speak_plain_words(page: AdminPage, world: World) -> None:
    """The doctor's findings, and the server's refusals, call fields by what
    stands on the form, or else by their labels; the names that programs use are in
    tooltips. Commands stay as they are."""
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    main = page.page.locator("main")
    for method in ("BASIC", "KERBEROS", "OAUTH", "APP_PERM"):
        page.page.locator("#field-authentication_method").select_option(method)
        assert not API_NAME.findall(main.inner_text()), method
    page.fill(
        {
            n: v
            for n, v in first_steps(world).items()
            if n not in ("username", "password")
        }
    )
    report = {"status": "failed", "time": "12:00", "lines": [LINE]}
    other = {**LINE, "name": "other", "fields": []}
    page.page.route(
        "**/check/",
        lambda route: route.fulfill(json={**report, "lines": [LINE, other]}),
    )
    page.press("Check")
    beside = page.page.locator("#field-room_mailbox_email_address-verdict")
    expect(beside).to_contain_text("“Mailbox email address” is that of a person.")
    expect(beside).to_contain_text("With OAuth of an application, “Client secret”")
    expect(beside).to_contain_text("Set “Enable single-use VMRs” or “Sign-in method”.")
    expect(beside.locator("abbr").first).to_have_attribute(
        "title", "room_mailbox_email_address"
    )
    expect(beside.locator("pre")).to_have_text("Set-Mailbox video_room")
    shown = main.inner_text().replace("video_room", "")
    assert not API_NAME.findall(shown)
    wrong = {"poll_interval": ["Not with notification_method."], "url": ["No url."]}
    page.page.route(
        f"**/api/admin/{CONNECTOR}",
        lambda route: route.fulfill(status=400, json={"ms_exchange_connector": wrong}),
    )
    page.press("Create the integration")
    expect(main).to_contain_text("Poll interval: Not with “Notification method”.")
    assert not API_NAME.findall(main.inner_text())


def test_the_rest_of_the_doctors_report_is_plain_too(
    page: AdminPage, world: World
) -> None:
    """A real report about entries that are wrong in many ways has none of the names
    that programs use, commands and addresses aside."""
    page.sign_in("/first-steps")
    page.expect_heading("First steps")
    page.page.locator("#field-authentication_method").select_option("OAUTH")
    page.fill(
        {
            "name": "Wrong",
            "url": "https://127.0.0.1:1/EWS/Exchange.asmx",
            "username": "nobody@example.test",
            "oauth_client_id": "x",
            "oauth_auth_endpoint": "https://127.0.0.1:1/authorize",
            "oauth_token_endpoint": "https://127.0.0.1:1/token",
            "room_mailbox_email_address": "nobody@example.test",
            "scheduled_alias_prefix": "555",
            "addin_server_domain": "127.0.0.1:1",
        }
    )
    page.press("Check")
    expect(page.page.locator(".finding").first).to_be_visible(timeout=60_000)
    text = page.page.evaluate(
        "() => { const copy = document.querySelector('main').cloneNode(true);"
        " copy.querySelectorAll('pre, code').forEach(each => each.remove());"
        " return copy.textContent; }"
    )
    addresses = re.sub(r"https?://\S+", "", text)
    assert not API_NAME.findall(addresses)
