"""The addresses of the equipment mailboxes, as Exchange's directory has them.

In a meeting the room shows under its primary address, another one, or the directory's
name for it, whichever Outlook prefers: the add-in needs all of them to recognise it.
"""

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.ports.mailbox import Directory, DirectoryEntry

KEPT = 86_400.0
"""Seconds after which the directory is asked again."""
PAUSE = 600.0
"""Seconds until the next question after one without an answer."""

_Subject = tuple[str, str]
"""The server's URL and the mailbox's address: what an answer is about."""


class _Known(msgspec.Struct):
    subject: _Subject
    ask_after: float
    entry: DirectoryEntry | None = None


class RoomAddresses:
    """The directory entries of the integrations' equipment mailboxes.

    Nobody waits for it: the directory is asked in the background. `directory` gives the
    one that an integration's account may read.
    """

    _log = Logger()

    def __init__(
        self, directory: Callable[[Connector], Directory], clock: IReactorTime
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._known: dict[int, _Known] = {}

    def of(self, connector: Connector) -> DirectoryEntry | None:
        """Return what is known now; None if the directory has not told anything.

        The directory is asked if that is a day old, or about another address.
        """
        subject = connector.mailbox_server, connector.mailbox_address
        known = self._known.get(connector.id)
        if known is None or known.subject != subject:
            known = self._known[connector.id] = _Known(subject, 0.0)
        if known.ask_after <= self._clock.seconds() and all(subject):
            known.ask_after = self._clock.seconds() + PAUSE
            Deferred.fromCoroutine(self._ask(connector, known))
        return known.entry

    async def _ask(self, connector: Connector, known: _Known) -> None:
        try:
            entry = await self._directory(connector).entry(known.subject[1])
        except MailboxError as error:
            self._log.info(
                "directory not asked about the equipment mailbox "
                "integration={integration} reason={reason}",
                integration=connector.id,
                reason=error.message,
            )
            return
        except Exception:  # noqa: BLE001 - nobody waits for this
            self._log.failure(
                "directory not asked about the equipment mailbox, unexpected error "
                "integration={integration}",
                integration=connector.id,
            )
            return
        if entry is None:
            return
        known.entry = entry
        known.ask_after = self._clock.seconds() + KEPT
        self._log.info(
            "directory told the equipment mailbox's addresses "
            "integration={integration} addresses={addresses}",
            integration=connector.id,
            addresses=len(entry.addresses),
        )
