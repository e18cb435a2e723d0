"""From one message to the records and the answer that follow, within a transaction.

The shell around `decide`: it supplies the records, ids and randomness, and writes the
text of the answer. A message that cannot be decided about is declined with the general
error, under a correlation id that is in the log too. Unforeseen errors are raised: the
caller tries again, and calls `give_up` after a few attempts; what may be about somebody
else's meeting is not declined then, its sender gets a reply.

So every meeting message is dealt with in the end. Requests are answered, except for
outdated ones, which are discarded; cancellations are carried out without mail, except
for a reply to a person who is not the organizer. A message that is not about a meeting
stays in the inbox as it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.outbox import PendingAnswer, PendingRewrite
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.context import IdSource, tagged_aliases
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import (
    Decision,
    Undecidable,
    changes_in_words,
)
from pexschedd.scheduling.decisions.own_records import is_somebody_elses
from pexschedd.scheduling.ports.mailbox import Action, Unreadable
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.scheduling.records.address_book import AddressBook
from pexschedd.scheduling.records.apply_decision import apply_decision
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_history import MessageHistory, action_of
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

# A module's logger: one that is an attribute would be named after its class.
_log = Logger(namespace="administrator.scheduling")


class MessageHandler:
    """Decides about single messages, for all integrations.

    `digits` returns a random decimal number of the given length.
    """

    def __init__(
        self,
        store: Store,
        texts: MessageTexts,
        *,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        self._store = store
        self.addresses = AddressBook()
        """The directory's addresses, for the messages at hand; see `to_look_up`."""
        self._lookup = MeetingLookup(store, self.addresses)
        self._history = MessageHistory(store, self._lookup, now)
        self._texts = texts
        self._now = now
        self._uuid4 = uuid4
        self._digits = digits
        self._tracer = tracer

    def handle(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        *,
        may_wait: bool = False,
    ) -> str:
        """Add to `transaction` everything that follows from `message`.

        Returns why the message has to wait, if it comes too early: then nothing follows
        from it yet, and it is to be handled again. Only with `may_wait`.
        """
        correlation_id = self._uuid4()
        item_id = message.ref.item_id
        self._tracer.deciding(item_id)
        try:
            decision, body = self._decide(
                transaction, connector, message, may_wait=may_wait
            )
        except PexscheddError as error:
            _log.warn(
                "message declined integration={integration} "
                "correlation_id={correlation_id}: {reason}",
                correlation_id=correlation_id,
                integration=connector.id,
                reason=error.message,
            )
            failed = Decision(f"declined: {error.message}", Action.DECLINE)
            self._history.note(transaction, connector, message, failed, correlation_id)
            self._decline(transaction, connector, message, correlation_id)
            self._tracer.decided(item_id, correlation_id, action_of(failed), error.code)
            return ""
        if decision.waits:
            return decision.note
        _log.info(
            "message processed integration={integration} "
            "correlation_id={correlation_id}: {note}{records}",
            correlation_id=correlation_id,
            integration=connector.id,
            note=decision.note,
            records=changes_in_words(decision.changes),
        )
        self._history.note(transaction, connector, message, decision, correlation_id)
        apply_decision(transaction, self._store, decision.changes, self._now())
        if decision.action is Action.REMOVE:
            self._cancel_rewrites(transaction, connector, message)
        if decision.token:
            self._rewrite_later(
                transaction, connector, message, decision, correlation_id
            )
        elif decision.action is not None:
            self._answer(
                transaction, connector, message, decision.action, body, correlation_id
            )
        self._tracer.decided(item_id, correlation_id, action_of(decision))
        return ""

    def to_look_up(
        self, connector: Connector, messages: Iterable[MeetingMessage | Unreadable]
    ) -> set[str]:
        """Return the addresses that have to be looked up in the directory first.

        They are those of organizers of one meeting, as records and messages name them,
        where these differ, and of one who wants a tag that another one's meeting has,
        or had: almost always none.
        """
        readable = [m for m in messages if isinstance(m, MeetingMessage) and m.uid]
        named: defaultdict[str, set[str]] = defaultdict(set)
        for message in readable:
            named[message.uid].add(organizer.address_of(message))
        for uid, addresses in named.items():
            known = self._lookup.records(connector.id, uid)
            early = self._lookup.early_cancellations(connector.id, uid)
            addresses.update(each.organizer for each in known)
            addresses.update(each.organizer for each in early)
        groups = [*named.values()]
        for message in readable:
            for alias in tagged_aliases(message, self._lookup, connector):
                if alias.ews_item_uid != message.uid:
                    before = self._organizers_of(alias, named)
                    groups.append({organizer.address_of(message), *before})
        for group in groups:
            group.discard("")
        return set().union(*(group for group in groups if len(group) > 1))

    def _organizers_of(
        self, alias: ScheduledAlias, named: Mapping[str, set[str]]
    ) -> set[str]:
        """Return the organizers of the meeting that has an alias, or has left it;
        `named` has those of the messages at hand, by the meeting's id."""
        uid = alias.ews_item_uid
        known = self._lookup.records(alias.exchange_connector, uid) if uid else []
        organizers = {each.organizer for each in known} | named.get(uid, set())
        return organizers | ({alias.vacancy.organizer} if alias.vacancy else set())

    def give_up(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        correlation_id: str,
    ) -> None:
        """Answer with the general error, as the last thing that can be said."""
        if isinstance(message, MeetingMessage) and message.kind is MessageKind.OTHER:
            return  # no organizer waits for an answer
        if message.hidden and not self._is_scheduled(connector, message):
            return  # what is deleted concerns us only where there is a room
        reply = self._reply_instead(connector, message, correlation_id)
        if not reply:
            self._decline(transaction, connector, message, correlation_id)
            return
        self._answer(
            transaction,
            connector,
            message,
            Action.REPLY,
            reply,
            correlation_id,
            is_last=True,
        )

    def _reply_instead(
        self,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        correlation_id: str,
    ) -> str:
        """Return what the sender is told, as HTML, where a decline would take a known
        meeting out of the calendar that may be somebody else's; else nothing."""
        if isinstance(message, MeetingMessage):
            if is_somebody_elses(message, self._lookup, connector):
                return organizer.NOT_THE_ORGANIZER
            return ""
        if self._is_scheduled(connector, message):
            return organizer.CANNOT_BE_READ.format(correlation_id=correlation_id)
        return ""

    def _is_scheduled(
        self, connector: Connector, message: MeetingMessage | Unreadable
    ) -> bool:
        """Return whether there are records of a message's meeting, whosever it is."""
        uid = message.uid if isinstance(message, MeetingMessage) else message.ref.uid
        return bool(uid and self._lookup.records(connector.id, uid))

    def correlation_id(self) -> str:
        """Return a new correlation id."""
        return self._uuid4()

    def _decline(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        correlation_id: str,
    ) -> None:
        self._answer(
            transaction,
            connector,
            message,
            Action.DECLINE,
            self.general_error(connector, correlation_id),
            correlation_id,
            is_last=True,
        )

    def general_error(self, connector: Connector, correlation_id: str) -> str:
        """Return the answer to a message that cannot be processed, as HTML."""
        return self._texts.general_error(connector, correlation_id)

    def _decide(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        *,
        may_wait: bool,
    ) -> tuple[Decision, str]:
        """Decide, and write the answer's text; nothing is changed yet."""
        if isinstance(message, Unreadable):
            raise Undecidable(f"Exchange cannot give us the message: {message.reason}")
        decision = decide(
            message,
            self._lookup,
            connector,
            self._texts.room_texts(connector),
            self._now(),
            IdSource(transaction.new_id, self._digits),
            may_wait=may_wait,
        )
        if decision.template is None:
            return decision, decision.reply
        body = self._texts.answer(connector, decision.template, message, decision.alias)
        return decision, body

    def _rewrite_later(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        decision: Decision,
        correlation_id: str,
    ) -> None:
        assert isinstance(message, MeetingMessage)  # noqa: S101 - it was decided about
        transaction.put(
            tables.REWRITE,
            PendingRewrite(
                id=transaction.new_id(tables.REWRITE),
                exchange_connector=connector.id,
                item_id=message.ref.item_id,
                change_key=message.ref.change_key,
                uid=message.uid,
                recurrence_id=message.recurrence_id,
                start=message.start,
                organizer=message.organizer.email,
                token=decision.token,
                correlation_id=correlation_id,
                created=self._now(),
            ),
        )

    def _is_rewrites_organizer(
        self, connector: Connector, message: MeetingMessage, pending: PendingRewrite
    ) -> bool:
        """Return whether a cancellation comes from the organizer of the rewrite."""
        return self._lookup.same_mailbox(
            connector.id, pending.organizer, organizer.address_of(message)
        )

    def _cancel_rewrites(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> None:
        """Mark pending rewrites of a meeting that was cancelled meanwhile: its
        organizer is not to be told that it cannot be found."""
        assert isinstance(message, MeetingMessage)  # noqa: S101 - it was decided about
        for pending in self._store.find_all(tables.REWRITE_BY_CONNECTOR, connector.id):
            if not self._is_rewrites_organizer(connector, message, pending):
                continue
            if pending.uid == message.uid and message.recurrence_id in (
                None,
                pending.recurrence_id,
            ):
                transaction.put(
                    tables.REWRITE, msgspec.structs.replace(pending, cancelled=True)
                )

    def _answer(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        action: Action,
        body: str,
        correlation_id: str,
        *,
        is_last: bool = False,
    ) -> None:
        known = message if isinstance(message, MeetingMessage) else None
        transaction.put(
            tables.OUTBOX,
            PendingAnswer(
                id=transaction.new_id(tables.OUTBOX),
                exchange_connector=connector.id,
                item_id=message.ref.item_id,
                change_key=message.ref.change_key,
                uid=known.uid if known else "",
                action=action,
                body=body,
                correlation_id=correlation_id,
                created=self._now(),
                received=known.received if known else None,
                is_last=is_last,
            ),
        )
