"""The desk's server side over a real socket, while there is no daemon."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
import pytest
import pytest_twisted
from treq.client import HTTPClient
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pexschedd.demo.clock import DeskClock
from pexschedd.demo.daemon import DaemonClient
from pexschedd.demo.desk import Desk
from pexschedd.demo.desk_files import read_file
from pexschedd.demo.door_signs import DoorSigns
from pexschedd.demo.ports import Ports
from pexschedd.demo.users import DeskUsers
from pexschedd.sandbox.mailboxes.accounts import default_accounts
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.server import Sandbox
from tests.demo.demo_process import ALICE, BOB, ROOM, four_ports

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Visitor:
    """Asks a desk whose daemon is not there."""

    def __init__(self, http: HTTPClient, base: str) -> None:
        self._http = http
        self._base = base

    async def post(self, path: str, kind: str, body: bytes) -> int:
        response = await self._http.request(
            "POST",
            f"{self._base}/{path}",
            data=body,
            headers=Headers({"content-type": [kind]}),
        )
        await response.content()
        return int(response.code)

    async def get(self, path: str) -> tuple[int, Any]:
        response = await self._http.get(f"{self._base}/desk/api/{path}")
        return response.code, msgspec.json.decode(await response.content())


@pytest_twisted.async_yield_fixture()
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    from twisted.internet import reactor as installed  # noqa: PLC0415 - by the plugin

    reactor: Any = installed

    ports = Ports.starting_at(four_ports())
    pool = HTTPConnectionPool(reactor, persistent=False)
    http = HTTPClient(Agent(reactor, pool=pool))
    clock = DeskClock(lambda: NOON)
    exchange = Exchange(default_accounts(), now=clock)
    sandbox = Sandbox(now=clock, clock=reactor, exchange=exchange)
    daemon = DaemonClient(
        http,
        addin=ports.addin_url,
        admin=ports.admin_url,
        rooms=ports.rooms_url,
        password="secret",
    )
    desk = Desk(
        people=DeskUsers(exchange, [ALICE, BOB], ROOM),
        daemon=daemon,
        clock=clock,
        ports=ports,
        issue_token=lambda user, audience: f"{user} {audience}",
        signs=DoorSigns(daemon, ports, tmp_path / "signs.json", reactor.seconds),
    )
    root = sandbox.resource()
    desk.mount(root)
    site = sandbox.site(root)
    listening = reactor.listenTCP(ports.desk, site, interface="127.0.0.1")
    yield Visitor(http, ports.desk_url)
    await listening.stopListening()


@pytest.mark.parametrize("path", ["desk/api/meetings", "sandbox/identity-tokens"])
@pytest_twisted.ensureDeferred
async def test_a_form_is_not_parsed(visitor: Visitor, path: str) -> None:
    """A form whose parsing takes seconds costs about as much as its bytes, at the desk
    and at the sandbox beside it."""
    head = b'form-data; name="' + b";" * 200_000
    body = b"--X\r\nContent-Disposition: " + head + b"\r\n\r\nv\r\n--X--\r\n"
    before = process_time()
    code = await visitor.post(path, "multipart/form-data; boundary=X", body)
    assert 400 <= code < 500
    assert process_time() - before < 1


@pytest_twisted.ensureDeferred
async def test_calendar_works_without_daemon(visitor: Visitor) -> None:
    """Mail and calendars are there, and the page learns that the daemon is not."""
    code, state = await visitor.get(f"state?user={ALICE}")
    assert code == 200
    assert state["problem"].startswith("The daemon does not answer")
    assert (state["meetings"], state["inbox"], state["now"]) == (
        [],
        [],
        "2026-03-02T12:00:00Z",
    )


@pytest_twisted.ensureDeferred
async def test_setup_without_daemon(visitor: Visitor) -> None:
    """Who sits at the desk is known; there is no add-in, and the reason is said."""
    code, setup = await visitor.get("setup")
    assert code == 200
    assert [user["address"] for user in setup["users"]] == [ALICE, BOB]
    assert setup["addin"] is None
    assert setup["problem"].startswith("The daemon does not answer")


@pytest_twisted.ensureDeferred
async def test_room_without_daemon(visitor: Visitor) -> None:
    """Asking for a room is answered with the trouble, not with a guess."""
    code, body = await visitor.get("room?uid=X")
    assert code == 502
    assert body["code"] == "daemon_down"


@pytest_twisted.ensureDeferred
async def test_the_query_is_checked(visitor: Visitor) -> None:
    """A missing part of the query is named; a stranger is not at this desk."""
    code, body = await visitor.get("state")
    assert (code, body["message"]) == (400, "The query lacks user.")
    code, body = await visitor.get("state?user=svc@example.test")
    assert code == 404


def test_office_js_has_nothing_newer_than_es5() -> None:
    """The library is for the oldest engine that Outlook uses, as the pane is."""
    source = read_file("office.js").decode()
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", source, flags=re.DOTALL)
    newer = re.findall(r"=>|`|\b(?:let|const|class|async|await)\s|\.\.\.", code)
    assert newer == []
