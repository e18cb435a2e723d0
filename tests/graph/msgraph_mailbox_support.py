"""An equipment mailbox over Graph, at a sandbox on a socket."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from pexschedd.bodies.tags import find
from pexschedd.exchange.global_ids import canonical_uid
from pexschedd.graph.folder_changes import (
    CLEAN_GLOBAL_ID,
    decoded_object,
    listed,
    read_moment,
)
from pexschedd.graph.keeping import PageQuery
from pexschedd.graph.mailbox import GraphMailbox, GraphQueries
from pexschedd.graph.message_fetcher import MessageQuery, PlacedMessage
from pexschedd.graph.transport import GraphLimits
from pexschedd.model.meeting import (
    CalendarMeeting,
    MeetingMessage,
    MessageKind,
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
from tests.sandbox.graph.graph_support import EQUIPMENT, START, event_url
from tests.sandbox.graph.graph_support import GraphClient as BareClient

TAG = "PXPS:-2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01#"
_KINDS = {
    "meetingRequest": MessageKind.REQUEST,
    "meetingCancelled": MessageKind.CANCELLATION,
}
_EXPAND = f"singleValueExtendedProperties($filter=id eq '{CLEAN_GLOBAL_ID}')"


def parse_message(data: bytes) -> PlacedMessage:
    """A reader of no more than these tests need."""
    return _message(decoded_object(data))


def _message(document: dict[str, Any]) -> PlacedMessage:
    properties = document.get("singleValueExtendedProperties") or [{"value": ""}]
    uid = canonical_uid(msgspec.json.decode(f'"{properties[0]["value"]}"', type=bytes))
    html = (document.get("body") or {}).get("content", "")
    received = read_moment(document["receivedDateTime"])
    assert received is not None
    message = MeetingMessage(
        ref=MessageRef(document["id"], uid=uid),
        kind=_KINDS.get(document.get("meetingMessageType", ""), MessageKind.OTHER),
        received=received,
        uid=uid,
        subject=document.get("subject", ""),
        html=html,
        tags=find(html, ""),
    )
    return message, document.get("parentFolderId", "")


def parse_heads(data: bytes) -> tuple[Sequence[MeetingMessage], str]:
    document = decoded_object(data)
    found = [_message(each)[0] for each in listed(document)]
    messages = [each for each in found if isinstance(each, MeetingMessage)]
    return messages, document.get("@odata.nextLink", "")


def parse_meetings(data: bytes) -> tuple[Sequence[CalendarMeeting], str]:
    document = decoded_object(data)
    found = [
        CalendarMeeting(
            ref=MessageRef(each["id"]),
            uid=each["iCalUId"],
            start=START,
            end=START,
            is_series=each["type"] == "seriesMaster",
            subject=each["subject"],
            html=each["body"]["content"],
            accepted=each["responseStatus"]["response"] == "accepted",
        )
        for each in listed(document)
        if each["type"] in ("singleInstance", "seriesMaster")
    ]
    return found, document.get("@odata.nextLink", "")


QUERIES = GraphQueries(
    whole=MessageQuery({"expand": _EXPAND}, parse_message),
    head=MessageQuery(
        {
            "select": "id,subject,receivedDateTime,parentFolderId,"
            "microsoft.graph.eventMessage/meetingMessageType",
            "expand": _EXPAND,
        },
        parse_message,
    ),
    heads=PageQuery(
        {"select": "id,subject,receivedDateTime,parentFolderId", "expand": _EXPAND},
        parse_heads,
    ),
    meetings=PageQuery(
        {"select": "id,iCalUId,type,subject,body,responseStatus"}, parse_meetings
    ),
)


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
