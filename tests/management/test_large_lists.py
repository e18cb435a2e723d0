"""Lists of many records: looked through in turns, and with little kept."""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.management.list_query import make_query
from pexschedd.management.listing import Listing
from pexschedd.management.ordering import Ordering, descending
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.resources import CONFERENCE
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.table import Index, R, Table
from pexschedd.store.store import Store
from pexschedd.util.cooperate import AT_ONCE
from tests.util.cooperate_support import Turns
from tests.web_admin.web_admin_support import (
    open_store,
)

CASE = SynchronousTestCase()
MANY = 3000


def room(number: int) -> Conference:
    # Names do not come in the order of the ids.
    name = f"Room {number * 7919 % MANY:04}"
    return Conference(id=number, name=name, tag="abc"[number % 3])


class Counting:
    """A store that counts the records it reads."""

    def __init__(self, store: Store, read: Callable[[], object]) -> None:
        self._store = store
        self._read = read
        self.get = store.get
        self.page = store.page
        self.count = store.count
        self.find_all = store.find_all
        self.subscribe = store.subscribe

    def all(self, table: Table[R]) -> Iterable[R]:
        return self._counted(self._store.all(table))

    def find_each(self, index: Index[R], key: Any) -> Iterable[R]:
        return self._counted(self._store.find_each(index, key))

    def _counted(self, records: Iterable[R]) -> Iterable[R]:
        for record in records:
            self._read()
            yield record


class Scan:
    """A list that is being made."""

    def __init__(self, store: Store, clock: Clock, **arguments: object) -> None:
        self.clock = clock
        self.read = 0
        """Records, in this turn."""
        self.most = 0
        self.turns = 1
        query = make_query(
            CONFERENCE,
            limit=int(str(arguments.pop("limit", 20))),
            offset=int(str(arguments.pop("offset", 0))),
            order_by=filter(None, str(arguments.pop("order_by", "")).split(",")),
            filters=[(name, str(value)) for name, value in arguments.items()],
        )
        counting = Counting(store, self._count)
        self.work = Deferred.fromCoroutine(
            Listing(counting, clock).select(CONFERENCE, query)
        )

    def _count(self) -> None:
        self.read += 1
        self.most = max(self.most, self.read)

    def turn(self) -> None:
        self.turns += 1
        self.read = 0
        self.clock.advance(1)

    def finish(self) -> tuple[list[int], int]:
        while not self.work.called:
            self.turn()
        ids, total = CASE.successResultOf(self.work)
        return list(ids), total


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = open_store(tmp_path / "state")
    await put(store, *map(room, range(1, MANY + 1)))
    yield store
    await store.close()


async def put(store: Store, *rooms: Conference) -> None:
    change = store.transaction()
    for each in rooms:
        change.put(tables.CONFERENCE, each)
    await change.commit()


async def delete(store: Store, *ids: int) -> None:
    change = store.transaction()
    for id in ids:
        change.delete(tables.CONFERENCE, id)
    await change.commit()


@pytest.mark.parametrize(
    "arguments",
    [
        {"tag": "b"},
        {"order_by": "name"},
        {"order_by": "-tag,name", "offset": 1500, "limit": 1000},
        {"order_by": "-name", "name__contains": "1", "limit": 0},
        {"name": "nobody's", "tag": "b"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_list_gives_way(store: Store, arguments: dict[str, object]) -> None:
    """No turn reads more than a few hundred records, and the page is the right one."""
    scan = Scan(store, Turns(), **arguments)
    ids, total = scan.finish()
    assert scan.most <= AT_ONCE
    expected = [
        each
        for each in map(room, range(1, MANY + 1))
        if arguments.get("tag", each.tag) == each.tag
        and arguments.get("name", each.name) == each.name
        and str(arguments.get("name__contains", "")) in each.name
    ]
    for key in reversed(str(arguments.get("order_by", "id")).split(",")):
        name = key.removeprefix("-")
        expected.sort(key=lambda r: getattr(r, name), reverse=key.startswith("-"))
    start = int(str(arguments.get("offset", 0)))
    limit = int(str(arguments.get("limit", 20))) or MANY
    assert ids == [each.id for each in expected][start : start + limit]
    assert total == len(expected)
    # The filter by name is answered by an index.
    assert scan.turns >= (1 if "name" in arguments else MANY // AT_ONCE)


@pytest_twisted.ensureDeferred
async def test_a_slow_disk_makes_turns_short(store: Store) -> None:
    """What counts is the time that reading takes, not only how much is read."""
    clock = Turns()

    class Slow(Scan):
        def _count(self) -> None:
            super()._count()
            clock.rightNow += 0.001

    slow = Slow(store, clock, tag="b")
    assert slow.finish()[1] == MANY // 3
    assert slow.most <= 4


@pytest.mark.parametrize("order", [{}, {"order_by": "name"}, {"order_by": "-id"}])
@pytest_twisted.ensureDeferred
async def test_changes_meanwhile_disturb_nobody(
    store: Store, order: dict[str, object]
) -> None:
    """Records are deleted, changed and added while the list is made: what was there
    all the time is in it, once, in order, and nothing else goes wrong."""
    scan = Scan(store, Turns(), tag="b", limit=0, **order)
    stay = {n for n in range(1, MANY + 1) if n % 3 == 1}
    turn = 0
    while not scan.work.called:
        turn += 1
        # Behind, at and ahead of where the scan is.
        for at in (1, turn * AT_ONCE, turn * AT_ONCE + 1, MANY - 3 * turn):
            await delete(store, at)
            stay.discard(at)
        moved = turn * AT_ONCE + 2
        await put(store, replace(room(moved), tag="a"), room(MANY + turn))
        stay.discard(moved)
        scan.turn()
    ids, total = scan.finish()
    assert stay <= set(ids)
    assert len(set(ids)) == len(ids) == total
    there = [n for n in ids if n in stay]
    if not order:
        assert there == sorted(there)
    elif order["order_by"] == "name":
        assert there == sorted(there, key=lambda n: room(n).name)
    else:
        assert there == sorted(there, reverse=True)


@pytest_twisted.ensureDeferred
async def test_waiting_lists_are_not_served_in_one_turn(store: Store) -> None:
    """Of many lists that are asked for at once, a few are made in each turn, and in the
    end all of them are."""
    clock = Turns()
    asked = RecordQueries(store, clock)
    query = make_query(CONFERENCE, limit=20, filters=[("id__in", "1,2,3")])
    lists = [Deferred.fromCoroutine(asked.page(CONFERENCE, query)) for _ in range(30)]
    done = [sum(each.called for each in lists)]
    while done[-1] < len(lists):
        clock.turn()
        done.append(sum(each.called for each in lists))
    assert all(after - before <= 3 for before, after in pairwise(done))
    assert {CASE.successResultOf(each).total for each in lists} == {3}


@pytest_twisted.ensureDeferred
async def test_a_cancelled_list_stops(store: Store) -> None:
    """Nothing more is read, and no call is left behind."""
    clock = Turns()
    scan = Scan(store, clock, order_by="name")
    scan.turn()
    scan.read = 0
    scan.work.cancel()
    CASE.failureResultOf(scan.work, CancelledError)
    clock.advance(99)
    assert scan.read == 0
    assert not clock.getDelayedCalls()


TEXTS = st.text(max_size=3) | st.text("a\0\x7f\ud800\ue000\U0010ffff", max_size=3)


@given(st.lists(st.tuples(TEXTS, TEXTS)))
@example([("a", ""), ("a\0", "b"), ("a", "b")])
def test_texts_descend(pairs: list[tuple[str, str]]) -> None:
    """The other way round, whatever characters there are."""
    assert sorted(pairs, key=lambda p: (descending(p[0]), p[1])) == sorted(
        sorted(pairs, key=lambda p: p[1]), key=lambda p: p[0], reverse=True
    )


@given(
    st.lists(st.booleans())
    | st.lists(st.integers())
    | st.lists(st.datetimes(timezones=st.just(UTC)))
)
def test_values_descend(values: list[Any]) -> None:
    """All kinds of values that records have."""
    assert sorted(values, key=descending) == sorted(values, reverse=True)


@given(
    things=st.lists(
        st.tuples(st.integers(0, 5), st.text(max_size=2)), unique=True, max_size=60
    ),
    most=st.integers(1, 70),
    run=st.integers(1, 9),
)
def test_ordering(things: list[tuple[int, str]], most: int, run: int) -> None:
    """The first ones in order, whatever is kept of the others meanwhile."""
    ordering = Ordering(most, Clock(), run=run)

    async def order() -> list[tuple[object, ...]]:
        for thing in things:
            await ordering.add(thing)
            assert len(ordering) <= 2 * (most + run)
        return [key async for key in ordering.take()]

    keys = CASE.successResultOf(Deferred.fromCoroutine(order()))
    assert keys == sorted(things)[:most]
