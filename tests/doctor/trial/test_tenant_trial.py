"""A trial against the sandbox over a socket, with both possible answers."""

import pytest_twisted

from pexschedd.doctor.trial.trial_report import trial_text
from tests.doctor.trial.trial_support import TrialWorld, answers


@pytest_twisted.ensureDeferred
async def test_x() -> None:
    """x"""
    w = TrialWorld()
    r = await w.trial()
    print(trial_text(r))
    print(w.notes, w.passing.seconds())
    print(w.left("alice@example.test", "pexipmeeting@example.test"))
    await w.close()
    assert 0
