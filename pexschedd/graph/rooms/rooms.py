"""The calendars of rooms over Microsoft Graph.

Implements `RoomMailboxes` of `onetouch.ports.room_mailboxes` by plain calendar views:
one GET lists a room's meetings with their change keys, and a batch reads what has
changed. There is a delta query of calendar views as well. It is not used, because

- an unchanged room costs one request either way, which is what the quota counts;
- its span of time is fixed, and ours moves with each reading: it would have to be begun
  anew again and again, and after each 410;
- it takes no `$select`: all bodies come again each time, and of an occurrence all but
  its id and times is missing (microsoft-graph-docs #7632, -contrib #34);
- nothing has to be kept for a room between two readings, or be durable.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from twisted.logger import Logger

from pexschedd.errors import (
    CursorLost,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import batches, in_halves, one_page
from pexschedd.exchange.error_policy import (
    RequestNotUnderstood,
    UnexplainedServerError,
    one_may_be_to_blame,
)
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import Throttles
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient, ignore_body
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.error_policy import is_gone, rule_of
from pexschedd.graph.problems import MAX_TEXT, UNREADABLE, GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.graph.rooms.room_events import (
    LISTED,
    WHOLE,
    WITHOUT_BODY,
    ListingPage,
    WholeEvent,
    parse_event,
    parse_listing,
)
from pexschedd.graph.transport import GraphTransport
from pexschedd.model.fields import addresses
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import (
    CalendarListing,
    ListedMeeting,
    RoomItem,
    named_in_refusals,
)
from pexschedd.util.worker_processes import HeavyWork, work_at_once

T = TypeVar("T")

LISTED_AT_ONCE = 500
MOST_LISTED = 2000
"""Meetings of a list: the longest ones are not read to their end."""
MOST_PAGES = 20
"""Requests for one list, if the server gives less at a time than it is asked for."""
ROLE = "Calendars.Read"
"""The role that reads a room, without `Application`."""
VIEW = "calendarView"
BATCH = "$batch"
"""Names of operations, as an `Observer` is told them: of a list, and of a batch."""

_OF_THE_EVENT = (RequestNotUnderstood, UnexplainedServerError, MailboxUnreachable)
"""Errors for which a single event may be to blame."""


class GraphRooms:
    """See `onetouch.ports.room_mailboxes.RoomMailboxes`.

    `target` names the host and the application; its mailbox does not matter. `batched`
    is told the number of requests in each batch, which `observer` sees as one.
    """

    _log = Logger()

    def __init__(
        self,
        transport: GraphTransport,
        tokens: ChallengedTokenSource,
        target: GraphTarget,
        *,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        batched: Callable[[int], None] = lambda _count: None,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._target = target
        self._throttles = throttles
        self._observer = observer
        self._batched = batched
        self._heavy_work = heavy_work
        self._listed = BatchSize(LISTED_AT_ONCE)

    async def listing(
        self, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        """A list whose next page the server has forgotten is begun once more."""
        with self._room(room) as client:
            try:
                return await self._pages(client, room, since, until)
            except CursorLost:
                return await self._pages(client, room, since, until)

    async def _pages(
        self, client: GraphClient, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        async def first(most: int) -> ListingPage:
            request = build_listing(room, since, until, most)
            return _known(client, await client.read(request, parse_listing))

        found: dict[str, ListedMeeting] = {}
        page = await one_page(self._listed, first)
        for _ in range(MOST_PAGES - 1):
            found |= {m.ref.item_id: m for m in page.meetings}
            if not page.next_link or len(found) >= MOST_LISTED:
                break
            link = page.next_link
            page = _known(client, await client.follow(link, parse_listing, name=VIEW))
        found |= {m.ref.item_id: m for m in page.meetings}
        meetings = sorted(found.values(), key=lambda m: (m.start, m.end, m.ref.item_id))
        is_complete = not page.next_link and len(meetings) <= MOST_LISTED
        return CalendarListing(tuple(meetings[:MOST_LISTED]), is_complete)

    async def fetch(self, room: str, refs: Sequence[MessageRef]) -> list[RoomItem]:
        """An event whose body cannot be read comes without it, and without its change
        key: it is to be read again."""
        found: list[RoomItem] = []
        with self._room(room) as client:
            for batch in batches(refs, MOST):
                results = await in_halves(
                    batch,
                    partial(self._batch, client, room),
                    alone=_too_much,
                    prove_server=partial(_prove, client, room),
                )
                for ref, result in zip(batch, results, strict=True):
                    if isinstance(result, GraphProblem):
                        found += await self._not_whole(client, room, ref, result)
                    elif result is not None:
                        found.append(_with_body(result))
        return found

    async def _batch(
        self, client: GraphClient, room: str, refs: Sequence[MessageRef]
    ) -> list[WholeEvent | GraphProblem | None]:
        self._batched(len(refs))
        requests = [build_get(room, ref, WHOLE) for ref in refs]
        return await client.batch(requests, parse_event)

    async def _not_whole(
        self, client: GraphClient, room: str, ref: MessageRef, problem: GraphProblem
    ) -> list[RoomItem]:
        """The part of an event that can be had if it cannot be read as a whole."""
        if is_gone(problem):
            return []
        if rule_of(problem).error not in _OF_THE_EVENT:
            raise client.error_for(problem)
        self._log.warn(
            "room has a meeting in its calendar that cannot be read as a whole "
            "room={room} integration={integration}: {reason}",
            room=room,
            integration=self._target.integration,
            reason=problem.words,
        )
        try:
            read = await client.read(build_get(room, ref, WITHOUT_BODY), parse_event)
        except MailboxError as error:
            if not one_may_be_to_blame(error):
                raise
            return []
        if isinstance(read, WholeEvent):
            item = read.item
            bare = MessageRef(item.ref.item_id)
            return [msgspec.structs.replace(item, ref=bare)]
        return []

    @contextmanager
    def _room(self, room: str) -> Iterator[GraphClient]:
        """A client for the room, which is named in every refusal."""
        if not room or addresses.mail_address(room):
            raise MailboxRefused(f'The room\'s address "{room}" is no email address.')
        root = self._transport.root
        with named_in_refusals(room):
            yield GraphClient(
                self._transport,
                self._tokens,
                msgspec.structs.replace(self._target, mailbox=room, role=ROLE),
                self._throttles.of(root, room) if self._throttles else None,
                self._observer,
                self._heavy_work,
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


def build_listing(room: str, since: datetime, until: datetime, most: int) -> ApiRequest:
    """Build the request for a span of time; occurrences are events of their own."""
    path = user_path(
        room,
        VIEW,
        startDateTime=_written(since),
        endDateTime=_written(until),
        select=",".join(LISTED),
        orderby="start/dateTime",
        top=most,
    )
    return ApiRequest(name=VIEW, method="GET", path=path)


def build_get(room: str, ref: MessageRef, properties: Sequence[str]) -> ApiRequest:
    """Build the request for an event as it is now."""
    path = user_path(room, "events", ref.item_id, select=",".join(properties))
    return ApiRequest(name="events", method="GET", path=path)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(client: GraphClient, found: T | GraphProblem) -> T:
    if isinstance(found, GraphProblem):
        raise client.error_for(found)
    return found


def _with_body(event: WholeEvent) -> RoomItem:
    if not event.has_body:
        raise MailboxRefused(
            "Microsoft Graph gives its meetings without their texts. The application "
            f"needs the role 'Application {ROLE}' for this mailbox: 'Application "
            "Calendars.ReadBasic' is not enough."
        )
    return event.item


def _too_much(_ref: MessageRef, error: MailboxError) -> GraphProblem:
    """One event that makes a batch fail by itself."""
    return GraphProblem(0, UNREADABLE, error.message[:MAX_TEXT])


async def _prove(client: GraphClient, room: str) -> None:
    """Raise `MailboxError` if the server gives nothing else either."""
    path = user_path(room, "calendar", select="id")
    await client.read(ApiRequest(name="calendar", method="GET", path=path), ignore_body)
