"""What is kept of an owner's rooms is forgotten by every change that concerns it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.conference import ConferenceAlias, ScheduledAlias
from pexschedd.model.schedule import ScheduledConference
from pexschedd.personal.owner_cache import OwnerCache
from pexschedd.store.transaction import Transaction
from tests.personal.personal_support import Personal

MOMENT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ALICE = "alice@example.com"
SCHEDULE = ScheduledConference(
    id=1, conference=1, exchange_connector=1, start_time=MOMENT, end_time=MOMENT
)
HANDED_OUT = ScheduledAlias(
    id=1,
    uuid="u",
    alias="MINE@example.com",
    numeric_alias="mine",
    alias_number=1,
    exchange_connector=1,
    creation_time=MOMENT,
)

Change = Callable[[Personal, Transaction], None]


def put(table: Any, record: Any) -> Change:
    return lambda personal, transaction: transaction.put(table, record)


def delete(table: Any, id: int) -> Change:
    return lambda personal, transaction: transaction.delete(table, id)


def changed(table: Any, id: int, **fields: Any) -> Change:
    def change(personal: Personal, transaction: Transaction) -> None:
        record: Any = personal.store.get(table, id)
        transaction.put(table, replace(record, **fields))

    return change


async def make(personal: Personal, change: Change) -> None:
    transaction = personal.store.transaction()
    change(personal, transaction)
    await transaction.commit()


def found(personal: Personal, owner: str = ALICE) -> list[tuple[str, int]]:
    """Names of the owner's rooms, with the number of aliases."""
    return [(r.conference.name, len(r.aliases)) for r in personal.owned.of(owner)]


@pytest_twisted.ensureDeferred
async def test_nothing_is_looked_for_twice(personal: Personal) -> None:
    """The same rooms come again, whatever happens to others, and whatever the case."""
    await personal.room("Mine", "mine@example.com")
    first = personal.owned.of(ALICE)
    await personal.room("Bob's", "bob@example.com", owner="bob@example.com")
    await make(
        personal,
        put(tables.SCHEDULED_CONFERENCE, replace(SCHEDULE, id=2, conference=2)),
    )
    other = replace(HANDED_OUT, alias="555@example.com", numeric_alias="555")
    await make(personal, put(tables.SCHEDULED_ALIAS, other))
    assert personal.owned.of(" Alice@EXAMPLE.com ") is first
    assert personal.owned.of("") == ()


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (changed(tables.CONFERENCE, 1, name="New"), [("New", 1)]),
        (changed(tables.CONFERENCE, 1, primary_owner_email_address="b@c.de"), []),
        (changed(tables.CONFERENCE, 1, is_scheduled=True), []),
        (changed(tables.CONFERENCE, 1, service_type="test_call"), []),
        (changed(tables.CONFERENCE_ALIAS, 1, conference=9), [("Mine", 0)]),
        (delete(tables.CONFERENCE_ALIAS, 1), [("Mine", 0)]),
        (
            put(
                tables.CONFERENCE_ALIAS,
                ConferenceAlias(id=5, alias="more", conference=1),
            ),
            [("Mine", 2)],
        ),
        (put(tables.SCHEDULED_CONFERENCE, SCHEDULE), []),
        (put(tables.SCHEDULED_ALIAS, HANDED_OUT), []),
        (delete(tables.CONFERENCE, 1), []),
    ],
)
@pytest_twisted.ensureDeferred
async def test_changes_are_seen(
    personal: Personal, change: Change, after: list[tuple[str, int]]
) -> None:
    """Of the room, of its aliases, of its schedule and of what was handed out."""
    await personal.room("Mine", "mine@example.com")
    assert found(personal) == [("Mine", 1)]
    await make(personal, change)
    assert found(personal) == after


@pytest_twisted.ensureDeferred
async def test_a_room_becomes_personal(personal: Personal) -> None:
    """Rooms that were looked at and left out come back when their reason goes."""
    await personal.room("Mine", "mine@example.com")
    await make(personal, put(tables.SCHEDULED_CONFERENCE, SCHEDULE))
    await make(personal, put(tables.SCHEDULED_ALIAS, HANDED_OUT))
    assert found(personal) == []
    await make(personal, delete(tables.SCHEDULED_CONFERENCE, 1))
    assert found(personal) == []
    await make(personal, delete(tables.SCHEDULED_ALIAS, 1))
    assert found(personal) == [("Mine", 1)]


@pytest_twisted.ensureDeferred
async def test_a_room_changes_hands(personal: Personal) -> None:
    """The former and the new owner see it at once."""
    await personal.room("Mine", "mine@example.com")
    assert (found(personal), found(personal, "bob@example.com")) == ([("Mine", 1)], [])
    change = changed(
        tables.CONFERENCE, 1, primary_owner_email_address="BOB@example.com"
    )
    await make(personal, change)
    assert (found(personal), found(personal, "bob@example.com")) == ([], [("Mine", 1)])


@pytest_twisted.ensureDeferred
async def test_few_owners_are_kept(personal: Personal) -> None:
    """The oldest of too many is forgotten, with all that leads to it."""
    cache: OwnerCache[str] = OwnerCache(personal.store, most=2)
    for number, owner in enumerate(["a", "b", "b", "c"]):
        cache.keep(owner, f"{owner}{number}", conferences=[number], aliases=[owner])
    assert [cache.get(owner) for owner in "abc"] == [None, "b2", "c3"]
    assert len(cache._by_conference) == len(cache._by_alias) == 2
