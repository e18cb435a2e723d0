"""From one message to the records and the answer that follow, within a transaction.

The shell around `decide`: gives it what is known, ids and randomness, words the
answer, and turns what cannot be scheduled into the general error text, under a
correlation id that the log has too. What nobody foresaw is raised: who called tries
again, and gives up after a few times. A message therefore always gets an answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.outbox import PendingAnswer, PendingRewrite
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.context import IdSource, scheduled
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import Decision, Undecidable, in_words
from pexschedd.scheduling.ports.mailbox import Action, Unreadable
from pexschedd.scheduling.records.address_book import AddressBook
from pexschedd.scheduling.records.apply_decision import apply_decision
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

# Not of the class: a logger that is one's attribute is named after the class.
_log = Logger(namespace="administrator.scheduling")


class MessageHandler:
    def __init__(
        self,
        store: Store,
        wording: MessageTexts,
        *,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self.addresses = AddressBook()
        """The directory's addresses, for the messages at hand; see `to_look_up`."""
        self._known = MeetingLookup(store, self.addresses)
        self._wording = wording
        self._now = now
        self._uuid4 = uuid4
        self._digits = digits

    def schedule(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> None:
        """Adds to `change` all that follows from `message`."""
        correlation_id = self._uuid4()
        try:
            decision, body = self._decide(change, connector, message)
        except PexscheddError as error:
            _log.warn(
                "{correlation_id}: integration {integration}: declined: {reason}",
                correlation_id=correlation_id,
                integration=connector.id,
                reason=error.message,
            )
            self._decline(change, connector, message, correlation_id)
            return
        _log.info(
            "{correlation_id}: integration {integration}: {note}{records}",
            correlation_id=correlation_id,
            integration=connector.id,
            note=decision.note,
            records=in_words(decision.changes),
        )
        apply_decision(change, self._store, decision.changes, self._now())
        if decision.action is Action.REMOVE:
            self._rewrite_called_off(change, connector, message)
        if decision.token:
            self._rewrite_later(change, connector, message, decision, correlation_id)
        elif decision.action is not None:
            self._answer(
                change, connector, message, decision.action, body, correlation_id
            )

    def to_look_up(
        self, connector: Connector, messages: Iterable[MeetingMessage | Unreadable]
    ) -> set[str]:
        """Return the addresses that have to be looked up in the directory first.

        They are those of organizers of one meeting, as records and messages name them,
        where these differ: almost always none.
        """
        named: defaultdict[str, set[str]] = defaultdict(set)
        for message in messages:
            if isinstance(message, MeetingMessage) and message.uid:
                named[message.uid].add(organizer.address_of(message))
        for uid, addresses in named.items():
            known = scheduled(self._known, connector.id, uid)
            early = self._known.cancelled_early(connector.id, uid)
            addresses.update(each.organizer for each in known)
            addresses.update(each.organizer for each in early)
            addresses.discard("")
        return set().union(*(each for each in named.values() if len(each) > 1))

    def give_up(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        correlation_id: str,
    ) -> None:
        """Adds the general error to `change`: nothing else can be said any more."""
        if isinstance(message, MeetingMessage) and message.kind is MessageKind.OTHER:
            return  # nobody waits for an answer
        self._decline(change, connector, message, correlation_id)

    def correlation_id(self) -> str:
        """A new one."""
        return self._uuid4()

    def _decline(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        correlation_id: str,
    ) -> None:
        self._answer(
            change,
            connector,
            message,
            Action.DECLINE,
            self.general_error(connector, correlation_id),
            correlation_id,
            is_last=True,
        )

    def general_error(self, connector: Connector, correlation_id: str) -> str:
        """What organizers are told when nothing else can be said."""
        return self._wording.general_error(connector, correlation_id)

    def _decide(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> tuple[Decision, str]:
        """Decides and words the answer; changes nothing."""
        if isinstance(message, Unreadable):
            raise Undecidable(f"Exchange cannot give us the message: {message.reason}")
        decision = decide(
            message,
            self._known,
            connector,
            self._wording.of_room(connector),
            self._now(),
            IdSource(change.new_id, self._digits),
        )
        if decision.text is None:
            return decision, decision.reply
        body = self._wording.answer(connector, decision.text, message, decision.alias)
        return decision, body

    def _rewrite_later(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        decision: Decision,
        correlation_id: str,
    ) -> None:
        assert isinstance(message, MeetingMessage)  # noqa: S101 - it was decided about
        change.put(
            tables.REWRITE,
            PendingRewrite(
                id=change.new_id(tables.REWRITE),
                exchange_connector=connector.id,
                item_id=message.ref.item_id,
                change_key=message.ref.change_key,
                uid=message.uid,
                recurrence_id=message.recurrence_id,
                organizer=message.organizer.email,
                token=decision.token,
                correlation_id=correlation_id,
                created=self._now(),
            ),
        )

    def _rewrite_called_off(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
    ) -> None:
        """Who has cancelled a meeting is not told that it cannot be found."""
        assert isinstance(message, MeetingMessage)  # noqa: S101 - it was decided about
        for pending in self._store.find_all(tables.REWRITE_BY_CONNECTOR, connector.id):
            if pending.uid == message.uid and message.recurrence_id in (
                None,
                pending.recurrence_id,
            ):
                change.put(
                    tables.REWRITE, msgspec.structs.replace(pending, cancelled=True)
                )

    def _answer(
        self,
        change: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        action: Action,
        body: str,
        correlation_id: str,
        *,
        is_last: bool = False,
    ) -> None:
        known = message if isinstance(message, MeetingMessage) else None
        change.put(
            tables.OUTBOX,
            PendingAnswer(
                id=change.new_id(tables.OUTBOX),
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
