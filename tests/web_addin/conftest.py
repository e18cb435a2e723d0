"""The add-in's routes, ready to be asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.store.secrets import SecretVault
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from tests.identity.personal.provider_support import bench_with
from tests.web_addin.addin_support import Behind, Server
from tests.web_addin.sign_in_support import SignInServer


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


@pytest_twisted.async_yield_fixture()
async def signing() -> AsyncIterator[SignInServer]:
    bench = bench_with(SecretVault(b"k" * 32))
    bench.play("AZURE")
    rates = RequestRates(NO_BOUND, Rate(5, 1), bench.clock.seconds)
    server = SignInServer(bench, rates)
    await server.listen()
    yield server
    await server.close()
    await bench.close()
