"""The pages and the command by which an administrator signs a profile in at Webex."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor

from pexschedd.errors import NotAuthenticated
from pexschedd.history.audit_entries import HeardSignIn
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import Administrator, RoleLevel
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.webex.sign_in import PAGES, WebexSignInRoutes
from pexschedd.web.refusals import admin_shape
from pexschedd.web.site import HttpSite
from tests.onetouch.cisco.cisco_support import NOW
from tests.onetouch.webex.webex_rooms import WebexRooms
from tests.web_admin.web_admin_support import Answer, Client

reactor: Any = _reactor
PAGE = f"{PAGES}1/sign_in/"
BACK = f"{PAGES}oauth_redirect/"
COMMAND = "/api/admin/command/v1/mjx_integration/1/webex_sign_in/"
ANNA, BOB, EVE = ("anna", "a"), ("bob", "b"), ("eve", "e")


class ThreeAdministrators:
    """Anna and Bob have the role Full, Eve may only read."""

    async def authenticate(
        self, name: str, password: str, address: str
    ) -> Administrator:
        for id, auth in enumerate((ANNA, BOB, EVE), 1):
            if auth == (name, password):
                level = RoleLevel.READ_ONLY if auth == EVE else RoleLevel.FULL
                return Administrator(
                    id=id, name=name, password="", role=int(level), created=NOW
                )
        raise NotAuthenticated("No.")


class Desk:
    """The pages on a port, with the stand-in of Webex behind them."""

    def __init__(self, rooms: WebexRooms) -> None:
        self.rooms = rooms
        administrators: Any = ThreeAdministrators()
        bearer: Any = None
        self.heard: list[HeardSignIn] = []
        routes = WebexSignInRoutes(rooms.parts.sign_ins, self.heard.append)
        root = AdminApi(administrators, (routes,), bearer).resource()
        site = HttpSite(root, reactor, None, shape=admin_shape)
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.client = Client(self.port.getHost().port)

    async def ask(
        self, method: str, path: str, auth: Any = ANNA, **more: Any
    ) -> Answer:
        return await self.client.ask(method, path, auth=auth, **more)

    async def link(self, auth: Any = ANNA) -> str:
        """A new one, by the page's button."""
        answer = await self.ask("POST", PAGE, auth)
        assert (answer.status, answer.location) == (303, PAGE)
        return link_in(await self.ask("GET", PAGE, auth))

    async def come_back(self, auth: Any = ANNA, **query: str) -> Answer:
        return await self.ask("GET", f"{BACK}?{urlencode(query)}", auth)


def link_in(answer: Answer) -> str:
    found = re.search(r'<a class="button" href="([^"]*)"', answer.body.decode())
    assert found is not None
    return unescape(found[1])


def text_of(answer: Answer) -> str:
    """What people read."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.body.decode())).split())


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    rooms = WebexRooms(tmp_path)
    await rooms.configure(webex_refresh_token="")
    desk = Desk(rooms)
    yield desk
    await desk.port.stopListening()
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_from_page_to_page(desk: Desk) -> None:
    """An administrator makes a link, signs in at Webex, and is told of success."""
    before = await desk.ask("GET", PAGE)
    assert "Head office" in text_of(before)
    assert "Sign-in needed." in text_of(before)
    found = re.search(r'rel="stylesheet" href="([^"]+)"', before.body.decode())
    assert found is not None
    assert (await desk.ask("GET", found[1], None)).status == 200
    answer = await desk.come_back(**desk.rooms.cloud.grant(await desk.link()))
    assert answer.status == 200
    assert "Successfully signed in." in text_of(answer)
    assert "Signed in." in text_of(await desk.ask("GET", PAGE))
    assert desk.rooms.refresh_token()
    (heard,) = desk.heard
    assert (heard.kind, heard.outcome) == ("service_account", "accepted")
    assert (heard.resource, heard.object_name) == ("mjx_integration", "Head office")


@pytest_twisted.ensureDeferred
async def test_the_command(desk: Desk) -> None:
    """A script makes a link as well, which its administrator uses."""
    answer = await desk.ask("POST", COMMAND)
    assert answer.status == 200
    assert answer.json["expires"] == "2026-12-01T12:10:00.000000"
    link = answer.json["sign_in_link"]
    assert link_in(await desk.ask("GET", PAGE)) == link
    answer = await desk.come_back(**desk.rooms.cloud.grant(link))
    assert answer.status == 200


@pytest_twisted.ensureDeferred
async def test_another_administrator(desk: Desk) -> None:
    """A sign-in is not finished by another administrator, nor shown to one."""
    answer = desk.rooms.cloud.grant(await desk.link())
    assert b"state=" not in (await desk.ask("GET", PAGE, BOB)).body
    other = await desk.come_back(BOB, **answer)
    assert other.status == 400
    assert "by the administrator who began it" in text_of(other)
    assert desk.rooms.cloud.asked == []
    assert (await desk.come_back(**answer)).status == 200


@pytest.mark.parametrize("path", [PAGE, BACK, COMMAND])
@pytest_twisted.ensureDeferred
async def test_for_administrators(desk: Desk, path: str) -> None:
    """Everything asks for an administrator's password, and for the role Full."""
    method = "POST" if path == COMMAND else "GET"
    for auth in (None, ("anna", "wrong")):
        answer = await desk.ask(method, path, auth)
        assert answer.status == 401
        assert answer.headers.hasHeader("www-authenticate")
    assert (await desk.ask(method, path, EVE)).status == 403


@pytest_twisted.ensureDeferred
async def test_foreign_pages_make_no_link(desk: Desk) -> None:
    """A page of another site cannot press the button; the browser's way back from
    Webex is none of a foreign page."""
    foreign = {"Sec-Fetch-Site": "cross-site"}
    for path in (PAGE, COMMAND):
        assert (await desk.ask("POST", path, headers=foreign)).status == 403
    query = urlencode(desk.rooms.cloud.grant(await desk.link()))
    answer = await desk.ask("GET", f"{BACK}?{query}", headers=foreign)
    assert answer.status == 200


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "1.x"},
        {"error": "<script>alert(1)</script>"},
        {"state": "9" * 400},
    ],
)
@pytest_twisted.ensureDeferred
async def test_coming_back_with_nothing(desk: Desk, query: dict[str, str]) -> None:
    """An invented answer is refused, and nothing of it is shown."""
    await desk.link()
    answer = await desk.come_back(**query)
    assert answer.status == 400
    assert "not valid any more" in text_of(answer)
    assert b"<script" not in answer.body


@pytest_twisted.ensureDeferred
async def test_errors_are_escaped(desk: Desk) -> None:
    """What Webex or the record says cannot become markup."""
    profile = desk.rooms.profile
    await desk.rooms.put(tables.MJX_INTEGRATION, replace(profile, name="<b>Head</b>"))
    state = desk.rooms.cloud.grant(await desk.link())["state"]
    answer = await desk.come_back(state=state, error="<img src=x onerror=alert(1)>")
    assert answer.status == 400
    assert b"<img" not in answer.body
    assert b"<b>" not in answer.body
    assert "did not give the permission" in text_of(answer)
    policy = answer.headers.getRawHeaders("content-security-policy")[0]
    assert "default-src 'none'" in policy


@pytest_twisted.ensureDeferred
async def test_a_profile_without_webex(desk: Desk) -> None:
    """Where nobody signs in at Webex, that is said, with what is missing."""
    put, profile = desk.rooms.put, desk.rooms.profile
    await put(tables.MJX_INTEGRATION, replace(profile, use_webex=False))
    for method in ("GET", "POST"):
        answer = await desk.ask(method, PAGE)
        assert answer.status == 400
        assert "set its use_webex" in text_of(answer)
    assert (await desk.ask("POST", COMMAND)).json["code"] == "sign_in_failed"
    await put(tables.MJX_INTEGRATION, replace(profile, webex_client_id=None))
    assert "webex_client_id is not right" in text_of(await desk.ask("GET", PAGE))
    gone = f"{PAGES}99/sign_in/"
    assert (await desk.ask("GET", gone)).status == 404
