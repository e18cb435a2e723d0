"""Fetching messages by their ids in batches, even if some of them cannot be read.

An id is the same wherever the message lies, so it is the folder that tells whether a
message is still to be decided about: it lies in the inbox, or it is hidden among the
deleted items. Elsewhere it is gone.
"""

from collections.abc import Sequence

import msgspec
from twisted.logger import Logger

from pexschedd.errors import MailboxBusy, MailboxError
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import batches, in_halves
from pexschedd.exchange.error_policy import TooMuch, blame_of_request
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import blame_of, is_gone, rule_of
from pexschedd.graph.folder_changes import decoded_object
from pexschedd.graph.folders import INBOX, FolderIds, folder_ids, open_folder
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.reading.message_reader import (
    MessageQuery,
    MessageReader,
    PlacedMessage,
    get_message,
)
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable

_FEW = 3
"""The largest number of messages that count as damaged at the same time; if more fail,
the server is to blame."""


class MessageFetcher:
    """Fetches messages of one mailbox.

    A message that cannot be read as `whole` is asked for as `head`, without its body,
    which is enough for all but requests.
    """

    _log = Logger()

    def __init__(
        self,
        client: GraphClient,
        whole: MessageQuery,
        head: MessageQuery,
        *,
        batch: int = MOST,
    ) -> None:
        self._client = client
        self._reader = MessageReader(client)
        self._whole = whole
        self._head = head
        self._size = BatchSize(batch)
        self._folders: FolderIds | None = None

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """Return the messages that are still to be decided about, in no certain order.

        `Unreadable` stands for one that fails while others can be read. Raises
        `MailboxError` when nothing can be read.
        """
        placed: list[PlacedMessage] = []
        for batch in batches(refs, self._size.size):
            placed += await self._fetch_batch(batch)
        if not placed:
            return []
        folders = await self._folders_of(placed)
        return [
            _as_found(each, hidden=folder == folders.deleted)
            for each, folder in placed
            if folder in ("", folders.inbox, folders.deleted)
        ]

    async def prove_server(self) -> None:
        """Open the inbox: proves that the server works. Raises `MailboxError`."""
        await open_folder(self._client, INBOX)

    async def _fetch_batch(self, refs: Sequence[MessageRef]) -> list[PlacedMessage]:
        """Return the messages of a batch that exist; what the server left undone is
        asked for again, as long as that leads anywhere."""
        found: list[PlacedMessage] = []
        something_was_read = False
        while refs:
            unfinished: list[tuple[MessageRef, GraphProblem]] = []
            for ref, answer in zip(refs, await self._get(refs), strict=True):
                if not isinstance(answer, GraphProblem):
                    something_was_read |= isinstance(answer[0], MeetingMessage)
                    found += await self._with_less(answer)
                elif is_gone(answer):
                    continue
                elif blame_of(answer) is Blame.MESSAGE:
                    found += await self._with_less(_unreadable(ref, answer))
                else:
                    unfinished.append((ref, answer))
            if len(unfinished) == len(refs):
                # A damaged message may get a code for passing trouble every time.
                few = something_was_read or len(refs) <= _FEW
                busy = [p for _, p in unfinished if rule_of(p).error is MailboxBusy]
                if busy or not few:
                    raise self._client.error_for((busy or [unfinished[0][1]])[0])
                if not something_was_read:
                    await self.prove_server()
                for ref, problem in unfinished:
                    found += await self._with_less(_unreadable(ref, problem))
                break
            refs = [ref for ref, _ in unfinished]
        return found

    async def _get(
        self, refs: Sequence[MessageRef]
    ) -> list[PlacedMessage | GraphProblem]:
        """Return one answer for each message, from smaller batches if one fails."""
        return await in_halves(
            refs,
            self._get_at_once,
            alone=lambda ref, error: _failed(ref, error),
            prove_server=self.prove_server,
        )

    async def _get_at_once(
        self, refs: Sequence[MessageRef]
    ) -> list[PlacedMessage | GraphProblem]:
        try:
            found = await self._reader.read(refs, self._whole)
        except TooMuch:
            self._size.too_much()
            raise
        self._size.succeeded()
        return found

    async def _with_less(self, placed: PlacedMessage) -> list[PlacedMessage]:
        """Read a message that cannot be read without its body; that may be enough. It
        also tells where the message lies."""
        message, folder = placed
        if not isinstance(message, Unreadable) or folder:
            return [placed]
        try:
            (found,) = await self._reader.read([message.ref], self._head)
        except MailboxError:
            return [await self._located(message)]
        if isinstance(found, GraphProblem):
            return [] if is_gone(found) else [await self._located(message)]
        head, folder = found
        suffices = isinstance(head, MeetingMessage) and (
            head.kind is not MessageKind.REQUEST
        )
        return [(head if suffices else message, folder)]

    async def _located(self, message: Unreadable) -> PlacedMessage:
        """Ask only for the folder of a message."""
        request = get_message(
            self._client.target.mailbox, message.ref, {"select": "id,parentFolderId"}
        )
        try:
            found = await self._client.read(request, parse_place)
        except MailboxError:
            return message, ""
        return message, found if isinstance(found, str) else ""

    async def _folders_of(self, placed: Sequence[PlacedMessage]) -> FolderIds:
        """Return the ids of the folders. Those that are known are asked for again if a
        message lies elsewhere: they may have changed."""
        known = self._folders
        if known is None or any(
            folder not in ("", known.inbox, known.deleted) for _, folder in placed
        ):
            self._folders = known = await folder_ids(self._client)
        return known


def parse_place(data: bytes) -> str:
    """Read the id of the folder that an item lies in; "" if that is not told."""
    found = decoded_object(data).get("parentFolderId")
    return found if isinstance(found, str) else ""


def _failed(ref: MessageRef, error: MailboxError) -> PlacedMessage:
    return Unreadable(ref, error.message, blame_of_request(error)), ""


def _unreadable(ref: MessageRef, problem: GraphProblem) -> PlacedMessage:
    return Unreadable(ref, problem.words, blame_of(problem)), ""


def _as_found(
    message: MeetingMessage | Unreadable, *, hidden: bool
) -> MeetingMessage | Unreadable:
    return msgspec.structs.replace(message, hidden=True) if hidden else message
