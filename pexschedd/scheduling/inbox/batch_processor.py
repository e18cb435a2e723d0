"""Decides about the messages of a batch, and makes durable what follows.

All of a batch become durable in one commit. If that cannot be, because one of them has
something that nobody foresaw, each is decided about by itself, and that one is in
trouble.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.model.outbox import MailboxCursor
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction


class BatchProcessor:
    """One integration's."""

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        scheduler: MessageHandler,
        store: Store,
        troubled: Quarantine,
        *,
        now: Now,
    ) -> None:
        self._connector_id = connector_id
        self._scheduler = scheduler
        self._store = store
        self._troubled = troubled
        self._now = now
        self.readable = 0
        """How many messages the mailbox could give us."""

    async def decide(
        self,
        asked: Sequence[MessageRef],
        messages: Sequence[MeetingMessage | Unreadable],
        *,
        cursor: str | None = None,
    ) -> None:
        """`asked` has all that were to be read. With a cursor, those before it are
        all decided about then."""
        connector = self._store.get(tables.CONNECTOR, self._connector_id)
        if connector is None:
            return  # deleted meanwhile: nothing may be scheduled for it any more
        self.readable += sum(isinstance(each, MeetingMessage) for each in messages)
        try:
            with self._store.transaction() as change:
                for message in messages:
                    self._decide(change, connector, message)
                durable = self._and_then(change, connector, asked, messages, cursor)
        except PexscheddError:
            raise  # of the store: no message is to blame
        except Exception:  # noqa: BLE001 - whatever it was, one message is to blame
            for message in messages:
                await self._process_alone(connector, message)
            change = self._store.transaction()
            durable = self._and_then(change, connector, asked, messages, cursor)
        await durable

    def _and_then(
        self,
        change: Transaction,
        connector: Connector,
        asked: Sequence[MessageRef],
        messages: Sequence[MeetingMessage | Unreadable],
        cursor: str | None,
    ) -> Deferred[None]:
        """What follows from no single message, and the commit."""
        there = {message.ref.item_id for message in messages}
        for ref in asked:
            if ref.item_id not in there:
                self._troubled.forget(change, ref.item_id)
        if cursor is not None:
            change.put(
                tables.CURSOR,
                MailboxCursor(
                    id=self._connector_id,
                    cursor=cursor,
                    mailbox=connector.room_mailbox_email_address,
                    last_item_time=self._now(),
                ),
            )
        return change.commit()

    def _decide(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> None:
        if isinstance(message, Unreadable):
            self._in_trouble(change, connector, message, message.reason, message.blame)
        else:
            self._scheduler.schedule(change, connector, message)
            self._troubled.forget(change, message.ref.item_id)

    async def _process_alone(
        self, connector: Connector, message: MeetingMessage | Unreadable
    ) -> None:
        try:
            with self._store.transaction() as change:
                self._decide(change, connector, message)
                durable = change.commit()
        except PexscheddError:
            raise
        except Exception as error:  # noqa: BLE001 - the others do not suffer for it
            with self._store.transaction() as change:
                reason = f"internal error ({type(error).__name__})"
                correlation_id = self._in_trouble(change, connector, message, reason)
                durable = change.commit()
            self._log.failure(
                "{correlation_id}: integration {integration}: unexpected error",
                correlation_id=correlation_id,
                integration=connector.id,
            )
        await durable

    def _in_trouble(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        reason: str,
        blame: Blame = Blame.MESSAGE,
    ) -> str:
        """Once more. Returns the correlation id."""
        troubled = self._troubled.count(
            change,
            message.ref,
            reason,
            self._scheduler.correlation_id(),
            blame=blame,
            others=self.readable,
        )
        self._log.warn(
            "{correlation_id}: integration {integration}: cannot be decided about: "
            "{reason} (try {attempts})",
            correlation_id=troubled.correlation_id,
            integration=connector.id,
            reason=reason,
            attempts=troubled.attempts,
        )
        if troubled.set_aside_time is not None:
            id = troubled.correlation_id
            self._scheduler.give_up(change, connector, message, id)
        return troubled.correlation_id
