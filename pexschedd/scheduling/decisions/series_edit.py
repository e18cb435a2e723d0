"""A series' record with one of its occurrences changed. Pure."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pexschedd.model.recurrence import Moved, Recurrence
from pexschedd.model.schedule import (
    MeetingRecord,
    OccurrenceVersion,
    RecurringConference,
)
from pexschedd.scheduling.decisions.versions import Version
from pexschedd.scheduling.recurrence.series_dates import index_of
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone

MOST_CHANGED = 1_000
"""Occurrences of one series that single messages may change: four years of working
days. Such a series' record has about 250 kB, and each change writes all of it."""

NOT_IN_SERIES = "the series has no occurrence at this date"
TOO_MANY_CHANGED = "too many occurrences of the series were changed one by one"


def why_not_changed(series: RecurringConference, original: datetime) -> str:
    """Return why a message may not change one occurrence; empty if it may.

    Dates can be made up without end. One that has been changed before may be changed
    again, whatever the pattern has become since.
    """
    changed = {each.original for each in series.versions}
    changed.update(each.original for each in series.recurrence.exceptions)
    changed.update(series.recurrence.deleted)
    if original in changed:
        return ""
    try:
        if index_of(series.recurrence, original) is None:
            return NOT_IN_SERIES
    except UnknownZone:
        pass  # nobody knows its dates, but their number is bounded all the same
    return TOO_MANY_CHANGED if len(changed) >= MOST_CHANGED else ""


def with_occurrence(
    series: RecurringConference, moved: Moved, version: Version
) -> RecurringConference:
    """The series with one occurrence moved; one that was deleted takes place again."""
    old = series.recurrence
    exceptions = _without(old, moved.original)
    recurrence = msgspec.structs.replace(
        old,
        exceptions=(*exceptions, moved),
        deleted=tuple(d for d in old.deleted if d != moved.original),
    )
    return _with(series, recurrence, moved.original, version)


def without_occurrence(
    series: RecurringConference, original: datetime, version: Version
) -> RecurringConference:
    """The series with one occurrence deleted."""
    old = series.recurrence
    recurrence = msgspec.structs.replace(
        old,
        exceptions=_without(old, original),
        deleted=(*(d for d in old.deleted if d != original), original),
    )
    return _with(series, recurrence, original, version)


def with_newer(
    series: RecurringConference,
    known: Iterable[MeetingRecord],
) -> RecurringConference:
    """A series as a message has it, with the newer edits of single occurrences kept.

    Messages about occurrences can overtake the one about their series. `known` holds
    the series as it was, and occurrences that came without their series.
    """
    sent = Version(series.sequence, series.changed)
    for each in known:
        if isinstance(each, RecurringConference):
            series = _with_newer_versions(series, each, sent)
            continue
        version = Version.of_record(each)
        original, start, end = each.recurrence_id, each.meeting_start, each.meeting_end
        if original and start and end and version.is_newer_than(sent):
            series = with_occurrence(series, Moved(original, start, end), version)
    return series


def _with_newer_versions(
    series: RecurringConference, known: RecurringConference, sent: Version
) -> RecurringConference:
    moved = {each.original: each for each in known.recurrence.exceptions}
    for last in known.versions:
        version = Version(last.sequence, last.changed, last.answer)
        if not version.is_newer_than(sent):
            continue
        if last.original in known.recurrence.deleted:
            series = without_occurrence(series, last.original, version)
        elif last.original in moved:
            series = with_occurrence(series, moved[last.original], version)
    return series


def _without(recurrence: Recurrence, original: datetime) -> tuple[Moved, ...]:
    return tuple(m for m in recurrence.exceptions if m.original != original)


def _with(
    series: RecurringConference,
    recurrence: Recurrence,
    original: datetime,
    version: Version,
) -> RecurringConference:
    last = OccurrenceVersion(
        original, version.sequence, version.changed, version.answer
    )
    others = tuple(v for v in series.versions if v.original != original)
    return msgspec.structs.replace(
        series, recurrence=recurrence, versions=(*others, last)
    )
