"""Fixtures for the tests of the sandbox's Graph."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted

from tests.sandbox.graph.graph_support import GraphClient, GraphSandbox


@pytest.fixture
def graph() -> GraphSandbox:
    """A sandbox in memory, with an application that may do everything."""
    return GraphSandbox()


@pytest.fixture
def client(graph: GraphSandbox) -> GraphClient:
    """The application, signed in."""
    return graph.client()


@pytest_twisted.async_yield_fixture()
async def served(graph: GraphSandbox) -> AsyncIterator[str]:
    """The same sandbox on a socket of its own; gives its base URL."""
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    graph._clock = io
    port = io.listenTCP(0, graph.site(), interface="127.0.0.1")
    yield f"http://127.0.0.1:{port.getHost().port}"
    await port.stopListening()
