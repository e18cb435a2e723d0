"""How often something may be done: token buckets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.util.token_bucket import TokenBuckets


def test_a_burst_and_then_a_rate() -> None:
    """Some at once, then one whenever a token has come."""
    buckets = TokenBuckets(burst=3, per_minute=60)
    assert [buckets.take("a", 0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 0) == 1
    assert buckets.take("a", 0.5) == 0.5
    assert buckets.take("a", 1) == 0
    assert buckets.take("a", 1) == 1


def test_keys_do_not_share() -> None:
    """What one client uses up is not missing for another."""
    buckets = TokenBuckets(burst=1, per_minute=1)
    assert buckets.take("a", 0) == 0
    assert buckets.take("a", 0) == 60
    assert buckets.take("b", 0) == 0


def test_memory_is_bounded() -> None:
    """The keys used longest ago are forgotten."""
    buckets = TokenBuckets(burst=1, per_minute=1, most_keys=10)
    for key in range(1000):
        buckets.take(key, 0)
    assert len(buckets) == 10
    assert buckets.take(999, 0) > 0


@given(
    st.floats(1, 50),
    st.floats(1, 600),
    st.lists(st.floats(0, 30), max_size=200),
)
def test_never_more_than_burst_and_rate(
    burst: float, per_minute: float, pauses: list[float]
) -> None:
    """In any stretch of time no more is allowed than the burst and what has come."""
    buckets, now, taken = TokenBuckets(burst, per_minute), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("a", now) == 0
        assert taken <= burst + now * per_minute / 60 + 1e-6


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=50))
def test_a_clock_set_back_gives_nothing(times: list[float]) -> None:
    """Going back and forth in time makes no tokens beyond those of the real time."""
    buckets = TokenBuckets(burst=1, per_minute=1)
    taken = sum(buckets.take("a", now) == 0 for now in times)
    forward = sum(max(0.0, b - a) for a, b in pairwise(times))
    assert taken <= 1 + forward / 60 + 1e-6
