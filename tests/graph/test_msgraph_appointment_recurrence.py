"""AppointmentRecur: the specification's own examples, and an encoder's blobs."""

import struct
from datetime import date, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.exchange.series import MAX_CHANGED
from pexschedd.graph.entities.appointment_recurrence import (
    AppointmentRecurrence,
    ChangedInstance,
    read_appointment_recurrence,
)
from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Pattern,
    Range,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)

EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - a wall clock
MONDAY, THURSDAY, FRIDAY = DayOfWeek.MONDAY, DayOfWeek.THURSDAY, DayOfWeek.FRIDAY
DAYS = (DayOfWeek.SUNDAY, *tuple(DayOfWeek)[:6])

# The examples of MS-OXOCAL, by their sections.
WEEKLY_4_1_1_1 = (
    "043004300B2001000000C0210000010000000000000032000000222000000C000000000000000000"
    "0000000000008020BC0C20ADBC0C0630000009300000580200007602000000000000000000000000"
)
WEEKLY_4_1_1_2 = (
    "043004300B2001000000C0210000010000000000000032000000222000000C000000000000000100"
    "0000A096BC0C01000000A096BC0C8020BC0C20ADBC0C063000000930000058020000760200000100"
    "3499BC0C5299BC0CF898BC0C11002200210053696D706C6520526563757272656E63652077697468"
    "20657863657074696F6E730800070033342F34313431000000000400000000000000000000003499"
    "BC0C5299BC0CF898BC0C2100530069006D0070006C00650020005200650063007500720072006500"
    "6E006300650020007700690074006800200065007800630065007000740069006F006E0073000700"
    "330034002F0034003100340031000000000000000000"
)
DAILY_4_1_1_3 = (
    "043004300A2000000000A0050000E010000000000000212000000A0000000000000002000000A0C1"
    "DC0C80D2DC0C00000000207EDC0C0016DD0C0630000009300000E0010000FE010000000000000000"
    "00000000"
)
HEBREW_4_1_1_6 = (
    "043004300D200200080080750A000C0000000000000003000000232000000A000000000000000100"
    "0000207EDC0C01000000207EDC0C6074C40CDF80E95A0630000009300000E0010000FE0100000100"
    "0080DC0C1E80DC0C0080DC0C24023C00000001000000000000000400000000000000000000000000"
    "0000"
)
WEEKLY = Weekly(days=(MONDAY, THURSDAY, FRIDAY))
TEN, HALF_PAST_TEN = timedelta(hours=10), timedelta(hours=10, minutes=30)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("blob", "expected"),
    [
        (
            WEEKLY_4_1_1_1,
            AppointmentRecurrence(
                WEEKLY, Range(date(2007, 3, 26), count=12), TEN, HALF_PAST_TEN
            ),
        ),
        (
            WEEKLY_4_1_1_2,
            AppointmentRecurrence(
                WEEKLY,
                Range(date(2007, 3, 26), count=12),
                TEN,
                HALF_PAST_TEN,
                changed=(
                    ChangedInstance(
                        local("2007-04-16T10:00"),
                        local("2007-04-16T11:00"),
                        local("2007-04-16T11:30"),
                    ),
                ),
            ),
        ),
        (
            DAILY_4_1_1_3,
            AppointmentRecurrence(
                Daily(interval=3),
                Range(date(2011, 4, 7), until=date(2011, 5, 4)),
                timedelta(hours=8),
                timedelta(hours=8, minutes=30),
                deleted=(date(2011, 4, 19), date(2011, 4, 22)),
            ),
        ),
    ],
)
def test_examples_of_the_specification(
    blob: str, expected: AppointmentRecurrence
) -> None:
    """The examples are read as the specification describes them."""
    assert read_appointment_recurrence(bytes.fromhex(blob)) == expected


def test_another_calendar_is_not_understood() -> None:
    """A Hebrew year is no pattern that this project knows."""
    with pytest.raises(ValueError, match="Gregorian"):
        read_appointment_recurrence(bytes.fromhex(HEBREW_4_1_1_6))


@pytest.mark.parametrize("blob", [WEEKLY_4_1_1_1, WEEKLY_4_1_1_2, DAILY_4_1_1_3])
def test_what_is_cut_off(blob: str) -> None:
    """A blob that ends before its last exception does is refused, wherever it ends."""
    data = bytes.fromhex(blob)
    whole = read_appointment_recurrence(data)
    for end in range(len(data)):
        try:
            found = read_appointment_recurrence(data[:end])
        except ValueError:
            continue
        assert found == whole
    with pytest.raises(ValueError, match="AppointmentRecur"):
        read_appointment_recurrence(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("offset", "number", "size"),
    [
        (0, 0x3003, 2),  # another version
        (6, 7, 2),  # a pattern type that there is not
        (14, 1441, 4),  # a period of a day and a minute
        (14, 0, 4),  # never again
        (14, 2**32 - 1, 4),
        (18, 1, 4),  # a task that repeats after it was done
        (22, 0x2024, 4),  # another kind of end
        (34, 2**32 - 1, 4),  # more deleted ones than there is room for
        (34, MAX_CHANGED + 1, 4),
        (46, 2**31, 4),
        (50, 2**32 - 1, 4),  # begins in the year 9766
        (58, 0x3005, 4),
        (74, 1, 2),  # an exception that is not there
    ],
)
def test_what_makes_no_sense(offset: int, number: int, size: int) -> None:
    """One wrong number, and it is not read."""
    data = bytearray(bytes.fromhex(DAILY_4_1_1_3))
    data[offset : offset + size] = number.to_bytes(size, "little")
    with pytest.raises(ValueError, match=r"."):
        read_appointment_recurrence(bytes(data))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """Bytes of any kind raise ValueError at most, also behind a good beginning."""
    for head in (b"", bytes.fromhex(WEEKLY_4_1_1_2)[:30], b"\x04\x30\x04\x30\x0b\x20"):
        try:
            read_appointment_recurrence(head + data)
        except ValueError:
            continue


@given(st.data())
def test_damage_anywhere(data: st.DataObject) -> None:
    """Any one byte may be another one: it is read or refused."""
    blob = bytearray(bytes.fromhex(WEEKLY_4_1_1_2))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] = data.draw(st.integers(0, 255))
    try:
        read_appointment_recurrence(bytes(blob))
    except ValueError:
        return


# An encoder of its own


class Override(NamedTuple):
    """What an exception has besides its times."""

    flags: int = 0
    subject: bytes = b""
    place: bytes = b""


def minutes(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds()) // 60


def midnight(day: date) -> int:
    return minutes(datetime(day.year, day.month, day.day))  # noqa: DTZ001


def mask_of(*days: DayOfWeek) -> int:
    numbers = {number for day in days for number in day.weekdays}
    return sum(1 << (number + 1) % 7 for number in numbers)


def encoded_pattern(pattern: Pattern) -> tuple[int, int, int, list[int], int]:
    """RecurFrequency, PatternType, Period, what is specific, FirstDOW."""
    match pattern:
        case Daily():
            return 0x200A, 0, pattern.interval * 1440, [], 0
        case Weekly():
            first = DAYS.index(pattern.first_day)
            return 0x200B, 1, pattern.interval, [mask_of(*pattern.days)], first
        case AbsoluteMonthly():
            return 0x200C, 2, pattern.interval, [pattern.day], 0
        case AbsoluteYearly():
            return 0x200D, 2, pattern.interval * 12, [pattern.day], 0
    number = list(Which).index(pattern.which) + 1
    specific = [mask_of(pattern.day), number]
    if isinstance(pattern, RelativeYearly):
        return 0x200D, 3, pattern.interval * 12, specific, 0
    return 0x200C, 3, pattern.interval, specific, 0


def encode(series: AppointmentRecurrence, overrides: list[Override]) -> bytes:
    """Write a series as the specification says."""
    frequency, kind, period, specific, first_day = encoded_pattern(series.pattern)
    span = series.range
    ending, end = 0x2023, 0x5AE980DF
    if span.until is not None:
        ending, end = 0x2021, midnight(span.until)
    elif span.count is not None:
        ending = 0x2022
    gone = sorted([*series.deleted, *(each.original.date() for each in series.changed)])
    moved = sorted(each.start.date() for each in series.changed)
    numbers = [period, 0, *specific, ending, span.count or 10, first_day, len(gone)]
    numbers += [midnight(day) for day in gone]
    numbers += [len(moved), *(midnight(day) for day in moved)]
    numbers += [midnight(span.start), end, 0x3006, 0x3009]
    offsets = (series.starts_after, series.ends_after)
    numbers += [int(each.total_seconds()) // 60 for each in offsets]
    data = struct.pack("<5HI", 0x3004, 0x3004, frequency, kind, 0, 0)
    data += struct.pack(f"<{len(numbers)}I", *numbers)
    data += struct.pack("<H", len(series.changed))
    for each, override in zip(series.changed, overrides, strict=True):
        times = map(minutes, (each.start, each.end, each.original))
        data += struct.pack("<3IH", *times, override.flags)
        for flag in (1 << number for number in range(10)):
            if not override.flags & flag or flag == 0x200:
                continue
            if flag in (0x1, 0x10):
                text = override.subject if flag == 0x1 else override.place
                data += struct.pack("<HH", len(text) + 1, len(text)) + text
            else:
                data += struct.pack("<I", 1)
    return data + bytes(12)


SINGLE_DAYS = st.sampled_from(list(DayOfWeek)[:7])
INTERVALS = st.integers(1, 99)
MONTHS = st.integers(1, 12)
PATTERNS = st.one_of(
    st.builds(Daily, interval=INTERVALS),
    st.builds(
        Weekly,
        interval=INTERVALS,
        days=st.sets(SINGLE_DAYS, min_size=1).map(
            lambda days: tuple(sorted(days, key=list(DayOfWeek).index))
        ),
        first_day=SINGLE_DAYS,
    ),
    st.builds(AbsoluteMonthly, interval=INTERVALS, day=st.integers(1, 31)),
    st.builds(
        RelativeMonthly,
        interval=INTERVALS,
        which=st.sampled_from(Which),
        day=st.sampled_from(DayOfWeek),
    ),
    st.builds(AbsoluteYearly, interval=INTERVALS, month=MONTHS, day=st.integers(1, 31)),
    st.builds(
        RelativeYearly,
        interval=INTERVALS,
        month=MONTHS,
        which=st.sampled_from(Which),
        day=st.sampled_from(DayOfWeek),
    ),
)
LOCAL = st.datetimes(datetime(1700, 1, 1), datetime(4000, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
)
CHANGES = st.lists(
    st.builds(ChangedInstance, LOCAL, LOCAL, LOCAL),
    max_size=6,
    unique_by=lambda each: each.original.date(),
)
OVERRIDES = st.builds(
    Override, st.integers(0, 0x3FF), st.binary(max_size=60), st.binary(max_size=60)
)


@st.composite
def series(draw: st.DrawFn) -> tuple[AppointmentRecurrence, list[Override]]:
    pattern = draw(PATTERNS)
    begin = draw(st.dates(date(1700, 1, 1), date(4000, 1, 1)))
    if isinstance(pattern, AbsoluteYearly | RelativeYearly):
        # The month of a yearly series is that of its beginning.
        begin = begin.replace(month=pattern.month, day=1)
    span = draw(
        st.one_of(
            st.just(Range(begin)),
            st.builds(Range, st.just(begin), count=st.integers(1, 999)),
            st.builds(Range, st.just(begin), until=st.dates(begin, date(4400, 1, 1))),
        )
    )
    changed = sorted(draw(CHANGES))
    days = {each.original.date() for each in changed}
    gone = draw(st.sets(st.dates(date(1700, 1, 1), date(4000, 1, 1)), max_size=6))
    starts_after = draw(st.integers(0, 1439))
    found = AppointmentRecurrence(
        pattern,
        span,
        timedelta(minutes=starts_after),
        timedelta(minutes=starts_after + draw(st.integers(0, 100_000))),
        tuple(sorted(gone - days)),
        tuple(changed),
    )
    return found, [draw(OVERRIDES) for _ in changed]


@given(series())
def test_what_is_written_is_read(
    written: tuple[AppointmentRecurrence, list[Override]],
) -> None:
    """Every pattern, range and change comes back, whatever else an exception has."""
    expected, overrides = written
    assert read_appointment_recurrence(encode(expected, overrides)) == expected


def test_the_last_day_of_the_month() -> None:
    """MonthEnd is the last day of each month, whatever day it names."""
    data = encode(
        AppointmentRecurrence(
            AbsoluteMonthly(day=28), Range(date(2026, 1, 1)), TEN, HALF_PAST_TEN
        ),
        [],
    )
    data = data[:6] + b"\x04\x00" + data[8:]
    assert read_appointment_recurrence(data).pattern == AbsoluteMonthly(day=31)


def test_as_many_changes_as_are_read() -> None:
    """The bound is for deleted and moved occurrences by themselves."""
    days = tuple(date(2026, 1, 1) + timedelta(days=n) for n in range(MAX_CHANGED))
    whole = AppointmentRecurrence(Daily(), Range(days[0]), TEN, HALF_PAST_TEN, days)
    assert read_appointment_recurrence(encode(whole, [])) == whole
