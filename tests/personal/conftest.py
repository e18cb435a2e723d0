"""What the tests of personal rooms get."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from tests.personal.personal_support import Personal


@pytest_twisted.async_yield_fixture
async def personal(tmp_path: Path) -> AsyncIterator[Personal]:
    """An empty store, closed afterwards."""
    made = Personal(tmp_path / "state")
    yield made
    await made.store.close()
