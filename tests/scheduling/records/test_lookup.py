"""What decisions look up is found, and nothing else."""

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.schedule import CancelledOccurrence
from pexschedd.scheduling.records.lookup import (
    MeetingLookup,
    all_meeting_records,
    handed_out_alias,
)
from tests.scheduling.records.test_occurrence_window import refresh, series
from tests.scheduling.upkeep.upkeep_support import (
    NOW,
    Upkeep,
    alias,
    meeting,
    numeric,
    tag,
)


@pytest_twisted.ensureDeferred
async def test_aliases_and_rooms(upkeep: Upkeep) -> None:
    """By id, tag, text in any case, and name."""
    known = MeetingLookup(upkeep.store)
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1))
    await upkeep.put(tables.CONFERENCE, Conference(id=5, name="Plans"))
    leads = ConferenceAlias(id=6, alias="Room@Example.test", conference=5)
    await upkeep.put(tables.CONFERENCE_ALIAS, leads)
    assert known.alias(tag(1)) == known.alias_by_id(1) == alias(1)
    assert known.alias(tag(2)) is None
    assert known.alias_by_id(None) is None
    assert known.alias_by_id(2) is None
    assert known.conference(5) == Conference(id=5, name="Plans")
    assert known.conference(6) is None
    assert known.aliases_of(5) == [leads]
    assert known.aliases_of(6) == []
    assert (known.name_taken("Plans"), known.name_taken("Plan")) == (True, False)
    assert known.conference_of("ROOM@example.TEST") == 5
    assert known.conference_of("room") is None
    assert known.alias_taken("ROOM@example.TEST")
    assert known.alias_taken(numeric(1))
    assert not known.alias_taken(numeric(2))


@pytest_twisted.ensureDeferred
async def test_aliases_that_were_handed_out(upkeep: Upkeep) -> None:
    """By the alias and by its number, and by the number in no other domain."""
    booked = alias(1, alias=f"Meet.{numeric(1)}@Example.test")
    named = alias(2, alias=f"{numeric(2)}@Example.test")
    for each in (booked, named):
        await upkeep.put(tables.SCHEDULED_ALIAS, each)
    for text, expected in (
        (numeric(1), booked),
        (numeric(2), named),
        (f"{numeric(2)}@example.test", named),
        (f"{numeric(2)}@other.test", None),
        (f"{numeric(1)}@example.test", None),
        (numeric(3), None),
        (f"{numeric(3)}@example.test", None),
        ("", None),
    ):
        assert handed_out_alias(upkeep.store, text) == expected, text


@pytest_twisted.ensureDeferred
async def test_meetings_of_an_integration(upkeep: Upkeep) -> None:
    """By uid, and only those of the integration that is asked for."""
    known = MeetingLookup(upkeep.store)
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1))
    await upkeep.schedule(meeting(1))
    stored = await refresh(upkeep, series(count=1, id=8))
    early = CancelledOccurrence(
        id=1, exchange_connector=1, ews_item_uid="early", recurrence_id=NOW, created=NOW
    )
    await upkeep.put(tables.CANCELLED_OCCURRENCE, early)
    (single,) = known.records(1, meeting(1).uid)
    assert single.scheduled_alias == 1
    assert known.records(2, meeting(1).uid) == []
    assert known.records(1, "uid 8") == [stored]
    assert known.records(2, "uid 8") == []
    assert known.early_cancellations(1, "early") == [early]
    assert known.early_cancellations(2, "early") == []
    every = list(all_meeting_records(upkeep.store))
    assert every[0] == single
    assert every[-1] == stored
    assert len(every) == 3  # the series has one occurrence that is shown
