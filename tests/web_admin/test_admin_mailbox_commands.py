"""Recovery and maintenance over the management API."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from pexschedd.control.executor import Executor
from pexschedd.control.protocol import MaintenanceOrder, RecoveryOrder
from pexschedd.errors import MailboxRefused
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import Outcome
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxCommands
from pexschedd.scheduling.upkeep.mailbox_work import MailboxWork
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.util.stop_signal import StopSignal
from pexschedd.web.admin.commands.mailboxes import MailboxCommandRoutes
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.status.mailbox_runs import KINDS, run_statuses
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Notes,
    Upkeep,
    meeting,
)
from tests.turns import until
from tests.web_admin.web_admin_support import NAME, Client, admin_site

reactor: Any = _reactor

COMMAND = "/api/admin/command/v1/ms_exchange_connector/1"
RECOVERY = "/api/admin/status/v1/exchange_scheduler_recovery/"
MAINTENANCE = "/api/admin/status/v1/exchange_scheduler_maintenance/"


class SlowMailbox(MemoryUpkeepMailbox):
    """Answers when it is allowed to."""

    def __init__(self, *meetings: CalendarMeeting) -> None:
        super().__init__(*meetings)
        self.held: list[Deferred[None]] = []
        self.is_slow = False
        self.refused = False

    async def _wait(self) -> None:
        if self.refused:
            raise MailboxRefused("The mailbox cannot be opened.")
        if self.is_slow:
            waiting: Deferred[None] = Deferred()
            self.held.append(waiting)
            await waiting

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        await self._wait()
        return await super().calendar(cursor)

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        await self._wait()
        return await super().delete(refs)

    def go_on(self) -> None:
        self.is_slow = False
        for each in self.held:
            each.callback(None)
        self.held = []


class Bench:
    """The routes on a port, over a mailbox in memory."""

    def __init__(self, upkeep: Upkeep) -> None:
        self.upkeep = upkeep
        ended = [
            meeting(n, start=NOW - (n + 1) * HOUR, end=NOW - n * HOUR)
            for n in (1, 2, 3)
        ]
        self.mailbox = SlowMailbox(meeting(9, start=NOW + HOUR), *ended)
        self.closed = 0
        no_migration: Any = None
        self.work = MailboxWork(
            upkeep.store,
            upkeep.recoverer,
            MaintenanceRunner(clock=upkeep.clock, now=upkeep.time),
            self.connect,
            no_migration,
        )
        self.commands = MailboxCommands(
            self.work, upkeep.store, upkeep.clock, upkeep.time
        )
        live = {
            kind.status: partial(run_statuses, kind, upkeep.store, self.commands)
            for kind in KINDS
        }
        queries = ComputedQueries(upkeep.store, reactor, upkeep.time, live)
        site = admin_site(
            MailboxCommandRoutes(self.commands, upkeep.time), ComputedRoutes(queries)
        )
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.client = Client(self.port.getHost().port)

    def connect(self, connector: Connector) -> MailboxAccess:
        async def close() -> None:
            self.closed += 1

        return MailboxAccess(self.mailbox, MemoryOrganizers(), close)

    async def finished(self, path: str) -> dict[str, Any]:
        """The state of a run once it has ended."""
        while True:
            found: dict[str, Any] = await self.client.get(path)
            if not found["running"]:
                return found


@pytest_twisted.async_yield_fixture()
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    bench = Bench(upkeep)
    yield bench
    bench.mailbox.go_on()
    await bench.port.stopListening()
    await upkeep.store.close()


@pytest_twisted.ensureDeferred
async def test_what_would_be_done_and_then_doing_it(bench: Bench) -> None:
    """A dry run counts and changes nothing; the run after it does that, and its result
    can be read."""
    for dry_run, left in ((True, 4), (False, 1)):
        payload = {"dry_run": dry_run, "calendar_time_limit": "2026-11-23T11:30:00"}
        answer = await bench.client.ask("POST", f"{COMMAND}/maintain/", payload)
        assert answer.status == 202
        assert answer.location == f"{MAINTENANCE}1/"
        assert answer.json["dry_run"] is dry_run
        found = await bench.finished(answer.location)
        assert found["counts"]["calendar items deleted"] == 3
        assert found["counts"]["calendar items kept"] == 1
        assert (found["failures"], found["error"]) == (0, "")
        assert found["calendar_time_limit"] == "2026-11-23T11:30:00.000000"
        assert found["inbox_time_limit"] == "2026-11-23T12:00:00.000000"
        assert found["administrator"] == NAME
        assert found["notes"] == ["Integration 1: Head office"]
        (id_,) = answer.headers.getRawHeaders("x-request-id")
        assert found["correlation_id"] == id_
        assert len(bench.mailbox.meetings) == left
    assert await bench.client.objects(MAINTENANCE) == [found]
    assert await bench.client.objects(RECOVERY) == []
    assert (await bench.client.ask("GET", f"{RECOVERY}1/")).status == 404
    assert bench.closed == 2


@pytest_twisted.ensureDeferred
async def test_recovery(bench: Bench) -> None:
    """A meeting without a room that starts after the limit is recovered, or counted as
    failed with its reason; without a body the settings are the tools' defaults."""
    answer = await bench.client.ask("POST", f"{COMMAND}/recover/")
    assert answer.status == 202
    found = await bench.finished(answer.location)
    assert found["time_limit"] == "2026-11-23T12:00:00.000000"
    assert found["update_message"].startswith("This meeting has updated")
    assert found["progress"]["what"] == "reading the calendar"
    assert found["progress"]["done"] == 4
    assert sum(found["counts"].values()) + found["failures"] == 1
    nothing = {"time_limit": "2027-01-01T00:00:00", "update_message": "<p>x</p>"}
    await bench.client.ask("POST", f"{COMMAND}/recover/", nothing)
    found = await bench.finished(f"{RECOVERY}1/")
    assert (found["counts"], found["failures"]) == ({}, 0)
    assert found["update_message"] == "<p>x</p>"


@pytest_twisted.ensureDeferred
async def test_one_at_a_time(bench: Bench) -> None:
    """While one is under way another one is refused, its progress is seen, and it can
    be stopped at a safe place."""
    bench.mailbox.is_slow = True
    assert (await bench.client.ask("POST", f"{COMMAND}/maintain/")).status == 202
    found = await bench.client.get(f"{MAINTENANCE}1/")
    assert (found["running"], found["counts"]) == (True, None)
    for command in ("recover", "maintain"):
        answer = await bench.client.ask("POST", f"{COMMAND}/{command}/")
        assert (answer.status, answer.json["code"]) == (409, "command_running")
    assert (await bench.client.ask("POST", f"{COMMAND}/stop/")).status == 202
    bench.mailbox.go_on()
    found = await bench.finished(f"{MAINTENANCE}1/")
    assert found["stopped"]
    assert len(bench.mailbox.meetings) == 4
    assert (await bench.client.ask("POST", f"{COMMAND}/stop/")).status == 404
    assert (await bench.client.ask("POST", f"{COMMAND}/maintain/")).status == 202
    await bench.finished(f"{MAINTENANCE}1/")
    assert len(bench.mailbox.meetings) == 1


@pytest_twisted.ensureDeferred
async def test_tools_and_administrators_share_the_turn(bench: Bench) -> None:
    """A tool's order waits for what an administrator has begun, and does the same."""
    bench.mailbox.is_slow = True
    assert (await bench.client.ask("POST", f"{COMMAND}/maintain/")).status == 202
    executor = Executor(bench.upkeep.store, bench.work, now=bench.upkeep.time)
    notes = Notes()
    order = MaintenanceOrder(dry_run=True)
    ordered = Deferred.fromCoroutine(executor.run(order, notes, StopSignal()))
    assert notes.notes == ["Another run is in progress; this one waits for it."]
    bench.mailbox.go_on()
    finished = await ordered
    assert finished.counts["calendar items kept"] == 1
    assert finished.counts["calendar items deleted"] == 0
    refused = await executor.run(
        RecoveryOrder(exchange_connector_id=9), notes, StopSignal()
    )
    assert refused.refused == "There is no integration 9; there are: 1."


@pytest_twisted.ensureDeferred
async def test_what_goes_wrong(bench: Bench) -> None:
    """An Exchange that refuses is in the result, with the reason."""
    bench.mailbox.refused = True
    await bench.client.ask("POST", f"{COMMAND}/recover/")
    found = await bench.finished(f"{RECOVERY}1/")
    assert found["failures"] == 1
    assert found["reasons"] == ["integration 1: The mailbox cannot be opened."]


@pytest.mark.parametrize(
    ("command", "payload", "field"),
    [
        ("recover", {"time_limit": "tomorrow"}, "time_limit"),
        ("recover", {"time_limit": 5}, "time_limit"),
        ("recover", {"update_message": "x" * 12_289}, "update_message"),
        ("recover", {"update_message": ["x"]}, "update_message"),
        ("recover", {"dry_run": "perhaps"}, "dry_run"),
        ("recover", {"calendar_time_limit": "2026-11-23T11:30:00"},
         "calendar_time_limit"),
        ("maintain", {"inbox_time_limit": "2026-11-23"}, "inbox_time_limit"),
        ("maintain", {"time_limit": "2026-11-23T11:30:00"}, "time_limit"),
        ("maintain", {"dry-run": True}, "dry-run"),
        ("migrate", {"to": "REST"}, "to"),
        ("migrate", {"to": 1}, "to"),
        ("migrate", {"from": "EWS"}, "from"),
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_wrong_settings(
    bench: Bench, command: str, payload: dict[str, object], field: str
) -> None:
    """They are named, and nothing is begun: a misspelt dry run deletes nothing."""
    answer = await bench.client.ask("POST", f"{COMMAND}/{command}/", payload)
    assert answer.status == 400
    assert set(answer.json[command]) == {field}
    assert len(bench.mailbox.meetings) == 4
    assert await bench.client.objects(MAINTENANCE) == []


@pytest_twisted.ensureDeferred
async def test_wrong_integrations(bench: Bench) -> None:
    """One that is not there is not found, one that schedules nothing is refused; lists
    of the settings are no object."""
    other = COMMAND.replace("/1", "/2")
    assert (await bench.client.ask("POST", f"{other}/recover/")).status == 404
    idle = tables.CONNECTOR.record(
        id=2,
        uuid="c",
        name="x",
        addin_server_domain="a.test",
        enable_dynamic_vmrs=False,
        scheduled_alias_prefix="556",
        scheduled_alias_domain="example.test",
    )
    await bench.upkeep.put(tables.CONNECTOR, idle)
    answer = await bench.client.ask("POST", f"{other}/recover/")
    assert answer.status == 503
    assert "enable_dynamic_vmrs" in answer.json["error"]
    answer = await bench.client.ask("POST", f"{COMMAND}/recover/", [1])
    assert answer.status == 400


@pytest_twisted.ensureDeferred
async def test_stopping_the_daemon(bench: Bench) -> None:
    """It waits for a run to get to a safe place, and not for ever."""
    bench.mailbox.receive(1, MessageKind.OTHER, NOW - DAY)
    bench.commands.startService()
    bench.mailbox.is_slow = True
    assert (await bench.client.ask("POST", f"{COMMAND}/maintain/")).status == 202
    await until(lambda: bool(bench.mailbox.held))
    stopped = bench.commands.stopService()
    # The clock of these tests lets all waiting end at once.
    await stopped
    bench.mailbox.go_on()
    found = await bench.finished(f"{MAINTENANCE}1/")
    assert found["stopped"]
    # What Exchange had been asked for was done, and nothing after that.
    assert (len(bench.mailbox.messages), len(bench.mailbox.meetings)) == (0, 4)
