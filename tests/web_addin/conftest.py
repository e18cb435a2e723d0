"""The add-in's routes, ready to be asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.web.addin.files import ConnectorFiles
from tests.web_addin.addin_support import Behind, Server


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def files(tmp_path: Path) -> ConnectorFiles:
    return ConnectorFiles(tmp_path)


@pytest_twisted.async_yield_fixture()
async def server(behind: Behind, files: ConnectorFiles) -> AsyncIterator[Server]:
    running = Server(behind, files)
    await running.listen()
    yield running
    await running.close()
