"""Fixtures for the tests of the sandbox's Graph."""

import pytest

from tests.sandbox.graph.graph_support import GraphClient, GraphSandbox


@pytest.fixture
def graph() -> GraphSandbox:
    """A sandbox in memory, with an application that may do everything."""
    return GraphSandbox()


@pytest.fixture
def client(graph: GraphSandbox) -> GraphClient:
    """The application, signed in."""
    return graph.client()
