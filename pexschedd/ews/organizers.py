"""The organizers' own calendars over Exchange Web Services.

Implements `OrganizersCalendars` and `ItemLookup` of `scheduling.ports.mailbox`. The
service account impersonates the organizer: what it changes is changed and sent in the
organizer's name.
"""

from datetime import datetime
from functools import partial

import msgspec

from pexschedd.ews.client import EwsClient, Poster
from pexschedd.ews.envelope import ItemProblem, Sid
from pexschedd.ews.error_messages import WHOLE_MAILBOX, EwsTarget, said
from pexschedd.ews.meeting_search import MeetingSearch, raise_unless_gone
from pexschedd.ews.operations.get_meetings import (
    build_get_body_type,
    build_get_meetings,
    build_get_uid,
    parse_body_type,
    parse_meetings,
    parse_uid,
)
from pexschedd.ews.operations.update_item import build_new_body, parse_new_body
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import open_transport, target_of
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.organizer_errors import naming_organizer, require_address
from pexschedd.exchange.response_codes import Category, category
from pexschedd.exchange.throttle import Throttles
from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.scheduling.ports.mailbox import RewriteKind
from pexschedd.util.worker_processes import HeavyWork, work_at_once

_REWRITES = {
    Category.CONCURRENCY: RewriteKind.CHANGED,
    Category.GONE: RewriteKind.GONE,
    Category.THROTTLED: RewriteKind.RETRY,
    Category.TRANSIENT: RewriteKind.RETRY,
    Category.QUOTA: RewriteKind.RETRY,
}

_NOT_THEIRS = "ErrorAccessDenied"


class EwsOrganizers:
    """See `scheduling.ports.mailbox.OrganizersCalendars`."""

    def __init__(
        self,
        transport: Poster,
        target: EwsTarget,
        *,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        """`target` names the server and the account; its mailbox does not matter."""
        self._transport = transport
        self._target = target
        self._heavy_work = heavy_work
        self._throttles = throttles
        self._observer = observer

    async def find(
        self,
        address: str,
        uid: str,
        recurrence_id: datetime | None = None,
        *,
        start: datetime | None = None,
    ) -> CalendarMeeting | None:
        """In the organizer's default calendar, if they organize it and it is not
        cancelled. A body that was written as text has no `html`."""
        with naming_organizer(address):
            return await self._calendar(address).find(uid, recurrence_id, start)

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        """The new body is of the kind that `find` gave: a plain text, if that gave no
        `html`. Done once at most: a repetition finds the meeting changed."""
        with naming_organizer(address):
            return await self._calendar(address).rewrite(ref, html)

    async def item_uid(self, address: str, item_id: str) -> str:
        """See `scheduling.ports.mailbox.ItemLookup`."""
        with naming_organizer(address):
            return await self._calendar(address).item_uid(item_id)

    def _calendar(self, address: str) -> "_Calendar":
        require_address(address)
        target = msgspec.structs.replace(self._target, mailbox=address)
        throttle = self._throttles.of(target.url, address) if self._throttles else None
        client = EwsClient(
            self._transport, target, throttle, self._observer, self._heavy_work
        )
        return _Calendar(client, target, self._heavy_work)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


class _Calendar:
    """The calendar of one organizer."""

    def __init__(
        self, client: EwsClient, target: EwsTarget, heavy_work: HeavyWork
    ) -> None:
        self._client = client
        self._target = target
        self._heavy_work = heavy_work
        self._search = MeetingSearch(client, target.mailbox, Sid.ANY)

    async def find(
        self, uid: str, recurrence_id: datetime | None, start: datetime | None
    ) -> CalendarMeeting | None:
        around = start if recurrence_id is None else recurrence_id
        own = [
            entry
            for entry in await self._search.entries(uid, around)
            if entry.organizes and not entry.cancelled
        ]
        if recurrence_id is None:
            return await self._get(own[0].ref) if own else None
        masters = [entry.ref for entry in own if entry.kind == "RecurringMaster"]
        if not masters:
            return None
        ref = await self._search.occurrence(masters[0], uid, recurrence_id)
        return await self._get(ref) if ref is not None else None

    async def _get(self, ref: MessageRef) -> CalendarMeeting | None:
        (meeting,) = await self._client.read(
            build_get_meetings(
                self._target.mailbox, [ref], body_type="Best", sid=Sid.ANY
            ),
            partial(parse_meetings, expected=1),
        )
        if isinstance(meeting, ItemProblem):
            raise_unless_gone(self._client, meeting)
            return None
        return None if meeting.cancelled else meeting

    async def item_uid(self, item_id: str) -> str:
        uid = await self._client.read(
            build_get_uid(self._target.mailbox, item_id, Sid.ANY), parse_uid
        )
        if isinstance(uid, ItemProblem):
            # An item of somebody else's is not for this person to open.
            if uid.code != _NOT_THEIRS:
                raise_unless_gone(self._client, uid)
            return ""
        return uid

    async def rewrite(self, ref: MessageRef, body: str) -> tuple[RewriteKind, str]:
        body_type = await self._client.read(
            build_get_body_type(self._target.mailbox, ref, Sid.ANY), parse_body_type
        )
        if isinstance(body_type, ItemProblem):
            return self._rewritten(body_type)
        build = partial(
            build_new_body, self._target.mailbox, ref, body, body_type, Sid.ANY
        )
        request = await self._heavy_work(build, len(body))
        problem = await self._client.write(request, parse_new_body)
        if problem is not None:
            return self._rewritten(problem)
        return RewriteKind.DONE, ""

    def _rewritten(self, problem: ItemProblem) -> tuple[RewriteKind, str]:
        what = category(problem.code)
        if what in WHOLE_MAILBOX:
            raise self._client.error_for(problem)
        return _REWRITES.get(what, RewriteKind.FAILED), said(problem)


def ews_organizers(
    account: EwsAccount,
    *,
    throttles: Throttles | None = None,
    observer: Observer | None = None,
) -> EwsOrganizers:
    """The organizers' calendars, as `mailbox.ews_mailbox`; `throttles` has one for each
    organizer's mailbox."""
    return EwsOrganizers(
        open_transport(account),
        target_of(account, ""),
        throttles=throttles,
        observer=observer,
        heavy_work=account.heavy_work,
    )
