"""Arrivals in a mailbox, as a sandbox over a socket lists them."""

from typing import Any

import pytest_twisted

from pexschedd.errors import MailboxBusy, MailboxRefused
from pexschedd.graph.arrivals import ArrivalReader
from pexschedd.scheduling.ports.mailbox import ArrivalPage
from tests.graph.msgraph_mailbox_support import GraphStage, arrived
from tests.graph.msgraph_support import failure
from tests.sandbox.graph.graph_support import EQUIPMENT


@pytest_twisted.ensureDeferred
async def test_everything_once_oldest_last(stage: GraphStage) -> None:
    """All pages come as one, the newest message first; the next look has what is new,
    and the meetings' ids are known without reading the messages."""
    meetings = [stage.invite(str(number)) for number in range(5)]
    page = await stage.mailbox.arrivals("")
    assert not page.more
    assert await stage.texts(page) == list("01234")
    uids = [ref.uid for ref in reversed(page.arrived)]
    assert uids == [each.meeting.goid.hex().upper() for each in meetings]
    stage.invite("5")
    assert (await arrived(stage, page.cursor))[0] == ["5"]


@pytest_twisted.ensureDeferred
async def test_messages_arrive_while_pages_are_read(stage: GraphStage) -> None:
    """What comes between two pages is in this look or in the next one, once."""
    for number in range(4):
        stage.invite(str(number))
    asked = stage.world.client()
    follow, numbers = asked.follow, iter("456789")

    async def meanwhile(link: str, *args: Any, **more: Any) -> Any:
        stage.invite(next(numbers))
        return await follow(link, *args, **more)

    asked.follow = meanwhile  # type: ignore[method-assign]
    page = await ArrivalReader(asked, page=2).since("")
    rest = await ArrivalReader(stage.world.client(), page=2).since(page.cursor)
    assert page.arrived != ()
    seen = [ref for each in (page, rest) for ref in each.arrived]
    assert len(seen) == len(set(seen))
    mailbox = stage.exchange.mailbox(EQUIPMENT)
    assert len(seen) == len(mailbox.inbox())
    assert len(seen) > 4


@pytest_twisted.ensureDeferred
async def test_a_person_moves_messages(stage: GraphStage) -> None:
    """A message goes to a folder and comes back, or to the deleted items and back: it
    is listed again under its id, and fetched as it lies then."""
    stage.invite("Weekly")
    page = await stage.mailbox.arrivals("")
    (item,) = stage.person.inbox()
    for folder, seen in (
        ("junkemail", []),
        ("inbox", ["Weekly"]),
        ("deleteditems", ["Weekly (hidden)"]),
        ("recoverableitemsdeletions", []),
        ("inbox", ["Weekly"]),
    ):
        item = stage.person.move(item, folder)
        assert await stage.texts(page) == seen
        later = await stage.mailbox.arrivals(page.cursor)
        assert later.arrived == (page.arrived if seen else ())
        page = ArrivalPage(page.arrived, later.cursor, more=False)


@pytest_twisted.ensureDeferred
async def test_duplicates_and_empty_pages(stage: GraphStage) -> None:
    """What is listed twice counts once; a page without anything is no end."""
    stage.invite("One")
    stage.invite("Two")
    stage.sandbox.behaviour.configure(
        {
            "faults": [
                {"kind": "empty-page", "times": 5},
                {"kind": "duplicates", "times": None},
            ]
        }
    )
    assert (await arrived(stage, ""))[0] == ["One", "Two"]


@pytest_twisted.ensureDeferred
async def test_redelivered_messages_are_new_ones(stage: GraphStage) -> None:
    """A second copy of a request has an id of its own."""
    stage.invite("Weekly")
    page = await stage.mailbox.arrivals("")
    stage.exchange.deliver_again(stage.person.inbox()[0])
    copy = await stage.mailbox.arrivals(page.cursor)
    assert len(copy.arrived) == 1
    assert copy.arrived[0].item_id != page.arrived[0].item_id
    assert copy.arrived[0].uid == page.arrived[0].uid


@pytest_twisted.ensureDeferred
async def test_a_read_message_keeps_its_place(stage: GraphStage) -> None:
    """A change of the flag alone lists the message again, without its time; a removal
    says nothing."""
    stage.invite("One")
    stage.invite("Two")
    page = await stage.mailbox.arrivals("")
    one, two = stage.person.inbox()
    stage.person.mark_read(one, True)
    stage.person.remove(two)
    later = await stage.mailbox.arrivals(page.cursor)
    assert [ref.item_id for ref in later.arrived] in (
        [page.arrived[0].item_id],
        [page.arrived[1].item_id],
    )


@pytest_twisted.ensureDeferred
async def test_a_server_that_does_not_expand(stage: GraphStage) -> None:
    """Without the meetings' ids the messages are listed all the same; that is asked
    for once."""
    stage.invite("One")
    asked = stage.world.client()
    read, refused = asked.read, []

    async def plain(request: Any, parse: Any) -> Any:
        if "expand" in request.path:
            refused.append(request.path)
            stage.world.misbehave(kind="graph-RequestBroker--ParseUri")
        return await read(request, parse)

    asked.read = plain  # type: ignore[method-assign]
    arrivals = ArrivalReader(asked)
    page = await arrivals.since("")
    assert [ref.uid for ref in page.arrived] == [""]
    await arrivals.since("")
    assert len(refused) == 1


@pytest_twisted.ensureDeferred
async def test_a_refused_list_is_told(stage: GraphStage) -> None:
    """What the server does not understand of the plain request is an error."""
    stage.world.misbehave(kind="graph-BadRequest", times=None)
    assert isinstance(await failure(stage.mailbox.arrivals("")), MailboxRefused)


@pytest_twisted.ensureDeferred
async def test_a_pause_in_the_middle(stage: GraphStage) -> None:
    """A pause that is asked for between two pages ends the look; the cursor stays."""
    for number in range(5):
        stage.invite(str(number))
    asked = stage.world.client()
    follow = asked.follow

    async def busy(link: str, *args: Any, **more: Any) -> Any:
        stage.world.misbehave(kind="http-429", retry_after_s=17)
        return await follow(link, *args, **more)

    asked.follow = busy  # type: ignore[method-assign]
    error = await failure(ArrivalReader(asked, page=2).since(""))
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == 17
    stage.world.clock.advance(17)
    assert (await arrived(stage, ""))[0] == list("01234")
