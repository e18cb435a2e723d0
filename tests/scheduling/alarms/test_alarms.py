"""Alarms: raised once, whatever they say."""

from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from pexschedd.scheduling.alarms.alarms import MOST_DETAILS, Alarms
from pexschedd.scheduling.alarms.names import UNREACHABLE
from tests.web_admin.web_admin_support import Clock, open_store


@pytest_twisted.ensureDeferred
async def test_details_that_are_cut_are_stored_once(tmp_path: Path) -> None:
    """An alarm that is raised again says nothing new, not even when it says more than
    is kept: otherwise each look would write to the disk and to the log."""
    store = open_store(tmp_path / "state")
    alarms = Alarms(store, Clock())
    written: list[object] = []
    store.subscribe(tables.ALARM, lambda old, new: written.append(new))
    for _ in range(3):
        alarms.raise_(UNREACHABLE, "Head office", "x" * (MOST_DETAILS + 1))
    assert len(written) == 1
    (alarm,) = store.all(tables.ALARM)
    assert alarm.details == "x" * MOST_DETAILS
    await store.close()
