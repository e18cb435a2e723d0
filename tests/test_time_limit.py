"""The thread that watches how long tests take."""

from threading import Event

import pytest

from tests import time_limit
from tests.time_limit import TimeLimit

PATIENCE = 20.0


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> TimeLimit:
    monkeypatch.setattr(time_limit, "LOOK_S", 0.001)
    return TimeLimit()


def test_too_long_is_noticed(limit: TimeLimit) -> None:
    """However many tests before it have kept their limits."""
    early, late = Event(), Event()
    limit.set(60, early.set)
    limit.cancel()
    limit.set(0, late.set)
    assert late.wait(PATIENCE)
    assert not early.is_set()


def test_each_has_its_own(limit: TimeLimit) -> None:
    """The next test's limit counts, not the one before it."""
    before, after = Event(), Event()
    limit.set(3600, before.set)
    limit.set(0, after.set)
    assert after.wait(PATIENCE)
    assert not before.is_set()
