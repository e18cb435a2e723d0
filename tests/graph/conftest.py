"""Fixtures of the tests of Graph's client."""

from collections.abc import AsyncIterator

import pytest
import pytest_twisted

from tests.graph.msgraph_mailbox_support import GraphStage
from tests.graph.msgraph_support import GraphWorld


@pytest_twisted.async_yield_fixture()
async def graph_world() -> AsyncIterator[GraphWorld]:
    """A sandbox that speaks Graph over a socket."""
    world = GraphWorld()
    yield world
    await world.close()


@pytest.fixture
def stage(graph_world: GraphWorld) -> GraphStage:
    """An equipment mailbox at that sandbox."""
    return GraphStage(graph_world)
