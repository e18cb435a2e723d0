"""Many records in one request: in turns, all or none, and few words if it is wrong."""

import os
from collections.abc import AsyncIterator, Callable
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
from pexschedd.management.change_set import MOST_RECORDS
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.resources import CONFIGURATION
from pexschedd.model import tables
from pexschedd.model.conference import ConferenceAlias
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from tests.util.cooperate_support import Turns

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ALIASES = CONFIGURATION["conference_alias"]


def writer(store: Store, clock: Clock) -> RecordWriter:
    def uuid() -> str:
        return str(uuid4())

    templates = Templates(lambda: NOW, uuid, lambda n: "1" * n)
    return RecordWriter(store, templates, clock=clock, now=lambda: NOW, uuid4=uuid)


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


async def in_turns(
    store: Store, payload: dict[str, Any], meanwhile: Callable[[int], None]
) -> int:
    """Carry a request out; call `meanwhile` in each turn in between, and count them."""
    clock = Turns()
    work = Deferred.fromCoroutine(writer(store, clock).bulk(ALIASES, payload))
    turns = 0
    while clock.getDelayedCalls():
        turns += 1
        meanwhile(turns)
        clock.turn()
    await work
    return turns


@pytest_twisted.ensureDeferred
async def test_other_work_has_its_turn(store: Store) -> None:
    """Nothing is to be seen of the request before all of it is right."""
    seen = []
    turns = await in_turns(
        store,
        named(*NAMES),
        lambda _: seen.append(store.count(tables.CONFERENCE_ALIAS)),
    )
    assert turns >= 4
    assert set(seen) == {0}
    assert store.count(tables.CONFERENCE_ALIAS) == len(NAMES)


@pytest_twisted.ensureDeferred
async def test_what_changes_meanwhile_is_looked_at_again(store: Store) -> None:
    """An alias that somebody else takes between two turns is not given twice, and
    none of the request's is created."""

    def take(turn: int) -> None:
        if turn == 3:
            change = store.transaction()
            taken = ConferenceAlias(id=77, alias=NAMES[0], conference=1)
            change.put(tables.CONFERENCE_ALIAS, taken)
            change.commit()

    with pytest.raises(InvalidFields, match="in use already"):
        await in_turns(store, named(*NAMES), take)
    assert store.count(tables.CONFERENCE_ALIAS) == 1


@pytest_twisted.ensureDeferred
async def test_a_request_lists_so_many_records_at_most(store: Store) -> None:
    """More are refused before they are looked at, in every list there is."""
    many: list[dict[str, Any]] = [{}] * (MOST_RECORDS + 1)
    bulk = writer(store, Clock()).bulk
    for name in ("objects", "deleted_objects"):
        with pytest.raises(InvalidFields, match="More than 1000 records") as caught:
            await bulk(ALIASES, {name: many})
        assert list(caught.value.problems) == [name]
    with pytest.raises(InvalidFields, match="More than 1000 records"):
        await writer(store, Clock()).create(
            CONFIGURATION["conference"], {"name": "x", "aliases": many}
        )


@pytest.mark.parametrize(
    "payload",
    [
        {"objects": [{}] * 1000},
        {"objects": [{"z" * 5000: 1}] * 1000},
        {"deleted_objects": [{}] * 1000},
        {str(number) + "x" * 5000: 1 for number in range(1000)},
        {"objects": [{str(number): 1 for number in range(5000)}]},
    ],
    ids=["empty", "unknown", "references", "fields", "fields of one"],
)
@pytest_twisted.ensureDeferred
async def test_few_problems_are_told(store: Store, payload: dict[str, Any]) -> None:
    """However much is wrong, the answer is short, and says that there is more."""
    with pytest.raises(InvalidFields) as caught:
        await in_turns(store, payload, lambda _: None)
    told = [text for texts in caught.value.problems.values() for text in texts]
    assert MOST_PROBLEMS < len(told) <= MOST_PROBLEMS + 1
    assert "more other problems" in told[-1]
    assert len(caught.value.message) < 200_000
