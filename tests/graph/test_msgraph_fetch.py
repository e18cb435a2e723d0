"""Messages fetched in batches over Graph: gone, damaged, huge, or too many."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy
from pexschedd.exchange.error_policy import UnexplainedServerError
from pexschedd.graph.transport import GraphLimits
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable
from tests.graph.msgraph_mailbox_support import TAG, GraphStage
from tests.graph.msgraph_support import GraphWorld, failure


async def refs_of(stage: GraphStage) -> list[MessageRef]:
    """What lies in the inbox, oldest first."""
    return list(reversed((await stage.mailbox.arrivals("")).arrived))


def count_batches(stage: GraphStage) -> list[int]:
    """The sizes of the batches from now on."""
    client = stage.mailbox._client
    batch, sizes = client.batch, list[int]()

    async def counted(requests: Any, parse: Any) -> Any:
        sizes.append(len(requests))
        return await batch(requests, parse)

    client.batch = counted  # type: ignore[method-assign]
    return sizes


@pytest_twisted.ensureDeferred
async def test_messages_are_fetched_in_batches(stage: GraphStage) -> None:
    """Twenty at a time, with one request each; they come back oldest first, whatever
    the order of the references."""
    for number in range(45):
        stage.invite(str(number))
    refs = await refs_of(stage)
    batches = count_batches(stage)
    found = await stage.mailbox.fetch(refs[::-1])
    assert batches == [20, 20, 5]
    assert stage.requests("GetMessage") == 45
    messages = [each for each in found if isinstance(each, MeetingMessage)]
    assert [each.subject for each in messages] == [str(n) for n in range(45)]
    assert [each.ref.item_id for each in messages] == [ref.item_id for ref in refs]
    assert all(TAG in each.html for each in messages)
    assert not any(each.hidden for each in messages)


@pytest_twisted.ensureDeferred
async def test_messages_elsewhere_are_gone(stage: GraphStage) -> None:
    """What is deleted, or lies in another folder, is left out; what lies among the
    deleted items is hidden."""
    for name in ("Stays", "Purged", "Soft", "Junk", "Hidden"):
        stage.invite(name)
    refs = await refs_of(stage)
    by_name = {item.subject: item for item in stage.person.inbox()}
    stage.person.remove(by_name["Purged"])
    stage.person.move(by_name["Soft"], "recoverableitemsdeletions")
    stage.person.move(by_name["Junk"], "junkemail")
    stage.person.move(by_name["Hidden"], "deleteditems")
    found = await stage.mailbox.fetch(refs)
    assert [(each.subject, each.hidden) for each in found] == [  # type: ignore[union-attr]
        ("Stays", False),
        ("Hidden", True),
    ]


@pytest_twisted.ensureDeferred
async def test_folders_may_get_other_ids(stage: GraphStage) -> None:
    """The ids of the folders are asked for again before a message is taken for gone."""
    stage.invite("One")
    refs = await refs_of(stage)
    assert len(await stage.mailbox.fetch(refs)) == 1
    asked = stage.requests("GetMailFolder")
    assert len(await stage.mailbox.fetch(refs)) == 1
    assert stage.requests("GetMailFolder") == asked
    stage.person.folders["inbox"].id = stage.person.folders["drafts"].id[::-1]
    assert len(await stage.mailbox.fetch(refs)) == 1


@pytest_twisted.ensureDeferred
async def test_one_damaged_message(stage: GraphStage) -> None:
    """A message that the server cannot read stands alone; the others are read."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=1)
    one, two, bad = await stage.mailbox.fetch(refs)
    assert [one.ref, two.ref] == refs[1:]
    assert isinstance(bad, Unreadable)
    assert (bad.ref, bad.blame, bad.hidden) == (refs[0], Blame.MESSAGE, False)
    assert "ErrorCorruptData" in bad.reason


@pytest_twisted.ensureDeferred
async def test_the_body_of_a_cancellation_is_dispensable(stage: GraphStage) -> None:
    """What is no request is enough without the body that cannot be read."""
    meeting = stage.invite("Weekly")
    stage.sandbox.later(seconds=1)
    stage.exchange.cancel(meeting)
    refs = await refs_of(stage)
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=1)
    (found,) = await stage.mailbox.fetch(refs[1:])
    assert isinstance(found, MeetingMessage)
    assert (found.kind, found.html) == (MessageKind.CANCELLATION, "")


@pytest_twisted.ensureDeferred
async def test_a_damaged_hidden_message(stage: GraphStage) -> None:
    """One that cannot even be read without its body is told as hidden, if it is."""
    stage.invite("Weekly")
    refs = await refs_of(stage)
    stage.person.move(stage.person.inbox()[0], "deleteditems")
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=2)
    (bad,) = await stage.mailbox.fetch(refs)
    assert isinstance(bad, Unreadable)
    assert bad.hidden


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest_twisted.ensureDeferred
async def test_a_batch_that_is_too_much(stage: GraphStage, status: int) -> None:
    """A batch that fails as a whole is divided until everything is read."""
    for number in range(7):
        stage.invite(str(number))
    refs = await refs_of(stage)
    client = stage.mailbox._client
    batch, sizes = client.batch, []

    async def weak(requests: Any, parse: Any) -> Any:
        sizes.append(len(requests))
        if len(requests) > 2:
            raise UnexplainedServerError(f"HTTP {status}")
        return await batch(requests, parse)

    client.batch = weak  # type: ignore[method-assign]
    assert len(await stage.mailbox.fetch(refs)) == 7
    assert sizes[0] == 7
    assert max(sizes[1:]) < 7


@pytest_twisted.ensureDeferred
async def test_a_batch_of_nothing_but_504(stage: GraphStage) -> None:
    """Parts that all time out are asked for in halves, those that go on to do so
    alone are doubtful; the server is proved to work first."""
    for number in range(4):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(kind="http-504", operation="GraphGetMessage", times=6)
    found = await stage.mailbox.fetch(refs)
    assert len([each for each in found if isinstance(each, MeetingMessage)]) == 4
    stage.world.misbehave(kind="http-504", operation="GraphGetMessage", times=None)
    found = await stage.mailbox.fetch(refs)
    assert [each.blame for each in found if isinstance(each, Unreadable)] == [
        Blame.DOUBT
    ] * 4
    stage.world.misbehave(kind="http-504", times=None)
    assert isinstance(await failure(stage.mailbox.fetch(refs)), MailboxBusy)


@pytest_twisted.ensureDeferred
async def test_a_huge_body(graph_world: GraphWorld) -> None:
    """A body beyond our limit does not keep the others from being read, and is that
    message's own fault."""
    stage = GraphStage(graph_world, limits=GraphLimits(max_answer=200_000))
    for number in range(8):
        stage.invite(str(number))
    stage.sandbox.later(seconds=1)
    stage.sandbox.invite(subject="Huge", body="x" * 500_000)
    found = await stage.mailbox.fetch(await refs_of(stage))
    assert [each.subject for each in found[:-1]] == list("01234567")  # type: ignore[union-attr]
    assert isinstance(found[-1], Unreadable)
    assert found[-1].blame is Blame.MESSAGE


@pytest_twisted.ensureDeferred
async def test_a_pause_while_fetching(stage: GraphStage) -> None:
    """A part of a batch that is throttled makes the mailbox wait."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(
        kind="http-429", operation="GraphGetMessage", retry_after_s=19
    )
    error = await failure(stage.mailbox.fetch(refs))
    assert isinstance(error, MailboxBusy)
    assert stage.mailbox.back_off_seconds == 19
    stage.world.clock.advance(19)
    assert len(await stage.mailbox.fetch(refs)) == 3


@pytest_twisted.ensureDeferred
async def test_a_part_that_stumbles_once(stage: GraphStage) -> None:
    """What fails in passing is asked for again at once."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(
        kind="graph-InternalServerError", operation="GraphGetMessage", times=1
    )
    found = await stage.mailbox.fetch(refs)
    assert all(isinstance(each, MeetingMessage) for each in found)
