"""The ids of EWS and of Graph for the same messages, at a sandbox over a socket."""

import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy
from pexschedd.graph.message_names import GraphMessageNames
from pexschedd.scheduling.ports.mailbox import Action
from tests.graph.msgraph_mailbox_support import GraphStage
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import EQUIPMENT


@pytest.fixture
def names(graph_world: GraphWorld) -> GraphMessageNames:
    return GraphMessageNames(graph_world.client())


def ews_ids(world: GraphWorld) -> list[str]:
    """The ids of the inbox over EWS, oldest first."""
    return [each.id for each in world.sandbox.exchange.mailbox(EQUIPMENT).inbox()[::-1]]


@pytest_twisted.ensureDeferred
async def test_there_and_back(
    stage: GraphStage, names: GraphMessageNames, graph_world: GraphWorld
) -> None:
    """Messages are found under the ids that each interface lists them by, in more than
    one batch, in the order in which they were asked for."""
    for number in range(25):
        stage.invite(str(number))
    ews = ews_ids(graph_world)
    page = await stage.mailbox.arrivals("")
    graph = [ref.item_id for ref in page.arrived][::-1]
    assert not set(ews) & set(graph)

    found = await names.for_graph(ews)
    assert [each and each.item_id for each in found] == graph
    back = await names.for_ews(graph)
    assert [each and each.item_id for each in back] == ews
    assert not any(each is None or each.lacks_event or each.answered for each in back)


@pytest_twisted.ensureDeferred
async def test_messages_that_are_gone(
    stage: GraphStage, names: GraphMessageNames, graph_world: GraphWorld
) -> None:
    """A message is gone that EWS had elsewhere, and that Graph has in neither folder;
    so is whatever has no id of the interface that is named."""
    stage.invite("1")
    (ews,) = ews_ids(graph_world)
    (ref,) = (await stage.mailbox.arrivals("")).arrived
    assert await names.for_graph(["nonsense", ""]) == [None, None]
    stage.exchange.take_away(stage.person.inbox()[0])

    assert await names.for_graph([ews]) == [None]
    (there,) = await names.for_ews([ref.item_id])
    assert there is not None
    assert there.item_id != ews
    url = f"/users/{EQUIPMENT}/messages/{ref.item_id}/permanentDelete"
    stage.bare().ask("POST", url, status=204)
    assert await names.for_ews([ref.item_id, "nonsense"]) == [None, None]


@pytest_twisted.ensureDeferred
async def test_events(
    stage: GraphStage, names: GraphMessageNames, graph_world: GraphWorld
) -> None:
    """It is told whether Exchange has made an event of a request, and what that was
    answered since the request came."""
    stage.sandbox.organisation(attendant_delay_s=60)
    stage.invite("late")
    (late,) = await names.for_graph(ews_ids(graph_world))
    assert late is not None
    assert late.lacks_event
    stage.sandbox.organisation()
    stage.invite("at once")
    _, made = await names.for_graph(ews_ids(graph_world))
    assert made is not None
    assert not made.lacks_event
    assert made.answered is None
    stage.accept()
    _, answered = await names.for_graph(ews_ids(graph_world))
    assert answered is not None
    assert answered.answered is Action.ACCEPT


@pytest_twisted.ensureDeferred
async def test_doubt(
    stage: GraphStage, names: GraphMessageNames, graph_world: GraphWorld
) -> None:
    """What Graph does not tell now is not taken for gone."""
    stage.invite("1")
    graph_world.misbehave(kind="http-503", operation="GraphGetMessage", times=None)
    with pytest.raises(MailboxBusy):
        await names.for_graph(ews_ids(graph_world))


@pytest_twisted.ensureDeferred
async def test_what_is_hidden_later(
    stage: GraphStage, names: GraphMessageNames
) -> None:
    """From the position all of the inbox is new, and of the deleted items only what is
    hidden after it."""
    first = stage.invite("first")
    stage.accept()
    stage.exchange.take_away(stage.person.inbox()[0])
    stage.change(first, body="before")
    stage.invite("second")
    cursor = await names.deletions_until_now()
    later = await names.deletions_until_now(cursor)
    stage.change(first, body="after")

    for each in (cursor, later):
        page = await stage.mailbox.arrivals(each)
        assert sorted(await stage.texts(page)) == ["first (hidden)", "second"]
