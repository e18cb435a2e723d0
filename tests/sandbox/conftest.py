"""Fixtures for the sandbox's tests."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_twisted

from tests.sandbox.sandbox_support import CheckedSandbox
from tests.schemas import EWS, needed_schema


@pytest.fixture
def sandbox() -> Iterator[CheckedSandbox]:
    """In memory; every answer is checked when the test is over."""
    sandbox = CheckedSandbox()
    yield sandbox
    assert not sandbox.wrong, sandbox.wrong[0]


@pytest_twisted.async_yield_fixture()
async def served(sandbox: CheckedSandbox) -> AsyncIterator[str]:
    """The same sandbox on a socket of its own; gives its base URL."""
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    sandbox._clock = io
    port = io.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    yield f"http://127.0.0.1:{port.getHost().port}"
    await port.stopListening()


@pytest.fixture(scope="session")
def exchange_schema() -> Any:
    return needed_schema(EWS)
