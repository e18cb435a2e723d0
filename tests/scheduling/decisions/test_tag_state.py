"""Whose a tag is, as a table of cases."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.model.conference import ScheduledAlias, Vacancy
from pexschedd.model.integration.connector import Connector
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import (
    MeetingRecord,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions.tag_state import (
    EditedMeeting,
    TagState,
    TagStatus,
    status_of,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALICE = "alice@example.test"
CONNECTOR = Connector(
    id=1, uuid="c", name="Head office", addin_server_domain="x.example.test"
)
FREE = ScheduledAlias(
    id=7,
    uuid="u",
    alias="5551@x",
    numeric_alias="5551",
    alias_number=1,
    exchange_connector=1,
    creation_time=NOW - HOUR,
    booked_by="key",
)
USED = replace(FREE, is_used=True, ews_item_uid="uid")
SINGLE = ScheduledConference(
    id=1,
    conference=1,
    start_time=NOW + HOUR / 2,
    end_time=NOW + 3 * HOUR,
    meeting_start=NOW + HOUR,
    meeting_end=NOW + 2 * HOUR,
    ews_item_uid="uid",
    scheduled_alias=7,
    exchange_connector=1,
    organizer=ALICE,
)
SERIES = RecurringConference(
    id=1,
    conference=1,
    exchange_connector=1,
    ews_item_uid="uid",
    scheduled_alias=7,
    organizer=ALICE,
    recurrence=Recurrence(
        pattern=Daily(),
        range=Range(start=NOW.date(), count=5),
        at=time(13),
        duration=HOUR,
        zone="UTC",
    ),
)
OVER = replace(SINGLE, meeting_start=NOW - 2 * HOUR, meeting_end=NOW - HOUR)
BOOKER = EditedMeeting(user="key", start=NOW + HOUR, end=NOW + 2 * HOUR)
STRANGER = replace(BOOKER, user="other")


def status(
    edited: EditedMeeting, alias: ScheduledAlias | None, *meetings: MeetingRecord
) -> TagStatus:
    return status_of(alias, meetings, edited, CONNECTOR, NOW)


@pytest.mark.parametrize(
    ("alias", "state"),
    [
        (None, TagState.UNKNOWN),
        (replace(FREE, exchange_connector=2), TagState.UNKNOWN),
        (FREE, TagState.FREE),
        (replace(FREE, creation_time=NOW - 30 * DAY), TagState.EXPIRED),
        (replace(FREE, creation_time=NOW - 29 * DAY), TagState.FREE),
        (replace(FREE, conference_deletion_time=NOW), TagState.EXPIRED),
        (
            replace(FREE, conference_deletion_time=NOW, ews_item_uid="uid"),
            TagState.SPENT,
        ),
        (replace(USED, conference_deletion_time=NOW), TagState.SPENT),
    ],
)
def test_a_tag_of_no_meeting(alias: ScheduledAlias | None, state: TagState) -> None:
    """Handed out, too old, deleted, or no tag of ours: sure, whoever asks."""
    for edited in (BOOKER, STRANGER, replace(BOOKER, uid="uid")):
        assert status(edited, alias) == TagStatus(state)


@pytest.mark.parametrize("meeting", [SINGLE, SERIES])
def test_by_the_uid(meeting: MeetingRecord) -> None:
    """Where Exchange tells the item's UID, that decides, whatever the times."""
    same = replace(STRANGER, uid="uid", start=None)
    assert status(same, USED, meeting) == TagStatus(TagState.THIS)
    other = replace(BOOKER, uid="other")
    assert status(other, USED, meeting) == TagStatus(TagState.ANOTHER)


def test_a_new_draft() -> None:
    """A meeting that was never saved has used no tag, even at the same time."""
    new = replace(BOOKER, is_new=True)
    assert status(new, USED, SINGLE) == TagStatus(TagState.ANOTHER)
    assert status(new, USED, OVER) == TagStatus(TagState.SPENT)
    assert status(new, FREE) == TagStatus(TagState.FREE)


def test_a_calendar_without_the_item() -> None:
    """Its organizer's mailbox has no such item: the meeting is another's."""
    edited = replace(BOOKER, not_in=frozenset({ALICE}))
    assert status(edited, USED, SINGLE) == TagStatus(TagState.ANOTHER)
    bobs = replace(SINGLE, id=2, organizer="bob@example.test")
    assert status(edited, USED, SINGLE, bobs) == TagStatus(TagState.THIS, False)


@pytest.mark.parametrize(
    ("meeting", "changes", "state"),
    [
        (SINGLE, {}, TagState.THIS),
        (SINGLE, {"start": NOW}, TagState.ANOTHER),
        (SINGLE, {"end": NOW + 3 * HOUR}, TagState.ANOTHER),
        (SINGLE, {"start": None}, TagState.ANOTHER),
        (OVER, {}, TagState.SPENT),
        (
            OVER,
            {"start": OVER.meeting_start, "end": OVER.meeting_end},
            TagState.THIS,
        ),
        (SERIES, {}, TagState.THIS),
        (SERIES, {"start": NOW + HOUR + DAY, "end": NOW + 2 * HOUR + DAY}, "this"),
        (SERIES, {"start": NOW + HOUR + 5 * DAY}, TagState.ANOTHER),
        (SERIES, {"end": NOW + 3 * HOUR}, TagState.ANOTHER),
    ],
)
def test_by_the_times(
    meeting: MeetingRecord, changes: dict[str, Any], state: TagState
) -> None:
    """Without a UID both times have to fit, a date's of a series too; never sure."""
    edited = replace(BOOKER, **changes)
    assert status(edited, USED, meeting) == TagStatus(TagState(state), False)


def test_nobody_learns_times_by_guessing() -> None:
    """A user who did not book the room gets one answer, whatever times they name."""
    answers = {
        status(replace(STRANGER, start=start), USED, SINGLE)
        for start in (NOW, NOW + HOUR, None)
    }
    assert answers == {TagStatus(TagState.ANOTHER, False)}
    unnamed = replace(USED, booked_by="")
    assert status(replace(BOOKER, user=""), unnamed, SINGLE).state == "another"


def test_a_successor() -> None:
    """The rest of a series that was cut keeps the room, as when it is scheduled."""
    cut = replace(USED, vacancy=Vacancy(NOW + HOUR, ALICE))
    rest = replace(BOOKER, uid="rest", organizer=ALICE)
    assert status(rest, cut, SERIES) == TagStatus(TagState.THIS)
    for other in (
        replace(rest, organizer="bob@example.test"),
        replace(rest, start=NOW),
        replace(rest, start=None),
    ):
        assert status(other, cut, SERIES) == TagStatus(TagState.ANOTHER)
