"""A sandbox that is asked for the same things over EWS and over Graph."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from twisted.internet.task import Clock

from pexschedd.ews.operations.get_item import build_get_messages, parse_messages
from pexschedd.ews.operations.get_meetings import build_get_meetings, parse_meetings
from pexschedd.graph.entities.events import EVENT_EXPAND, EVENT_SELECT, parse_event
from pexschedd.graph.entities.messages import MESSAGE_EXPAND, parse_message
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageRef
from pexschedd.sandbox import Account, Sandbox
from pexschedd.sandbox.items.records import Item
from tests.sandbox.graph.graph_support import (
    EQUIPMENT,
    START,
    GraphClient,
    GraphSandbox,
    accounts,
)

SERVICE = "svc@example.test"


class PairSandbox(GraphSandbox):
    """A sandbox with both doors, and an account that may act as all over EWS."""

    def __init__(self) -> None:
        self.moment = START
        self.clock = Clock()
        Sandbox.__init__(
            self,
            now=lambda: self.moment,
            clock=self.clock,
            accounts=[*accounts(), Account(SERVICE, impersonates=("*",))],
        )
        self.add()
        self.series: Any = None

    def pairs(self) -> Iterator[tuple[MeetingMessage, MeetingMessage]]:
        """Each message of the equipment's inbox, as EWS and as Graph has it."""
        client = self.client()
        items = list(self.exchange.mailbox(EQUIPMENT).items("inbox"))
        assert items
        for item in items:
            data = self._ews(build_get_messages(EQUIPMENT, [MessageRef(item.id)]))
            (one,) = parse_messages(data, 1)
            other = parse_message(self._graph(client, "messages", item)).message
            assert isinstance(one, MeetingMessage), one
            assert isinstance(other, MeetingMessage), other
            yield one, other

    def meetings(
        self, address: str = EQUIPMENT
    ) -> Iterator[tuple[CalendarMeeting, CalendarMeeting]]:
        """Each meeting of a calendar, as EWS and as Graph has it."""
        client = self.client()
        for item in self.exchange.mailbox(address).items("calendar"):
            data = self._ews(build_get_meetings(address, [MessageRef(item.id)]))
            (one,) = parse_meetings(data, 1)
            found = parse_event(self._graph(client, "events", item, address))
            assert isinstance(one, CalendarMeeting), one
            assert found is not None
            yield one, found.meeting

    def _ews(self, request: bytes) -> bytes:
        caller = self.exchange.mailbox(SERVICE)
        answer, fault = self.handle(caller, request)
        assert fault is None
        return answer[1]

    def _graph(
        self, client: GraphClient, kind: str, item: Item, address: str = EQUIPMENT
    ) -> bytes:
        identifier = quote(item.id.translate(str.maketrans("/+", "-_")), safe="")
        options = {"$expand": MESSAGE_EXPAND}
        if kind == "events":
            options = {"$expand": EVENT_EXPAND, "$select": EVENT_SELECT}
        query = "&".join(f"{name}={quote(each)}" for name, each in options.items())
        client.get(f"/users/{address}/{kind}/{identifier}?{query}")
        return client.last.body
