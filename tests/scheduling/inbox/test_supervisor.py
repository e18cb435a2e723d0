"""Integrations do not wait for each other, whatever happens to one of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused, WorkStopped
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import REFUSED
from pexschedd.scheduling.inbox.notification_listener import (
    NotificationMode,
    StreamState,
)
from pexschedd.scheduling.inbox.supervisor import HOLD_GRACE, SPREAD, Supervisor
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal
from tests.scheduling.process_support import CONNECTOR, NOW, now, turn, unexpected


class Lookout:
    """Takes as long to stop as the test says."""

    def __init__(self, connector: Connector, world: "World") -> None:
        self.connector = connector
        self.world = world
        self.state = StreamState(NotificationMode.STREAMING, NOW)
        self.woken = 0
        self.started: float | None = None
        self.stopping: Deferred[None] | None = None
        self.looked: Deferred[None] | None = None
        self.grace = 0.0

    @property
    def mailbox(self) -> str:
        return self.connector.mailbox_address

    def start(self) -> None:
        self.started = self.world.clock.seconds()
        assert self.mailbox.casefold() not in self.world.watched, "two at once"
        self.world.watched.add(self.mailbox.casefold())

    def wake(self) -> None:
        self.woken += 1

    async def look_once(self) -> None:
        assert self.mailbox.casefold() not in self.world.watched, "two at once"
        self.looked = Deferred()
        await self.looked

    async def stop(self, grace: float = 0) -> None:
        self.grace = grace
        if self.looked is not None and not self.looked.called:
            self.looked.callback(None)
        if self.connector.id in self.world.slow:
            self.stopping = Deferred()
            await self.stopping
        self.world.watched.discard(self.mailbox.casefold())


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = Store.open(
            folder / "state",
            tables.TABLES,
            reactor=cast(Any, reactor),
            failed=unexpected,
        )
        self.alarms = Alarms(self.store, now)
        self.made: list[Lookout] = []
        self.watched: set[str] = set()
        self.slow: set[int] = set()
        self.refused: set[int] = set()
        self.watchers = Supervisor(
            self.store, self.alarms, cast(Any, self._make), self.clock
        )

    def _make(self, connector: Connector) -> Lookout:
        if connector.id in self.refused:
            raise MailboxRefused("The EWS URL is not valid.")
        self.made.append(Lookout(connector, self))
        return self.made[-1]

    async def put(self, number: int, **fields: Any) -> None:
        change = self.store.transaction()
        connector = self.store.get(tables.CONNECTOR, number) or msgspec.structs.replace(
            CONNECTOR,
            id=number,
            name=f"Integration {number}",
            room_mailbox_email_address=f"room{number}@example.test",
        )
        change.put(tables.CONNECTOR, msgspec.structs.replace(connector, **fields))
        await change.commit()
        await turn(self.store)

    async def delete(self, number: int) -> None:
        change = self.store.transaction()
        change.delete(tables.CONNECTOR, number)
        await change.commit()
        await turn(self.store)

    def of(self, number: int) -> Lookout:
        """The newest of an integration."""
        return [made for made in self.made if made.connector.id == number][-1]

    async def release(self) -> None:
        self.slow.clear()
        for made in self.made:
            if made.stopping is not None and not made.stopping.called:
                made.stopping.callback(None)
        await turn(self.store)


@pytest_twisted.async_yield_fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.release()
    if world.watchers.running:
        await world.watchers.stopService()
    assert not world.watched
    assert not world.clock.getDelayedCalls()
    await world.store.close()


@pytest_twisted.ensureDeferred
async def test_the_start_is_spread(world: World) -> None:
    """Fifty begin one after another within seconds, always in the same order; one
    alone, or one that is changed meanwhile, begins at once."""
    for number in range(50, 0, -1):
        await world.put(number)
    world.watchers.startService()
    assert [made.connector.id for made in world.made] == [1]
    await world.put(40, url="https://other.example.test/EWS/Exchange.asmx")
    assert [made.connector.id for made in world.made] == [1, 40]
    for _ in range(50):
        world.clock.advance(SPREAD / 50)
    others = [number for number in range(2, 51) if number != 40]
    assert [made.connector.id for made in world.made] == [1, 40, *others]
    assert world.of(50).started == pytest.approx(SPREAD, abs=0.2)
    await world.put(51)
    assert world.of(51).started == world.clock.seconds()


@pytest_twisted.ensureDeferred
async def test_those_that_have_not_begun_are_stopped_too(world: World) -> None:
    """A daemon that is stopped right after its start begins nothing any more; one that
    is deleted in time does not begin."""
    for number in (1, 2, 3):
        await world.put(number)
    world.watchers.startService()
    await world.delete(2)
    await world.watchers.stopService()
    world.clock.advance(100)
    assert [made.connector.id for made in world.made] == [1]


@pytest_twisted.ensureDeferred
async def test_stops_do_not_add_up(world: World) -> None:
    """All are told to stop before the first has stopped."""
    for number in range(1, 51):
        await world.put(number)
    world.watchers.startService()
    world.clock.pump([SPREAD / 50] * 50)
    world.slow.update(range(1, 51))
    stopped = world.watchers.stopService()
    assert all(made.stopping is not None for made in world.made)
    assert not stopped.called
    await world.release()
    assert stopped.called


@pytest_twisted.ensureDeferred
async def test_a_slow_stop_holds_up_nobody_else(world: World) -> None:
    """One that does not stop waits for itself: its own replacement comes after it."""
    for number in (1, 2):
        await world.put(number)
    world.watchers.startService()
    world.clock.advance(SPREAD)
    world.slow.add(1)
    await world.put(1, username="other")
    await world.put(2, username="other")
    await world.put(3)
    assert [made.connector.id for made in world.made] == [1, 2, 2, 3]
    await world.put(1, username="a third")
    await world.release()
    assert world.of(1).connector.username == "a third"
    assert world.watched == {f"room{number}@example.test" for number in (1, 2, 3)}


@pytest_twisted.ensureDeferred
async def test_a_mailbox_that_changes_hands(world: World) -> None:
    """It is watched by the new owner when the old one is gone, and not before."""
    await world.put(1)
    world.watchers.startService()
    world.slow.add(1)
    await world.put(1, room_mailbox_email_address="new@example.test")
    await world.put(2, room_mailbox_email_address="Room1@Example.Test")
    assert [made.connector.id for made in world.made] == [1]
    await world.release()
    assert world.watched == {"new@example.test", "room1@example.test"}


@pytest_twisted.ensureDeferred
async def test_a_hold(world: World) -> None:
    """While an integration is held it has no worker, whatever changes; afterwards it
    gets one, also after an error. Others go on."""
    await world.put(1)
    await world.put(2)
    world.watchers.startService()
    world.clock.advance(SPREAD)
    both, other = {"room1@example.test", "room2@example.test"}, {"room2@example.test"}
    assert world.watched == both

    async def work() -> str:
        assert world.watched == other
        await world.put(1, password="another")
        assert world.watched == other
        return "done"

    assert await world.watchers.hold(1, work) == "done"
    await turn(world.store)
    assert world.watched == both
    assert world.of(1).connector.password == "another"

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await world.watchers.hold(1, fail)
    await turn(world.store)
    assert world.watched == both


@pytest_twisted.ensureDeferred
async def test_what_can_be_seen_of_them(world: World) -> None:
    """Each has its state, and a name in the alarms of its own."""
    world.refused.add(2)
    await world.put(1)
    await world.put(2)
    world.watchers.startService()
    world.clock.advance(SPREAD)
    await turn(world.store)
    state = world.watchers.stream_state(1)
    assert state is not None
    assert state.mode is NotificationMode.STREAMING
    assert world.watchers.stream_state(2) is None
    found = world.alarms.active(REFUSED, "Integration 2")
    assert found is not None
    assert found.details == "The EWS URL is not valid."
    assert world.alarms.active(REFUSED, "Integration 1") is None
    world.watchers.wake(1)
    world.watchers.wake(2)
    assert world.of(1).woken == 1
    await world.delete(2)
    assert world.alarms.active(REFUSED, "Integration 2") is None
    await world.put(1, poll_interval=7)
    assert world.of(1).woken == 2
    await world.put(1, notification_method="POLL")
    assert len(world.made) == 2


@pytest_twisted.ensureDeferred
async def test_a_hold_whose_work_fails(world: World) -> None:
    """While an integration is held no worker runs, whatever is changed; afterwards one
    begins for the record as it is then, also if the work has failed."""
    await world.put(1)
    world.watchers.startService()
    before = world.of(1)
    go_on: Deferred[None] = Deferred()

    async def work() -> str:
        await go_on
        raise ValueError("the work has failed")

    held = Deferred.fromCoroutine(world.watchers.hold(1, work))
    assert before.grace == HOLD_GRACE
    await world.put(1, username="other")
    assert world.of(1) is before
    assert not world.watched
    go_on.callback(None)
    with pytest.raises(ValueError, match="the work has failed"):
        await held
    await turn(world.store)
    assert world.of(1).connector.username == "other"
    assert world.watched == {"room1@example.test"}


@pytest_twisted.ensureDeferred
async def test_a_look_while_held(world: World) -> None:
    """The mailbox is looked into by a worker that is not started; a stop ends that."""
    await world.put(1)
    world.watchers.startService()
    stop = StopSignal()
    held = Deferred.fromCoroutine(
        world.watchers.hold(1, lambda: world.watchers.look_once(1, stop))
    )
    looking = world.of(1)
    assert looking.started is None
    assert looking.looked is not None
    looking.looked.callback(None)
    await held
    held = Deferred.fromCoroutine(
        world.watchers.hold(1, lambda: world.watchers.look_once(1, stop))
    )
    stop.set()
    with pytest.raises(WorkStopped):
        await held
    await turn(world.store)
    assert world.of(1).started is not None
