"""The command that checks an endpoint, and the note on the vendor's terms."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.model.onetouch.endpoint import CISCO
from pexschedd.onetouch.endpoint_checks import EndpointChecks
from pexschedd.web.admin.commands.endpoint_check import COMMAND, EndpointCheckRoutes
from tests.onetouch.cisco.rooms import Rooms
from tests.web_admin.web_admin_support import NAME, PASSWORD, Client, admin_site

reactor: Any = _reactor


class CheckServer:
    """The command alone, over a room with an endpoint."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        checks = EndpointChecks(rooms.store, {CISCO: rooms.pusher.check})
        site = admin_site(EndpointCheckRoutes(checks))
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self._client = Client(self.port.getHost().port)

    async def check(self, body: object, **options: Any) -> tuple[int, Any]:
        answer = await self._client.ask(
            "POST", COMMAND, body, auth=(NAME, PASSWORD), **options
        )
        return answer.status, answer.json


@pytest_twisted.async_yield_fixture()
async def server(tmp_path: Path) -> AsyncIterator[CheckServer]:
    rooms = Rooms(tmp_path, 1)
    await rooms.configure(ep_verify_certificate=True)
    await rooms.meetings(1, "Plan")
    await rooms.start()
    server = CheckServer(rooms)
    yield server
    await server.port.stopListening()
    await rooms.close()


URI = "/api/admin/configuration/v1/mjx_endpoint/1/"


@pytest.mark.parametrize("name", [1, "1", URI])
@pytest_twisted.ensureDeferred
async def test_a_check(server: CheckServer, name: object) -> None:
    """An endpoint is named by its id or its address, and the answer says all."""
    status, found = await server.check({"mjx_endpoint": name})
    assert (status, found) == (
        200,
        {
            "endpoint_name": "Room 1",
            "endpoint_address": "https://10.0.0.1",
            "is_ok": True,
            "problem": "",
            "problem_kind": "",
            "product": "Room Kit",
            "software": "RoomOS 11.24.4.1 abc",
            "way": "command",
            "number_of_meetings": 1,
            "clock_difference": 0.0,
            "notes": [],
        },
    )


@pytest_twisted.ensureDeferred
async def test_a_problem_is_a_finding(server: CheckServer) -> None:
    """An endpoint that refuses is no error of the request."""
    server.rooms.endpoints[1].account = ("obtp", "other")
    status, found = await server.check({"mjx_endpoint": 1})
    assert (status, found["is_ok"], found["problem_kind"]) == (
        200,
        False,
        "credentials",
    )
    assert found["problem"].startswith("The endpoint: it refuses the username")
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"mjx_endpoint": 9}, "There is no mjx_endpoint 9."),
        ({"mjx_endpoint": "x"}, "This must be a URI such as"),
        ({"mjx_endpoint": 0}, "This must be a URI such as"),
        ({}, "mjx_endpoint"),
        ({"mjx_endpoint": 1, "other": 2}, "other"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_requests(server: CheckServer, body: object, text: str) -> None:
    """What names no endpoint is refused, with the field."""
    status, refused = await server.check(body)
    assert status == 400
    assert text in str(refused)
    assert "mjx_endpoint" in str(refused) or "other" in str(refused)
