"""Series for tests, and a slow second opinion on when they take place.

The second opinion looks at every day there is and asks whether it fits. It shares no
arithmetic with the product: only the records.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    Pattern,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
    Zone,
)
from pexschedd.scheduling.recurrence.series_dates import (
    Occurrence,
    occurrences,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(
    pattern: Pattern,
    start: str,
    *,
    count: int | None = None,
    until: str | None = None,
    zone: Zone = "UTC",
    at: str = "09:00",
    minutes: int = 60,
) -> Recurrence:
    return Recurrence(
        pattern=pattern,
        range=Range(
            date.fromisoformat(start),
            count,
            date.fromisoformat(until) if until else None,
        ),
        zone=zone,
        at=time.fromisoformat(at),
        duration=timedelta(minutes=minutes),
    )


def first(recurrence: Recurrence, number: int) -> list[Occurrence]:
    found = occurrences(recurrence, utc("1601-01-01"), utc("4500-01-01"))
    return [o for o, _ in zip(found, range(number), strict=False)]


def starts(recurrence: Recurrence, number: int) -> list[str]:
    """As UTC, without the seconds."""
    return [f"{o.start:%Y-%m-%dT%H:%M}" for o in first(recurrence, number)]


def dates(recurrence: Recurrence, number: int) -> list[str]:
    return [f"{o.start:%Y-%m-%d}" for o in first(recurrence, number)]


def second_opinion(
    recurrence: Recurrence, after: datetime, before: datetime
) -> list[Occurrence]:
    """What `occurrences` should give, for an IANA zone."""
    assert isinstance(recurrence.zone, str)
    zone = ZoneInfo(recurrence.zone)
    moved = {each.original: each for each in recurrence.exceptions}
    # Nothing is moved farther than this, and nothing is as long.
    first, last = after.date() - 100 * DAY, before.date() + 100 * DAY
    found = []
    for index, day in enumerate(fitting_days(recurrence, last)):
        if day < first:
            continue
        original = first_instant(datetime.combine(day, recurrence.at), zone)
        shown = original.astimezone(zone).replace(tzinfo=None)
        if recurrence.all_day:
            shown = datetime.combine(day, time(0))
        start, end = original, first_instant(shown + recurrence.duration, zone)
        if original in recurrence.deleted:
            continue
        if original in moved:
            start, end = moved[original].start, moved[original].end
        if start < before and (end > after or start >= after):
            found.append(Occurrence(index, original, start, end))
    return sorted(found, key=lambda o: (o.start, o.index))


def fitting_days(recurrence: Recurrence, horizon: date) -> Iterator[date]:
    span = recurrence.range
    number = 0
    day = span.start
    while day <= horizon and (span.until is None or day <= span.until):
        if fits(recurrence.pattern, day, span.start):
            number += 1
            if span.count is not None and number > span.count:
                return
            yield day
        day += DAY


def fits(pattern: Pattern, day: date, start: date) -> bool:
    months = (day.year - start.year) * 12 + day.month - start.month
    years = day.year - start.year
    match pattern:
        case Daily():
            return (day - start).days % pattern.interval == 0
        case Weekly():
            weeks = (week_of(day, pattern) - week_of(start, pattern)).days // 7
            return weeks % pattern.interval == 0 and any(
                day.weekday() in each.weekdays for each in pattern.days
            )
        case AbsoluteMonthly():
            return months % pattern.interval == 0 and on_or_last(day, pattern.day)
        case RelativeMonthly():
            return months % pattern.interval == 0 and is_which(day, pattern)
        case AbsoluteYearly():
            return (
                years % pattern.interval == 0
                and day.month == pattern.month
                and on_or_last(day, pattern.day)
            )
        case RelativeYearly():
            return (
                years % pattern.interval == 0
                and day.month == pattern.month
                and is_which(day, pattern)
            )


def week_of(day: date, pattern: Weekly) -> date:
    while day.weekday() not in pattern.first_day.weekdays:
        day -= DAY
    return day


def on_or_last(day: date, wanted: int) -> bool:
    return day.day == wanted or (day.day < wanted and (day + DAY).day == 1)


def is_which(day: date, pattern: RelativeMonthly | RelativeYearly) -> bool:
    if day.weekday() not in pattern.day.weekdays:
        return False
    alike = same_month(day.replace(day=1), pattern.day.weekdays)
    if pattern.which is Which.LAST:
        return day == alike[-1]
    order = (Which.FIRST, Which.SECOND, Which.THIRD, Which.FOURTH)
    return alike.index(day) == order.index(pattern.which)


@cache
def same_month(day: date, weekdays: frozenset[int]) -> list[date]:
    month = day.month
    found = []
    while day.month == month:
        if day.weekday() in weekdays:
            found.append(day)
        day += DAY
    return found


def first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first time at which the clocks show `local`; if they leap over it, as much
    later as they leap."""
    around = [
        (local + way * DAY).replace(tzinfo=UTC).astimezone(zone).utcoffset()
        for way in (-2, -1, 0, 1, 2)
    ]
    instants = sorted(
        {
            (local - offset).replace(tzinfo=UTC)
            for offset in around
            if offset is not None
        }
    )
    for instant in instants:
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return instant
    return instants[-1]
