"""Long work gives way, by number and by time, and loses nothing by that."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import LONGEST, TimeSlice, in_slices
from tests.scheduling.upkeep.upkeep_support import Upkeep
from tests.util.cooperate_support import Turns

CASE = SynchronousTestCase()


def taking(clock: Turns, things: int, size: int, seconds: float = 0) -> list[int]:
    """How many things were taken in each turn, if each takes so many seconds."""
    taken: list[int] = []

    async def take() -> None:
        async for thing in in_slices(range(things), clock, size):
            taken.append(thing)
            clock.rightNow += seconds

    work = Deferred.fromCoroutine(take())
    turns = [len(taken)]
    while not work.called:
        clock.turn()
        turns.append(len(taken) - sum(turns))
    CASE.successResultOf(work)
    assert taken == list(range(things))
    return turns


def test_a_turn_has_so_many_things() -> None:
    """All come, in order, a few in each turn."""
    assert taking(Turns(), 5, 2) == [2, 2, 1]
    assert taking(Turns(), 1, 2) == [1]


def test_a_turn_takes_so_long() -> None:
    """What is slow makes turns short, but never empty."""
    assert taking(Turns(), 5, 100, LONGEST * 0.6) == [2, 2, 1]
    assert taking(Turns(), 3, 100, 1) == [1, 1, 1, 0]


def test_a_clock_that_is_set_back_ends_a_turn() -> None:
    """Instead of making one that lasts until the clock is where it was."""
    clock = Clock()
    turn = TimeSlice(clock)
    assert not turn.is_over()
    clock.rightNow -= 3600
    assert turn.is_over()


def test_cancelled_work_stops_where_it_waits() -> None:
    """Nothing more is taken, and no call is left behind."""
    clock = Clock()
    things = iter(range(5))

    async def take() -> None:
        async for _ in in_slices(things, clock, 2):
            pass

    work = Deferred.fromCoroutine(take())
    work.cancel()
    CASE.failureResultOf(work, CancelledError)
    assert next(things) == 2
    assert not clock.getDelayedCalls()


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    upkeep = Upkeep(tmp_path / "state")
    rooms = (Conference(id=n, name=str(n)) for n in range(1, 6))
    await upkeep.put(tables.CONFERENCE, *rooms)
    yield upkeep.store
    await upkeep.store.close()


def remove_odd(change: Transaction, room: Conference) -> bool:
    if room.id % 2:
        change.delete(tables.CONFERENCE, room.id)
    return bool(room.id % 2)


class Watched(Clock):
    """Says what the store has at the end of each turn, and goes on."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.seen: list[list[int]] = []
        self._store = store

    def callLater(self, *args: Any, **kw: Any) -> Any:
        call = super().callLater(*args, **kw)
        self.seen.append(list(self._store.ids(tables.CONFERENCE)))
        self.advance(0)
        return call


@pytest_twisted.ensureDeferred
async def test_changes_are_made_turn_by_turn(store: Store) -> None:
    """Each turn's are durable before the next one begins; only what was changed is
    counted."""
    clock = Watched(store)
    every = store.all(tables.CONFERENCE)
    assert await change_in_slices(store, every, remove_odd, clock, 2) == 3
    assert clock.seen == [[2, 3, 4, 5], [2, 4, 5]]
    assert list(store.ids(tables.CONFERENCE)) == [2, 4]


@pytest_twisted.ensureDeferred
async def test_changes_stop_between_turns(store: Store) -> None:
    """When the daemon stops, what was begun is finished and no more is begun."""
    answers: Iterator[bool] = iter([True, False])
    done = await change_in_slices(
        store,
        store.all(tables.CONFERENCE),
        remove_odd,
        Watched(store),
        2,
        lambda: next(answers),
    )
    assert done == 1
    assert list(store.ids(tables.CONFERENCE)) == [2, 3, 4, 5]


@pytest_twisted.ensureDeferred
async def test_a_turn_that_fails_changes_nothing(store: Store) -> None:
    """Memory has nothing that the disk has not: the turn's changes are taken back."""

    def fail(change: Transaction, room: Conference) -> bool:
        if room.id == 4:
            raise ZeroDivisionError
        return remove_odd(change, room)

    every = store.all(tables.CONFERENCE)
    with pytest.raises(ZeroDivisionError):
        await change_in_slices(store, every, fail, Watched(store), 2)
    assert list(store.ids(tables.CONFERENCE)) == [2, 3, 4, 5]
