"""The count of a day's calls."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.calendars.quota import CallCount, quota_problem
from tests.thorough import examples

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_calls_count_for_a_day() -> None:
    """A call counts for 24 hours, and at most a quarter of an hour longer."""
    count = CallCount()
    count.add(NOW, 3)
    assert count.used(NOW + timedelta(hours=24) - timedelta(seconds=1)) == 3
    assert count.used(NOW + timedelta(hours=24, minutes=15)) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3 * 86_400), st.integers(1, 50)), max_size=60),
    st.integers(1, 200),
)
@settings(max_examples=examples(100), deadline=None)
def test_the_quota_is_never_exceeded(steps: list[tuple[int, int]], quota: int) -> None:
    """If nothing is called before it is free, no 24 hours have more calls than the
    quota; what was stored in between counts as before."""
    count, made = CallCount(), []
    for offset, wanted in sorted(steps):
        now = NOW + timedelta(seconds=offset)
        count = CallCount(count.quarters(now))
        for _ in range(wanted):
            if count.seconds_until_free(now, quota):
                break
            count.add(now)
            made.append(offset)
    for begin in made:
        assert sum(begin <= each < begin + 86_400 for each in made) <= quota


def test_the_end_of_a_pause() -> None:
    """A spent quota is free again when its oldest calls are a day old."""
    count = CallCount()
    count.add(NOW, 6)
    count.add(NOW + timedelta(hours=1), 4)
    later = NOW + timedelta(hours=2)
    assert count.seconds_until_free(later, 11) == 0
    wait = count.seconds_until_free(later, 10)
    assert count.seconds_until_free(later + timedelta(seconds=wait), 10) == 0
    assert wait == pytest.approx(22.25 * 3600)
    # Seven have to be forgotten, so the later ones as well.
    assert count.seconds_until_free(later, 4) == pytest.approx(23.25 * 3600)


def test_a_clock_that_was_set_back() -> None:
    """Calls of a far future are forgotten, those of the near one count."""
    count = CallCount()
    count.add(NOW + timedelta(days=30), 5)
    count.add(NOW + timedelta(hours=1), 7)
    assert count.used(NOW) == 7


@pytest.mark.parametrize(
    ("used", "interval", "word"),
    [
        (9_000, 172.8, ""),
        (9_700, 172.8, "nearly used up"),
        (10_000, 172.8, "is used up"),
        (100, 660.0, "every 11 minutes"),
    ],
)
def test_the_problem_of_a_quota(used: int, interval: float, word: str) -> None:
    """An administrator hears of a quota that is too small before rooms go stale."""
    problem = quota_problem(
        used,
        10_000,
        20,
        interval,
        requests="FindItem requests",
        field="find_items_request_quota",
    )
    assert word in problem
    assert bool(word) == ("find_items_request_quota" in problem)
