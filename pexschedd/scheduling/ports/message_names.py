"""A protocol for the messages of a mailbox under the names that each of the two
interfaces has for them.

`graph/` implements it: Graph knows the ids of both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from pexschedd.scheduling.ports.mailbox import Action


class RenamedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is in the mailbox, under its other name."""

    item_id: str
    """The id that the other interface has for it."""
    received: datetime | None = None
    lacks_event: bool = False
    """True for a request that Exchange has made no event of, which an answer over Graph
    needs."""
    answered: Action | None = None
    """The answer that its event was given since the message arrived."""


class MessageNames(Protocol):
    """The ids of one mailbox's messages. Every method raises `MailboxError`."""

    async def for_graph(self, item_ids: Sequence[str]) -> list[RenamedMessage | None]:
        """Return the messages that EWS calls so, in this order; None for what is not in
        the mailbox under this id any more."""

    async def for_ews(self, item_ids: Sequence[str]) -> list[RenamedMessage | None]:
        """Return the messages that Graph calls so, in this order; None for what is
        neither in the inbox nor among the deleted items any more."""

    async def deletions_until_now(self, cursor: str = "") -> str:
        """Return a cursor of the mailbox over Graph: everything in the inbox comes
        after it, and what Exchange hides from now on.

        `cursor` is an earlier one of this kind, from which it is not far.
        """

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
