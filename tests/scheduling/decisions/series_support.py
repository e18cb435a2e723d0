"""Series for decisions: daily ones, and messages about one occurrence."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import RecurringConference
from pexschedd.scheduling.recurrence.series_dates import occurrences
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, request, run

DAY = timedelta(days=1)
FIRST = NOW + 2 * HOUR


def daily(
    count: int | None = 10, start: datetime = FIRST, **changes: Any
) -> Recurrence:
    recurrence = Recurrence(
        pattern=Daily(),
        range=Range(start.date(), count),
        at=start.time(),
        duration=HOUR,
    )
    return msgspec.structs.replace(recurrence, **changes)


def series(**changes: Any) -> MeetingMessage:
    recurrence = changes.pop("recurrence", daily())
    first = next(occurrences(recurrence, NOW - 4000 * DAY, NOW + 9000 * DAY), None)
    start = first.start if first else FIRST
    return request(
        is_series=True, recurrence=recurrence, start=start, end=start + HOUR, **changes
    )


def occurrence(number: int, **changes: Any) -> MeetingMessage:
    """About one occurrence; moved to where `start` says."""
    original = FIRST + number * DAY
    changes.setdefault("start", original)
    changes.setdefault("end", changes["start"] + HOUR)
    changes.setdefault("changed", NOW)
    changes.setdefault("ref", MessageRef(f"occurrence-{number}"))
    return request(recurrence_id=original, **changes)


def scheduled(**changes: Any) -> Rooms:
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(series(**changes), rooms))
    return rooms


def the_series(rooms: Rooms) -> RecurringConference:
    (record,) = rooms.recurring.values()
    return record


def starts(rooms: Rooms) -> list[datetime]:
    found = occurrences(the_series(rooms).recurrence, NOW - 99 * DAY, NOW + 99 * DAY)
    return [each.start for each in found]
