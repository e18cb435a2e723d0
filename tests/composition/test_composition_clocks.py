"""The parts that watch the clock, as the daemon puts them together."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.composition.runtime import Runtime
from pexschedd.config import Config
from tests.web_admin.web_admin_support import open_store


@pytest_twisted.ensureDeferred
async def test_a_server_ends_the_doubt_after_a_jump(tmp_path: Path) -> None:
    """Even one whose date was looked at a moment before the jump was noticed."""
    clock, date = Clock(), datetime(2026, 11, 29, 8, tzinfo=UTC)
    store = open_store(tmp_path / "state")
    config = Config(
        state_dir=tmp_path / "state", addin_endpoints=(), admin_endpoints=()
    )
    runtime = Runtime(config, store, reactor=clock, now=lambda: date)
    date += timedelta(hours=26)
    runtime.clock_skew.seen("Head office", format_datetime(date, usegmt=True))
    runtime.clock_trust.look()
    assert "set forward by 26 hours" in runtime.clock_trust.doubt
    runtime.clock_skew.seen("Head office", format_datetime(date, usegmt=True))
    assert runtime.clock_trust.doubt == ""
    await store.close()
