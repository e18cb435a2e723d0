"""A series' record with one of its occurrences changed. Pure."""

from datetime import datetime

import msgspec

from pexschedd.model.conference import OccurrenceVersion, RecurringConference
from pexschedd.model.recurrence import Moved, Recurrence
from pexschedd.scheduling.versions import Version


def with_occurrence(
    series: RecurringConference, moved: Moved, version: Version
) -> RecurringConference:
    """One occurrence takes place at these times instead (and takes place, even if it
    had been deleted)."""
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
    """One occurrence does not take place."""
    old = series.recurrence
    recurrence = msgspec.structs.replace(
        old,
        exceptions=_without(old, original),
        deleted=(*(d for d in old.deleted if d != original), original),
    )
    return _with(series, recurrence, original, version)


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
