"""The daemon's scheduling half with a mailbox over Graph: what Exchange Online hides,
what persons move about, and a bad day."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted

from pexschedd.graph.mailbox_factory import graph_mailbox
from pexschedd.model import tables
from pexschedd.model.schedule import ScheduledConference
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, HOUR, MEETING
from tests.scheduling.process_support import Process, tag
from tests.turns import some_turns

KINDS = [
    "http-429",
    "http-502",
    "http-503",
    "http-504",
    "graph-InternalServerError",
    "graph-SyncStateNotFound",
    "graph-InvalidAuthenticationToken",
    "ErrorServerBusy",
    "ErrorMailboxMoveInProgress",
    "ErrorTimeoutExpired",
    "empty-page",
    "duplicates",
    "login-page",
    "garbage",
    "truncate",
    "reset",
    "close",
]
OPERATIONS = [
    "*",
    "GraphDeltaMessages",
    "GraphGetMessage",
    "GraphAcceptEvent",
    "GraphMoveMessage",
    "GraphGetMailFolder",
]


class GraphDay:
    """A daemon's scheduling half, and the sandbox that it works with over Graph."""

    def __init__(self, folder: Path, world: GraphWorld, method: str) -> None:
        self.world = world
        self.sandbox = world.sandbox
        self.mailbox = world.sandbox.exchange.mailbox(EQUIPMENT)
        mailbox = graph_mailbox(
            world.client(), method=method, now=lambda: world.sandbox.moment, page=3
        )
        organizers: Any = None
        self.process = Process(folder, cast(Any, mailbox), organizers)

    def invite(self, number: int, **more: Any) -> Any:
        self.sandbox.later(seconds=1)
        return self.sandbox.invite(subject=f"m{number}", body=text(number), **more)

    def change(self, meeting: Any, **changes: Any) -> None:
        self.sandbox.later(seconds=1)
        self.sandbox.exchange.update(meeting, **changes)

    async def until(self, done: Callable[[], bool]) -> None:
        for _ in range(600):
            if done():
                return
            await some_turns()
            self.world.clock.advance(60)
            self.process.clock.advance(60)
        raise AssertionError("it never came so far")

    async def settle(self) -> None:
        """Until all that has arrived is decided and answered, and looked at again."""
        looks = self.sandbox.calls["GraphDeltaMessages"]
        await self.until(self.is_done)
        await self.until(lambda: self.sandbox.calls["GraphDeltaMessages"] >= looks + 6)
        await self.until(self.is_done)

    def is_done(self) -> bool:
        return not self.mailbox.inbox() and not self.process.store.count(tables.OUTBOX)

    def told(self) -> list[str]:
        """The answers that Alice has got."""
        inbox = self.sandbox.exchange.mailbox(ALICE).items("inbox")
        return [item.subject for item in inbox]

    @property
    def meetings(self) -> list[ScheduledConference]:
        return [*self.process.store.all(tables.SCHEDULED_CONFERENCE)]

    @property
    def rooms(self) -> int:
        return self.process.store.count(tables.CONFERENCE)


def text(number: int) -> str:
    return f"<p>PXPS:-{tag(number)}#</p>"


@pytest_twisted.async_yield_fixture(params=["RESPONSE", "MAIL"])
async def day(
    request: pytest.FixtureRequest, tmp_path: Path, graph_world: GraphWorld
) -> AsyncIterator[GraphDay]:
    day = GraphDay(tmp_path / "state", graph_world, request.param)
    await day.process.book(*(tag(n) for n in range(1, 10)))
    day.process.watcher.start()
    yield day
    day.world.behave()
    await day.process.end()


@pytest.mark.parametrize("visible", ["Location,AllProperties:15", "Location,Body"])
@pytest_twisted.ensureDeferred
async def test_a_body_change_reaches_a_decision_once(
    day: GraphDay, visible: str
) -> None:
    """A new tag in a meeting that was answered leads to the new room, whether Exchange
    hides the update or shows it."""
    day.sandbox.organisation(visible_updates=visible)
    meeting = day.invite(1)
    await day.settle()
    (before,) = day.meetings
    day.change(meeting, body=text(2))
    hidden = len(day.mailbox.items("deleteditems"))
    assert hidden == (0 if "Body" in visible else 1)
    await day.settle()
    (after,) = day.meetings
    assert after.scheduled_alias != before.scheduled_alias
    assert day.rooms == 1
    assert day.told() == ["Accepted: m1", "Accepted: m1"]
    assert not day.mailbox.items("deleteditems")


@pytest_twisted.ensureDeferred
async def test_hidden_updates_after_a_late_attendant(day: GraphDay) -> None:
    """An update that is in the inbox when it is listed, and hidden before it is
    answered, is decided about once."""
    day.sandbox._clock = day.sandbox.clock
    meeting = day.invite(1)
    await day.settle()
    day.sandbox.organisation(attendant_delay_s=30)
    day.change(meeting, body=text(2))
    for _ in range(3):
        await some_turns()
        day.process.clock.advance(1)
    day.sandbox.later(seconds=30)
    await day.settle()
    day.sandbox.organisation()
    (after,) = day.meetings
    assert after.scheduled_alias == 2
    assert day.rooms == 1
    assert len(set(day.told())) == 1


@pytest_twisted.ensureDeferred
async def test_deleted_items_that_are_none_of_ours(day: GraphDay) -> None:
    """Meetings without a room that somebody deletes are left where they are, and nobody
    is told anything; in the inbox they would be declined."""
    await day.settle()
    day.sandbox.organisation(attendant_delay_s=30)
    mailbox = day.mailbox
    day.sandbox.later(seconds=1)
    day.sandbox.invite(subject="Foreign", body="<p>No room</p>")
    (item,) = mailbox.inbox()
    mailbox.move(item, "deleteditems")
    await day.settle()
    assert day.told() == []
    assert len(mailbox.items("deleteditems")) == 1
    assert not day.process.store.count(tables.PROCESSED_MESSAGE)
    assert day.rooms == 0


@pytest_twisted.ensureDeferred
async def test_a_person_tidies_up(day: GraphDay) -> None:
    """A request of ours that somebody deletes before we see it is answered all the
    same, once; a request that was filed away is left there."""
    await day.settle()
    day.invite(1)
    day.mailbox.move(day.mailbox.inbox()[0], "deleteditems")
    day.invite(2, start=MEETING + 2 * HOUR, end=MEETING + 3 * HOUR)
    day.mailbox.move(day.mailbox.inbox()[0], "junkemail")
    await day.settle()
    assert day.told() == ["Accepted: m1"]
    assert day.rooms == 1
    assert len(day.mailbox.items("junkemail")) == 1


@pytest_twisted.ensureDeferred
async def test_a_cancellation_among_the_deleted_items(day: GraphDay) -> None:
    """It ends its meeting as if it were in the inbox."""
    meeting = day.invite(1)
    await day.settle()
    day.sandbox.organisation(attendant_delay_s=3600)
    day.sandbox.later(seconds=1)
    day.sandbox.exchange.cancel(meeting)
    day.mailbox.move(day.mailbox.inbox()[0], "deleteditems")
    await day.settle()
    assert (day.rooms, day.meetings) == (0, [])


@pytest.mark.parametrize("seed", range(6))
@pytest_twisted.ensureDeferred
async def test_after_a_bad_day_of_graph_everybody_was_told_once(
    day: GraphDay, seed: int
) -> None:
    """Whatever goes wrong in whatever order: when it is over, all is as if nothing had
    been. (No fault here is one message's own.)"""
    chances = random.Random(seed)  # noqa: S311 - a bad day, not a secret
    day.sandbox.behaviour.configure(
        {
            "faults": [
                {
                    "kind": chances.choice(KINDS),
                    "operation": chances.choice(OPERATIONS),
                    "times": chances.randint(1, 2),
                    "after": chances.random() < 0.5,
                }
                for _ in range(6)
            ]
        }
    )
    for number in range(1, 10):
        day.invite(
            number,
            start=MEETING + number * HOUR,
            end=MEETING + (number + 1) * HOUR,
        )
    await day.settle()
    day.world.behave()
    await day.settle()
    assert sorted(day.told()) == [f"Accepted: m{number}" for number in range(1, 10)]
    assert day.rooms == 9
