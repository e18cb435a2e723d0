"""An integration goes with all that it made, while others have their turn."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.integration.connector import ExchangeDomain
from pexschedd.model.outbox import PendingAnswer
from pexschedd.model.schedule import ScheduledConference
from pexschedd.model.table import Table
from pexschedd.scheduling.records.deletion import remove_conference, remove_connector
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import AT_ONCE
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, HOUR, NOW, Upkeep, alias
from tests.util.cooperate_support import Turns

MANY = 1000
OURS = 1


def make(change: Transaction, number: int, connector: int) -> None:
    """A room with everything, and an answer that is not told yet."""
    change.put(tables.CONFERENCE, Conference(id=number, name=f"room {number}"))
    change.put(
        tables.CONFERENCE_ALIAS,
        ConferenceAlias(id=number, alias=f"{number}@x.test", conference=number),
    )
    change.put(tables.SCHEDULED_ALIAS, alias(number, exchange_connector=connector))
    change.put(
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=number,
            conference=number,
            start_time=NOW,
            end_time=NOW + HOUR,
            scheduled_alias=number,
            ews_item_uid=f"uid {number}",
            exchange_connector=connector,
        ),
    )
    change.put(
        tables.OUTBOX,
        PendingAnswer(
            id=number,
            exchange_connector=connector,
            item_id=f"item {number}",
            action="accept",
            created=NOW,
        ),
    )


MADE: tuple[Table[Any], ...] = (
    tables.CONFERENCE,
    tables.CONFERENCE_ALIAS,
    tables.SCHEDULED_ALIAS,
    tables.SCHEDULED_CONFERENCE,
    tables.OUTBOX,
)


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Of two integrations by turns: half of the rooms are ours."""
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(
        tables.CONNECTOR,
        CONNECTOR,
        replace(CONNECTOR, id=2, room_mailbox_email_address="other@example.test"),
    )
    await upkeep.put(
        tables.EXCHANGE_DOMAIN,
        ExchangeDomain(id=1, exchange_connector=1, domain="one.example.test"),
        ExchangeDomain(id=2, exchange_connector=2, domain="two.example.test"),
    )
    change = upkeep.store.transaction()
    for number in range(1, MANY + 1):
        make(change, number, number % 2 or 2)
    await change.commit()
    yield upkeep.store
    await upkeep.store.close()


async def turns_of(
    work: "Deferred[None]", clock: Turns, between: Callable[[int], object]
) -> int:
    """Finishes the work and returns how often it gave way; each time `between`
    happens."""
    turns = 0
    while not work.called:
        if clock.getDelayedCalls():
            turns += 1
            between(turns)
            clock.turn()
        # A commit has to come back from the journal's thread.
        await deferLater(_reactor, 0.001)
    await work
    return turns


_reactor: Any = reactor


@pytest_twisted.ensureDeferred
async def test_removal_gives_way(store: Store) -> None:
    """No turn looks at more than a few records, and what goes goes a few at a time;
    the other integration's things stay."""
    clock = Turns()
    counts = [store.count(tables.CONFERENCE)]
    turns = await turns_of(
        Deferred.fromCoroutine(remove_connector(store, OURS, NOW, clock)),
        clock,
        lambda turn: counts.append(store.count(tables.CONFERENCE)),
    )
    assert turns > len(MADE) * MANY // 2 // AT_ONCE
    assert max(b - a for b, a in pairwise(counts)) <= AT_ONCE
    assert {store.count(table) for table in MADE} == {MANY // 2}
    assert all(a.exchange_connector == 2 for a in store.all(tables.SCHEDULED_ALIAS))
    assert list(store.ids(tables.CONNECTOR)) == [2]
    assert list(store.ids(tables.EXCHANGE_DOMAIN)) == [2]


@pytest_twisted.ensureDeferred
async def test_the_integration_itself_goes_last(store: Store) -> None:
    """After a crash it is still there as long as anything is that it made."""
    clock = Turns()
    left: set[int] = set()

    def look(turn: int) -> None:
        if store.get(tables.CONNECTOR, OURS) is None:
            left.update(store.count(table) for table in MADE)

    await turns_of(
        Deferred.fromCoroutine(remove_connector(store, OURS, NOW, clock)), clock, look
    )
    assert left == {MANY // 2}


@pytest.mark.parametrize("until", [1, 10_000])
@pytest_twisted.ensureDeferred
async def test_what_is_made_meanwhile_goes_too(store: Store, until: int) -> None:
    """What is scheduled during the removal, even after the integration itself is gone
    and in what was looked at already, leaves nothing behind."""
    clock = Turns()
    made = 0

    def schedule(turn: int) -> None:
        nonlocal made
        gone = store.get(tables.CONNECTOR, OURS) is None
        # After the integration is gone, only what was being decided comes.
        if turn > until or (gone and made > 2):
            return
        made = made + 1 if gone else 0
        change = store.transaction()
        make(change, MANY + turn, OURS)
        change.commit().addErrback(lambda failure: pytest.fail(str(failure)))

    await turns_of(
        Deferred.fromCoroutine(remove_connector(store, OURS, NOW, clock)),
        clock,
        schedule,
    )
    assert store.count(tables.CONNECTOR) == 1
    assert {store.count(table) for table in MADE} == {MANY // 2}


@pytest_twisted.ensureDeferred
async def test_what_others_remove_meanwhile_is_no_trouble(store: Store) -> None:
    """A room that goes while the removal waits is simply not there any more."""
    clock = Turns()

    def remove(turn: int) -> None:
        change = store.transaction()
        for table in MADE:
            for number in range(MANY - 10 * turn, MANY - 10 * turn + 10):
                change.delete(table, number)
        change.commit().addErrback(lambda failure: pytest.fail(str(failure)))

    await turns_of(
        Deferred.fromCoroutine(remove_connector(store, OURS, NOW, clock)),
        clock,
        remove,
    )
    left = store.all(tables.SCHEDULED_CONFERENCE)
    assert {m.exchange_connector for m in left} == {2}


@pytest_twisted.ensureDeferred
async def test_a_deleted_alias_is_marked_once(store: Store) -> None:
    """An alias that was marked before keeps its time, and no alias need be known."""
    change = store.transaction()
    change.put(tables.SCHEDULED_ALIAS, alias(1, conference_deletion_time=NOW - HOUR))
    change.delete(tables.SCHEDULED_ALIAS, 2)
    for conference in (1, 2, 3, MANY + 1):
        remove_conference(change, store, conference, NOW)
    await change.commit()
    marked = [store.get(tables.SCHEDULED_ALIAS, id) for id in (1, 2, 3, 4)]
    times = [each and each.conference_deletion_time for each in marked]
    assert times == [NOW - HOUR, None, NOW, None]
    assert store.count(tables.CONFERENCE) == MANY - 3
