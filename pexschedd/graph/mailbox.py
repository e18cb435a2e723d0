"""The equipment mailbox over Microsoft Graph.

Implements `Mailbox`, `MailboxKeeping` and `Directory` of `scheduling.ports.mailbox`:
delta queries list the messages that have arrived or were hidden, batches read and
answer them. It also keeps the stamp of `scheduling.inbox.ownership`. The application
acts for the mailbox in every request.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from pexschedd.exchange.answer_batches import AnswerBatches, GiveBatch
from pexschedd.graph import folders
from pexschedd.graph.arrivals import PAGE, ArrivalReader
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.keeping import MailboxKeeper, PageQuery
from pexschedd.graph.reading.message_fetcher import MessageFetcher
from pexschedd.graph.reading.message_reader import MessageQuery
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageRef
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    ArrivalPage,
    DirectoryEntry,
    Outcome,
    Unreadable,
)

CALENDAR_ROLE = "Calendars.ReadWrite"


class GraphQueries(msgspec.Struct, frozen=True):
    """The requests for messages and meetings, each with what reads its answer."""

    whole: MessageQuery
    head: MessageQuery
    """Of a message that cannot be read as a whole."""
    heads: PageQuery[MeetingMessage]
    meetings: PageQuery[CalendarMeeting]


DeleteAll = Callable[[Sequence[MessageRef]], Awaitable[list[Outcome]]]


class GraphMailbox:
    """See `scheduling.ports.mailbox.Mailbox`, `MailboxKeeping` and `Directory`.

    One batch is under way at a time: Graph takes four requests of a batch at once.
    """

    def __init__(
        self,
        client: GraphClient,
        queries: GraphQueries,
        answer: GiveBatch,
        delete: DeleteAll,
        *,
        now: Callable[[], datetime],
        page: int = PAGE,
        batch: int = MOST,
    ) -> None:
        self._client = client
        self._delete = delete
        self._arrivals = ArrivalReader(client, page=page)
        self._fetcher = MessageFetcher(client, queries.whole, queries.head, batch=batch)
        self._keeper = MailboxKeeper(
            client,
            client.for_role(CALENDAR_ROLE),
            queries.meetings,
            queries.heads,
            now=now,
        )
        self._answers = AnswerBatches(answer, self._fetcher.prove_server, size=batch)

    @property
    def back_off_seconds(self) -> float:
        """Seconds until a call for this mailbox may be made; 0: now."""
        return self._client.back_off_seconds

    @property
    def concurrency(self) -> int:
        """The number of calls that are made at once at the moment."""
        return 1

    async def check(self) -> None:
        """Prove that both folders can be opened; raises `MailboxError`."""
        await folders.folder_ids(self._client)

    async def arrivals(self, cursor: str) -> ArrivalPage:
        """Return all that has arrived, or was hidden, since the cursor, in one page:
        Graph lists changes in no certain order."""
        return await self._arrivals.since(cursor)

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """Return the messages, read in batches of twenty."""
        found = await self._fetcher.fetch(refs)
        messages = [each for each in found if isinstance(each, MeetingMessage)]
        unreadable = [each for each in found if isinstance(each, Unreadable)]
        return [*sorted(messages, key=lambda message: message.received), *unreadable]

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give answers, batch by batch.

        After an error the outcomes of earlier batches still count, and the rest is to
        be tried again; the error is raised only when nothing was done.
        """
        return await self._answers.give(answers)

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        """Return one page of meetings; one that cannot be read is left out."""
        return await self._keeper.calendar(cursor)

    async def processes_automatically(
        self, is_known: Callable[[str], bool] = lambda _: False
    ) -> bool | None:
        """Return whether Exchange itself answers requests; None if that cannot be
        seen."""
        return await self._keeper.processes_automatically(is_known)

    async def inbox(
        self, received_before: datetime, cursor: str = ""
    ) -> tuple[list[MeetingMessage], str]:
        """Return one page of old messages, and the cursor of the next page."""
        return await self._keeper.inbox(received_before, cursor)

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        """Delete items for good, without sending anything."""
        return await self._delete(refs)

    async def stamp(self) -> str:
        """See `scheduling.inbox.ownership.StampedMailbox`."""
        return await folders.read_stamp(self._client)

    async def leave_stamp(self, text: str) -> None:
        """Write the owner's stamp to the inbox folder."""
        await folders.write_stamp(self._client, text)

    async def primary_address(self, address: str) -> str:
        """Return nothing: the directory would need a permission for all users, which
        is not asked for."""
        return ""

    async def entry(self, address: str) -> DirectoryEntry | None:
        """Return None; see `primary_address`."""
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
