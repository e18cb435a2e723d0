"""Whether the date may be believed: at a start, after a jump, beside a server's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.model import tables
from pexschedd.model.outbox import LastSweep, MailboxCursor
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.clock_trust import INSTANCE, ClockTrust
from pexschedd.store.store import Store
from tests.web_admin.web_admin_support import open_store

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A store, a date and a steady clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.steady = Clock()
        self.date = NOW
        self.alarms = Alarms(store, lambda: self.date)
        self.changes = 0

    def start(self) -> ClockTrust:
        def changed() -> None:
            self.changes += 1

        trust = ClockTrust(
            self.store, self.alarms, clock=self.steady, now=lambda: self.date
        )
        trust.on_jump(changed)
        return trust

    def passes(self, seconds: float, *, dated: float | None = None) -> None:
        """Time passes; by the date as much, or something else."""
        self.steady.advance(seconds)
        self.date += timedelta(seconds=seconds if dated is None else dated)

    @property
    def alarm(self) -> str:
        found = self.alarms.active(names.CLOCK, INSTANCE)
        return found.details if found else ""


@pytest_twisted.async_yield_fixture()
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    store = open_store(tmp_path / "state")
    yield Machine(store)
    await store.close()


@pytest.mark.parametrize(
    ("since", "doubted"),
    [
        (timedelta(0), False),
        (5 * HOUR, False),
        (72 * HOUR, True),
        (-HOUR, True),
        (timedelta(minutes=-4), False),
    ],
)
@pytest.mark.parametrize("kind", ["sweep", "cursor"])
@pytest_twisted.ensureDeferred
async def test_a_start_long_after_or_before_the_last_work(
    machine: Machine, since: timedelta, doubted: bool, kind: str
) -> None:
    """The date has to follow what the daemon wrote last, or a server has to agree."""
    change = machine.store.transaction()
    if kind == "sweep":
        change.put(tables.SWEEP, LastSweep(id=1, finished=NOW))
    else:
        change.put(tables.CURSOR, MailboxCursor(id=1, last_item_time=NOW))
    await change.commit()
    machine.date = NOW + since
    trust = machine.start()
    trust.look()
    assert bool(trust.doubt) == bool(machine.alarm) == doubted
    trust.confirm()
    assert (trust.doubt, machine.alarm) == ("", "")


@pytest_twisted.ensureDeferred
async def test_a_first_start(machine: Machine) -> None:
    """Nothing was written before: there is nothing to compare, nor to remove."""
    trust = machine.start()
    trust.look()
    assert trust.doubt == ""


@pytest.mark.parametrize("jump", [3 * 86400.0, -7200.0])
@pytest_twisted.ensureDeferred
async def test_a_jump(machine: Machine, jump: float) -> None:
    """It is noticed within seconds, told at once, and doubted until it is confirmed."""
    trust = machine.start()
    for _ in range(100):
        machine.passes(10, dated=10.3)  # a clock that drifts is no jump
        trust.look()
    assert (trust.doubt, machine.changes) == ("", 0)
    machine.passes(10, dated=10 + jump)
    trust.look()
    assert machine.changes == 1
    assert ("forward" if jump > 0 else "back") in trust.doubt
    assert trust.doubt == machine.alarm
    machine.passes(3600)
    trust.look()
    assert trust.doubt
    trust.confirm()
    assert (trust.doubt, machine.alarm, machine.changes) == ("", "", 1)


@pytest_twisted.ensureDeferred
async def test_a_server_that_disagrees(machine: Machine) -> None:
    """While the alarm about a server's clock is up nothing is believed."""
    trust = machine.start()
    machine.alarms.raise_(names.CLOCK, "Head office", "two hours behind")
    assert trust.doubt == "two hours behind"
    machine.alarms.lower("Head office", names.CLOCK)
    assert trust.doubt == ""
