"""The times at which rooms are read, and the calls that this makes."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.calendars.pace import (
    DAY,
    FLOOR,
    first_time,
    interval_of,
    next_time,
    place_of,
    time_after_failure,
)
from tests.thorough import examples


@pytest.mark.parametrize(
    ("rooms", "quota", "interval"),
    [
        (1, 1_000_000, FLOOR),
        (347, 1_000_000, FLOOR),
        (694, 1_000_000, 694 * 0.0864),
        (5_000, 1_000_000, 432.0),
        (20, 10_000, 172.8),
    ],
)
def test_the_interval_of_a_quota(rooms: int, quota: int, interval: float) -> None:
    """All calls of a day fit into the quota, and no room is read more often than
    every 30 seconds."""
    assert interval_of(rooms, quota) == pytest.approx(interval)


def test_the_interval_grows_near_the_end_of_the_quota() -> None:
    """Calls that were not planned make rooms wait longer before the quota is spent."""
    at = [interval_of(20, 10_000, used) for used in (0, 9_000, 9_500, 10_000, 20_000)]
    assert at == pytest.approx([172.8, 172.8, 216.0, 259.2, 259.2])


@given(
    st.integers(1, 400),
    st.integers(1, 1_000_000),
    st.floats(30, 2_000),
    st.floats(0, 1e7),
)
@settings(max_examples=examples(50), deadline=None)
def test_rooms_are_spread(
    rooms: int, first_id: int, interval: float, start: float
) -> None:
    """In no tenth of the interval, nor at the start, are more than twice the rooms
    read of an even share, and one."""
    times = [first_time(start, interval, place_of(first_id + n)) for n in range(rooms)]
    assert all(start <= t <= start + interval * (1 + 1e-9) for t in times)
    tenths = Counter(int((t - start) / interval * 10) for t in times)
    assert max(tenths.values()) <= 2 * rooms / 10 + 2


@given(st.integers(1, 10_000), st.floats(30, 2_000), st.floats(0, 1e6))
@settings(max_examples=examples(100), deadline=None)
def test_a_room_keeps_its_place(number: int, interval: float, start: float) -> None:
    """Readings are one interval apart, whether the timer fires a moment early or
    late."""
    place = place_of(number)
    time = first_time(start, interval, place)
    for late in (0.2, -1e-7, 1.0, 0.0):
        following = next_time(time + late, interval, place)
        assert following - time == pytest.approx(interval, abs=1e-3)
        time = following


@given(
    st.lists(st.floats(30, 900), min_size=2, max_size=20),
    st.integers(1, 1_000),
)
@settings(max_examples=examples(50), deadline=None)
def test_a_changing_interval_delays_nobody(intervals: list[float], number: int) -> None:
    """Whatever the interval was, a room is read within one and a half of the new
    one."""
    place, time = place_of(number), 0.0
    for interval in intervals:
        following = next_time(time, interval, place)
        assert interval / 2 - 1e-6 <= following - time <= 1.5 * interval + 1e-6
        time = following


def test_a_day_fits_into_the_quota() -> None:
    """The readings of a whole day are no more than the quota, up to rounding."""
    rooms, quota = 300, 100_000
    interval = interval_of(rooms, quota)
    calls = 0
    for n in range(rooms):
        place, start = place_of(n), 0.0
        time = first_time(start, interval, place)
        while time < DAY:
            calls += 1
            time = next_time(time, interval, place)
    assert calls <= quota * 1.001


def test_failures_make_a_room_wait() -> None:
    """Each failure doubles the pause up to a quarter of an hour; a pause that the
    server asks for is kept."""
    place = place_of(1)
    pauses = [time_after_failure(0.0, 30.0, place, n, 0.0) for n in range(1, 10)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 45
    assert 870 <= pauses[-1] <= 930
    assert 600 <= time_after_failure(0.0, 30.0, place, 1, 600.0) <= 630
    # With a long interval, the pause is no shorter than it.
    assert time_after_failure(0.0, 2_000.0, place, 9, 0.0) >= 1_000
