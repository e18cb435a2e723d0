"""Many records in one request: in turns, all or none, and few words if it is wrong."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock

from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.list_query import make_query
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.record_saver import MOST_FIELDS
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.resource import MOST_RECORDS
from pexschedd.management.resources import CONFIGURATION
from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate
from pexschedd.model.conference import ConferenceAlias
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from pexschedd.util.cooperate import AT_ONCE
from tests.turns import some_turns
from tests.util.cooperate_support import Turns

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ALIASES = CONFIGURATION["conference_alias"]


def writer(
    store: Store, clock: Clock, columns: ColumnIndexes | None = None
) -> RecordWriter:
    def uuid() -> str:
        return str(uuid4())

    templates = Templates(lambda: NOW, uuid, lambda n: "1" * n)
    return RecordWriter(
        store, templates, clock=clock, now=lambda: NOW, uuid4=uuid, columns=columns
    )


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = Store.open(
        tmp_path,
        tables.TABLES,
        reactor=cast(IReactorFromThreads, reactor),
        failed=lambda error: os.abort(),
    )
    await writer(found, Clock()).create(CONFIGURATION["conference"], {"name": "Board"})
    yield found
    await found.close()


def named(*names: str) -> dict[str, Any]:
    """A request for aliases of the conference."""
    return {"objects": [{"alias": name, "conference": 1} for name in names]}


NAMES = [f"a{number}@example.test" for number in range(900)]


Send = Callable[[RecordWriter], Coroutine[Any, Any, object]]


def bulk(payload: dict[str, Any]) -> Send:
    """The request with many aliases."""
    return lambda writer: writer.bulk(ALIASES, payload)


async def in_turns(
    store: Store, send: Send, meanwhile: Callable[[int], None] = lambda turn: None
) -> int:
    """Carry a request out; call `meanwhile` in each turn in between, and count them."""
    clock = Turns()
    work = Deferred.fromCoroutine(send(writer(store, clock)))
    turns = 0
    while not work.called:
        if clock.getDelayedCalls():
            turns += 1
            meanwhile(turns)
            clock.turn()
        else:  # the store is writing
            await some_turns()
    await work
    return turns


def with_nested(count: int) -> Send:
    """A new conference with so many aliases."""
    return with_aliases(*[{"alias": name} for name in NAMES[:count]])


def with_aliases(*aliases: object) -> Send:
    payload = {"name": "Hall", "aliases": list(aliases)}
    return lambda writer: writer.create(CONFIGURATION["conference"], payload)


@pytest.mark.parametrize("send", [bulk(named(*NAMES)), with_nested(len(NAMES))])
@pytest_twisted.ensureDeferred
async def test_other_work_has_its_turn(store: Store, send: Send) -> None:
    """Nothing is to be seen of the request before all of it is right, then all is."""
    seen: list[int] = []
    turns = await in_turns(
        store, send, lambda _: seen.append(store.count(tables.CONFERENCE_ALIAS))
    )
    # They are checked, then prepared for the commit; after it, all are logged.
    assert turns >= 3 * (len(NAMES) // AT_ONCE)
    assert set(seen) == {0, len(NAMES)}
    assert seen == sorted(seen)
    assert seen.count(0) >= len(NAMES) // AT_ONCE


@pytest_twisted.ensureDeferred
async def test_a_changed_record_gives_way(store: Store) -> None:
    """A conference whose aliases are all replaced: each turn does a few hundred."""
    await in_turns(store, with_nested(900))
    payload = {"aliases": [{"alias": f"b{number}@x"} for number in range(900)]}
    turns = await in_turns(
        store,
        lambda writer: writer.update(CONFIGURATION["conference"], 2, payload),
    )
    # They are listed, the old ones are deleted, the new ones checked, all are logged.
    assert turns >= 4 * (len(NAMES) // AT_ONCE)
    assert store.count(tables.CONFERENCE_ALIAS) == 900


@pytest.mark.parametrize("send", [bulk(named(*NAMES)), with_nested(len(NAMES))])
@pytest.mark.parametrize("turn", [1, 3])
@pytest_twisted.ensureDeferred
async def test_what_changes_meanwhile_is_looked_at_again(
    store: Store, send: Send, turn: int
) -> None:
    """An alias that somebody else takes between two turns is not given twice, and
    none of the request's is created."""

    def take(now: int) -> None:
        if now == turn:
            put_alias(store, 77, NAMES[0])

    with pytest.raises(InvalidFields, match="in use already"):
        await in_turns(store, send, take)
    assert store.count(tables.CONFERENCE_ALIAS) == 1
    assert store.count(tables.CONFERENCE) == 1


def put_alias(store: Store, id: int, name: str) -> None:
    change = store.transaction()
    change.put(
        tables.CONFERENCE_ALIAS, ConferenceAlias(id=id, alias=name, conference=1)
    )
    change.commit()


@pytest_twisted.ensureDeferred
async def test_a_request_is_carried_out_however_much_changes(store: Store) -> None:
    """Although somebody else makes an alias in every turn, it comes to an end."""
    turns = await in_turns(
        store,
        with_nested(len(NAMES)),
        lambda turn: put_alias(store, 10_000 + turn, f"other{turn}"),
    )
    assert store.count(tables.CONFERENCE_ALIAS) == len(NAMES) + turns


@pytest_twisted.ensureDeferred
async def test_what_it_does_not_depend_on_may_change(store: Store) -> None:
    """Other tables change all the time: nothing is checked twice for that."""

    def trust(turn: int) -> None:
        change = store.transaction()
        certificate = CaCertificate(id=turn, certificate=str(turn))
        change.put(tables.CA_CERTIFICATE, certificate)
        change.commit()

    quiet = await in_turns(store, bulk(named(*NAMES)))
    await in_turns(store, bulk({"deleted_objects": list(range(1, 901))}))
    assert await in_turns(store, bulk(named(*NAMES)), trust) < 2 * quiet


@pytest.mark.parametrize(
    "send",
    [
        bulk({"objects": [*named(*NAMES)["objects"], {}]}),
        with_aliases(*named(*NAMES)["objects"], {}),
    ],
    ids=["bulk", "nested"],
)
@pytest_twisted.ensureDeferred
async def test_wrong_items_give_way(store: Store, send: Send) -> None:
    """The last of many is wrong: the others were checked in turns, and are not made."""
    turns: list[int] = []
    with pytest.raises(InvalidFields, match="This field is required"):
        await in_turns(store, send, turns.append)
    assert len(turns) >= len(NAMES) // AT_ONCE
    assert store.count(tables.CONFERENCE_ALIAS) == 0
    assert store.count(tables.CONFERENCE) == 1


@pytest_twisted.ensureDeferred
async def test_a_nested_list_is_not_read_to_its_end(store: Store) -> None:
    """Once there are more problems than are told, nothing more is looked at."""
    turns: list[int] = []
    with pytest.raises(InvalidFields) as caught:
        await in_turns(store, with_aliases(*[{}] * 1000), turns.append)
    told = [text for texts in caught.value.problems.values() for text in texts]
    assert "more other problems" in told[-1]
    # Which of them are listed has been read, in turns.
    assert len(turns) <= 1000 // AT_ONCE + 1


@pytest_twisted.ensureDeferred
async def test_a_record_has_so_many_fields_at_most(store: Store) -> None:
    """More are refused before they are looked at one by one."""
    fields = {str(number): 1 for number in range(MOST_FIELDS + 1)}
    with pytest.raises(InvalidFields, match="more than 1000 fields"):
        await in_turns(store, bulk({"objects": [fields]}))


@pytest_twisted.ensureDeferred
async def test_a_request_lists_so_many_records_at_most(store: Store) -> None:
    """More are refused before they are looked at, in every list there is."""
    many: list[dict[str, Any]] = [{}] * (MOST_RECORDS + 1)
    for name in ("objects", "deleted_objects"):
        with pytest.raises(InvalidFields, match="More than 1000 records") as caught:
            await in_turns(store, bulk({name: many}))
        assert list(caught.value.problems) == [name]
    with pytest.raises(InvalidFields, match="More than 1000 records"):
        await in_turns(store, with_aliases(*many))


@pytest.mark.parametrize(
    "payload",
    [
        {"objects": [{}] * 1000},
        {"objects": [{"z" * 5000: 1}] * 1000},
        {"deleted_objects": [{}] * 1000},
        {str(number) + "x" * 5000: 1 for number in range(1000)},
        {"objects": [{str(number): 1 for number in range(MOST_FIELDS)}]},
    ],
    ids=["empty", "unknown", "references", "fields", "fields of one"],
)
@pytest_twisted.ensureDeferred
async def test_few_problems_are_told(store: Store, payload: dict[str, Any]) -> None:
    """However much is wrong, the answer is short, and says that there is more."""
    with pytest.raises(InvalidFields) as caught:
        await in_turns(store, bulk(payload))
    told = [text for texts in caught.value.problems.values() for text in texts]
    assert MOST_PROBLEMS < len(told) <= MOST_PROBLEMS + 1
    assert "more other problems" in told[-1]
    assert len(caught.value.message) < 200_000


class ReadTables:
    """A store that counts how often whole tables are read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.count = store.count
        self.get = store.get
        self.find_all = store.find_all
        self.find_each = store.find_each
        self.subscribe = store.subscribe
        self.read = 0

    def all(self, table: Any) -> Any:
        self.read += 1
        return self._store.all(table)


@pytest_twisted.ensureDeferred
async def test_deleting_by_a_column_without_an_index(store: Store) -> None:
    """The first deletion by a column reads the table; others find their records by the
    index that it has made, and delete no others."""
    counted: Any = ReadTables(store)
    columns = ColumnIndexes(counted, Clock())
    asked = writer(store, Clock(), columns)
    room = {"conference": 1, "description": "x"}
    objects = [
        {**room, "alias": f"a{n}", "description": f"d{n % 40}"} for n in range(90)
    ]
    await asked.bulk(ALIASES, {"objects": objects})
    for number in (3, 5):
        filters = [("description", f"d{number}")]
        query = make_query(ALIASES, limit=20, filters=filters)
        await asked.deleter.delete_matching(ALIASES, query)
    assert counted.read == 1
    left = {alias.description for alias in store.all(tables.CONFERENCE_ALIAS)}
    assert left == {f"d{n}" for n in range(40) if n not in (3, 5)}
