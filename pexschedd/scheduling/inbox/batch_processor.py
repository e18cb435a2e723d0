"""Decides about the messages of a batch, and commits what follows.

A batch is worked through in slices of some milliseconds, between which the reactor
serves everything else. What is decided within a slice is committed with it, so nothing
else is written between a decision and its commit, and the next slice sees what was
written in the meantime. The slices do not wait for the disk one by one: commits become
durable in their order, and the batch is done when all of them are.

If one message causes an unforeseen error, each message of its slice is decided about
and committed by itself, and that one is quarantined.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.model.outbox import MailboxCursor
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.ports.mailbox import Blame, Mailbox, Unreadable
from pexschedd.scheduling.ports.tracing import (
    FAILED,
    NO_TRACER,
    POSTPONED,
    SET_ASIDE,
    MessageTracer,
)
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import TimeSlice, pause

AT_ONCE = 25
"""Messages in a slice, at most."""

LONGEST = 0.020
"""Seconds after which a slice ends, however few messages it had. An ordinary one takes
half a millisecond, and its part of the commit a tenth of one."""

RememberTokens = Callable[[Transaction, Iterable[str]], object]
"""Adds to a transaction that identity tokens were in a message; never fails."""


class _Batch(NamedTuple):
    """A batch of messages, and what is committed with the last of them."""

    messages: Sequence[MeetingMessage | Unreadable]
    gone: Sequence[str]
    """Item ids of what is not in the mailbox any more."""
    cursor: MailboxCursor | None


class BatchProcessor:
    """Processes one integration's messages; those that fail go to its quarantine.

    `remember_tokens` is told the tokens of every message that can be read, whatever is
    decided about it: all its recipients can read them.
    """

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        handler: MessageHandler,
        store: Store,
        quarantine: Quarantine,
        remember_tokens: RememberTokens,
        *,
        clock: IReactorTime,
        now: Now,
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        self._connector_id = connector_id
        self._mailbox = mailbox
        self._handler = handler
        self._store = store
        self._quarantine = quarantine
        self._remember_tokens = remember_tokens
        self._clock = clock
        self._now = now
        self._tracer = tracer
        self._readable = 0
        """The number of messages that the mailbox has shown since the process began."""

    @property
    def has_retries(self) -> bool:
        """True while a message waits to be tried again."""
        return self._quarantine.is_waiting

    def holds(self, ref: MessageRef) -> bool:
        """Return whether a message is quarantined: tried again later, or set aside."""
        return self._quarantine.holds(ref)

    def due_retries(self) -> list[MessageRef]:
        """Return the quarantined messages that are to be tried again now."""
        return self._quarantine.due(self._readable)

    async def tidy(self, connector: Connector) -> None:
        """Delete old records of messages that were set aside, and update the alarm."""
        await self._quarantine.tidy(connector.name)

    async def process(
        self,
        requested: Sequence[MessageRef],
        messages: Sequence[MeetingMessage | Unreadable],
        *,
        cursor: str | None = None,
    ) -> None:
        """Decide about `messages`, and commit what follows from them; all of it is
        durable when this returns.

        `requested` has every reference that was to be fetched: what is missing among
        the messages is gone from the mailbox. A `cursor` is stored in the last commit;
        everything before it has then been decided about.
        """
        connector = self._connector()
        if connector is None:
            return  # deleted meanwhile: nothing may be scheduled for it any more
        self._tracer.processing(requested)
        self._readable += sum(isinstance(each, MeetingMessage) for each in messages)
        self._handler.addresses.clear(self._connector_id)
        found = {message.ref.item_id for message in messages}
        gone = [ref.item_id for ref in requested if ref.item_id not in found]
        batch = _Batch(messages, gone, self._position(connector, cursor))
        commits: list[Deferred[None]] = []
        try:
            await self._process_in_slices(batch, commits)
        finally:
            await _all_durable(commits)
        self._tracer.committed()

    async def _process_in_slices(
        self, batch: _Batch, commits: list[Deferred[None]]
    ) -> None:
        """Begin one commit for each slice, and add it to `commits`; end early if the
        integration is deleted."""
        position = 0
        while (connector := self._connector()) is not None:
            ahead = batch.messages[position : position + AT_ONCE]
            await self._look_up(connector, ahead[:1])
            if self._connector() is None:
                return  # deleted while the directory was asked
            try:
                with self._store.transaction() as transaction:
                    done = self._decide_slice(transaction, connector, ahead)
                    durable = self._conclude(transaction, batch, position, done)
            except PexscheddError:
                raise  # the store's: no message is to blame
            except Exception:  # noqa: BLE001 - any error of one message may end up here
                for message in ahead:
                    await self._process_alone(connector, message)
                    if self._connector() is None:
                        return  # deleted while the commit was under way
                done = len(ahead)
                transaction = self._store.transaction()
                durable = self._conclude(transaction, batch, position, done)
            commits.append(durable)
            position += done
            if position == len(batch.messages):
                return
            await pause(self._clock)

    def _decide_slice(
        self,
        transaction: Transaction,
        connector: Connector,
        ahead: Sequence[MeetingMessage | Unreadable],
    ) -> int:
        """Decide about messages until the slice is over, or the directory has to be
        asked about the next one; return how many they were."""
        time_slice = TimeSlice(self._clock, AT_ONCE, LONGEST)
        for number, message in enumerate(ahead):
            if self._to_look_up(connector, [message]):
                return number
            self._decide(transaction, connector, message)
            if time_slice.is_over():
                return number + 1
        return len(ahead)

    def _conclude(
        self, transaction: Transaction, batch: _Batch, position: int, done: int
    ) -> Deferred[None]:
        """Add what follows from the slice as a whole and, if it is the last one, from
        the batch, and begin the commit."""
        for message in batch.messages[position : position + done]:
            if isinstance(message, MeetingMessage):
                self._remember_tokens(transaction, tags.tags_of(message).tok)
        if position + done == len(batch.messages):
            for item_id in batch.gone:
                self._quarantine.forget(transaction, item_id)
            if batch.cursor is not None:
                transaction.put(tables.CURSOR, batch.cursor)
        return transaction.commit()

    def _position(
        self, connector: Connector, cursor: str | None
    ) -> MailboxCursor | None:
        """Return the record of a position in the mailbox."""
        if cursor is None:
            return None
        return MailboxCursor(
            id=connector.id,
            cursor=cursor,
            mailbox=connector.mailbox_address,
            last_item_time=self._now(),
        )

    def _connector(self) -> Connector | None:
        return self._store.get(tables.CONNECTOR, self._connector_id)

    async def _look_up(
        self, connector: Connector, messages: Sequence[MeetingMessage | Unreadable]
    ) -> None:
        """Ask the directory about organizers of one meeting with different addresses.

        Raises `MailboxError` when it cannot be asked now: the batch is read again.
        """
        for address in sorted(self._to_look_up(connector, messages)):
            primary = await self._mailbox.primary_address(address)
            self._handler.addresses.learn(connector.id, address, primary)

    def _to_look_up(
        self, connector: Connector, messages: Sequence[MeetingMessage | Unreadable]
    ) -> list[str]:
        """Return the addresses that the directory has not been asked about yet."""
        book = self._handler.addresses
        addresses = self._handler.to_look_up(connector, messages)
        return [each for each in addresses if not book.has(connector.id, each)]

    def _decide(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> None:
        if isinstance(message, Unreadable):
            self._attempt_failed(
                transaction, connector, message, message.reason, message.blame
            )
            return
        item_id = message.ref.item_id
        reason = self._handler.handle(
            transaction, connector, message, may_wait=self._quarantine.may_wait(item_id)
        )
        if reason:
            self._postpone(transaction, connector, message, reason)
        else:
            self._quarantine.forget(transaction, item_id)

    def _postpone(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage,
        reason: str,
    ) -> None:
        """Decide about a message again later, before the attempts at it are used up."""
        attempt = self._quarantine.count(
            transaction, message.ref, reason, self._handler.correlation_id()
        )
        self._tracer.decided(message.ref.item_id, attempt.correlation_id, POSTPONED)
        self._log.info(
            "message postponed integration={integration} "
            "correlation_id={correlation_id} attempts={attempts}: {reason}",
            correlation_id=attempt.correlation_id,
            integration=connector.id,
            reason=reason,
            attempts=attempt.attempts,
        )

    async def _process_alone(
        self, connector: Connector, message: MeetingMessage | Unreadable
    ) -> None:
        try:
            with self._store.transaction() as transaction:
                self._decide(transaction, connector, message)
                durable = transaction.commit()
        except PexscheddError:
            raise
        except Exception as error:  # noqa: BLE001 - the other messages must go on
            with self._store.transaction() as transaction:
                reason = f"internal error ({type(error).__name__})"
                correlation_id = self._attempt_failed(
                    transaction, connector, message, reason
                )
                durable = transaction.commit()
            self._log.failure(
                "message failed unexpectedly integration={integration} "
                "correlation_id={correlation_id}",
                correlation_id=correlation_id,
                integration=connector.id,
            )
        await durable

    def _attempt_failed(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        reason: str,
        blame: Blame = Blame.MESSAGE,
    ) -> str:
        """Count a failed attempt; after the last one the organizer is told the general
        error. Returns the message's correlation id."""
        attempt = self._quarantine.count(
            transaction,
            message.ref,
            reason,
            self._handler.correlation_id(),
            blame=blame,
            successes=self._readable,
        )
        self._log.warn(
            "message cannot be processed integration={integration} "
            "correlation_id={correlation_id} attempts={attempts}: {reason}",
            correlation_id=attempt.correlation_id,
            integration=connector.id,
            reason=reason,
            attempts=attempt.attempts,
        )
        is_last = attempt.set_aside_time is not None
        self._tracer.decided(
            message.ref.item_id,
            attempt.correlation_id,
            SET_ASIDE if is_last else FAILED,
            str(blame),
        )
        if is_last:
            id = attempt.correlation_id
            self._handler.give_up(transaction, connector, message, id)
        return attempt.correlation_id


async def _all_durable(commits: Sequence[Deferred[None]]) -> None:
    """Wait for all commits. Raises the first one's error if any has failed."""
    for _, failure in await DeferredList(commits, consumeErrors=True):
        if isinstance(failure, Failure):
            failure.raiseException()
