"""An equipment mailbox over Graph, at a sandbox on a socket."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from pexschedd.graph.folder_changes import MailboxPosition
from pexschedd.graph.mailbox import GraphMailbox
from pexschedd.graph.mailbox_factory import QUERIES
from pexschedd.graph.transport import GraphLimits
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageRef,
)
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    ArrivalPage,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import EQUIPMENT, event_url
from tests.sandbox.graph.graph_support import GraphClient as BareClient

TAG = "PXPS:-2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01#"


class GraphStage:
    """A mailbox of ours, what it was asked to do, and the people around it."""

    def __init__(self, world: GraphWorld, **more: Any) -> None:
        self.world = world
        self.sandbox = world.sandbox
        self.exchange = world.sandbox.exchange
        self.person = self.exchange.mailbox(EQUIPMENT)
        self.answered: list[list[Answer]] = []
        self.results: list[Exception | list[Outcome]] = []
        """What the next batches of answers lead to; DONE without any."""
        self.mailbox = self.open(**more)

    def open(self, **more: Any) -> GraphMailbox:
        """Another mailbox object for the same mailbox, as after a restart."""
        client = self.world.client(limits=more.pop("limits", GraphLimits()))
        return GraphMailbox(
            client, QUERIES, self.answer, self.delete, now=self.now, **more
        )

    def now(self) -> datetime:
        return self.sandbox.moment

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        self.answered.append([*answers])
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result or [Outcome(OutcomeKind.DONE) for _ in answers]

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        return [Outcome(OutcomeKind.GONE) for _ in refs]

    def invite(self, subject: str = "Weekly", **more: Any) -> Any:
        """Alice invites, a second after what was before."""
        self.sandbox.later(seconds=1)
        return self.sandbox.invite(subject=subject, body=f"<p>{TAG}</p>", **more)

    def accept(self) -> None:
        """Accept everything in the calendar, by no client of ours."""
        client = self.bare()
        for event in client.get(f"/users/{EQUIPMENT}/events?$top=1000")["value"]:
            client.ask("POST", f"{event_url(event)}/accept", {}, status=202)

    def bare(self) -> BareClient:
        """A client of the sandbox itself, not over the socket."""
        return self.sandbox.client()

    def change(self, meeting: Any, **changes: Any) -> None:
        self.sandbox.later(seconds=1)
        self.exchange.update(meeting, **changes)

    def requests(self, name: str) -> int:
        """How often an operation was called, those within batches included."""
        return self.sandbox.calls[f"Graph{name}"]

    async def texts(self, page: ArrivalPage) -> list[str]:
        """The subjects of what has arrived, oldest first; hidden ones are marked."""
        found = await self.mailbox.fetch(page.arrived)
        return [_told(each) for each in found]


def _told(message: MeetingMessage | Unreadable) -> str:
    if isinstance(message, Unreadable):
        return "unreadable"
    return f"{message.subject} (hidden)" if message.hidden else message.subject


def discard(ref: MessageRef) -> Answer:
    return Answer(ref, Action.DISCARD)


def links(cursor: str) -> MailboxPosition:
    return msgspec.json.decode(cursor, type=MailboxPosition)


async def arrived(stage: GraphStage, cursor: str) -> tuple[list[str], str]:
    page = await stage.mailbox.arrivals(cursor)
    return await stage.texts(page), page.cursor
