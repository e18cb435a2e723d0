"""The equipment mailbox over Exchange Web Services.

Implements `Mailbox`, `MailboxKeeping` and `Directory` of `scheduling.ports.mailbox`:
SyncFolderItems lists the messages that have arrived, GetItem reads them, CreateItem and
MoveItem answer them. It also keeps the stamp of `scheduling.inbox.ownership`. The
service account impersonates the mailbox in every call.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.ews import calendar_access, error_messages
from pexschedd.ews.client import EwsClient
from pexschedd.ews.item_fetcher import ItemFetcher
from pexschedd.ews.operations.find_item import PAGE
from pexschedd.ews.operations.get_folder import build_get_folder, parse_get_folder
from pexschedd.ews.operations.get_item import (
    build_get_messages,
    build_get_without_body,
    parse_messages,
)
from pexschedd.ews.operations.resolve_names import (
    build_resolve,
    parse_entry,
    parse_primary,
)
from pexschedd.ews.operations.sync_folder_items import (
    MAX_CHANGES,
    build_sync,
    parse_sync,
)
from pexschedd.ews.operations.update_folder import (
    build_get_stamp,
    build_set_stamp,
    parse_set_stamp,
    parse_stamp,
)
from pexschedd.ews.responses import answer_batch as give_answers
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import is_mail_address, open_transport, target_of
from pexschedd.exchange.answer_batches import AnswerBatches
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import at_once, batches, one_page
from pexschedd.exchange.error_policy import (
    UnexplainedServerError,
)
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle
from pexschedd.model.meeting import (
    CalendarMeeting,
    MeetingMessage,
    MessageKind,
    MessageRef,
)
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    ArrivalPage,
    DirectoryEntry,
    Outcome,
    Unreadable,
)

FETCH_BATCH = 50
ANSWER_BATCH = 50
"""Each answer makes the server write to a calendar and send a message: a request has
to end within the minute that the server allows."""

MAX_BATCH = 100

RESOLVE_TRIES = 3
"""Attempts at an address that only this address seems to make fail."""


class EwsMailbox:
    """See `scheduling.ports.mailbox.Mailbox` and `MailboxKeeping`.

    `parallel` batches are under way at once.
    """

    def __init__(
        self,
        client: EwsClient,
        target: error_messages.EwsTarget,
        *,
        fetch_batch: int = FETCH_BATCH,
        answer_batch: int = ANSWER_BATCH,
        parallel: int = 1,
    ) -> None:
        for name, size in (
            ("fetch_batch", fetch_batch),
            ("answer_batch", answer_batch),
        ):
            if not 1 <= size <= MAX_BATCH:
                raise ValueError(f"{name}: must be between 1 and {MAX_BATCH}")
        self._client = client
        self._target = target
        self._fetch_size = BatchSize(fetch_batch)
        self._answers = AnswerBatches(
            partial(give_answers, client, target),
            self.check,
            size=answer_batch,
            parallel=parallel,
        )
        self._change_size = BatchSize(MAX_CHANGES)
        self._page_size = BatchSize(PAGE)
        self._parallel = parallel
        self._unresolved: Counter[str] = Counter()
        """Failed look-ups of addresses, one right after another."""
        self._fetcher = ItemFetcher(
            client,
            target,
            build_get_messages,
            parse_messages,
            portion=self._fetch_size,
            smaller=build_get_without_body,
            suffices=_body_is_dispensable,
        )

    @property
    def back_off_seconds(self) -> float:
        """Seconds until a call for this mailbox may be made; 0: now."""
        return self._client.back_off_seconds

    @property
    def concurrency(self) -> int:
        """The number of calls that are made at once at the moment."""
        allowed = self._client.concurrency
        return self._parallel if allowed is None else min(allowed, self._parallel)

    async def check(self) -> None:
        """Prove that the inbox can be opened; raises `MailboxError`."""
        request = build_get_folder(self._target.mailbox)
        await self._client.read(request, parse_get_folder)

    async def arrivals(self, cursor: str) -> ArrivalPage:
        """Return one page, of at most 512 messages, from SyncFolderItems.

        The server lists the newest messages first, so all pages have to be read before
        the oldest message can be decided about.
        """
        page = await one_page(
            self._change_size,
            lambda most: self._client.read(
                build_sync(self._target.mailbox, cursor, most), parse_sync
            ),
        )
        # A page that leads nowhere is the last, whatever the server says.
        return ArrivalPage(
            arrived=page.arrived,
            cursor=page.state,
            more=not page.last and page.state != cursor,
        )

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """Return the messages, read with GetItem in several batches at once."""
        found: list[MeetingMessage | Unreadable] = []
        for read in await at_once(
            batches(refs, self._fetch_size.size), self._parallel, self._fetcher.fetch
        ):
            if isinstance(read, MailboxError):
                raise read
            found += read or []
        messages = [each for each in found if isinstance(each, MeetingMessage)]
        unreadable = [each for each in found if isinstance(each, Unreadable)]
        return [*sorted(messages, key=lambda message: message.received), *unreadable]

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give answers in several batches at once; see `ews.responses`.

        Batches may overtake each other, so the answers have to be about different
        meetings. After an error the outcomes of other batches still count, and the rest
        is to be tried again; the error is raised only when nothing was done.
        """
        return await self._answers.give(answers)

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        """Return one page of meetings, in the order of their creation.

        A meeting that the server cannot show is left out and logged.
        """
        return await calendar_access.calendar(
            self._client,
            self._target,
            cursor,
            self._page_size,
            self._fetch_size.size,
            self._parallel,
        )

    async def processes_automatically(
        self, is_known: Callable[[str], bool] = lambda _: False
    ) -> bool | None:
        """Return whether Exchange itself answers requests; None if it does not tell."""
        return await calendar_access.processes_automatically(self._client, self._target)

    async def inbox(
        self, received_before: datetime, cursor: str = ""
    ) -> tuple[list[MeetingMessage], str]:
        """Return one page of old messages, and the cursor of the next page.

        Messages of a page may be deleted before the next page is read; some items of
        the page's last second may then be skipped this time.
        """
        return await calendar_access.inbox(
            self._client, self._target, received_before, cursor, self._page_size
        )

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        """Delete items for good, without sending anything."""
        return await calendar_access.delete(self._client, self._target, refs)

    async def stamp(self) -> str:
        """See `scheduling.inbox.ownership.Stamped`."""
        return await self._client.read(
            build_get_stamp(self._target.mailbox), parse_stamp
        )

    async def leave_stamp(self, text: str) -> None:
        """Write the owner's stamp to the inbox folder."""
        await self._client.write(
            build_set_stamp(self._target.mailbox, text), parse_set_stamp
        )

    async def primary_address(self, address: str) -> str:
        """The primary address of the mailbox with this address; empty if unknown.

        One for which the directory fails again and again, whatever the reason, is
        unknown too: it must not hold up the mailbox.
        """
        try:
            primary = await self._client.read(
                build_resolve(self._target.mailbox, address),
                partial(parse_primary, address=address),
            )
        except MailboxRefused:
            return ""  # the directory is not for this account
        except UnexplainedServerError:
            self._unresolved[address] += 1
            if self._unresolved[address] < RESOLVE_TRIES:
                raise
            primary = ""
        del self._unresolved[address]
        return primary

    async def entry(self, address: str) -> DirectoryEntry | None:
        """See `scheduling.ports.mailbox.Directory`."""
        try:
            return await self._client.read(
                build_resolve(self._target.mailbox, address, full=True),
                partial(parse_entry, address=address),
            )
        except MailboxRefused:
            return None  # the directory is not for this account

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _body_is_dispensable(message: MeetingMessage) -> bool:
    """Return whether the body can be missing, as in all messages but requests."""
    return message.kind is not MessageKind.REQUEST


def ews_mailbox(
    account: EwsAccount,
    mailbox: str,
    *,
    fetch_batch: int = FETCH_BATCH,
    answer_batch: int = ANSWER_BATCH,
    throttle: SharedThrottle | None = None,
    observer: Observer | None = None,
) -> EwsMailbox:
    """The equipment mailbox with the primary SMTP address `mailbox`.

    As many batches are under way at once as the account's limits allow connections.
    `throttle` is shared by everything that acts for this mailbox; `observer` sees every
    call. Opens nothing yet. Raises `MailboxRefused` when one of the settings cannot be
    used.
    """
    if not is_mail_address(mailbox):
        raise MailboxRefused(
            f'The mailbox address "{mailbox}" is not an email address.'
        )
    target = target_of(account, mailbox)
    return EwsMailbox(
        EwsClient(
            open_transport(account), target, throttle, observer, account.heavy_work
        ),
        target,
        fetch_batch=fetch_batch,
        answer_batch=answer_batch,
        parallel=account.limits.connections,
    )
