"""Audits run by interval and on demand, one at a time for an integration."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from pexschedd.errors import MailboxRefused, NotFound, Unavailable
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.upkeep.audit_rules import AuditReport
from pexschedd.scheduling.upkeep.audit_service import (
    CHECK_INTERVAL,
    RETRY_INTERVAL,
    AuditService,
    AuditState,
    MailboxAccess,
)
from tests.conftest import Failures
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Upkeep,
)

REPORT = AuditReport(1, 1)
MAILBOX = f"{CONNECTOR.room_mailbox_email_address} at {CONNECTOR.url}"


class SlowRunner:
    """An auditor that takes as long as the test wants."""

    def __init__(self) -> None:
        self.begun = 0
        self.end: Deferred[AuditReport] = Deferred()
        self.running: Callable[[], bool] = lambda: True

    async def audit(
        self,
        connector: Connector,
        keeping: Any,
        organizers: Any,
        running: Callable[[], bool],
    ) -> AuditReport:
        self.begun += 1
        self.running = running
        self.end = Deferred()
        return await self.end


class Setting:
    def __init__(self, upkeep: Upkeep) -> None:
        self.upkeep = upkeep
        self.clock = Clock()
        self.auditor = SlowRunner()
        self.closed = 0
        self.close_error: Exception | None = None
        self.audits = AuditService(
            upkeep.store,
            self.auditor,  # type: ignore[arg-type]  # its one method
            self.connect,
            clock=self.clock,
            now=upkeep.time,
        )

    def connect(self, connector: Connector) -> MailboxAccess:
        return MailboxAccess(MemoryUpkeepMailbox(), MemoryOrganizers(), self.close)

    async def close(self) -> None:
        self.closed += 1
        if self.close_error:
            raise self.close_error

    def look(self) -> None:
        self.clock.advance(CHECK_INTERVAL)


@pytest_twisted.async_yield_fixture()
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    setting = Setting(upkeep)
    setting.audits.startService()
    yield setting
    if setting.audits.running:
        await setting.audits.stopService()
    await upkeep.store.close()


@pytest_twisted.ensureDeferred
async def test_the_log_names_integration_and_outcome(setting: Setting) -> None:
    """One line when an audit has finished, another when it could not be made."""
    with capturedLogs() as events:
        setting.look()
        setting.clock.advance(1.23)
        setting.auditor.end.callback(REPORT)
        setting.audits.begin(1)
        setting.auditor.end.errback(MailboxRefused("Not allowed."))
    assert [(formatEvent(e), e["integration"]) for e in events] == [
        ("audit finished integration=1 meetings=1 rooms=1 findings=0 seconds=1.2", 1),
        ("audit failed integration=1 reason=Not allowed.", 1),
    ]


@pytest_twisted.ensureDeferred
async def test_by_interval(setting: Setting) -> None:
    """A minute after the start, then each hour since the last one began; never while
    one is under way, nor when the interval is 0."""
    auditor, upkeep = setting.auditor, setting.upkeep
    assert auditor.begun == 0
    setting.look()
    assert auditor.begun == 1
    upkeep.now += 2 * HOUR
    setting.look()
    assert auditor.begun == 1
    auditor.end.callback(REPORT)
    assert setting.audits.state(1) == AuditState(
        NOW, upkeep.now, REPORT, mailbox=MAILBOX
    )
    assert setting.closed == 1
    setting.look()
    assert auditor.begun == 2
    auditor.end.callback(REPORT)
    upkeep.now += HOUR - CHECK_INTERVAL * HOUR / 3600
    setting.look()
    assert auditor.begun == 2
    await upkeep.put(tables.CONNECTOR, replace(CONNECTOR, audit_interval=0))
    upkeep.now += 99 * HOUR
    setting.look()
    assert auditor.begun == 2


@pytest_twisted.ensureDeferred
async def test_what_was_wrong_is_looked_at_again_soon(setting: Setting) -> None:
    """Five minutes after an audit that failed or found Exchange answering by itself,
    so that the alarm ends when that is mended; at once for another mailbox."""
    auditor, upkeep = setting.auditor, setting.upkeep
    setting.look()
    auditor.end.callback(replace(REPORT, automatic=True))
    upkeep.now += RETRY_INTERVAL / 2
    setting.look()
    assert auditor.begun == 1
    upkeep.now += RETRY_INTERVAL / 2
    setting.look()
    assert auditor.begun == 2
    auditor.end.errback(MailboxRefused("The password is wrong."))
    upkeep.now += RETRY_INTERVAL
    setting.look()
    assert auditor.begun == 3
    auditor.end.callback(REPORT)
    upkeep.now += RETRY_INTERVAL
    setting.look()
    assert auditor.begun == 3
    other = replace(CONNECTOR, room_mailbox_email_address="other@example.test")
    await upkeep.put(tables.CONNECTOR, other)
    setting.look()
    assert auditor.begun == 4
    auditor.end.callback(REPORT)


@pytest_twisted.ensureDeferred
async def test_on_demand(setting: Setting) -> None:
    """At once, and once at a time; the last result stays until there is another."""
    audits, auditor = setting.audits, setting.auditor
    assert audits.state(1) is None
    audits.begin(1)
    audits.begin(1)
    assert auditor.begun == 1
    auditor.end.callback(REPORT)
    setting.upkeep.now += HOUR
    audits.begin(1)
    assert audits.state(1) == AuditState(NOW + HOUR, None, REPORT, mailbox=MAILBOX)
    auditor.end.errback(MailboxRefused("The password is wrong."))
    state = audits.state(1)
    assert state is not None
    assert (state.error, state.report) == ("The password is wrong.", REPORT)


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_audited(setting: Setting) -> None:
    """An unknown integration, or one that schedules nothing, is told at once."""
    with pytest.raises(NotFound):
        setting.audits.begin(2)
    changed = replace(CONNECTOR, enable_dynamic_vmrs=False)
    await setting.upkeep.put(tables.CONNECTOR, changed)
    with pytest.raises(Unavailable):
        setting.audits.begin(1)
    setting.look()
    assert setting.auditor.begun == 0


@pytest_twisted.ensureDeferred
async def test_a_hold(setting: Setting) -> None:
    """An audit under way is waited for, its connections closed; none begins before the
    hold is over."""
    audits, auditor = setting.audits, setting.auditor
    audits.begin(1)
    holding: Deferred[None] = Deferred()
    begun: list[int] = []

    async def work() -> str:
        begun.append(auditor.begun)
        await holding
        return "done"

    held = Deferred.fromCoroutine(audits.hold(1, work))
    assert setting.closed == 1
    assert begun == []
    auditor.end.callback(REPORT)
    assert begun == [1]
    with pytest.raises(Unavailable, match="Another command"):
        audits.begin(1)
    setting.upkeep.now += timedelta(days=10)
    setting.look()
    assert auditor.begun == 1
    holding.callback(None)
    assert await held == "done"
    setting.look()
    assert auditor.begun == 2
    auditor.end.callback(REPORT)


@pytest_twisted.ensureDeferred
async def test_stopping_waits_for_a_safe_place(setting: Setting) -> None:
    """The audit under way is told, and stopping fires when it has ended."""
    setting.audits.begin(1)
    stopping = setting.audits.stopService()
    assert not setting.auditor.running()
    assert not stopping.called
    setting.auditor.end.callback(REPORT)
    await stopping
    assert not setting.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_connections_that_do_not_close(
    setting: Setting, logged_failures: Failures
) -> None:
    """The audit has ended all the same: another may begin, and stopping ends."""
    setting.close_error = OSError("already gone")
    setting.audits.begin(1)
    setting.auditor.end.callback(REPORT)
    assert "audit failed to close its connections" in logged_failures[0]
    setting.audits.begin(1)
    assert setting.auditor.begun == 2
    stopping = setting.audits.stopService()
    setting.auditor.end.callback(REPORT)
    await stopping
    assert setting.audits.state(1) == AuditState(NOW, NOW, REPORT, mailbox=MAILBOX)
    logged_failures.clear()


@pytest_twisted.ensureDeferred
async def test_a_check_that_fails(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, logged_failures: Failures
) -> None:
    """The next one is made all the same."""

    def broken(table: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(setting.upkeep.store, "all", broken)
        setting.look()
    setting.look()
    assert setting.auditor.begun == 1
    assert "periodic work failed work=due audits" in logged_failures[0]
    logged_failures.clear()
    setting.auditor.end.callback(REPORT)


@pytest_twisted.ensureDeferred
async def test_a_hold_cuts_off_an_audit(setting: Setting) -> None:
    """While an integration is held no audit runs: the one that does is cut off, none
    begins, and afterwards they go on."""
    setting.look()
    go_on: Deferred[str] = Deferred()

    async def work() -> str:
        return await go_on

    held = Deferred.fromCoroutine(setting.audits.hold(1, work))
    assert setting.closed == 1
    setting.auditor.end.errback(MailboxRefused("The connections are closed."))
    with pytest.raises(Unavailable, match="Another command"):
        setting.audits.begin(1)
    setting.clock.advance(RETRY_INTERVAL.total_seconds())
    assert setting.auditor.begun == 1
    go_on.callback("done")
    assert await held == "done"
    setting.audits.begin(1)
    assert setting.auditor.begun == 2
    setting.auditor.end.callback(REPORT)
