"""What every mailbox promises: the one over Exchange and the one in memory alike."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol, cast

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as global_reactor

from pexschedd.bodies.tags import tags_of
from pexschedd.errors import CursorLost
from pexschedd.ews.mailbox import ews_mailbox
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.graph.mailbox_factory import graph_mailbox
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageKind,
    MessageRef,
    Person,
)
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Exchange, Sandbox, default_accounts
from pexschedd.scheduling.ports.mailbox import Action, Answer, Mailbox, OutcomeKind
from tests.graph.msgraph_support import GraphWorld
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox

reactor = cast(Any, global_reactor)
START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
EQUIPMENT = "pexipmeeting@example.test"
TAG = "2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01"
TEXT = f"PXPS:-{TAG}#"


class Organizer(Protocol):
    """Somebody who sends meetings into the mailbox."""

    mailbox: Mailbox

    def invite(self, subject: str) -> Any: ...
    def move(self, meeting: Any) -> None: ...
    def cancel(self, meeting: Any) -> None: ...
    def file_away(self) -> None:
        """Somebody moves all messages in the inbox to another folder."""


class InMemory:
    def __init__(self) -> None:
        self.inbox = MemoryInbox()
        self.mailbox: Mailbox = MemoryMailbox(self.inbox)
        self._numbers = count(1)

    def _deliver(self, message: MeetingMessage) -> MeetingMessage:
        number = next(self._numbers)
        message = msgspec.structs.replace(
            message,
            ref=MessageRef(f"item-{number}"),
            received=START + timedelta(seconds=number),
            changed=START + timedelta(seconds=number),
        )
        self.inbox.deliver(message)
        return message

    def invite(self, subject: str) -> MeetingMessage:
        return self._deliver(
            MeetingMessage(
                ref=MessageRef(""),
                kind=MessageKind.REQUEST,
                received=START,
                uid=f"0400{subject}",
                subject=subject,
                start=START,
                end=START + timedelta(hours=1),
                organizer=Person("Alice", "alice@example.test"),
                html=f"<p>{TEXT}</p>",
                text=TEXT,
            )
        )

    def move(self, meeting: MeetingMessage) -> None:
        moved = START + timedelta(days=1)
        self._deliver(
            msgspec.structs.replace(
                meeting, sequence=1, start=moved, end=moved + timedelta(hours=1)
            )
        )

    def cancel(self, meeting: MeetingMessage) -> None:
        self._deliver(
            msgspec.structs.replace(meeting, kind=MessageKind.CANCELLATION, sequence=2)
        )

    def file_away(self) -> None:
        self.inbox.messages.clear()


def file_away(exchange: Exchange) -> None:
    mailbox = exchange.mailbox(EQUIPMENT)
    for item in mailbox.inbox():
        mailbox.move(item, "junkemail")


class InExchange:
    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self._exchange = sandbox.exchange
        self._alice = self._exchange.mailbox("alice@example.test")
        self.mailbox: Mailbox = ews_mailbox(
            EwsAccount(
                url=f"http://127.0.0.1:{port}/EWS/Exchange.asmx",
                username="svc@example.test",
                password="svc",
                network=Network(reactor, Trust()),
            ),
            EQUIPMENT,
        )

    def invite(self, subject: str) -> Any:
        return self._exchange.schedule(
            self._alice,
            subject=subject,
            start=START,
            end=START + timedelta(hours=1),
            resources=[EQUIPMENT],
            body=f"<p>{TEXT}</p>",
        )

    def move(self, meeting: Any) -> None:
        moved = START + timedelta(days=1)
        self._exchange.update(meeting, start=moved, end=moved + timedelta(hours=1))

    def cancel(self, meeting: Any) -> None:
        self._exchange.cancel(meeting)

    def file_away(self) -> None:
        file_away(self._exchange)


class InGraph:
    """Another sandbox whose calendar attendant makes the events, over Graph."""

    def __init__(self, world: GraphWorld, method: str) -> None:
        self._world = world
        self.mailbox: Mailbox = graph_mailbox(
            world.client(), method=method, now=lambda: world.sandbox.moment
        )

    def invite(self, subject: str) -> Any:
        self._world.sandbox.later(seconds=1)
        return self._world.sandbox.exchange.schedule(
            "alice@example.test",
            subject=subject,
            start=START,
            end=START + timedelta(hours=1),
            resources=[EQUIPMENT],
            body=f"<p>{TEXT}</p>",
        )

    def move(self, meeting: Any) -> None:
        self._world.sandbox.later(seconds=1)
        moved = START + timedelta(days=1)
        self._world.sandbox.exchange.update(
            meeting, start=moved, end=moved + timedelta(hours=1)
        )

    def cancel(self, meeting: Any) -> None:
        self._world.sandbox.later(seconds=1)
        self._world.sandbox.exchange.cancel(meeting)

    def file_away(self) -> None:
        file_away(self._world.sandbox.exchange)


class Ticking:
    """A clock that moves on with each look, so that messages have an order."""

    def __init__(self) -> None:
        self._seconds = count()

    def __call__(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(
            seconds=next(self._seconds)
        )


@pytest_twisted.async_yield_fixture(
    params=["memory", "exchange", "graph", "graph by mail"]
)
async def organizer(request: pytest.FixtureRequest) -> AsyncIterator[Organizer]:
    if request.param == "memory":
        yield InMemory()
        return
    if request.param.startswith("graph"):
        world = GraphWorld()
        yield InGraph(world, "MAIL" if "mail" in request.param else "RESPONSE")
        await world.close()
        return
    sandbox = Sandbox(now=Ticking(), clock=reactor, accounts=default_accounts())
    port = reactor.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    organizer = InExchange(sandbox, port.getHost().port)
    yield organizer
    await organizer.mailbox.close()
    await port.stopListening()


async def arrived(mailbox: Mailbox, cursor: str = "") -> list[MeetingMessage]:
    refs = (await mailbox.arrivals(cursor)).arrived
    found = await mailbox.fetch(refs)
    return [message for message in found if isinstance(message, MeetingMessage)]


async def outcome(mailbox: Mailbox, ref: MessageRef, action: Action) -> OutcomeKind:
    (result,) = await mailbox.answer([Answer(ref, action, "<p>words</p>")])
    return result.kind


@pytest_twisted.ensureDeferred
async def test_an_empty_inbox(organizer: Organizer) -> None:
    """Nothing has arrived, there is no further page, and nothing to answer is fine."""
    await organizer.mailbox.check()
    page = await organizer.mailbox.arrivals("")
    assert (page.arrived, page.more) == ((), False)
    assert await organizer.mailbox.fetch([]) == []
    assert await organizer.mailbox.answer([]) == []


@pytest_twisted.ensureDeferred
async def test_a_request_arrives_once(organizer: Organizer) -> None:
    """A cursor covers what was seen; without one everything is there again."""
    organizer.invite("Plans")
    page = await organizer.mailbox.arrivals("")
    assert len(page.arrived) == 1
    assert (await organizer.mailbox.arrivals(page.cursor)).arrived == ()
    organizer.invite("More")
    later = await organizer.mailbox.arrivals(page.cursor)
    assert len(later.arrived) == 1
    assert len((await organizer.mailbox.arrivals("")).arrived) == 2


@pytest_twisted.ensureDeferred
async def test_a_cursor_can_be_used_again(organizer: Organizer) -> None:
    """What came since a cursor comes again from it, as after a crash before the newer
    one was stored, under the same ids."""
    organizer.invite("First")
    page = await organizer.mailbox.arrivals("")
    organizer.invite("Second")
    later = await organizer.mailbox.arrivals(page.cursor)
    organizer.invite("Third")
    again = await organizer.mailbox.arrivals(page.cursor)
    assert [ref.item_id for ref in again.arrived[1:]] == [
        ref.item_id for ref in later.arrived
    ]
    assert len(again.arrived) == 2


@pytest_twisted.ensureDeferred
async def test_the_newest_is_listed_first(organizer: Organizer) -> None:
    """References come newest first, the messages themselves oldest first."""
    for subject in ("First", "Second", "Third"):
        organizer.invite(subject)
    refs = (await organizer.mailbox.arrivals("")).arrived
    found = await organizer.mailbox.fetch(refs)
    assert [each.subject for each in found if isinstance(each, MeetingMessage)] == [
        "First",
        "Second",
        "Third",
    ]
    assert [each.ref.item_id for each in found] == [ref.item_id for ref in refs[::-1]]


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.DECLINE, Action.DISCARD])
@pytest_twisted.ensureDeferred
async def test_what_was_filed_away_is_gone(
    organizer: Organizer, action: Action
) -> None:
    """A message that somebody has put elsewhere is neither shown nor answered."""
    organizer.invite("Plans")
    (ref,) = (await organizer.mailbox.arrivals("")).arrived
    organizer.file_away()
    assert await organizer.mailbox.fetch([ref]) == []
    assert await outcome(organizer.mailbox, ref, action) is OutcomeKind.GONE


@pytest_twisted.ensureDeferred
async def test_an_unsure_answer(organizer: Organizer) -> None:
    """An answer whose outcome is unknown is given if it was not; if it was, the message
    is gone."""
    organizer.invite("Plans")
    (message,) = await arrived(organizer.mailbox)
    answer = Answer(message.ref, Action.ACCEPT, "<p>words</p>", unsure=True)
    (given,) = await organizer.mailbox.answer([answer])
    (repeated,) = await organizer.mailbox.answer([answer])
    assert (given.kind, repeated.kind) == (OutcomeKind.DONE, OutcomeKind.GONE)


@pytest_twisted.ensureDeferred
async def test_what_a_request_says(organizer: Organizer) -> None:
    """Who, what, when, and the body with its tag."""
    organizer.invite("Plans")
    (message,) = await arrived(organizer.mailbox)
    assert message.kind is MessageKind.REQUEST
    assert message.subject == "Plans"
    assert (message.start, message.end) == (START, START + timedelta(hours=1))
    assert message.organizer.email == "alice@example.test"
    assert TEXT in message.html
    assert tags_of(message).pxps == (TAG,)
    assert not message.hidden
    assert message.uid
    assert (message.is_series, message.recurrence_id) == (False, None)


@pytest_twisted.ensureDeferred
async def test_versions_of_a_meeting_have_an_order(organizer: Organizer) -> None:
    """One uid; a moved meeting has a higher sequence, its cancellation is later."""
    meeting = organizer.invite("Plans")
    organizer.move(meeting)
    organizer.cancel(meeting)
    new, moved, cancelled = await arrived(organizer.mailbox)
    assert new.uid == moved.uid == cancelled.uid
    assert new.sequence < moved.sequence <= cancelled.sequence
    assert cancelled.kind is MessageKind.CANCELLATION
    assert moved.start == START + timedelta(days=1)


@pytest.mark.parametrize(
    "action", [Action.ACCEPT, Action.DECLINE, Action.REPLY, Action.DISCARD]
)
@pytest_twisted.ensureDeferred
async def test_an_answer_takes_effect_once(
    organizer: Organizer, action: Action
) -> None:
    """The message is gone then, and answering again says so and does nothing."""
    organizer.invite("Plans")
    (message,) = await arrived(organizer.mailbox)
    assert await outcome(organizer.mailbox, message.ref, action) is OutcomeKind.DONE
    assert await organizer.mailbox.fetch([message.ref]) == []
    assert await outcome(organizer.mailbox, message.ref, action) is OutcomeKind.GONE


@pytest.mark.parametrize("accepted", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_cancellation_is_removed(organizer: Organizer, accepted: bool) -> None:
    """Whether or not the meeting had been accepted, and once only."""
    meeting = organizer.invite("Plans")
    (message,) = await arrived(organizer.mailbox)
    if accepted:
        await outcome(organizer.mailbox, message.ref, Action.ACCEPT)
    organizer.cancel(meeting)
    found = await arrived(organizer.mailbox)
    ref = next(m.ref for m in found if m.kind is MessageKind.CANCELLATION)
    mailbox = organizer.mailbox
    assert await outcome(mailbox, ref, Action.REMOVE) is OutcomeKind.DONE
    assert await outcome(mailbox, ref, Action.REMOVE) is OutcomeKind.GONE


@pytest_twisted.ensureDeferred
async def test_answers_are_told_one_by_one(organizer: Organizer) -> None:
    """Outcomes come in the order of the answers, good and bad together."""
    for number in range(3):
        organizer.invite(f"Plans {number}")
    refs = [message.ref for message in await arrived(organizer.mailbox)]
    await outcome(organizer.mailbox, refs[1], Action.ACCEPT)
    results = await organizer.mailbox.answer(
        [
            Answer(refs[0], Action.DECLINE, "no"),
            Answer(refs[1], Action.ACCEPT, "again"),
            Answer(refs[2], Action.DISCARD),
        ]
    )
    assert [result.kind for result in results] == [
        OutcomeKind.DONE,
        OutcomeKind.GONE,
        OutcomeKind.DONE,
    ]


@pytest_twisted.ensureDeferred
async def test_an_invalid_cursor_is_lost(organizer: Organizer) -> None:
    """A cursor that the server does not know means starting over, and says so."""
    with pytest.raises(CursorLost):
        await organizer.mailbox.arrivals("no such cursor")
