"""Fixtures of the tests of trials."""

from collections.abc import AsyncIterator

import pytest_twisted

from tests.doctor.trial.trial_support import TrialWorld


@pytest_twisted.async_yield_fixture()
async def trial_world() -> AsyncIterator[TrialWorld]:
    """A sandbox in which trials are made."""
    world = TrialWorld()
    yield world
    await world.close()
