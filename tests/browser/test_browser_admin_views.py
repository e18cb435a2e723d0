"""The administrator's page: what it shows of a working installation, and does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from pexschedd.scheduling.alarms import names
from tests.browser.admin_page import AdminPage, admin_page
from tests.browser.admin_world import HOSTILE, ROOMS, decided
from tests.browser.tabs import Tabs
from tests.system.system_support import World


@pytest.fixture(scope="module")
def page(tabs: Tabs, admin_world: World) -> Iterator[AdminPage]:
    """Signed in once for all: each test begins by going to a view."""
    with admin_page(tabs, admin_world, accept_downloads=True) as page:
        page.sign_in()
        yield page


def test_overview(page: AdminPage) -> None:
    """Alarms come first; then the integrations with their state, the messages of the
    hour, and the rooms that are open, all as text whatever they are called."""
    page.go("/", "Overview")
    expect(page.page.get_by_role("heading", name="Lyon")).to_have_count(0)
    rows = page.card("Integrations").get_by_role("row")
    working = rows.filter(has_text="Head office")
    expect(working).to_contain_text("Works")
    expect(working).to_contain_text("empty")
    expect(rows.filter(has_text="Lyon")).to_contain_text("1 alarm")
    chart = page.card("Messages per hour")
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", "Messages per hour: 4 in the last 24 hours, 4 in the busiest one."
    )
    chart.get_by_text("As a table").click()
    cells = chart.get_by_role("row").nth(1).get_by_role("cell")
    assert cells.all_inner_texts()[1:] == ["2", "1", "1", "0"]
    expect(page.card("Rooms today")).to_contain_text("open now")
    assert page.page.locator("main img, main script").count() == 0


def test_alarms_say_what_to_do(page: AdminPage) -> None:
    """Each has its words, its remedy, and the way to the integration it is about."""
    page.go("/alarms", "Alarms")
    # On a slow machine alarms about that may be among them.
    expect(page.page.locator("#nav .badge")).to_have_text(re.compile(r"^[3-6] raised"))
    refused = page.card("Raised now").get_by_role("listitem").filter(has_text="Lyon")
    expect(refused).to_contain_text("does not let the service account in")
    expect(refused).to_contain_text("What to do:")
    refused.get_by_role("link", name="Let the doctor look").click()
    page.expect_heading("Lyon")


def test_earlier_alarms(page: AdminPage) -> None:
    """They are shown, too, when none is raised any more."""
    none = {"meta": {"total_count": 0}, "objects": []}
    earlier = {
        "id": 7,
        "name": "scheduling_clock",
        "instance": "",
        "details": "Exchange is ahead.",
        "time_raised": "2026-11-29T09:00:00.000000",
        "time_lowered": "2026-11-29T10:00:00.000000",
    }
    one = {"meta": {"total_count": 1}, "objects": [earlier]}
    now, past = "**/status/v1/alarm/**", "**/history/v1/alarm/**"
    page.page.route(now, lambda route: route.fulfill(json=none))
    page.page.route(past, lambda route: route.fulfill(json=one))
    page.go("/certificates", "Certificates")
    page.go("/alarms", "Alarms")
    expect(page.card("Raised now")).to_contain_text("No alarm is raised")
    expect(page.card("Earlier")).to_contain_text("The clocks differ")
    page.page.unroute(now)
    page.page.unroute(past)


def test_the_doctor(page: AdminPage, admin_world: World) -> None:
    """What failed comes first, with cause, remedy and commands; the rest is folded."""
    page.go("/integrations/2", "Lyon")
    page.page.get_by_label("Also try for a user").fill("bob@example.test")
    page.button("Run the doctor").dblclick()
    doctor = page.card("Doctor")
    expect(doctor).to_contain_text("to be put right")
    failed = doctor.get_by_role("listitem").filter(has_text="Sign-in")
    expect(failed.first).to_contain_text("What to do:")
    doctor.get_by_text("checks passed").click()
    expect(
        doctor.get_by_role("heading", name="Connection", exact=False).first
    ).to_be_visible()
    page.go("/integrations/1", "Head office")
    page.press("Run the doctor")
    expect(page.card("Doctor")).to_contain_text("Everything is in order")


def test_messages_that_were_set_aside(page: AdminPage) -> None:
    """Each with its reason, until the administrator has seen it."""
    message = {
        "id": 7,
        "exchange_connector_id": 1,
        "item_id": "AAMk",
        "correlation_id": "c0ffee00-0000-4000-8000-000000000000",
        "reason": f"It cannot be read {HOSTILE}.",
        "attempts": 3,
        "first_time": "2026-11-21T09:00:00",
        "last_time": "2026-11-21T09:30:00",
    }
    left = [message]

    def answer(route: Route) -> None:
        if route.request.method == "DELETE":
            left.clear()
            route.fulfill(status=204)
        else:
            page_of = {"meta": {"total_count": len(left)}, "objects": left}
            route.fulfill(json=page_of)

    pattern = "**/status/v1/exchange_set_aside_message/**"
    page.page.route(pattern, answer)
    page.go("/integrations/1", "Head office")
    card = page.card("Set aside")
    expect(card).to_contain_text("Set aside after 3 attempts")
    expect(card).to_contain_text(str(message["reason"]))
    card.get_by_role("button", name="I have seen it").click()
    expect(card).to_have_count(0)
    page.page.unroute(pattern)


def test_files_for_exchange(page: AdminPage, tmp_path: Path) -> None:
    """The manifest and the set-up script are saved under the names that the API
    gives them."""
    page.go("/integrations/1", "Head office")
    for button, name, beginning in (
        ("Download the manifest", "addin-manifest-1-Head office.xml", b"<?xml"),
        ("Download the script", "exchange-setup-1.ps1", b"\xef\xbb\xbf"),
    ):
        with page.page.expect_download() as saved:
            page.button(button).click()
        assert saved.value.suggested_filename == name
        target = tmp_path / name
        saved.value.save_as(target)
        assert target.read_bytes().startswith(beginning)


def test_signing_in_to_a_service_account(page: AdminPage) -> None:
    """The page says that it is needed, and makes the link."""
    page.go("/integrations/3", "Cloud")
    account = page.card("Service account")
    expect(account).to_contain_text("A person has to sign in.")
    account.get_by_role("button", name="Make a sign-in link").click()
    link = account.get_by_role("textbox", name="The link")
    expect(link).to_be_focused()
    assert link.input_value().startswith("http://127.0.0.1:9/authorize?")
    opened = account.get_by_role("link", name="Open in a new tab")
    assert opened.get_attribute("rel") == "noopener noreferrer"


def test_signing_in_to_the_account_of_a_deployment(
    page: AdminPage, admin_world: World
) -> None:
    """It stands below the integrations, says that it is needed, and makes the link."""
    path = "configuration/v1/mjx_exchange_deployment/"
    record = {
        "name": "Rooms of Lyon",
        "ews_url": "http://127.0.0.1:9/EWS/Exchange.asmx",
        "authentication_method": "OAUTH",
        "service_account_username": "rooms@example.test",
        "oauth_client_id": "pexschedd",
        "oauth_redirect_uri": f"{admin_world.admin}/admin/platform/"
        "mjxexchangedeployment/oauth_redirect/",
        "oauth_auth_endpoint": "http://127.0.0.1:9/authorize",
        "oauth_token_endpoint": "http://127.0.0.1:9/token",
    }
    made = admin_world.ask("POST", path, record)
    made.raise_for_status()
    page.go("/integrations", "Integrations")
    account = page.card("Service account of the rooms: Rooms of Lyon")
    expect(account).to_contain_text("A person has to sign in.")
    expect(account).to_contain_text("rooms@example.test")
    account.get_by_role("button", name="Make a sign-in link").click()
    link = account.get_by_role("textbox", name="The link")
    expect(link).to_be_focused()
    assert link.input_value().startswith("http://127.0.0.1:9/authorize?")
    admin_world.ask("DELETE", f"{path}{made.headers['location'].split('/')[-2]}/")


def test_rooms_on_a_time_line(page: AdminPage) -> None:
    """Those of a day in the order of their times, each with its bar where they are; a
    day without any says so."""
    page.go("/rooms", "Today’s rooms")
    rows = page.page.locator(".timeline li")
    expect(rows).to_have_count(ROOMS + 1)
    bars = page.page.locator(".window").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().left)"
    )
    assert bars == sorted(bars)
    assert bars[-1] - bars[0] > 400
    own = rows.filter(has_text=HOSTILE)
    expect(own).to_contain_text("open now")
    page.page.get_by_label("Only open and to come").check()
    expect(page.page.locator(".window.past")).to_have_count(0)
    own.get_by_role("link").click()
    expect(page.page.locator("h1")).to_contain_text(HOSTILE)
    page.go("/rooms/2021-01-02", "Rooms on Saturday, 2 January 2021")
    page.button("The day before").click()
    page.expect_heading("Rooms on Friday, 1 January 2021")
    expect(page.page.get_by_text("No meeting has a room on")).to_be_visible()
    page.button("Today").click()
    page.expect_heading("Today’s rooms")


def search(page: AdminPage, text: str) -> None:
    box = page.page.get_by_role("searchbox")
    box.fill(text)
    box.press("Enter")
    page.expect_heading(f"Search: {text}")


@pytest.mark.parametrize("by", ["alias", "organizer", "correlation_id", "tag"])
def test_finding_a_conference(page: AdminPage, admin_world: World, by: str) -> None:
    """By its alias, its organizer, or the correlation id of a message, or the tag of
    an invitation; its whole history is there."""
    message = decided(admin_world, "accept")
    if by == "tag":
        aliases = admin_world.objects("scheduled_alias")
        own = next(each for each in aliases if each["alias"] == message["alias"])
        search(page, f"PXPS:-{own['uuid']}#")
        expect(page.page.locator("main")).to_contain_text(message["alias"])
        return
    search(page, message[by].split("@")[0] if by == "alias" else message[by])
    # The one that took place, or the one that the message was about.
    page.page.locator("main a[href^='#/conferences/']").last.click()
    events = page.card("History").get_by_role("listitem")
    expect(events.first).to_be_visible()
    expect(page.card("History")).to_contain_text(message["correlation_id"])


def test_a_room_that_is_gone(page: AdminPage, admin_world: World) -> None:
    """Its history is still found, by the id of the message that ended it."""
    message = decided(admin_world, "remove")
    search(page, message["correlation_id"])
    page.page.get_by_role("link", name=message["alias"]).click()
    page.expect_heading("A room that is gone")
    titles = page.card("History").get_by_role("heading", level=3).all_inner_texts()
    assert titles[0].startswith("Cancellation carried out")
    assert titles[1].startswith("Accepted")


def test_finding_a_change(page: AdminPage, admin_world: World) -> None:
    """By the correlation id that the answer to it had; the room has it in its
    history, too, with what it was before."""
    room = decided(admin_world, "accept")["conference_id"]
    uri = f"configuration/v1/conference/{room}/"
    made = admin_world.ask("PATCH", uri, {"description": f"Floor 3 {HOSTILE}"})
    correlation_id = made.headers["X-Request-Id"]
    search(page, correlation_id)
    change = page.card("Changes").get_by_role("listitem").first
    expect(change).to_contain_text("admin changed")
    expect(change).to_contain_text(f"Floor 3 {HOSTILE}")
    change.get_by_role("link").click()
    expect(page.card("History")).to_contain_text(correlation_id)


def test_finding_nothing(page: AdminPage) -> None:
    """What is not there is said, and what could have been entered."""
    search(page, "nobody@example.test")
    expect(page.page.get_by_text("Nothing was found")).to_be_visible()


def test_certificates_with_days_left(page: AdminPage) -> None:
    """Each with what it is and how long it lasts; one that is due, with what to do."""
    page.go("/certificates", "Certificates")
    row = page.page.get_by_role("row").filter(has_text="Old authority")
    expect(row).to_contain_text("Trusted authority")
    expect(row).to_contain_text("8 days")
    expect(row).to_contain_text("Upload its successor")


def test_what_is_not_there(page: AdminPage) -> None:
    """An address that leads nowhere says so, and so does a record that is gone."""
    page.go("/nowhere", "There is nothing here")
    page.go("/integrations/99", "There is nothing here")
    expect(page.page.locator("main")).to_contain_text("99")


def test_every_alarm_has_its_words(page: AdminPage) -> None:
    """No alarm is shown by its technical name alone, or without a remedy. Over Graph no
    remedy is about a service account, the EWS URL or a setting of EWS."""
    known = {value for name, value in vars(names).items() if name.isupper()}
    module = page.page.locator("script[type=module]").get_attribute("src") or ""
    words = page.page.evaluate(
        "async path => { const { TITLES, REMEDIES } = await import(path);"
        " return [TITLES, REMEDIES].map(Object.keys); }",
        module.replace("app.js", "part-alarms.js"),
    )
    assert [set(each) for each in words] == [known, known]
    ews, graph = page.page.evaluate(
        "async path => { const { REMEDIES, GRAPH_REMEDIES } = await import(path);"
        " return [REMEDIES, GRAPH_REMEDIES]; }",
        module.replace("app.js", "part-alarms.js"),
    )
    assert set(graph) < known
    for name, text in (ews | graph).items():
        if name.startswith("scheduling_"):
            for words_of_ews in ("ervice account", "EWS URL", "Processing None"):
                if name != names.SIGN_IN_NEEDED:  # a person's, which Graph has not
                    assert words_of_ews not in text, name
