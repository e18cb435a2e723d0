"""The server's clock and ours."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.clock import ahead
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.clock_skew import ClockSkew
from tests.web_admin.web_admin_support import Clock, open_store

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def date(seconds: float) -> str:
    """An HTTP Date that is so many seconds ahead."""
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("seconds", [-86400, -1, 0, 59, 7200])
def test_how_far_ahead(seconds: int) -> None:
    """The difference is in seconds, positive when the server is ahead."""
    assert ahead(date(seconds), NOW) == seconds


@given(st.text(max_size=60))
def test_no_date_is_no_difference(text: str) -> None:
    """Whatever a server calls a date, nothing breaks."""
    found = ahead(text, NOW)
    assert found is None or isinstance(found, float)


@pytest_twisted.async_yield_fixture()
async def alarms(tmp_path: Path) -> AsyncIterator[Any]:
    store = open_store(tmp_path / "state")
    yield Alarms(store, Clock())
    await store.close()


@pytest_twisted.ensureDeferred
async def test_far_is_an_alarm_until_it_is_near(alarms: Alarms) -> None:
    """Beyond five minutes the alarm says how far and which way; in between it stays."""
    clock = Clock()
    clocks = ClockSkew(alarms, clock)

    def after_a_minute(seconds: float) -> Any:
        clock.advance(minutes=2)
        shown = format_datetime(clock() + timedelta(seconds=seconds), usegmt=True)
        clocks.seen("Head office", shown)
        return alarms.active(names.CLOCK, "Head office")

    assert after_a_minute(290) is None
    raised = after_a_minute(-700)
    assert "12 minutes behind" in raised.details
    assert after_a_minute(200) is not None
    assert after_a_minute(60) is None


@pytest_twisted.ensureDeferred
async def test_one_look_a_minute(alarms: Alarms) -> None:
    """Thousands of answers cost one comparison; a look that told nothing is none."""
    clock = Clock()
    clocks = ClockSkew(alarms, clock)
    clocks.seen("Head office", "")
    clocks.seen("Head office", format_datetime(clock(), usegmt=True))
    clocks.seen("Head office", date(100_000))
    assert alarms.active(names.CLOCK, "Head office") is None


@pytest_twisted.ensureDeferred
async def test_after_a_jump_the_next_response_counts(alarms: Alarms) -> None:
    """Whether the server's date agrees with the new one is seen at once."""
    clock, agreed = Clock(), []
    clocks = ClockSkew(alarms, clock, lambda: agreed.append(1))
    for _ in range(2):
        clocks.seen("Head office", format_datetime(clock(), usegmt=True))
    assert agreed == [1]
    clocks.forget()
    clocks.seen("Head office", format_datetime(clock(), usegmt=True))
    assert agreed == [1, 1]
