"""The audit tells what does not fit, heals what is safe, and names no subject."""

from collections.abc import AsyncIterator, Iterable
from datetime import time
from pathlib import Path

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.model.outbox import PendingAnswer
from pexschedd.model.recurrence import Daily, Moved, Range, Recurrence
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.alarms.names import AUTOMATIC, DIFFERS
from pexschedd.scheduling.upkeep.audit_rules import (
    AuditReport,
    BookedMeeting,
    FindingKind,
    MeetingTimes,
    compare,
)
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Upkeep,
    alias,
    meeting,
)

SERIES = Recurrence(
    pattern=Daily(), range=Range(start=NOW.date()), at=time(13), duration=HOUR
)


class Plain:
    """Records in plain lists."""

    def __init__(
        self, booked: Iterable[BookedMeeting], aliases: Iterable[ScheduledAlias]
    ):
        self._booked = {b.uid: b for b in booked}
        self._aliases = {a.uuid: a for a in aliases}

    def booked(self, uid: str) -> BookedMeeting | None:
        return self._booked.get(uid)

    def all(self) -> Iterable[BookedMeeting]:
        return self._booked.values()

    def alias(self, uuid: str) -> ScheduledAlias | None:
        return self._aliases.get(uuid)


def room(number: int, *, pending: bool = False, **changes: object) -> BookedMeeting:
    record = ScheduledConference(
        id=number,
        conference=number,
        start_time=NOW,
        end_time=NOW + 3 * HOUR,
        meeting_start=NOW + HOUR,
        meeting_end=NOW + 2 * HOUR,
        ews_item_uid=f"0400{number:04}",
    )
    return BookedMeeting(f"0400{number:04}", replace(record, **changes), pending)


def series_room(recurrence: Recurrence) -> BookedMeeting:
    record = RecurringConference(
        id=1,
        conference=1,
        exchange_connector=1,
        ews_item_uid="04000001",
        recurrence=recurrence,
    )
    return BookedMeeting("04000001", record)


LATER = {"start": NOW + 5 * HOUR, "end": NOW + 6 * HOUR}
OVER = {"start": NOW - 2 * HOUR, "end": NOW}
SERIAL = {"is_series": True, "recurrence": SERIES}
MOVED = replace(
    SERIES,
    exceptions=(Moved(NOW + DAY + HOUR, NOW + DAY + 2 * HOUR, NOW + DAY + 3 * HOUR),),
)


@pytest.mark.parametrize(
    ("seen", "booked", "aliases", "kinds"),
    [
        ([meeting(1)], [room(1)], [], []),
        ([], [], [], []),
        ([meeting(1)], [], [alias(1)], [FindingKind.LOST]),
        ([meeting(1)], [], [alias(1, ews_item_uid="04000001")], [FindingKind.LOST]),
        ([meeting(1)], [], [alias(1, ews_item_uid="other")], [FindingKind.UNKNOWN]),
        (
            [meeting(1)],
            [],
            [alias(1, conference_deletion_time=NOW)],
            [FindingKind.DELETED],
        ),
        ([meeting(1)], [], [], [FindingKind.UNKNOWN]),
        ([meeting(1, html="")], [], [alias(1)], [FindingKind.UNKNOWN]),
        ([meeting(1, accepted=False)], [], [], []),
        ([meeting(1, cancelled=True)], [], [], []),
        ([meeting(1, **OVER)], [], [], []),
        ([meeting(1, **LATER)], [room(1)], [], [FindingKind.TIMES]),
        ([meeting(1, **LATER)], [room(1, pending=True)], [], []),
        ([], [room(1)], [], [FindingKind.NO_MEETING]),
        ([], [room(1, pending=True)], [], []),
        ([], [room(1, meeting_end=NOW)], [], []),
        ([meeting(1, **SERIAL)], [series_room(SERIES)], [], []),
        ([meeting(1, **SERIAL)], [room(1)], [], [FindingKind.TIMES]),
        ([meeting(1)], [series_room(SERIES)], [], [FindingKind.TIMES]),
        ([meeting(1, **SERIAL)], [series_room(MOVED)], [], [FindingKind.TIMES]),
        (
            [meeting(1, is_series=True, recurrence=None)],
            [series_room(SERIES)],
            [],
            [],
        ),
        (
            # The same days in other words: from another first day on.
            [meeting(1, **SERIAL)],
            [series_room(replace(SERIES, range=Range(start=NOW.date() - DAY)))],
            [],
            [],
        ),
    ],
)
def test_what_does_not_fit(
    seen: list[CalendarMeeting],
    booked: list[BookedMeeting],
    aliases: list[ScheduledAlias],
    kinds: list[FindingKind],
) -> None:
    """Each way in which calendar and records can differ is told as what it is."""
    report = compare(seen, Plain(booked, aliases), NOW)
    assert [finding.kind for finding in report.findings] == kinds


def test_the_report_counts_and_tells_times() -> None:
    """Both sides' times are in the finding; only what is not over is counted."""
    report = compare(
        [meeting(1, **LATER), meeting(2, **OVER)],
        Plain([room(1), room(3, meeting_end=NOW)], []),
        NOW,
    )
    (finding,) = report.findings
    assert (report.meetings, report.rooms) == (1, 1)
    assert finding.calendar == MeetingTimes(NOW + 5 * HOUR, NOW + 6 * HOUR)
    assert finding.record == MeetingTimes(NOW + HOUR, NOW + 2 * HOUR)


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    await upkeep.put(tables.SCHEDULED_ALIAS, *(alias(n) for n in range(1, 6)))
    yield upkeep
    await upkeep.store.close()


async def audit(
    upkeep: Upkeep,
    keeping: MemoryUpkeepMailbox,
    organizers: MemoryOrganizers | None = None,
) -> AuditReport:
    report = await upkeep.auditor.audit(
        CONNECTOR, keeping, organizers or MemoryOrganizers()
    )
    assert report is not None
    return report


def details(upkeep: Upkeep, name: str) -> str:
    active = upkeep.alarms.active(name, CONNECTOR.name)
    return active.details if active else ""


@pytest_twisted.ensureDeferred
async def test_agreement_is_silent(upkeep: Upkeep) -> None:
    """What was scheduled and stands in the calendar, series too, is no finding."""
    meetings = [meeting(1), meeting(2, **LATER), meeting(3, **SERIAL)]
    await upkeep.schedule(*meetings)
    before = upkeep.records()
    report = await audit(upkeep, MemoryUpkeepMailbox(*meetings))
    assert report == AuditReport(3, 3, ())
    assert upkeep.records() == before
    assert not upkeep.every(tables.ALARM)


@pytest_twisted.ensureDeferred
async def test_a_lost_room_is_made_again(upkeep: Upkeep) -> None:
    """As it was, with its alias, whether single or series; a second audit is quiet."""
    meetings = [meeting(1), meeting(3, **SERIAL)]
    report = await audit(upkeep, MemoryUpkeepMailbox(*meetings))
    assert [(f.kind, f.healed) for f in report.findings] == [
        (FindingKind.LOST, True)
    ] * 2
    single = next(
        m for m in upkeep.every(tables.SCHEDULED_CONFERENCE) if not m.recurrence_id
    )
    (series,) = upkeep.every(tables.RECURRING_CONFERENCE)
    assert (single.scheduled_alias, series.scheduled_alias) == (1, 3)
    assert single.meeting_start == NOW + HOUR
    assert not upkeep.every(tables.OUTBOX)
    assert not upkeep.every(tables.ALARM)
    assert (await audit(upkeep, MemoryUpkeepMailbox(*meetings))).findings == ()


@pytest_twisted.ensureDeferred
async def test_the_organizer_decides_about_times(upkeep: Upkeep) -> None:
    """The room follows the calendar only where the organizer has the same times."""
    await upkeep.schedule(meeting(1))
    moved = meeting(1, **LATER)
    for organizers, healed, start in (
        (MemoryOrganizers(), False, HOUR),
        (MemoryOrganizers(meeting(1)), True, HOUR),
        (MemoryOrganizers(moved), True, 5 * HOUR),
    ):
        report = await audit(upkeep, MemoryUpkeepMailbox(moved), organizers)
        (finding,) = report.findings
        assert (finding.kind, finding.healed) == (FindingKind.TIMES, healed)
        assert organizers.asked == [(moved.uid, moved.start)]
        (record,) = upkeep.every(tables.SCHEDULED_CONFERENCE)
        assert record.meeting_start == NOW + start
        assert bool(details(upkeep, DIFFERS)) is not healed
    assert (await audit(upkeep, MemoryUpkeepMailbox(moved))).findings == ()
    refused = MemoryOrganizers()
    refused.refused = True
    again = MemoryUpkeepMailbox(meeting(1))
    (finding,) = (await audit(upkeep, again, refused)).findings
    assert not finding.healed
    assert "may not act for" in finding.note


@pytest_twisted.ensureDeferred
async def test_an_alarm_names_meetings_by_uid_and_times(upkeep: Upkeep) -> None:
    """What cannot be healed raises one alarm; it is lowered when all is well."""
    await upkeep.schedule(meeting(1))
    unknown = meeting(9)
    await audit(upkeep, MemoryUpkeepMailbox(unknown))
    text = details(upkeep, DIFFERS)
    assert "04000001, in the records 2026-11-23T13:00:00Z" in text
    assert "04000009, in the calendar 2026-11-23T13:00:00Z" in text
    assert "schedulingrecovery --exchange-connector-id 1" in text
    assert ". Meetings without a room" in text  # a sentence of its own
    assert "Secret" not in text
    await audit(upkeep, MemoryUpkeepMailbox(meeting(1)))
    assert not details(upkeep, DIFFERS)


@pytest_twisted.ensureDeferred
async def test_what_is_in_motion_is_left_alone(upkeep: Upkeep) -> None:
    """A meeting whose answer is not told, that is changed while the calendar is read,
    or that somebody has deleted, is neither reported nor touched."""
    await upkeep.schedule(meeting(1), meeting(2))
    (first, second) = upkeep.every(tables.SCHEDULED_CONFERENCE)
    await upkeep.put(
        tables.OUTBOX,
        PendingAnswer(
            id=1,
            exchange_connector=1,
            item_id=first.ews_item_id,
            action="accept",
            created=NOW,
        ),
    )

    class Busy(MemoryUpkeepMailbox):
        async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
            changed = replace(second, end_time=second.end_time + HOUR)
            await upkeep.put(tables.SCHEDULED_CONFERENCE, changed)
            return await super().calendar(cursor)

    report = await audit(upkeep, Busy(meeting(2, **LATER)))
    assert report.findings == ()
    deleted = alias(3, conference_deletion_time=NOW, ews_item_uid="04000003")
    await upkeep.put(tables.SCHEDULED_ALIAS, deleted)
    before = upkeep.store.count(tables.CONFERENCE)
    (finding,) = [
        f
        for f in (
            await audit(upkeep, MemoryUpkeepMailbox(meeting(3), meeting(2)))
        ).findings
        if f.uid == "04000003"
    ]
    assert (finding.kind, finding.healed) == (FindingKind.DELETED, False)
    assert upkeep.store.count(tables.CONFERENCE) == before


@pytest_twisted.ensureDeferred
async def test_what_comes_and_goes_meanwhile_is_left_alone(upkeep: Upkeep) -> None:
    """A room that is removed, or made, while the calendar is read is no finding: what
    the calendar has of it may be older or newer. The others are, and are counted."""
    await upkeep.schedule(meeting(1), meeting(2), meeting(3, **SERIAL))
    gone, lone = upkeep.every(tables.SCHEDULED_CONFERENCE)[:2]
    (series,) = upkeep.every(tables.RECURRING_CONFERENCE)

    class Busy(MemoryUpkeepMailbox):
        async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
            change = upkeep.store.transaction()
            change.delete(tables.SCHEDULED_CONFERENCE, gone.id)
            made = replace(gone, id=77, ews_item_uid="made")
            change.put(tables.SCHEDULED_CONFERENCE, made)
            # Time alone has gone on: that is no change.
            moved = replace(series, current_index=series.current_index + 1)
            change.put(tables.RECURRING_CONFERENCE, moved)
            await change.commit()
            return await super().calendar(cursor)

    report = await audit(upkeep, Busy(meeting(1), page=9))
    assert {(f.kind, f.uid) for f in report.findings} == {
        (FindingKind.NO_MEETING, lone.ews_item_uid),
        (FindingKind.NO_MEETING, series.ews_item_uid),
    }
    assert (report.meetings, report.rooms) == (1, 2)


@pytest.mark.parametrize(
    ("protocol", "setting"), [("EWS", "None"), ("GRAPH", "AutoUpdate")]
)
@pytest.mark.parametrize(
    ("automatic", "meetings", "expected"),
    [
        (True, [], True),
        (False, [meeting(9, html="")], False),
        (None, [meeting(9, html="")], True),
        (None, [meeting(9)], False),
    ],
)
@pytest_twisted.ensureDeferred
async def test_automatic_processing_is_told(
    upkeep: Upkeep,
    automatic: bool | None,
    meetings: list[CalendarMeeting],
    expected: bool,
    protocol: str,
    setting: str,
) -> None:
    """If Exchange says so, or accepts meetings behind our back and empties them, the
    alarm names the setting that the integration needs; it goes when that is mended."""
    connector = replace(CONNECTOR, mailbox_protocol=protocol)
    keeping = MemoryUpkeepMailbox(*meetings)
    keeping.automatic = automatic
    await upkeep.auditor.audit(connector, keeping, MemoryOrganizers())
    text = details(upkeep, AUTOMATIC)
    assert bool(text) is expected
    if expected:
        assert "Set-CalendarProcessing" in text
        assert f"-AutomateProcessing {setting}." in text
        await audit(upkeep, MemoryUpkeepMailbox())
        assert not details(upkeep, AUTOMATIC)


@pytest_twisted.ensureDeferred
async def test_what_was_answered_by_us_is_no_sign(upkeep: Upkeep) -> None:
    """A request that lies answered is a sign of Exchange's own answers only if its
    meeting is none that has a room, or had one."""
    await upkeep.schedule(meeting(1))
    keeping = MemoryUpkeepMailbox(meeting(1))
    keeping.answered_uids = [meeting(1).uid]
    await audit(upkeep, keeping)
    assert not details(upkeep, AUTOMATIC)
    for strange in (meeting(2).uid, ""):
        keeping.answered_uids = [meeting(1).uid, strange]
        await audit(upkeep, keeping)
        assert details(upkeep, AUTOMATIC)
        await audit(upkeep, MemoryUpkeepMailbox(meeting(1)))


@pytest_twisted.ensureDeferred
async def test_an_unreadable_mailbox_changes_nothing(upkeep: Upkeep) -> None:
    """Without the whole calendar nothing is known: no alarm rises or falls."""
    await upkeep.schedule(meeting(1))
    await audit(upkeep, MemoryUpkeepMailbox())
    raised = details(upkeep, DIFFERS)
    assert raised

    class Away(MemoryUpkeepMailbox):
        async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
            if cursor:
                raise MailboxUnreachable("No connection.")
            return await super().calendar(cursor)

    with pytest.raises(MailboxUnreachable):
        await audit(upkeep, Away(*(meeting(n) for n in (1, 7, 8))))
    assert details(upkeep, DIFFERS) == raised
