"""Extended properties that Graph does not give together, at a sandbox over a socket."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.logger import LogLevel, capturedLogs

from pexschedd.graph.entities.extended_properties import merge_properties
from pexschedd.graph.entities.messages import MESSAGE_PROPERTIES
from pexschedd.graph.reading.message_reader import MessageQuery
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.sandbox import SeriesRecurrence
from pexschedd.scheduling.ports.mailbox import Unreadable
from tests.graph.msgraph_mailbox_support import GraphStage
from tests.sandbox.graph.graph_support import HOUR, MEETING

DAY = timedelta(days=1)
ALL = len(MESSAGE_PROPERTIES)


def count_batches(stage: GraphStage) -> list[int]:
    """The sizes of the batches from now on."""
    client = stage.mailbox._client
    batch, sizes = client.batch, list[int]()

    async def counted(requests: Any, parse: Any) -> Any:
        sizes.append(len(requests))
        return await batch(requests, parse)

    client.batch = counted  # type: ignore[method-assign]
    return sizes


def stories(stage: GraphStage) -> None:
    """A single meeting, a series with a moved and a deleted day, a cancellation."""
    stage.invite("Single")
    series = stage.invite("Series", recurrence=SeriesRecurrence.daily(count=9))
    stage.change(
        series,
        occurrence=MEETING + DAY,
        start=MEETING + DAY + HOUR,
        end=MEETING + DAY + 2 * HOUR,
    )
    stage.sandbox.later(seconds=1)
    stage.exchange.cancel(series, occurrence=MEETING + 2 * DAY)
    stage.change(series, subject="Series again")
    gone = stage.invite("Cancelled")
    stage.sandbox.later(seconds=1)
    stage.exchange.cancel(gone)


async def all_refs(stage: GraphStage) -> list[MessageRef]:
    return list((await stage.mailbox.arrivals("")).arrived)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 7, 12])
@pytest_twisted.ensureDeferred
async def test_messages_are_the_same(stage: GraphStage, most: int) -> None:
    """Read in parts, every message says what it says in one piece, body included."""
    stories(stage)
    refs = await all_refs(stage)
    whole = await stage.mailbox.fetch(refs)
    assert len(whole) == len(refs) == 7
    assert all(isinstance(each, MeetingMessage) for each in whole)
    stage.sandbox.organisation(expanded_properties=most)
    assert await stage.open().fetch(refs) == whole


@pytest.mark.parametrize(
    ("most", "searched", "batches"),
    [
        # 13, then 7 at a time: two requests for each of the 15 messages.
        pytest.param(12, [15, 15, 2], [20, 10], id="in halves"),
        pytest.param(4, [15, 15, 2, 4], [20, 20, 20], id="in quarters"),
        pytest.param(1, [15, 15, 2, 4, 7, 13], [13] * 15, id="one by one"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_requests(
    stage: GraphStage, most: int, searched: list[int], batches: list[int]
) -> None:
    """The number that Graph gives is found out once, with one message; after that no
    request is refused, and every batch is full."""
    for number in range(15):
        stage.invite(str(number))
    stage.sandbox.organisation(expanded_properties=most)
    refs = await all_refs(stage)
    sizes = count_batches(stage)
    assert len(await stage.mailbox.fetch(refs)) == 15
    assert sizes == searched + batches
    sizes.clear()
    assert len(await stage.mailbox.fetch(refs)) == 15
    assert sizes == batches


@pytest_twisted.ensureDeferred
async def test_nothing_more_is_asked_where_all_are_given(stage: GraphStage) -> None:
    """The usual way has one request for a message."""
    for number in range(25):
        stage.invite(str(number))
    stage.sandbox.organisation(expanded_properties=ALL)
    refs = await all_refs(stage)
    sizes = count_batches(stage)
    assert len(await stage.mailbox.fetch(refs)) == 25
    assert sizes == [20, 5]
    assert stage.requests("GetMessage") == 25


@pytest_twisted.ensureDeferred
async def test_it_is_said_once(stage: GraphStage) -> None:
    """The log names the number, the mailbox and the integration, once."""
    for number in range(3):
        stage.invite(str(number))
    stage.sandbox.organisation(expanded_properties=4)
    refs = await all_refs(stage)
    with capturedLogs() as events:
        for _ in range(3):
            await stage.mailbox.fetch(refs)
    (event,) = [each for each in events if each["log_level"] is LogLevel.warn]
    assert (event["most"], event["integration"]) == (4, 1)


@pytest_twisted.ensureDeferred
async def test_a_message_that_is_refused_by_itself(stage: GraphStage) -> None:
    """Its properties are not to blame: it alone is unreadable, and the next message is
    read in one piece."""
    stage.invite("Bad")
    (ref,) = await all_refs(stage)
    fault = {"operation": "GraphGetMessage", "kind": "graph-BadRequest"}
    stage.sandbox.behaviour.configure({"faults": [fault] * 10})
    sizes = count_batches(stage)
    (found,) = await stage.mailbox.fetch([ref])
    assert isinstance(found, Unreadable)
    assert sizes == [1] * 4, "whole and without its body, and one property of either"
    stage.world.behave()
    (found,) = await stage.mailbox.fetch([ref])
    assert isinstance(found, MeetingMessage)
    assert sizes == [1] * 5


@pytest_twisted.ensureDeferred
async def test_one_of_several_is_refused(stage: GraphStage) -> None:
    """What Graph gives of the others says that the properties are not to blame."""
    for number in range(3):
        stage.invite(str(number))
    refs = await all_refs(stage)
    stage.world.misbehave(operation="GraphGetMessage", kind="graph-BadRequest")
    sizes = count_batches(stage)
    assert len(await stage.mailbox.fetch(refs)) == 3
    assert sizes == [3, 1], "the one without its body"


@pytest.mark.parametrize("gone", range(3))
@pytest_twisted.ensureDeferred
async def test_a_message_that_goes_meanwhile(stage: GraphStage, gone: int) -> None:
    """It is left out; the others are read, whichever it is."""
    for number in range(3):
        stage.invite(str(number))
    stage.sandbox.organisation(expanded_properties=5)
    refs = await all_refs(stage)
    stage.person.remove(stage.person.inbox()[gone])
    found = await stage.mailbox.fetch(refs)
    assert len(found) == 2
    assert all(isinstance(each, MeetingMessage) for each in found)


@pytest.mark.parametrize("size", range(1, ALL + 1))
def test_parts(size: int) -> None:
    """Every property is in one part, the first part has the options of the whole, and
    the others only the id beside."""
    query = MessageQuery(MESSAGE_PROPERTIES, lambda _: None, {"select": "subject"})  # type: ignore[arg-type, return-value]
    first, *others = query.parts(size)
    assert first["select"] == "subject"
    assert {each["select"] for each in others} <= {"id"}
    asked = [first["expand"], *(each["expand"] for each in others)]
    assert [expand.count("id eq") <= size for expand in asked] == [True] * len(asked)
    for each in MESSAGE_PROPERTIES:
        assert sum(f"'{each}'" in expand for expand in asked) == 1


def part(id: object, *properties: object, **more: object) -> bytes:
    named = {"singleValueExtendedProperties": list(properties)} if properties else {}
    return json.dumps({"id": id, **more, **named}).encode()


def test_merged() -> None:
    """The first part's document has the properties of all parts, in their order."""
    one, two, three = ({"id": str(n), "value": "x"} for n in range(3))
    merged = merge_properties(
        [part("a", one, subject="Hi"), part("a"), part("a", two, three)]
    )
    assert msgspec.json.decode(merged) == {
        "id": "a",
        "subject": "Hi",
        "singleValueExtendedProperties": [one, two, three],
    }


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([part("a"), part("b")], id="of another message"),
        pytest.param([part("a"), b"[]"], id="no object"),
        pytest.param([part("a"), part(7)], id="a number for an id"),
        pytest.param([part("a"), b"[" * 100_000], id="nested"),
        pytest.param([b"\xff", part("a")], id="no text"),
        pytest.param(
            [part("a"), b'{"id":"a","singleValueExtendedProperties":7}'],
            id="a number for a list",
        ),
    ],
)
def test_parts_that_make_no_sense(parts: list[bytes]) -> None:
    """They are refused by a ValueError, whatever they are."""
    with pytest.raises(ValueError, match=r"."):
        merge_properties(parts)
