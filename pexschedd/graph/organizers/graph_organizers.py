"""The organizers' own calendars over Microsoft Graph.

Implements `OrganizersCalendars` and `ItemLookup` of `scheduling.ports.mailbox`. The
application has a role for the organizers' mailboxes: what it changes in an event is
changed and sent in the organizer's name.
"""

from datetime import datetime

import msgspec

from pexschedd.exchange.observer import Observer
from pexschedd.exchange.organizer_errors import naming_organizer, require_address
from pexschedd.exchange.throttle import Throttles
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.organizers.meeting_rewrite import MeetingRewrite
from pexschedd.graph.organizers.organizer_calendar import OrganizerCalendar
from pexschedd.graph.transport import GraphTransport
from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.scheduling.ports.mailbox import RewriteKind
from pexschedd.util.worker_processes import HeavyWork, work_at_once

ROLE = "Calendars.ReadWrite"
"""The role that the application needs for the organizers."""


class GraphOrganizers:
    """See `scheduling.ports.mailbox.OrganizersCalendars`."""

    def __init__(
        self,
        transport: GraphTransport,
        tokens: ChallengedTokenSource,
        target: GraphTarget,
        *,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
        with_attendees: bool = True,
    ) -> None:
        """`target` names the server and the application; its mailbox and its role do
        not matter. `with_attendees`: see `meeting_rewrite`."""
        self._transport = transport
        self._tokens = tokens
        self._target = target
        self._throttles = throttles
        self._observer = observer
        self._heavy_work = heavy_work
        self._with_attendees = with_attendees

    async def find(
        self,
        address: str,
        uid: str,
        recurrence_id: datetime | None = None,
        *,
        start: datetime | None = None,
    ) -> CalendarMeeting | None:
        """If they organize it and it is not cancelled. Graph finds it by its UID:
        `start` is not needed."""
        with naming_organizer(address):
            return await OrganizerCalendar(self._client(address)).find(
                uid, recurrence_id
            )

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        """Done once at most: a repetition finds the meeting changed."""
        with naming_organizer(address):
            meetings = MeetingRewrite(
                self._client(address), with_attendees=self._with_attendees
            )
            return await meetings.rewrite(ref, html)

    async def item_uid(self, address: str, item_id: str) -> str:
        """See `scheduling.ports.mailbox.ItemLookup`; the id is one of EWS."""
        with naming_organizer(address):
            return await OrganizerCalendar(self._client(address)).item_uid(item_id)

    def _client(self, address: str) -> GraphClient:
        require_address(address)
        throttles = self._throttles
        return GraphClient(
            self._transport,
            self._tokens,
            msgspec.structs.replace(self._target, mailbox=address, role=ROLE),
            throttles.of(self._transport.root, address) if throttles else None,
            self._observer,
            self._heavy_work,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


def graph_organizers(
    account: GraphAccount,
    *,
    throttles: Throttles | None = None,
    observer: Observer | None = None,
    with_attendees: bool = True,
) -> GraphOrganizers:
    """Return the organizers' calendars as an application sees them; `throttles` has
    one for each organizer's mailbox. Opens nothing yet."""
    return GraphOrganizers(
        account.transport(),
        account.tokens,
        account.target(""),
        throttles=throttles,
        observer=observer,
        heavy_work=account.heavy_work,
        with_attendees=with_attendees,
    )
