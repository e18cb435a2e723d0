"""Lists from what is remembered, against looking at every record anew."""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.management.filters import filter_operators
from pexschedd.management.list_query import ListQuery, make_query, matches
from pexschedd.management.listing import Listing
from pexschedd.management.lists.block import Block
from pexschedd.management.record_queries import RecordPage, RecordQueries
from pexschedd.management.representation import represent
from pexschedd.management.resources import (
    CONFERENCE,
    CONFERENCE_ALIAS,
    AnyResource,
)
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.util.cooperate import LONGEST
from tests.thorough import examples
from tests.util.cooperate_support import Turns

CASE = SynchronousTestCase()


class Records:
    """A store in which nothing is indexed, and every change is a commit."""

    def __init__(self) -> None:
        self._records: defaultdict[str, dict[int, Any]] = defaultdict(dict)
        self._subscribers: defaultdict[str, list[Callable[..., None]]]
        self._subscribers = defaultdict(list)

    def put(self, table: Any, record: Any) -> None:
        self._change(table, record.id, record)

    def delete(self, table: Any, id: int) -> None:
        self._change(table, id, None)

    def _change(self, table: Any, id: int, new: Any) -> None:
        old = self._records[table.name].pop(id, None)
        if new is not None:
            self._records[table.name][id] = new
        if old is not new:
            for changed in self._subscribers[table.name]:
                changed(old, new)

    def subscribe(self, table: Any, changed: Callable[..., None]) -> None:
        self._subscribers[table.name].append(changed)

    def get(self, table: Any, id: int) -> Any:
        return self._records[table.name].get(id)

    def all(self, table: Any) -> Iterable[Any]:
        for id_ in sorted(self._records[table.name]):
            if id_ in self._records[table.name]:
                yield self._records[table.name][id_]

    def page(self, table: Any, offset: int, limit: int) -> Sequence[int]:
        return sorted(self._records[table.name])[offset : offset + limit]

    def count(self, table: Any) -> int:
        return len(self._records[table.name])

    def find_all(self, index: Any, key: Any) -> list[Any]:
        return [r for r in self.all(index.table) if index.key(r) == key]

    def find_each(self, index: Any, key: Any) -> Iterable[Any]:
        return iter(self.find_all(index, key))


IDS = st.sampled_from([1, 2, 3, 250, 254, 255, 256, 257, 511, 512, 90_000])
TEXTS = st.text("aA\0ßς", max_size=3) | st.sampled_from(["Straße", "STRASSE"])
NONE_OR_TEXTS = st.none() | TEXTS
TIMES = st.sampled_from([datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)])
ROOMS = st.builds(
    Conference,
    id=IDS,
    name=TEXTS,
    tag=st.sampled_from(["", "a"]),
    crypto_mode=NONE_OR_TEXTS,
    max_callrate_in=st.none() | st.integers(128, 130),
    allow_guests=st.booleans(),
)
ALIASES = st.builds(
    ConferenceAlias,
    id=IDS,
    alias=TEXTS,
    conference=IDS,
    creation_time=st.none() | TIMES,
    view_order=st.none() | st.integers(0, 2),
)
DELETIONS = st.tuples(
    st.sampled_from([tables.CONFERENCE, tables.CONFERENCE_ALIAS]), IDS
)
CHANGES = st.lists(ROOMS | ALIASES | DELETIONS, max_size=6)

_TEXT_OPERATORS = [o for o in filter_operators(CONFERENCE)["name"] if o != "isnull"]


def texts(name: str) -> st.SearchStrategy[tuple[str, str]]:
    operators = st.sampled_from(_TEXT_OPERATORS).map(lambda o: f"{name}__{o}")
    return st.tuples(operators, TEXTS)


def numbers(name: str, values: st.SearchStrategy[int]) -> Any:
    operators = st.sampled_from(["exact", "gt", "gte", "lt", "lte", "in"])
    return st.tuples(operators.map(lambda o: f"{name}__{o}"), values.map(str))


def absent(name: str) -> Any:
    return st.tuples(st.just(f"{name}__isnull"), st.sampled_from(["true", "false"]))


SEVERAL_IDS = st.lists(IDS, min_size=1).map(lambda ids: ",".join(map(str, ids)))
FILTERS: dict[AnyResource, Any] = {
    CONFERENCE: texts("name")
    | texts("crypto_mode")
    | texts("tag")
    | numbers("id", IDS)
    | numbers("max_callrate_in", st.integers(128, 130))
    | absent("crypto_mode")
    | absent("max_callrate_in")
    | st.tuples(st.just("allow_guests"), st.sampled_from(["true", "false"]))
    | st.tuples(st.sampled_from(["id__in", "aliases__in"]), SEVERAL_IDS)
    | texts("aliases__alias")
    | numbers("aliases__id", IDS)
    | numbers("aliases__view_order", st.integers(0, 2))
    | absent("aliases__view_order"),
    CONFERENCE_ALIAS: texts("alias")
    | numbers("conference__id", IDS)
    | st.tuples(st.sampled_from(["conference", "conference__in"]), IDS.map(str))
    | texts("conference__name")
    | texts("conference__crypto_mode")
    | absent("conference__crypto_mode")
    | absent("creation_time")
    | st.tuples(
        st.sampled_from(["creation_time__lte", "creation_time"]), TIMES.map(str)
    ),
}
ORDERS = {
    CONFERENCE: ["id", "name", "tag", "crypto_mode", "max_callrate_in", "allow_guests"],
    CONFERENCE_ALIAS: ["id", "alias", "conference", "creation_time", "view_order"],
}


@st.composite
def queries(draw: st.DrawFn) -> tuple[AnyResource, ListQuery]:
    resource: AnyResource = draw(st.sampled_from([CONFERENCE, CONFERENCE_ALIAS]))
    names = st.sampled_from(ORDERS[resource])
    order = st.lists(names | names.map(lambda name: f"-{name}"), max_size=2)
    query = make_query(
        resource,
        limit=draw(st.integers(0, 4)),
        offset=draw(st.integers(0, 2)),
        order_by=draw(order),
        filters=draw(st.lists(FILTERS[resource], max_size=2)),
    )
    return resource, query


def change(store: Records, changes: Sequence[Any]) -> None:
    for each in changes:
        if isinstance(each, Conference):
            store.put(tables.CONFERENCE, each)
        elif isinstance(each, ConferenceAlias):
            store.put(tables.CONFERENCE_ALIAS, each)
        else:
            store.delete(*each)


def plainly(
    store: Records, resource: AnyResource, query: ListQuery
) -> tuple[list[int], int]:
    """The ids on the page and the number of all, from every record there is."""
    found = [
        each
        for each in store.all(resource.table)
        if matches(store, resource, query, each)
    ]
    for column, descends in reversed(query.order):
        found.sort(
            key=lambda r: ((value := column.get(r)) is not None, value),
            reverse=descends,
        )
    page = found[query.offset : query.offset + query.limit]
    return [each.id for each in page], len(found)


def page_of(queries_: RecordQueries, resource: AnyResource, query: ListQuery) -> Any:
    asked: Deferred[RecordPage] = Deferred.fromCoroutine(queries_.page(resource, query))
    return CASE.successResultOf(asked)


@settings(max_examples=examples(400))
@given(st.lists(st.tuples(CHANGES, queries()), max_size=6), st.sampled_from([1, 600]))
def test_lists_are_what_every_record_says(
    steps: Sequence[tuple[Sequence[Any], tuple[AnyResource, ListQuery]]], most: int
) -> None:
    """After any changes, each list is the one that looking at all records gives, each
    shown as it is now, however little of the JSON is kept."""
    store = Records()
    asked = RecordQueries(store, Clock(), most_encoded=most)
    for changes, (resource, query) in steps:
        change(store, changes)
        page = page_of(asked, resource, query)
        ids, total = plainly(store, resource, query)
        assert page.total == total
        shown = [
            represent(store, resource, store.get(resource.table, id_)) for id_ in ids
        ]
        listed = b"[%b]" % b",".join(page.objects)
        assert listed == msgspec.json.encode(shown)


class SlowTurns(Turns):
    """Each look at the clock finds that a slice is over."""

    def seconds(self) -> float:
        self.rightNow += LONGEST
        return super().seconds()


@settings(max_examples=examples(400))
@given(CHANGES, st.lists(CHANGES, max_size=9), queries(), queries())
def test_a_search_is_of_one_moment(
    before: Sequence[Any],
    meanwhile: Sequence[Sequence[Any]],
    first: tuple[AnyResource, ListQuery],
    then: tuple[AnyResource, ListQuery],
) -> None:
    """Whatever changes between the slices of a search, its result is what there was
    between two of the changes. What an index finds is looked at one by one: it has all
    that passed all the time, and nothing that never did."""
    store, clock = Records(), SlowTurns()
    change(store, before)
    listing = Listing(store, clock)
    for resource, query in (first, then):
        query = replace(query, offset=0, limit=100)
        found = Deferred.fromCoroutine(listing.select(resource, query))
        possible = [plainly(store, resource, query)]
        for changes in meanwhile:
            clock.turn()
            change(store, changes)
            possible.append(plainly(store, resource, query))
        while not found.called:
            clock.turn()
        ids, total = CASE.successResultOf(found)
        if any(each.condition.operator in ("exact", "in") for each in query.filters):
            each_time = [set(some) for some, _ in possible]
            assert set.intersection(*each_time) <= set(ids) <= set.union(*each_time)
            assert total == len(ids)
        else:
            assert (list(ids), total) in possible


@given(st.lists(ROOMS | ALIASES, max_size=9), queries())
def test_a_block_is_searched_as_its_records(
    records: Sequence[Any], asked: tuple[AnyResource, ListQuery]
) -> None:
    """All conditions on records of a block, each and together, give those that fulfil
    them, and an order is that of their values."""
    resource, query = asked
    block: Block[Any] = Block(
        [each for each in records if type(each) is resource.table.record]
    )
    conditions = [f.condition for f in query.filters if f.through is None]
    for some in (*([each] for each in conditions), conditions):
        assert list(block.passing(some)) == [
            place
            for place, record in enumerate(block.records)
            if all(each.test(each.column.get(record)) for each in some)
        ]
    expected = list(range(len(block.records)))
    for column, descends in reversed(query.order):
        values = [column.get(record) for record in block.records]
        keys = [(value is not None, value) for value in values]
        expected.sort(key=keys.__getitem__, reverse=descends)
    assert list(block.in_order(query.order, range(len(expected)))) == expected


def test_an_index_that_is_being_made_follows_changes() -> None:
    """A record that appears behind the place that has been read, and changes when the
    index has passed it, is found by its last value alone."""
    store, clock = Records(), SlowTurns()
    for id_ in (1, 400, 401, 402):
        store.put(tables.CONFERENCE, Conference(id=id_, name=f"{id_}", tag="a"))
    listing = Listing(store, clock)
    for value, expected in (("b", []), ("c", [300]), ("a", [1, 400, 401, 402])):
        query = make_query(CONFERENCE, limit=20, filters=[("tag", value)])
        found = Deferred.fromCoroutine(listing.select(CONFERENCE, query))
        if value == "b":
            store.put(tables.CONFERENCE, Conference(id=300, name="300", tag="b"))
            clock.turn()
            clock.turn()
            store.put(tables.CONFERENCE, Conference(id=300, name="300", tag="c"))
        while not found.called:
            clock.turn()
        assert CASE.successResultOf(found) == (expected, len(expected))


def test_the_collector_looks_at_no_block() -> None:
    """What is remembered of all records costs no time in each full collection."""
    rooms = [Conference(id=number, name=f"Room {number}") for number in range(200)]
    block: Block[Any] = Block(rooms)
    query = make_query(CONFERENCE, limit=20, filters=[("name__gt", "Room 5")])
    block.passing([each.condition for each in query.filters])
    gc.collect()
    held = [block.records, *block._values.values()]
    assert len(held) == 2
    assert not any(map(gc.is_tracked, held))
