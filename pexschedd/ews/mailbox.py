"""The equipment mailbox over Exchange Web Services.

Implements `scheduling.mailbox.Mailbox`: SyncFolderItems says what changed, GetItem
reads it, CreateItem and MoveItem answer it. The service account impersonates the
mailbox in every call.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.ews import faults
from pexschedd.ews.answering import answer_batch
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.client import EwsClient
from pexschedd.ews.connection import Limits
from pexschedd.ews.operations.get_folder import build_get_folder, parse_get_folder
from pexschedd.ews.operations.sync_folder_items import build_sync, parse_sync
from pexschedd.ews.reading import read_batch
from pexschedd.ews.tls import Trust
from pexschedd.ews.transport import Transport
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.mailbox import (
    Answer,
    Changes,
    Outcome,
    OutcomeKind,
    Unreadable,
)

T = TypeVar("T")

FETCH_BATCH = 50
ANSWER_BATCH = 25
"""Each answer makes the server write to a calendar and send a message: a request has
to end within the minute that the server allows."""


class EwsMailbox:
    """See `scheduling.mailbox.Mailbox`."""

    def __init__(
        self,
        client: EwsClient,
        site: faults.Site,
        *,
        fetch_batch: int = FETCH_BATCH,
        answer_batch: int = ANSWER_BATCH,
    ) -> None:
        self._client = client
        self._site = site
        self._fetch_batch = fetch_batch
        self._answer_batch = answer_batch

    async def check(self) -> None:
        request = build_get_folder(self._site.mailbox)
        await self._client.read(request, parse_get_folder)

    async def changes(self, cursor: str) -> Changes:
        """One page of at most 512. The server lists new messages first: read all
        pages before deciding about the oldest."""
        request = build_sync(self._site.mailbox, cursor)
        page = await self._client.read(request, parse_sync)
        # A page that leads nowhere is the last, whatever the server says.
        return Changes(
            arrived=page.arrived,
            cursor=page.state,
            more=not page.last and page.state != cursor,
        )

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        found: list[MeetingMessage | Unreadable] = []
        for batch in _batches(refs, self._fetch_batch):
            found += await read_batch(self._client, self._site, batch)
        messages = [each for each in found if isinstance(each, MeetingMessage)]
        unreadable = [each for each in found if isinstance(each, Unreadable)]
        return [*sorted(messages, key=lambda message: message.received), *unreadable]

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """An error after the first batch leaves the rest to be tried again: what has
        been done is worth knowing."""
        outcomes: list[Outcome] = []
        for batch in _batches(answers, self._answer_batch):
            try:
                outcomes += await answer_batch(self._client, self._site, batch)
            except MailboxError as error:
                if not outcomes:
                    raise
                rest = Outcome(OutcomeKind.RETRY, error.message)
                outcomes += [rest] * (len(answers) - len(outcomes))
                break
        return outcomes

    async def close(self) -> None:
        await self._client.close()


def _batches(things: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]


def ews_mailbox(
    *,
    url: str,
    username: str,
    mailbox: str,
    reactor: Any,
    trust: Trust,
    password: str = "",
    authenticator: Authenticator | None = None,
    clock: IReactorTime | None = None,
    limits: Limits | None = None,
    fetch_batch: int = FETCH_BATCH,
    answer_batch: int = ANSWER_BATCH,
) -> EwsMailbox:
    """Everything from plain values; without an authenticator, Basic.

    `mailbox` is the primary SMTP address of the equipment mailbox. Opens nothing yet.
    Raises `MailboxRefused` when one of them cannot be used.
    """
    site = faults.Site(url=url, username=username, mailbox=mailbox)
    if "@" not in mailbox.strip("@"):
        raise MailboxRefused(
            f'The mailbox address "{mailbox}" is not an email address.'
        )
    if authenticator is None:
        try:
            authenticator = BasicAuthenticator(username, password)
        except ValueError as error:
            raise MailboxRefused(f"{username}: {error}") from error
    transport = Transport(
        url,
        authenticator,
        reactor=reactor,
        clock=clock or reactor,
        trust=trust,
        limits=limits or Limits(),
    )
    return EwsMailbox(
        EwsClient(transport, site),
        site,
        fetch_batch=fetch_batch,
        answer_batch=answer_batch,
    )
