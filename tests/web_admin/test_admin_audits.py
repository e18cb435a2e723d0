"""The audit over the management API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.errors import NotFound
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.model import tables
from pexschedd.scheduling.upkeep.audit_rules import (
    AuditFinding,
    AuditReport,
    FindingKind,
    MeetingTimes,
)
from pexschedd.scheduling.upkeep.audit_service import AuditState
from pexschedd.web.admin.audits import AuditRoutes
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.status.audits import audit_statuses
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, HOUR, NOW, Upkeep
from tests.web_admin.web_admin_support import NAME, PASSWORD, Client, admin_site

reactor: Any = _reactor


class Audits:
    """Each integration that is audited finds the same."""

    def __init__(self) -> None:
        self.states: dict[int, AuditState] = {}

    def begin(self, connector_id: int) -> None:
        if connector_id != 1:
            raise NotFound(f"There is no integration {connector_id}.")
        self.states[1] = AuditState(NOW)

    def state(self, connector_id: int) -> AuditState | None:
        return self.states.get(connector_id)


class Server:
    def __init__(self, upkeep: Upkeep) -> None:
        self.audits = Audits()
        audits: Any = self.audits
        live = {
            "exchange_scheduler_audit": lambda: audit_statuses(upkeep.store, audits)
        }
        queries = ComputedQueries(upkeep.store, reactor, upkeep.time, live)
        site = admin_site(AuditRoutes(audits), ComputedRoutes(queries))
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self._client = Client(self.port.getHost().port)

    async def ask(
        self, method: str, path: str, password: str = PASSWORD
    ) -> tuple[int, Any]:
        answer = await self._client.ask(method, path, auth=(NAME, password))
        return answer.status, answer.json


@pytest_twisted.async_yield_fixture()
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    server = Server(upkeep)
    yield server
    await server.port.stopListening()
    await upkeep.store.close()


NOW_URL = "/api/admin/command/v1/ms_exchange_connector/{}/audit/"
STATUS = "/api/admin/status/v1/exchange_scheduler_audit/"


@pytest_twisted.ensureDeferred
async def test_run_now_and_read(server: Server) -> None:
    """It begins at once, and what it found is there when it has ended."""
    assert await server.ask("GET", STATUS) == (
        200,
        {
            "meta": {
                "limit": 20,
                "next": None,
                "offset": 0,
                "previous": None,
                "total_count": 0,
            },
            "objects": [],
        },
    )
    status, refused = await server.ask("GET", STATUS + "?findings=x")
    assert status == 400
    assert "no such filter" in str(refused)
    assert (await server.ask("GET", STATUS + "1/"))[0] == 404
    status, begun = await server.ask("POST", NOW_URL.format(1))
    assert (status, begun["running"], begun["findings"]) == (202, True, [])
    assert begun["resource_uri"] == STATUS + "1/"
    finding = AuditFinding(
        kind=FindingKind.NO_MEETING,
        uid="0400",
        record=MeetingTimes(NOW, NOW + HOUR),
        note="n",
    )
    server.audits.states[1] = AuditState(NOW, NOW + HOUR, AuditReport(4, 5, (finding,)))
    status, found = await server.ask("GET", STATUS + "1/")
    assert found == {
        "id": 1,
        "exchange_connector_id": 1,
        "start_time": "2026-11-23T12:00:00.000000",
        "end_time": "2026-11-23T13:00:00.000000",
        "running": False,
        "error": "",
        "meetings": 4,
        "rooms": 5,
        "findings_count": 1,
        "findings": [
            {
                "kind": "no_meeting",
                "uid": "0400",
                "calendar": None,
                "record": {
                    "start_time": "2026-11-23T12:00:00.000000",
                    "end_time": "2026-11-23T13:00:00.000000",
                },
                "healed": False,
                "note": "n",
            }
        ],
        "resource_uri": STATUS + "1/",
    }
    for query, expected in (
        ("", [found]),
        ("?findings_count__gt=0&order_by=-start_time", [found]),
        ("?exchange_connector_id=9", []),
        ("?running=true", []),
    ):
        assert (await server.ask("GET", STATUS + query))[1]["objects"] == expected


@pytest_twisted.ensureDeferred
async def test_for_administrators_only(server: Server) -> None:
    """Without the password nothing is begun nor shown; unknown ones are not found."""
    assert (await server.ask("POST", NOW_URL.format(1), "wrong"))[0] == 401
    assert (await server.ask("GET", STATUS, "wrong"))[0] == 401
    assert not server.audits.states
    assert (await server.ask("POST", NOW_URL.format(2)))[0] == 404
    assert (await server.ask("GET", NOW_URL.format(1)))[0] == 405
