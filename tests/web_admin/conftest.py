"""A management API to ask, with an empty store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from tests.web_admin.web_admin_support import Server, serving


@pytest_twisted.async_yield_fixture()
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "state") as running:
        yield running
