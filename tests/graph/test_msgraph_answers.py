"""Answers over Graph: what organizers get, and what becomes of the messages."""

import pytest
import pytest_twisted

from tests.graph.answering_support import DONE, GONE, Answering, expected, mixed
from tests.graph.msgraph_support import GraphWorld


@pytest.fixture(params=["RESPONSE", "MAIL"])
def story(request: pytest.FixtureRequest, graph_world: GraphWorld) -> Answering:
    return Answering(graph_world, request.param)


@pytest_twisted.ensureDeferred
async def test_twenty_answers(story: Answering) -> None:
    """Organizers get one answer each, with its words; nothing is left to do."""
    answers = mixed(story)
    assert await story.kinds(*answers) == [DONE] * 20
    expected(story)
    assert await story.kinds(*answers) == [GONE] * 20
    expected(story)
