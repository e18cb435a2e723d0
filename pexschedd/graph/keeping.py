"""The calendar and old items of the equipment mailbox: `MailboxKeeping` over Graph.

Pages are read by following Graph's own links; a cursor is such a link with the number
of its page, so that pages that never end are noticed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
from twisted.logger import Logger

from pexschedd.errors import CursorLost, MailboxRefused, MailboxUnreachable
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import one_page
from pexschedd.graph.client import GraphClient
from pexschedd.graph.entities.events import uid_of
from pexschedd.graph.folder_changes import (
    decoded_object,
    leads_to,
    listed,
    read_moment,
)
from pexschedd.graph.folders import DELETED_ITEMS, INBOX
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage

T = TypeVar("T")

CALENDAR_PAGE = 50
INBOX_PAGE = 100
MOST_PAGES = 100_000
"""Pages of a list; more have no end."""

LOOK_BACK = timedelta(days=1)
"""The age of the requests whose answers are looked at; older ones may be from before
the mailbox was set up."""
TRANSIT = timedelta(minutes=5)
"""Requests that are younger may be just being answered by us."""

_ANSWERED_SELECT = (
    "id,receivedDateTime,microsoft.graph.eventMessageRequest/meetingRequestType"
)
_ANSWERED = frozenset(("accepted", "declined", "tentativelyaccepted"))
_PEOPLE = frozenset(("user", "linked", "shared"))
"""Purposes of mailboxes that have no booking attendant."""
_CURSOR = re.compile(r"(\d{1,9}) (\S+)", re.ASCII)

_log = Logger()


class PageQuery(msgspec.Struct, Generic[T], frozen=True):
    """The options to ask for a list with, and what reads a page of it."""

    options: Mapping[str, str]
    """Of `user_path`."""
    parse: Callable[[bytes], tuple[Sequence[T], str]]
    """Returns what a page has, and the link to the next one, "" on the last. Picklable;
    raises `ValueError` for a document that is no page."""


class MailboxKeeper:
    """See `scheduling.ports.mailbox.MailboxKeeping`.

    `calendar` is a client that names the calendar's role when it is refused.
    """

    def __init__(
        self,
        client: GraphClient,
        calendar: GraphClient,
        meetings: PageQuery[CalendarMeeting],
        heads: PageQuery[MeetingMessage],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._calendar = calendar
        self._meetings = meetings
        self._heads = heads
        self._now = now
        self._calendar_page = BatchSize(CALENDAR_PAGE)
        self._inbox_page = BatchSize(INBOX_PAGE)

    async def calendar(self, cursor: str) -> tuple[list[CalendarMeeting], str]:
        """Return one page of the calendar, and the cursor of the next page."""

        def path(most: int) -> str:
            return user_path(
                self._calendar.target.mailbox,
                *("calendar", "events"),
                top=most,
                **self._meetings.options,
            )

        return await _page(
            self._calendar, "events", path, self._meetings, self._calendar_page, cursor
        )

    async def inbox(
        self, received_before: datetime, cursor: str
    ) -> tuple[list[MeetingMessage], str]:
        """Return one page of old messages, and the cursor of the next page.

        Messages of a page may be deleted before the next page is read; some of that
        page are then skipped this time.
        """

        def path(most: int) -> str:
            return user_path(
                self._client.target.mailbox,
                *("mailFolders", INBOX, "messages"),
                filter=f"receivedDateTime lt {written(received_before)}",
                orderby="receivedDateTime",
                top=most,
                **self._heads.options,
            )

        return await _page(
            self._client, "messages", path, self._heads, self._inbox_page, cursor
        )

    async def processes_automatically(
        self, is_known: Callable[[str], bool] = lambda _: False
    ) -> bool | None:
        """Return whether Exchange answers requests itself, as far as can be seen.

        No property tells it. The mailbox of a person has no booking attendant. Else it
        is seen by what that leaves behind: a new request that lies answered among the
        deleted items, where none of those that we answer over Graph stays. Those that
        we have answered over EWS, before a migration, do: their meetings are known.
        """
        if await self._is_a_persons():
            return False
        since = self._now() - LOOK_BACK
        for options in ({"select": _ANSWERED_SELECT}, {}):
            path = user_path(
                self._client.target.mailbox,
                *("mailFolders", DELETED_ITEMS, "messages"),
                filter=f"receivedDateTime ge {written(since)}",
                orderby="receivedDateTime desc",
                expand="microsoft.graph.eventMessage/event",
                top=CALENDAR_PAGE,
                **options,
            )
            request = ApiRequest(name="messages", method="GET", path=path)
            try:
                found = await self._client.read(request, parse_answered)
            except MailboxRefused:
                return None
            if not isinstance(found, GraphProblem):
                until = self._now() - TRANSIT
                strange = (
                    each.received <= until and not is_known(each.uid) for each in found
                )
                return True if any(strange) else None
        return None

    async def _is_a_persons(self) -> bool:
        """Return whether the mailbox says that it is a person's; False if it does not
        say, because the application may not ask."""
        path = user_path(
            self._client.target.mailbox, "mailboxSettings", select="userPurpose"
        )
        request = ApiRequest(name="mailboxSettings", method="GET", path=path)
        try:
            found = await self._client.read(request, parse_purpose)
        except MailboxRefused:
            return False
        return found in _PEOPLE


async def _page(
    client: GraphClient,
    name: str,
    path: Callable[[int], str],
    query: PageQuery[T],
    size: BatchSize,
    cursor: str,
) -> tuple[list[T], str]:
    """Return what a page of a list has, and the cursor of the next one.

    Raises `MailboxError`; `CursorLost` for a cursor that is none of this mailbox.
    """
    number, link = _position(client, cursor)
    if link:
        found = await client.follow(link, query.parse, name=name)
    else:
        found = await one_page(
            size,
            lambda most: client.read(
                ApiRequest(name=name, method="GET", path=path(most)), query.parse
            ),
        )
    if isinstance(found, GraphProblem):
        raise client.error_for(found)
    entries, following = found
    if not following:
        return list(entries), ""
    if not leads_to(client.target, following):
        raise MailboxRefused(
            f"{client.target.host} gives us a link to something other than the mailbox "
            f"{client.target.mailbox} ({following[:100]!a}), which is not followed."
        )
    if following == link or number + 1 >= MOST_PAGES:
        raise MailboxUnreachable(
            f"{client.target.host} lists the {name} of {client.target.mailbox} without "
            f"an end: page {number + 1} leads to yet another one."
        )
    return list(entries), f"{number + 1} {following}"


def _position(client: GraphClient, cursor: str) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    match = _CURSOR.fullmatch(cursor)
    if match is None or not leads_to(client.target, match[2]):
        raise CursorLost("The cursor is not one of this mailbox.")
    return int(match[1]), match[2]


def written(moment: datetime) -> str:
    """Return a time as filters have it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse_purpose(data: bytes) -> str:
    """Read the purpose of a mailbox, in lower case; "" if it is not told."""
    found = decoded_object(data).get("userPurpose")
    return found.casefold() if isinstance(found, str) else ""


class AnsweredMeeting(msgspec.Struct, frozen=True):
    """A meeting that is answered, with the arrival of its first request."""

    received: datetime
    uid: str
    """The meeting's; empty if it cannot be read."""


def parse_answered(data: bytes) -> list[AnsweredMeeting]:
    """Read a page of messages with their events: the new requests whose events are
    answered. Raises `ValueError` for what is no page."""
    found = []
    for each in listed(decoded_object(data)):
        if not isinstance(each, dict) or not _is_new_request(each):
            continue
        event = each.get("event")
        status = event.get("responseStatus") if isinstance(event, dict) else None
        response = status.get("response") if isinstance(status, dict) else None
        received = read_moment(each.get("receivedDateTime"))
        answered = isinstance(response, str) and response.casefold() in _ANSWERED
        if answered and received is not None:
            found.append(AnsweredMeeting(received, _event_uid(event)))
    return found


def _event_uid(event: object) -> str:
    found = event.get("iCalUId") if isinstance(event, dict) else None
    return uid_of(found) if isinstance(found, str) else ""


def _is_new_request(entry: dict[str, object]) -> bool:
    """Return whether a message is a meeting's first request: updates of what we have
    accepted lie there, too."""
    kind = entry.get("meetingRequestType")
    return isinstance(kind, str) and kind.casefold() == "newmeetingrequest"
