"""The pane with Microsoft's own office.js, in a page that plays Outlook on the web."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Frame,
    expect,
)

from tests.browser.axe import barriers
from tests.browser.conftest import launch
from tests.browser.owa_server import (
    ADDIN,
    MICROSOFT_365,
    OFFICE,
    ON_PREMISES,
    OutlookWeb,
    lacking,
)
from tests.browser.pane_page import SETTLED
from tests.browser.tabs import Tab, Tabs
from tests.peers.oidc_peer import Provider, web_client
from tests.peers.test_peer_user_sign_in import AZURE, CLIENT, REDIRECT_PATH, SECRET
from tests.system.system_support import ALICE, EQUIPMENT, World

PANE = f"https://{ADDIN}/api/client/v2/msexchange_schedulers/1/addin"
BOB = {"name": "Bob Baker", "address": "bob@example.test"}
ROOM = {"name": "Pexip Meeting", "address": EQUIPMENT}
PATIENCE_MS = 13_000
"""After this the pane waits no longer for Outlook."""
READY, ADDED, ALREADY = "Add a Single-use VMR", "Success", "VMR already assigned"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A daemon whose integration has Microsoft's sources, as they are by default."""
    problem = lacking()
    if problem:
        pytest.skip(f"no office.js: {problem}")
    with World(tmp_path_factory.mktemp("office-js")) as world:
        world.create_integration(
            addin_server_domain=ADDIN, addin_frame_ancestors=f"https://{ON_PREMISES}"
        )
        yield world


@pytest.fixture(scope="module")
def web(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutlookWeb]:
    web = OutlookWeb(world.addin, tmp_path_factory.mktemp("certificate"))
    yield web
    web.stop()


@pytest.fixture(scope="module")
def tabs(browser: Browser, web: OutlookWeb) -> Iterator[Tabs]:
    """Tabs of another browser, for which `web` is the whole internet."""
    chromium = launch(browser.browser_type, web.arguments)
    yield Tabs(chromium)
    chromium.close()


class Appointment:
    """An appointment being written in Outlook on the web, with the pane beside it.

    `outlook` is how the appointment looks and Outlook behaves, see `owa/owa.js`.
    """

    def __init__(self, tab: Tab, host: str, **outlook: Any) -> None:
        self.page = tab.page
        self.refused: list[str] = []
        self.questions: list[str] = []
        self.agree = True
        tab.on("console", self._console)
        tab.on("pageerror", lambda error: self.refused.append(str(error)))
        tab.on("dialog", self._asked)
        tab.run_first(f"window.outlook = {json.dumps(outlook)};")
        self.host = host
        self.frame = self.page.frame_locator("iframe[title='Meeting rooms']")
        self.action = self.frame.locator("#action")
        self.heading = self.frame.locator("#card-heading")
        self.card = self.frame.locator("#card")

    def open(self) -> None:
        self.page.goto(f"https://{self.host}/owa/calendar.html")

    def _console(self, message: ConsoleMessage) -> None:
        """Only the library's own styles are refused, which is as it should be."""
        ours = OFFICE not in message.location.get("url", "")
        if "Content Security Policy" in message.text and ours:
            self.refused.append(f"{message.text} {message.location}")

    def _asked(self, question: Dialog) -> None:
        self.questions.append(question.message)
        if self.agree:
            question.accept()
        else:
            question.dismiss()

    def outlook(self, name: str) -> Any:
        return self.page.evaluate(f"outlook.{name}")

    def calls(self, method: str) -> int:
        return [call["method"] for call in self.outlook("calls")].count(method)

    def window(self) -> Frame:
        """The pane's own window."""
        return next(f for f in self.page.frames if f.url.startswith(PANE))

    def reach(self, heading: str) -> None:
        """Wait until the pane's card has this heading. What axe-core finds in each
        state is told by `test_browser_pane_pictures`."""
        expect(self.heading).to_have_text(heading)


Compose = Callable[..., Appointment]


@pytest.fixture
def compose(tabs: Tabs, world: World) -> Iterator[Compose]:
    """Opens an appointment with the pane; nothing of ours may break the policy."""
    opened: list[Appointment] = []
    lent = ExitStack()

    def begin(
        host: str = MICROSOFT_365, agree: bool = True, **outlook: Any
    ) -> Appointment:
        tab = lent.enter_context(tabs.tab(viewport={"width": 700, "height": 700}))
        tab.is_spent = host == ON_PREMISES  # the library keeps the answer for itself
        outlook.setdefault("token", world.token(audience=PANE))
        appointment = Appointment(tab, host, **outlook)
        opened.append(appointment)
        appointment.agree = agree
        appointment.open()
        return appointment

    with lent:
        yield begin
    assert [appointment.refused for appointment in opened] == [[] for _ in opened]


def test_a_room_is_added_and_found_again(
    compose: Compose, world: World, web: OutlookWeb
) -> None:
    """One click adds the instructions and the room, Microsoft's hosts ask nothing, and
    a pane that is opened later says that the meeting has a room."""
    appointment = compose(body="<p>Agenda</p>", required=[BOB])
    expect(appointment.action).to_have_text(READY)
    assert barriers(appointment.window()) == []
    appointment.action.click()
    appointment.reach(ADDED)
    assert barriers(appointment.window()) == []
    body = appointment.outlook("body")
    tag = re.search(r"PXPS:-[0-9a-f-]{36}#", body)
    assert tag is not None
    assert tag.start() < body.index("Agenda")
    assert appointment.outlook("required") == [BOB, ROOM]
    assert appointment.calls("body.prepend") == appointment.calls("recipients.add") == 1
    assert appointment.questions == []
    assert not {call for call in web.asked if call.startswith("http")}
    later = compose(body=body, required=[BOB, ROOM])
    later.reach(ALREADY)


def test_an_unknown_outlook_is_asked_about(compose: Compose, web: OutlookWeb) -> None:
    """In a company's own Outlook on the web the library asks the user, once; its page
    for that is not stopped by our policy."""
    appointment = compose(host=ON_PREMISES)
    expect(appointment.action).to_have_text(READY)
    assert len(appointment.questions) == 1
    assert ON_PREMISES in appointment.questions[0]
    assert f"{OFFICE}/lib/1/hosted/AgaveErrorUX/index.html" in web.asked
    appointment.action.click()
    appointment.reach(ADDED)


def test_a_distrusted_outlook_gets_nothing(compose: Compose) -> None:
    """After a No the library takes the pane away, and the meeting stays as it was."""
    appointment = compose(host=ON_PREMISES, agree=False)
    expect(appointment.frame.locator("#pane")).to_have_count(0)
    assert len(appointment.questions) == 1
    assert appointment.outlook("calls") == []


def test_a_failing_call_can_be_repeated(compose: Compose) -> None:
    """A call that Outlook refuses is named, and pressing again adds only what is
    missing: one room, one block of instructions."""
    refusal = {"code": 9002, "name": "Busy", "message": "Busy.", "times": 2}
    appointment = compose(fail={"body.prepend": refusal})
    appointment.action.click()
    expect(appointment.card).to_contain_text("internal format error")
    appointment.window().evaluate(SETTLED)
    appointment.action.click()
    appointment.reach(ADDED)
    assert appointment.outlook("body").count("PXPS:-") == 1
    assert appointment.outlook("required") == [ROOM]
    assert appointment.calls("token") == 1


def test_a_list_that_cannot_be_added_to(compose: Compose) -> None:
    """It is written as a whole, with the room and all who are there."""
    refusal = {"code": 9002, "name": "Busy", "message": "Busy.", "times": 2}
    appointment = compose(fail={"recipients.add": refusal}, required=[BOB])
    appointment.action.click()
    appointment.reach(ADDED)
    assert appointment.outlook("required") == [BOB, ROOM]


def test_no_token(compose: Compose) -> None:
    """Where Exchange gives no token, its code is said and nothing is written."""
    refusal = {"code": 9018, "name": "GenericTokenError", "message": "No token."}
    appointment = compose(fail={"token": refusal})
    appointment.action.click()
    expect(appointment.card).to_contain_text("9018")
    assert appointment.outlook("body") == ""
    assert appointment.outlook("required") == []


def test_one_meeting_of_a_series(compose: Compose) -> None:
    """The library names the series, whose room is not replaced for one meeting."""
    series = compose(body="<p>Agenda</p>")
    series.action.click()
    series.reach(ADDED)
    one = compose(body=series.outlook("body"), required=[ROOM], series="AAMkAGVjb3Vu")
    one.reach(ALREADY)
    expect(one.card).to_contain_text("open the whole series")
    expect(one.frame.locator('[data-action="replace"]')).to_have_count(0)


def test_the_server_is_away(compose: Compose, web: OutlookWeb) -> None:
    """The placeholder and the token go in instead, whole, and the room is invited."""
    web.refused["meeting_details"] = 503
    appointment = compose()
    appointment.action.click()
    expect(appointment.card).to_contain_text("placeholder")
    del web.refused["meeting_details"]
    told = re.sub(r"<br>|\s", "", appointment.outlook("body"))
    assert f"TOK:-{appointment.outlook('token')}#" in told
    assert appointment.outlook("required") == [ROOM]


def test_a_lost_attendee(compose: Compose) -> None:
    """What Outlook says it has added, and has not, is read back and added with all."""
    appointment = compose(lose={"recipients.add": 1}, delay=20)
    appointment.action.click()
    appointment.reach(ADDED)
    assert appointment.outlook("required") == [ROOM]


@pytest.fixture(scope="module")
def signing_in(world: World) -> Iterator[None]:
    """An identity provider for personal rooms, of which Alice has one. They stay
    switched on: the pane has one button more from here on."""
    address = f"https://{ADDIN}{REDIRECT_PATH}"
    provider = Provider([web_client(CLIENT, address, SECRET)], **AZURE)
    try:
        fields = {
            "enable_personal_vmrs": True,
            "auth_provider": "AZURE",
            "personal_vmr_oauth_auth_endpoint": provider.auth_endpoint,
            "personal_vmr_oauth_token_endpoint": provider.token_endpoint,
            "personal_vmr_oauth_client_id": CLIENT,
            "personal_vmr_oauth_client_secret": SECRET,
        }
        path = "configuration/v1/ms_exchange_connector/1/"
        answer = world.ask("PATCH", path, fields)
        assert answer.ok, answer.text
        room = {
            "name": "Alice's room",
            "service_type": "conference",
            "primary_owner_email_address": ALICE,
            "aliases": [{"alias": "alice.room@example.test"}],
        }
        assert world.ask("POST", "configuration/v1/conference/", room).ok
        yield
    finally:
        provider.stop()


def begin_sign_in(appointment: Appointment) -> None:
    """Presses the pane's buttons up to Outlook's question about the window."""
    for action in ("listRooms", "signIn"):
        button = appointment.frame.locator(f'[data-action="{action}"]')
        expect(button).to_be_visible()
        appointment.window().evaluate(SETTLED)
        button.click()


@pytest.mark.usefixtures("signing_in")
def test_signing_in(compose: Compose) -> None:
    """Outlook's dialog opens after its question, leads to the identity provider and
    back, and closes; the pane shows the user's rooms, adds one, and signs out."""
    appointment = compose(body="<p>Agenda</p>")
    with appointment.page.expect_popup() as popup:
        begin_sign_in(appointment)
        appointment.frame.get_by_role("button", name="Allow").click()
    window = popup.value
    window.locator("input[name=login]").fill(ALICE)
    window.locator("input[name=password]").fill("any")
    window.get_by_role("button", name="Sign-in").click()
    with window.expect_event("close"):
        window.get_by_role("button", name="Continue").click()
    room = appointment.frame.get_by_role("button", name="Alice's room")
    expect(room).to_be_visible()
    assert barriers(appointment.window()) == []
    appointment.window().evaluate(SETTLED)
    room.click()
    appointment.reach(ADDED)
    assert "alice.room@example.test" in appointment.outlook("body")
    appointment.frame.get_by_role("button", name="Sign out").click()
    expect(appointment.frame.locator("#user")).to_be_hidden()


@pytest.mark.usefixtures("signing_in")
def test_a_declined_dialog(compose: Compose) -> None:
    """Who does not allow the window has a link instead, and the pane waits."""
    appointment = compose()
    begin_sign_in(appointment)
    appointment.frame.get_by_role("button", name="Ignore").click()
    appointment.reach("Sign in to see your rooms")
    link = appointment.frame.get_by_role("link", name="Sign in on this page")
    assert "/sign_in/start/" in str(link.get_attribute("href"))


def test_outside_of_outlook(tabs: Tabs) -> None:
    """Opened as a page, the pane says where it belongs, once it has waited for long."""
    with tabs.tab() as tab:
        page = tab.page
        tab.is_spent = True
        page.clock.install()
        page.goto(PANE)
        page.clock.fast_forward(PATIENCE_MS)
        expect(page.locator("#card")).to_contain_text("Outlook")
        expect(page.locator("#action")).to_be_hidden()
        assert barriers(page.main_frame) == []
