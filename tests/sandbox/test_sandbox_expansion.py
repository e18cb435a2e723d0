"""When occurrences are: written down by hand, in the clock of each series' zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from pexschedd.sandbox import MailboxUser, Meeting, SeriesRecurrence
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import occurrence_dates, timezones
from tests.sandbox.sandbox_support import ALICE, HOUR, CheckedSandbox

BERLIN, SYDNEY = "W. Europe Standard Time", "AUS Eastern Standard Time"
NEW_YORK, TOKYO = "Eastern Standard Time", "Tokyo Standard Time"


def series(
    zone: str, first: str, recurrence: SeriesRecurrence, length: timedelta = HOUR
) -> Meeting:
    start = datetime.fromisoformat(first).replace(
        tzinfo=ZoneInfo(timezones.zones()[zone])
    )
    made = occurrence_dates.begun(
        Meeting(
            goid=b"",
            organizer=MailboxUser("", ""),
            start=start.astimezone(UTC),
            end=(start + length).astimezone(UTC),
            zone=zone,
            recurrence=recurrence,
            critical_change=start,
        )
    )
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("zone", "first", "recurrence", "expected"),
    [
        # Summer time ends in Berlin on 25 October 2026, in Sydney it has begun.
        (
            BERLIN,
            "2026-10-24T10:00",
            SeriesRecurrence.daily(),
            ["2026-10-24T08:00", "2026-10-25T09:00", "2026-10-26T09:00"],
        ),
        (
            SYDNEY,
            "2026-10-03T10:00",
            SeriesRecurrence.daily(),
            ["2026-10-03T00:00", "2026-10-03T23:00", "2026-10-04T23:00"],
        ),
        (
            SYDNEY,
            "2027-03-30T09:00",
            SeriesRecurrence.weekly("Tuesday"),
            ["2027-03-29T22:00", "2027-04-05T23:00", "2027-04-12T23:00"],
        ),
        (
            NEW_YORK,
            "2027-03-12T09:00",
            SeriesRecurrence.daily(interval=2),
            ["2027-03-12T14:00", "2027-03-14T13:00", "2027-03-16T13:00"],
        ),
        # 02:30 is left out on 28 March 2027, and comes twice on 31 October.
        (
            BERLIN,
            "2027-03-27T02:30",
            SeriesRecurrence.daily(),
            ["2027-03-27T01:30", "2027-03-28T01:30", "2027-03-29T00:30"],
        ),
        (
            BERLIN,
            "2027-10-30T02:30",
            SeriesRecurrence.daily(),
            ["2027-10-30T00:30", "2027-10-31T00:30", "2027-11-01T01:30"],
        ),
        (
            TOKYO,
            "2026-12-01T00:00",
            SeriesRecurrence.weekly("Tuesday", "Friday"),
            ["2026-11-30T15:00", "2026-12-03T15:00", "2026-12-07T15:00"],
        ),
        # Every other week: the day on which weeks begin decides (RFC 5545 has this).
        (
            "UTC",
            "2026-12-01T09:00",
            SeriesRecurrence.weekly(
                "Tuesday", "Sunday", interval=2, first_day="Monday"
            ),
            ["2026-12-01T09:00", "2026-12-06T09:00", "2026-12-15T09:00"],
        ),
        (
            "UTC",
            "2026-12-01T09:00",
            SeriesRecurrence.weekly(
                "Tuesday", "Sunday", interval=2, first_day="Sunday"
            ),
            ["2026-12-01T09:00", "2026-12-13T09:00", "2026-12-15T09:00"],
        ),
        (
            "UTC",
            "2026-12-31T09:00",
            SeriesRecurrence.monthly(31),
            ["2026-12-31T09:00", "2027-01-31T09:00", "2027-02-28T09:00"],
        ),
        (
            "UTC",
            "2026-12-08T09:00",
            SeriesRecurrence.monthly_on("Second", "Tuesday", interval=3),
            ["2026-12-08T09:00", "2027-03-09T09:00", "2027-06-08T09:00"],
        ),
        (
            "UTC",
            "2026-12-31T09:00",
            SeriesRecurrence.monthly_on("Last", "Weekday"),
            ["2026-12-31T09:00", "2027-01-29T09:00", "2027-02-26T09:00"],
        ),
        (
            "UTC",
            "2026-12-05T09:00",
            SeriesRecurrence.monthly_on("First", "WeekendDay"),
            ["2026-12-05T09:00", "2027-01-02T09:00", "2027-02-06T09:00"],
        ),
        (
            "UTC",
            "2028-02-29T09:00",
            SeriesRecurrence.yearly("February", 29),
            ["2028-02-29T09:00", "2029-02-28T09:00", "2030-02-28T09:00"],
        ),
        (
            BERLIN,
            "2027-03-28T12:00",
            SeriesRecurrence.yearly_on("Last", "Sunday", "March"),
            ["2027-03-28T10:00", "2028-03-26T10:00", "2029-03-25T10:00"],
        ),
        # The first day that fits, when the series does not begin on one.
        (
            "UTC",
            "2026-12-02T09:00",
            SeriesRecurrence.weekly("Tuesday"),
            ["2026-12-08T09:00", "2026-12-15T09:00", "2026-12-22T09:00"],
        ),
        (
            "UTC",
            "2026-12-02T09:00",
            SeriesRecurrence.daily(start=date(2027, 1, 1)),
            ["2027-01-01T09:00", "2027-01-02T09:00", "2027-01-03T09:00"],
        ),
    ],
)
def test_occurrences_start_when_the_clock_says(
    zone: str, first: str, recurrence: SeriesRecurrence, expected: list[str]
) -> None:
    """The first three, in UTC; the first one is where the series begins."""
    meeting = series(zone, first, recurrence)
    starts = [span.start for span in islice(occurrence_dates.spans(meeting), 3)]
    assert [f"{start:%Y-%m-%dT%H:%M}" for start in starts] == expected
    assert meeting.start == starts[0]


@pytest.mark.parametrize(
    ("recurrence", "count", "last"),
    [
        (SeriesRecurrence.daily(count=10), 10, "2026-12-10"),
        (SeriesRecurrence.weekly("Tuesday", until=date(2026, 12, 15)), 3, "2026-12-15"),
        (SeriesRecurrence.weekly("Tuesday", until=date(2026, 12, 14)), 2, "2026-12-08"),
        (SeriesRecurrence.yearly("December", 1, count=2), 2, "2027-12-01"),
    ],
)
def test_ranges(recurrence: SeriesRecurrence, count: int, last: str) -> None:
    """The end date belongs to the range; the count counts occurrences."""
    meeting = series(BERLIN, "2026-12-01T23:00", recurrence)
    spans = list(occurrence_dates.spans(meeting))
    assert len(spans) == count
    assert spans[-1] == occurrence_dates.last(meeting)
    assert str(occurrence_dates.local_date(meeting, spans[-1].start)) == last


def test_a_whole_day_lasts_from_midnight_to_midnight() -> None:
    """By the clock on the wall: the day on which it is put back has 25 hours."""
    meeting = series(
        BERLIN, "2026-10-24T00:00", SeriesRecurrence.daily(), timedelta(days=1)
    )
    lengths = [
        span.end - span.start for span in islice(occurrence_dates.spans(meeting), 3)
    ]
    assert [length // HOUR for length in lengths] == [24, 25, 24]


def test_what_the_clock_leaves_out_moves_as_a_whole() -> None:
    """Half past two does not exist: it begins and ends an hour later by the clock."""
    meeting = series(
        BERLIN,
        "2027-03-27T02:30",
        SeriesRecurrence.daily(count=2),
        timedelta(minutes=20),
    )
    _, moved = occurrence_dates.spans(meeting)
    assert moved.end - moved.start == timedelta(minutes=20)


def test_no_end_is_no_last_occurrence() -> None:
    """And looking far ahead is possible."""
    meeting = series(BERLIN, "2026-12-01T09:00", SeriesRecurrence.daily())
    assert occurrence_dates.last(meeting) is None
    far = datetime(2036, 7, 1, tzinfo=UTC)
    (span,) = occurrence_dates.between(meeting, far, far + timedelta(days=1))
    assert span.start == far.replace(hour=7)
    assert occurrence_dates.at(meeting, span.start) == span
    assert occurrence_dates.at(meeting, span.start + HOUR) is None


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"pattern": "DailyRecurrence", "interval": 0}, "interval"),
        ({"pattern": "WeeklyRecurrence"}, "days"),
        ({"pattern": "WeeklyRecurrence", "days": ("Caturday",)}, "days"),
        ({"pattern": "AbsoluteMonthlyRecurrence", "day": 32}, "day"),
        ({"pattern": "DailyRecurrence", "count": 0}, "count"),
        (
            {"pattern": "DailyRecurrence", "count": 1, "until": date(2027, 1, 1)},
            "count",
        ),
    ],
)
def test_nonsense_is_refused(arguments: dict[str, object], names: str) -> None:
    """With the name of the field."""
    with pytest.raises(ValueError, match=names):
        SeriesRecurrence(**arguments)  # type: ignore[arg-type]  # wrong on purpose


def test_a_series_without_occurrences_is_none(sandbox: CheckedSandbox) -> None:
    """It ends before the first one: nothing is made."""
    start = datetime(2026, 12, 2, 9, tzinfo=UTC)
    with pytest.raises(EwsError, match="ErrorRecurrenceHasNoOccurrence"):
        sandbox.exchange.schedule(
            ALICE,
            subject="x",
            start=start,
            end=start + HOUR,
            recurrence=SeriesRecurrence.weekly("Tuesday", until=date(2026, 12, 4)),
        )
    assert sandbox.exchange.mailbox(ALICE).calendar() == []
