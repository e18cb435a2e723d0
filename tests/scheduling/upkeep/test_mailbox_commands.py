"""Recoveries that are stopped while they wait for Exchange."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pexschedd.errors import MailboxUnreachable
from pexschedd.history.actor import Actor
from pexschedd.model import tables
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.records.deletion import remove_connector
from pexschedd.scheduling.run_requests import MaintenanceRequest, RecoveryRequest
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.scheduling.upkeep.mailbox_commands import (
    INTERRUPTED,
    MailboxCommands,
    MailboxRun,
    restored_run,
)
from pexschedd.scheduling.upkeep.mailbox_work import MailboxWork
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.scheduling.upkeep.recovery import RecoveryRunner
from pexschedd.store.store import Store
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Upkeep,
    meeting,
    unexpected,
)
from tests.turns import until

reactor: Any = _reactor

ACTOR = Actor("anna", "192.0.2.7", "5f0c")


class DeadExchange(MemoryUpkeepMailbox):
    """Gives the first page of the calendar, and then does not answer: it refuses
    connections, or takes them and stays silent."""

    def __init__(self, *meetings: CalendarMeeting, is_silent: bool) -> None:
        super().__init__(*meetings, page=1)
        self.is_silent = is_silent
        self.asked = 0
        self.given_up = 0

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        if not cursor:
            return await super().calendar()
        self.asked += 1
        if self.is_silent:
            await Deferred(self._give_up)
        raise MailboxUnreachable("The connection to Exchange was refused.")

    def _give_up(self, _: "Deferred[None]") -> None:
        self.given_up += 1


class Bench:
    """Recoveries of one integration, on a clock that only the test moves."""

    def __init__(self, upkeep: Upkeep, exchange: DeadExchange) -> None:
        self.clock = Clock()
        self.exchange = exchange
        self.closed = 0
        runner = RecoveryRunner(upkeep.recovery, clock=self.clock, now=upkeep.time)
        maintenance = MaintenanceRunner(clock=self.clock, now=upkeep.time)
        no_migration: Any = None
        self.work = MailboxWork(
            upkeep.store, runner, maintenance, self._connect, no_migration
        )
        self.commands = MailboxCommands(
            self.work, upkeep.store, self.clock, upkeep.time
        )
        self.commands.startService()

    def _connect(self, _: Any) -> MailboxAccess:
        async def close() -> None:
            self.closed += 1

        return MailboxAccess(self.exchange, MemoryOrganizers(), close)

    async def begin(self) -> MailboxRun:
        """A recovery that has made one room, and waits."""
        request = RecoveryRequest(NOW)
        run = self.commands.begin(1, request, ACTOR, dry_run=False)
        await until(lambda: self.exchange.asked == 1)
        return run


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    yield upkeep
    await upkeep.store.close()


@pytest.mark.parametrize("is_silent", [False, True])
@pytest.mark.parametrize("daemon_stops", [False, True])
@pytest_twisted.ensureDeferred
async def test_nothing_is_waited_for(
    tmp_path: Path, upkeep: Upkeep, is_silent: bool, daemon_stops: bool
) -> None:
    """Whether the daemon stops or an administrator has it stop, a recovery that tries
    a dead Exchange again ends without any time passing. What it has recovered is
    durable; its record and the log say how it ended and why it waited; nothing of it
    is left on the clock, and Exchange is not asked again."""
    exchange = DeadExchange(meeting(1), meeting(2), is_silent=is_silent)
    bench = Bench(upkeep, exchange)
    run = await bench.begin()
    assert run.finished is None
    with capturedLogs() as logged:
        if daemon_stops:
            await bench.commands.stopService()
        else:
            bench.commands.stop(1)
    assert run.finished == NOW
    assert run.stop.is_set
    assert run.error == ""
    assert run.outcome is not None
    assert (sum(run.outcome.counts.values()), run.outcome.failures) == (1, 0)
    assert "stopped while it waited" in run.notes[-1]
    assert ("was refused" in run.notes[-1]) is not is_silent
    assert (exchange.given_up, bench.closed) == (is_silent, 1)
    (event,) = (e for e in logged if "finished" in str(e.get("log_format")))
    assert (event["stopped"], event["correlation_id"]) == (True, "5f0c")
    assert bench.clock.getDelayedCalls() == []
    assert bench.clock.seconds() == 0
    bench.clock.advance(1_000)
    assert exchange.asked == 1
    await upkeep.store.close()
    reopened = Store.open(
        tmp_path / "state", tables.TABLES, reactor=reactor, failed=unexpected
    )
    assert reopened.count(tables.CONFERENCE) == 1
    (record,) = reopened.all(tables.MAILBOX_COMMAND_RUN)
    again = restored_run(record, NOW + HOUR)
    assert again.stop.is_set
    assert again.outcome is not None
    assert (again.request, again.actor) == (run.request, ACTOR)
    assert (again.started, again.finished, again.error) == (NOW, NOW, "")
    assert again.outcome.counts == run.outcome.counts
    assert [*again.notes] == [*run.notes]
    await reopened.close()


@pytest.mark.parametrize(
    "request_",
    [RecoveryRequest(NOW, "Hello"), MaintenanceRequest(NOW, NOW + HOUR)],
    ids=["recover", "maintain"],
)
@pytest_twisted.ensureDeferred
async def test_the_last_run_outlasts_the_daemon(
    upkeep: Upkeep, request_: RecoveryRequest | MaintenanceRequest
) -> None:
    """After a restart it is shown as it was; one that was under way when the daemon was
    killed is said to have ended with it. Another run takes its place, and it goes with
    its integration."""
    bench = Bench(upkeep, DeadExchange(meeting(1), meeting(2), is_silent=True))
    bench.commands.begin(1, request_, ACTOR, dry_run=True)
    await until(lambda: bench.exchange.asked == 1)

    def after_restart() -> MailboxRun | None:
        upkeep.now = NOW + HOUR
        commands = MailboxCommands(bench.work, upkeep.store, bench.clock, upkeep.time)
        return commands.last(type(request_), 1)

    killed = after_restart()
    assert killed is not None
    assert (killed.request, killed.dry_run) == (request_, True)
    assert (killed.finished, killed.error) == (NOW + HOUR, INTERRUPTED)
    await bench.commands.stopService()
    stopped = after_restart()
    assert stopped is not None
    assert (stopped.stop.is_set, stopped.error) == (True, "")
    assert upkeep.store.count(tables.MAILBOX_COMMAND_RUN) == 1
    bench.commands.startService()
    bench.commands.begin(1, request_, ACTOR, dry_run=True)
    await bench.commands.stopService()
    assert upkeep.store.count(tables.MAILBOX_COMMAND_RUN) == 1
    await remove_connector(upkeep.store, 1, NOW, upkeep.clock)
    assert upkeep.store.count(tables.MAILBOX_COMMAND_RUN) == 0


@pytest_twisted.ensureDeferred
async def test_it_can_be_begun_again(upkeep: Upkeep) -> None:
    """After one that was stopped, the next one of the integration may begin."""
    bench = Bench(upkeep, DeadExchange(meeting(1), meeting(2), is_silent=False))
    await bench.begin()
    bench.commands.stop(1)
    bench.exchange.asked = 0
    run = await bench.begin()
    await bench.commands.stopService()
    assert run.finished == NOW
