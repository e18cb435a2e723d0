"""An inbox in memory, and a process whose mailbox it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.scheduling.mailbox_support import MemoryInbox
from tests.scheduling.process_support import Process, Unsteady, calm, tag


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = Process(tmp_path / "state", Unsteady(inbox, calm, page=7))
    await process.book(*(tag(n) for n in range(1, 21)))
    yield process
    await process.end()
