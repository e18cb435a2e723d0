"""The mailbox whose arrivals are listed, with small pages."""

import pytest

from tests.graph.msgraph_mailbox_support import GraphStage
from tests.graph.msgraph_support import GraphWorld


@pytest.fixture
def stage(graph_world: GraphWorld) -> GraphStage:
    """A mailbox whose pages have two messages."""
    return GraphStage(graph_world, page=2)
