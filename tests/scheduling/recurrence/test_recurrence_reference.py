"""Any series, against a second opinion that counts every day."""

from datetime import date, datetime, time, timedelta
from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Moved,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)
from pexschedd.scheduling.recurrence.series_dates import (
    find,
    index_of,
    is_over,
    last_end,
    next_after,
    occurrences,
    open_windows,
)
from tests.scheduling.recurrence.recurrence_support import (
    DAY,
    MINUTE,
    second_opinion,
    utc,
)
from tests.thorough import examples

SINGLE_DAYS = st.sampled_from(list(DayOfWeek)[:7])
ANY_DAYS = st.sampled_from(DayOfWeek)
WHICH = st.sampled_from(Which)
MONTHS = st.integers(1, 12)
INTERVALS = st.integers(1, 5)
MONTH_DAYS = st.integers(1, 31) | st.integers(28, 31)

PATTERNS = st.one_of(
    st.builds(Daily, interval=st.integers(1, 3) | st.integers(1, 400)),
    st.builds(
        Weekly,
        st.lists(ANY_DAYS, min_size=1, max_size=7).map(tuple),
        interval=INTERVALS,
        first_day=SINGLE_DAYS,
    ),
    st.builds(AbsoluteMonthly, MONTH_DAYS, interval=st.integers(1, 14)),
    st.builds(RelativeMonthly, WHICH, ANY_DAYS, interval=st.integers(1, 14)),
    st.builds(AbsoluteYearly, month=MONTHS, day=MONTH_DAYS, interval=st.integers(1, 3)),
    st.builds(
        RelativeYearly,
        *(MONTHS, WHICH, ANY_DAYS),
        interval=st.integers(1, 3),
    ),
)
STARTS = st.dates(date(2019, 1, 1), date(2030, 1, 1))
ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "Europe/Dublin", "Africa/Casablanca", "Africa/Cairo"),
        *("America/New_York", "America/Santiago", "America/Havana", "Asia/Kolkata"),
        *("Asia/Beirut", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Apia"),
    ]
)


CHANGES = st.tuples(
    st.sampled_from(["moved", "deleted", "both"]),
    st.integers(-20 * 24 * 4, 20 * 24 * 4),
    st.integers(0, 500),
)


def changes(planned: int) -> st.SearchStrategy[dict[int, tuple[str, int, int]]]:
    """The fates of some of the planned occurrences, in any order: by how many
    quarters of an hour one is moved, and the minutes that it takes then."""
    if not planned:
        return st.just({})
    return st.dictionaries(st.integers(0, planned - 1), CHANGES, max_size=10)


@st.composite
def recurrences(draw: st.DrawFn) -> Recurrence:
    start = draw(STARTS)
    count, until = draw(
        st.one_of(
            st.just((None, None)),
            st.tuples(st.integers(1, 40), st.none()),
            st.tuples(
                st.none(), st.integers(-5, 1500).map(lambda days: start + days * DAY)
            ),
        )
    )
    all_day = draw(st.booleans())
    minutes = st.integers(0, 4 * 24 * 60).map(lambda each: each * MINUTE)
    # Clocks change at night.
    at = st.builds(time, st.integers(0, 3) | st.integers(0, 23), st.integers(0, 59))
    plain = Recurrence(
        pattern=draw(PATTERNS),
        range=Range(start, count, until),
        zone=draw(ZONES),
        at=time(0) if all_day else draw(at),
        duration=draw(st.integers(1, 3)) * DAY if all_day else draw(minutes),
        all_day=all_day,
    )
    planned = list(islice(occurrences(plain, utc("2000-01-01"), utc("2090-01-01")), 30))
    exceptions, deleted = [], []
    for number, (what, quarters, length) in draw(changes(len(planned))).items():
        occurrence = planned[number]
        if what in ("moved", "both"):
            begins = occurrence.start + quarters * 15 * MINUTE
            ends = begins + length * MINUTE
            exceptions.append(Moved(occurrence.original, begins, ends))
        if what in ("deleted", "both"):
            deleted.append(occurrence.original)
    return msgspec.structs.replace(
        plain, exceptions=tuple(exceptions), deleted=tuple(deleted)
    )


MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2034, 1, 1)).map(  # noqa: DTZ001
    lambda moment: utc(moment.isoformat())
)
LENGTHS = st.integers(0, 400 * 24 * 60).map(lambda minutes: minutes * MINUTE)


@pytest.mark.timeout(600)  # much work: a busy machine takes its time for it
@settings(max_examples=examples(800), deadline=None)
@given(recurrence=recurrences(), after=MOMENTS, length=LENGTHS)
def test_any_series(recurrence: Recurrence, after: datetime, length: timedelta) -> None:
    """In any window, exactly those occurrences are found that counting finds."""
    found = list(occurrences(recurrence, after, after + length))
    assert found == second_opinion(recurrence, after, after + length)
    for occurrence in found:
        same_start = find(recurrence, occurrence.original)
        assert same_start == occurrence
        assert index_of(recurrence, occurrence.original) == occurrence.index


@settings(max_examples=examples(200), deadline=None)
@given(recurrence=recurrences(), now=MOMENTS, buffers=st.tuples(LENGTHS, LENGTHS))
def test_any_window(
    recurrence: Recurrence, now: datetime, buffers: tuple[timedelta, timedelta]
) -> None:
    """What is open, what opens next, and whether that is all, agree with counting."""
    before, after = (each / 400 for each in buffers)
    known = second_opinion(recurrence, utc("2000-01-01"), utc("2036-01-01"))
    windows = open_windows(recurrence, before, after, now)
    is_open = [o for o in known if o.start - before <= now < o.end + after]
    current = windows.current and windows.current.occurrence
    assert current == (is_open[0] if is_open else None)
    upcoming = [o for o in known if o.start - before > now]
    if upcoming:
        assert windows.upcoming is not None
        assert windows.upcoming.occurrence == upcoming[0]
    following = next_after(recurrence, now)
    later = [o for o in known if o.start > now]
    if later:
        assert following == later[0]
    if recurrence.range.until is not None:  # all of it is known
        assert is_over(recurrence, now) == all(o.end <= now for o in known)
        assert (following is None) == (not later)
        if known:
            assert last_end(recurrence) == max(o.end for o in known)


@settings(max_examples=examples(200), deadline=None)
@given(recurrence=recurrences())
def test_any_series_is_stored(recurrence: Recurrence) -> None:
    """Any series survives being stored."""
    stored = msgspec.json.encode(recurrence)
    assert msgspec.json.decode(stored, type=Recurrence) == recurrence
