"""The arrivals in a mailbox since a position, hidden ones included.

Two folders are followed: the inbox, and Deleted Items, where Exchange Online puts
updates of answered meetings that it applies to the calendar without showing them. Each
look reads both to the end of their changes, Deleted Items first: what is moved there
meanwhile is either in the inbox still or listed at the next look. So nothing is missed;
what is listed twice has one id and is read as it lies then.

A first look at Deleted Items only finds its end: what lies there from before is
nobody's concern. A folder whose position Exchange has forgotten is read from the
beginning; of Deleted Items what has arrived since the last look counts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from twisted.logger import Logger

from pexschedd.errors import CursorLost, MailboxRefused, MailboxUnreachable
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import one_page
from pexschedd.graph.client import GraphClient
from pexschedd.graph.entities.extended_properties import (
    CLEAN_GLOBAL_ID,
    expand_properties,
)
from pexschedd.graph.folder_changes import (
    ChangedMessage,
    ChangesPage,
    MailboxPosition,
    leads_to,
    newest_first,
    parse_changes,
)
from pexschedd.graph.folders import DELETED_ITEMS, INBOX
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.scheduling.ports.mailbox import ArrivalPage

PAGE = 200
"""Messages that a page is asked to have."""

MOST_PAGES = 5_000
MOST_EMPTY = 100
"""Pages of one folder at a look; pages without anything, one after another, which Graph
gives now and then. More of them have no end."""

HIDING = timedelta(hours=1)
"""The longest time from the arrival of a message until Exchange has hidden it."""

_NAME = "messages/delta"


class _Round(msgspec.Struct, frozen=True):
    """All changes of a folder since the last look."""

    messages: list[ChangedMessage]
    link: str
    """To those from now on."""
    is_whole: bool
    """True if it was read from the beginning."""


class ArrivalReader:
    """Follows the inbox and Deleted Items of one mailbox.

    `most_pages` is the number of pages after which a folder has no end.
    """

    _log = Logger()

    def __init__(
        self, client: GraphClient, *, page: int = PAGE, most_pages: int = MOST_PAGES
    ) -> None:
        self._client = client
        self._page_size = BatchSize(page)
        self._most_pages = most_pages
        self._expands = True
        """False once the server has refused to list the meetings' ids."""

    async def since(self, cursor: str) -> ArrivalPage:
        """Return all that has arrived since a cursor of `Mailbox.arrivals`, or was
        hidden since, in one page.

        Raises `CursorLost` for a cursor that is none of this mailbox.
        """
        before = MailboxPosition.read(cursor, self._client.target)
        deleted = await self._round(DELETED_ITEMS, before.deleted)
        inbox = await self._round(INBOX, before.inbox)
        hidden = _hidden_since(before, deleted)
        arrived = newest_first([*hidden, *inbox.messages])
        times = [each.received for each in [*arrived, *deleted.messages]]
        seen = max((t for t in (before.seen, *times) if t is not None), default=None)
        return ArrivalPage(
            arrived=tuple(each.ref for each in arrived),
            cursor=str(MailboxPosition(inbox.link, deleted.link, seen)),
            more=False,
        )

    async def deletions_until_now(self, cursor: str = "") -> str:
        """Return the cursor from which the whole inbox is read, and what is hidden from
        now on. `cursor` is an earlier one of this kind: the way is shorter then."""
        before = MailboxPosition.read(cursor, self._client.target)
        deleted = await self._round(DELETED_ITEMS, before.deleted)
        times = [before.seen, *(each.received for each in deleted.messages)]
        seen = max((each for each in times if each is not None), default=None)
        return str(MailboxPosition(deleted=deleted.link, seen=seen))

    async def _round(self, folder: str, link: str) -> _Round:
        """Read a folder's changes since the look that gave `link`, or all of it."""
        if link:
            try:
                messages, link = await self._pages(folder, link)
            except CursorLost as lost:
                self._log.info(
                    "mailbox lists {folder} from the beginning, its position was lost "
                    "mailbox={mailbox} integration={integration}: {reason}",
                    folder=folder,
                    mailbox=self._client.target.mailbox,
                    integration=self._client.target.integration,
                    reason=lost.message,
                )
            else:
                return _Round(messages, link, is_whole=False)
        messages, link = await self._pages(folder, "")
        return _Round(messages, link, is_whole=True)

    async def _pages(self, folder: str, link: str) -> tuple[list[ChangedMessage], str]:
        """Read pages up to the last one; return their messages, and its link."""
        found: list[ChangedMessage] = []
        followed: set[int] = set()
        empty = 0
        for _ in range(self._most_pages):
            page = await (self._follow(link) if link else self._first(folder))
            found += page.messages
            if len(found) > self._most_pages * PAGE:
                raise self._endless(folder, f"it has {len(found)} messages by now")
            if page.delta_link:
                return found, self._own(page.delta_link)
            link = self._own(page.next_link)
            empty = empty + 1 if page.is_empty else 0
            if hash(link) in followed and not empty:
                raise self._endless(folder, "one of its pages leads back to another")
            if empty > MOST_EMPTY:
                raise self._endless(folder, f"{empty} pages in a row are empty")
            followed.add(hash(link))
        raise self._endless(folder, f"it has more than {self._most_pages} pages")

    async def _first(self, folder: str) -> ChangesPage:
        """Ask for the first page; with the meetings' ids, if the server gives them."""
        found = await self._page(self._ask(folder, expands=self._expands))
        if isinstance(found, GraphProblem) and self._expands:
            self._expands = False
            found = await self._page(self._ask(folder, expands=False))
        if isinstance(found, GraphProblem):
            raise self._client.error_for(found)
        return found

    def _ask(self, folder: str, *, expands: bool) -> "_Ask":
        query = {"select": "id,receivedDateTime"}
        if expands:
            query["expand"] = expand_properties([CLEAN_GLOBAL_ID])
        path = user_path(
            self._client.target.mailbox,
            *("mailFolders", folder, "messages", "delta"),
            **query,
        )
        return lambda most: ApiRequest(
            name=_NAME, method="GET", path=path, prefer=(_prefer(most),)
        )

    async def _page(self, ask: "_Ask") -> ChangesPage | GraphProblem:
        return await one_page(
            self._page_size, lambda most: self._client.read(ask(most), parse_changes)
        )

    async def _follow(self, link: str) -> ChangesPage:
        found = await one_page(
            self._page_size,
            lambda most: self._client.follow(
                link, parse_changes, name=_NAME, prefer=(_prefer(most),)
            ),
        )
        if isinstance(found, GraphProblem):
            # A link is the server's own: what it makes nothing of is out of date.
            raise CursorLost(f"The server does not follow its link: {found.words}")
        return found

    def _own(self, link: str) -> str:
        target = self._client.target
        if not leads_to(target, link):
            raise MailboxRefused(
                f"{target.host} gives us a link to something other than the mailbox "
                f"{target.mailbox} ({link[:100]!a}), which is not followed."
            )
        return link

    def _endless(self, folder: str, why: str) -> MailboxUnreachable:
        target = self._client.target
        return MailboxUnreachable(
            f"{target.host} lists the folder {folder} of {target.mailbox} without an "
            f"end: {why}. If something stands between this server and Microsoft Graph, "
            "it may repeat old answers."
        )


_Ask = Callable[[int], ApiRequest]


def _prefer(most: int) -> str:
    return f"odata.maxpagesize={most}"


def _hidden_since(before: MailboxPosition, deleted: _Round) -> list[ChangedMessage]:
    """Return what was put among the deleted items since a position, of what can be
    about a meeting."""
    if not before.deleted:
        return []
    since: datetime | None = before.seen if deleted.is_whole else None
    return [
        each
        for each in deleted.messages
        if each.about_meeting
        and (since is None or each.received is None or each.received >= since - HIDING)
    ]
