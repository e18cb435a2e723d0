"""The clock that people move, and the time stamps that never go back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.demo.clock import DeskClock, MonotonicNow

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_moves_forward_and_back_to_now() -> None:
    """The offset adds up, and a reset gives the real time again."""
    clock = DeskClock(lambda: NOON)
    clock.advance(timedelta(minutes=15))
    clock.advance(timedelta(hours=1))
    assert clock() == NOON + timedelta(minutes=75)
    clock.move_to(NOON + timedelta(days=1))
    assert clock() == NOON + timedelta(days=1)
    clock.reset()
    assert clock() == NOON


@pytest.mark.parametrize("by", [timedelta(seconds=-1), timedelta(days=367)])
def test_refuses_what_makes_no_sense(by: timedelta) -> None:
    """A step back, or years ahead, is refused and changes nothing."""
    clock = DeskClock(lambda: NOON)
    with pytest.raises(ValueError, match="clock moves"):
        clock.advance(by)
    assert clock() == NOON


@given(st.lists(st.integers(-100_000, 100_000)))
def test_stamps_only_rise(seconds: list[int]) -> None:
    """However the desk's clock jumps, a later stamp is later."""
    moments = iter([NOON + timedelta(seconds=s) for s in seconds])
    stamp = MonotonicNow(lambda: next(moments), NOON)
    stamps = [stamp() for _ in seconds]
    assert stamps == sorted(set(stamps))
    assert all(s > NOON for s in stamps)


def test_stamps_differ_by_seconds_while_behind() -> None:
    """Two stamps are told apart by clients that know no fractions of a second."""
    stamp = MonotonicNow(lambda: NOON, NOON + timedelta(days=1))
    assert stamp() + timedelta(seconds=1) == stamp()


def test_stamps_follow_the_clock() -> None:
    """While the clock goes forward the stamps are its time."""
    stamp = MonotonicNow(lambda: NOON, NOON - timedelta(days=1))
    assert stamp() == NOON
