"""Aliases are handed out once each, with a tag of their own."""

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import Unavailable
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.scheduling.decisions.aliases import AliasPair
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, NOW, Upkeep, alias


def allocator(upkeep: Upkeep, *numbers: int) -> AliasAllocator:
    """Draws these numbers, then the last one for ever."""
    drawn = list(numbers)

    def digits(length: int) -> str:
        return f"{drawn.pop(0) if drawn[1:] else drawn[0]:0{length}}"

    return AliasAllocator(
        upkeep.store, now=lambda: NOW, uuid4=lambda: "t", digits=digits
    )


@pytest_twisted.ensureDeferred
async def test_a_new_alias_has_the_integrations_form(upkeep: Upkeep) -> None:
    """Everything that is known about it is in its record, which is not stored yet."""
    record = allocator(upkeep, 42).allocate(CONNECTOR, uid="meeting")
    number = "42".zfill(CONNECTOR.scheduled_alias_suffix_length)
    assert record == replace(
        alias(record.id),
        uuid="t",
        alias=f"555{number}@example.test",
        numeric_alias=f"555{number}",
        alias_number=42,
        creation_time=NOW,
        ews_item_uid="meeting",
    )
    assert upkeep.store.count(tables.SCHEDULED_ALIAS) == 0


@pytest_twisted.ensureDeferred
async def test_no_alias_is_given_twice(upkeep: Upkeep) -> None:
    """Neither one that was handed out before nor one that leads into a room."""
    first = allocator(upkeep, 1).allocate(CONNECTOR)
    await upkeep.put(tables.SCHEDULED_ALIAS, first)
    taken = first.alias.replace("1@", "2@").upper()
    await upkeep.put(tables.CONFERENCE, Conference(id=9, name="Other"))
    await upkeep.put(
        tables.CONFERENCE_ALIAS, ConferenceAlias(id=9, alias=taken, conference=9)
    )
    second = allocator(upkeep, 1, 2, 3).allocate(CONNECTOR)
    assert (second.alias_number, second.ews_item_uid) == (3, "")
    assert second.id != first.id
    with pytest.raises(Unavailable):
        allocator(upkeep, 1).allocate(CONNECTOR)


@pytest_twisted.ensureDeferred
async def test_a_given_alias_gets_a_record(upkeep: Upkeep) -> None:
    """As recovery needs it: the alias and the tag are those of an invitation."""
    record = allocator(upkeep, 1).record(
        CONNECTOR, AliasPair(7, "5557", "5557@x"), "tag"
    )
    assert (record.uuid, record.alias, record.numeric_alias, record.alias_number) == (
        "tag",
        "5557@x",
        "5557",
        7,
    )
    assert record.exchange_connector == CONNECTOR.id
    assert not record.ews_item_uid
