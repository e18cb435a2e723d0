"""Reads the equipment mailbox: the position read so far, and the waiting messages.

The position that Exchange gives, the cursor, is kept in memory while messages are read.
The stored one is written by the commit that covers everything before it, so after any
error reading starts again from there.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.inbox.backlog import Backlog
from pexschedd.scheduling.ports.mailbox import ArrivalPage, Mailbox, Unreadable
from pexschedd.store.store import Store

BATCH_SIZE = 400
"""Messages in a batch: large enough that calls are few, small enough that the first
organizer does not wait for the last, and that few are in memory."""


class RequestedBatch:
    """Messages that are being fetched from the mailbox."""

    def __init__(
        self,
        refs: list[MessageRef],
        messages: Deferred[list[MeetingMessage | Unreadable]],
    ) -> None:
        self.refs = refs
        self.messages = messages
        """Fires with the messages; those that are gone by now are left out."""

    def abandon(self) -> None:
        """Ignore the outcome: the messages will be fetched again."""
        self.messages.addErrback(lambda failure: [])


class MailboxReader:
    """Reads one integration's equipment mailbox into a backlog, and fetches from it."""

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        store: Store,
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._connector_id = connector_id
        self._mailbox = mailbox
        self._store = store
        self._batch_size = batch_size
        self._backlog = Backlog()
        self._cursor: str | None = None
        """The position up to which the mailbox was read; None: as stored."""

    @property
    def backlog_size(self) -> int:
        """The number of messages that were seen but not fetched yet."""
        return len(self._backlog)

    @property
    def cursor(self) -> str:
        """The position up to which the mailbox was read, the backlog included."""
        return self._cursor or ""

    async def read_page(self, connector: Connector) -> ArrivalPage:
        """Read one more page of what has arrived since the last one.

        Raises `StoreFull` while nothing can be stored: messages then wait in the
        mailbox.
        """
        self._store.require_space()
        if self._cursor is None:
            self._cursor = self._stored_cursor(connector)
        page = await self._mailbox.arrivals(self._cursor)
        self._cursor = page.cursor
        return page

    def require_writable(self) -> None:
        """Raise `StoreReadOnly` while nothing at all can be stored."""
        self._store.require_writable()

    def enqueue(self, refs: Sequence[MessageRef]) -> None:
        """Add messages to the backlog, oldest first."""
        self._backlog.add(refs)

    def fetch_next(self) -> RequestedBatch | None:
        """Begin to fetch the next batch of the backlog; None if it is empty."""
        refs = self._backlog.take(self._batch_size)
        if not refs:
            return None
        return RequestedBatch(refs, Deferred.fromCoroutine(self._mailbox.fetch(refs)))

    def rewind(self) -> None:
        """Return to the last commit: what was fetched since may not be decided yet."""
        self._backlog.clear()
        self._cursor = None

    def discard_cursor(self, connector: Connector) -> bool:
        """Read from the beginning next time, because Exchange rejected the cursor.

        Returns False if there is no stored cursor that could be the reason.
        """
        if not self._stored_cursor(connector):
            return False
        self._cursor = ""
        return True

    async def close(self) -> None:
        """Give up the connections to the mailbox, calls under way included."""
        await self._mailbox.close()

    def _stored_cursor(self, connector: Connector) -> str:
        stored = self._store.get(tables.CURSOR, self._connector_id)
        if stored is None or stored.mailbox != connector.mailbox_address:
            return ""
        return stored.cursor
