"""Delays that grow while something goes on failing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.util.backoff import backoff

SECONDS = st.floats(0.01, 1000)


def test_delays_double() -> None:
    """From the first to the largest one, which stays."""
    delay = backoff(10, 100)
    assert [delay(failures) for failures in range(6)] == [10, 20, 40, 80, 100, 100]


@given(SECONDS, SECONDS, st.integers(0, 10**6))
def test_delays_stay_within_bounds(first: float, most: float, failures: int) -> None:
    """However often something has failed."""
    delay = backoff(first, most)(failures)
    assert min(first, most) <= delay <= most


def test_each_delay_is_stretched_anew() -> None:
    """Chance is asked for every delay, and spreads long delays further than short."""
    chance = iter([0.5, 1.5, 1.5])
    delay = backoff(10, 40, lambda: next(chance))
    assert delay(0) == pytest.approx(5)
    assert delay(0) == pytest.approx(15)
    assert delay(9) == pytest.approx(60)
