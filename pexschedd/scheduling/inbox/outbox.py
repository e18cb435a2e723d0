"""Answers that are decided and durable, until the mailbox has taken them.

An answer whose outcome is unknown, because the connection was lost or the process was
killed, is marked as unsure when it is sent again: the mailbox then first checks whether
it was given before.

When an answer cannot be given, the organizer gets the general error instead; when that
cannot be given either, the message is moved to the deleted items without an answer. One
that cannot be moved away is set aside.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import PendingAnswer
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    Mailbox,
    Outcome,
    OutcomeKind,
)
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

BATCH_SIZE = 400
"""Answers that are given to the mailbox together; it divides them into calls."""


CountMessage = Callable[[str, str, float | None], None]
"""Counts a message: the integration's name, the outcome - the action, "gone", "failed"
or "set_aside" - and the seconds since its arrival, if that is known."""


def count_nothing(_integration: str, _outcome: str, _waited: float | None) -> None:
    """Do nothing: for a process without metrics."""


REPLACEMENT_TRIES = 3
"""Attempts at what replaces a failed answer, while the server may be at fault."""

TRIES_IN_ORDER = 3
"""Attempts at an answer for which later ones about the same meeting wait."""


class Outbox:
    """One integration's pending answers."""

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        store: Store,
        alarms: Alarms,
        quarantine: Quarantine,
        *,
        general_error: Callable[[Connector, str], str],
        now: Now,
        count_message: CountMessage = count_nothing,
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        """`general_error` returns the text for a correlation id, as HTML."""
        self._connector_id = connector_id
        self._mailbox = mailbox
        self._store = store
        self._alarms = alarms
        self._quarantine = quarantine
        self._general_error = general_error
        self._now = now
        self._count_message = count_message
        self._tracer = tracer
        self._taken = 0
        """The number of answers that the mailbox has taken in this process."""
        self._unsure: set[int] | None = None
        """Answers that may have been given already. None: this process has sent
        nothing yet, and an earlier one may have given all that are pending."""

    @property
    def has_pending(self) -> bool:
        """True while an answer has not been taken by the mailbox."""
        return bool(self._store.find(tables.OUTBOX_BY_CONNECTOR, self._connector_id))

    def holds(self, ref: MessageRef) -> bool:
        """Return whether an answer to this message is pending."""
        key = (self._connector_id, ref.item_id)
        return self._store.find(tables.OUTBOX_BY_ITEM, key) is not None

    async def send(self) -> None:
        """Send each answer that is due once, oldest first, and record the outcomes."""
        pending = self._store.find_all(tables.OUTBOX_BY_CONNECTOR, self._connector_id)
        if self._unsure is None:
            self._unsure = {each.id for each in pending}
        due: list[PendingAnswer] = []
        waiting: set[str] = set()
        """Meetings with an answer for which their later ones wait."""
        for each in pending:
            if self._quarantine.is_due(each.item_id, self._taken):
                due.append(each)
            elif each.uid and each.attempts <= TRIES_IN_ORDER:
                waiting.add(each.uid)
        for batch in of_different_meetings(due):
            now = [each for each in batch if each.uid not in waiting]
            if now:
                again = await self._send(now, self._unsure)
                waiting.update(each.uid for each in again if each.uid)

    async def _send(
        self, batch: list[PendingAnswer], unsure: set[int]
    ) -> list[PendingAnswer]:
        """Send one batch; return the answers that have to be sent again.

        Raises `StoreReadOnly` before anything is sent, while it is not
        certain that all of it is durable, and the outcome could not be stored.
        """
        answers = [
            Answer(
                MessageRef(each.item_id, each.change_key),
                Action(each.action),
                each.body,
                unsure=each.id in unsure,
                replaces=each.is_last,
            )
            for each in batch
        ]
        self._store.require_writable()
        unsure.update(each.id for each in batch)
        with self._tracer.answering(batch) as trace:
            outcomes = await self._mailbox.answer(answers)
            trace.taken(outcomes)
            outcomes = [
                _before_giving_up(pending, outcome)
                for pending, outcome in zip(batch, outcomes, strict=True)
            ]
            return await self._record(batch, outcomes, unsure)

    async def _record(
        self,
        batch: Sequence[PendingAnswer],
        outcomes: Sequence[Outcome],
        unsure: set[int],
    ) -> list[PendingAnswer]:
        """Record the outcomes; return the answers that have to be sent again."""
        self._taken += sum(each.kind is OutcomeKind.DONE for each in outcomes)
        transaction = self._store.transaction(essential=True)
        again: list[PendingAnswer] = []
        for pending, outcome in zip(batch, outcomes, strict=True):
            if outcome.kind is OutcomeKind.RETRY:
                if outcome.remaining is not None:
                    pending = msgspec.structs.replace(
                        pending, action=outcome.remaining, body=""
                    )
                    transaction.put(tables.OUTBOX, pending)
                again.append(pending)
                if outcome.blame is not Blame.SERVER:
                    self._attempt_failed(transaction, pending, outcome)
                continue
            unsure.discard(pending.id)
            self._count(pending, outcome)
            self._quarantine.forget(transaction, pending.item_id)
            if outcome.kind is OutcomeKind.FAILED:
                self._report_failure(pending, outcome)
                self._replace_answer(transaction, pending)
            else:
                transaction.delete(tables.OUTBOX, pending.id)
        await transaction.commit()
        answered = [
            outcome.kind
            for pending, outcome in zip(batch, outcomes, strict=True)
            if pending.action != Action.DISCARD and not pending.is_last
        ]
        if OutcomeKind.DONE in answered and OutcomeKind.FAILED not in answered:
            self._alarms.lower(self._instance(), names.ANSWER_FAILED)
        return again

    def _count(self, pending: PendingAnswer, outcome: Outcome) -> None:
        done = outcome.kind is OutcomeKind.DONE
        waited = None
        if done and pending.received is not None:
            waited = (self._now() - pending.received).total_seconds()
        what = pending.action if done else str(outcome.kind)
        self._count_message(self._instance(), what, waited)

    def _attempt_failed(
        self, transaction: Transaction, pending: PendingAnswer, outcome: Outcome
    ) -> None:
        """Count a failed attempt; after the last one replace the answer."""
        if self._quarantine.is_set_aside(pending.item_id):
            tries = pending.attempts + 1
            if outcome.blame is Blame.DOUBT and tries < REPLACEMENT_TRIES:
                self._quarantine.delay(pending.item_id)
                counted = msgspec.structs.replace(pending, attempts=tries)
                transaction.put(tables.OUTBOX, counted)
            else:
                self._replace_answer(transaction, pending)
            return
        attempt = self._quarantine.count(
            transaction,
            MessageRef(pending.item_id, pending.change_key),
            f"{_left_undone(pending)}: {outcome.reason}",
            pending.correlation_id,
            blame=outcome.blame,
            successes=self._taken,
        )
        if attempt.set_aside_time is None:
            counted = msgspec.structs.replace(pending, attempts=attempt.attempts)
            transaction.put(tables.OUTBOX, counted)
            return
        self._count_message(self._instance(), "set_aside", None)
        self._replace_answer(transaction, pending)

    def _replace_answer(self, transaction: Transaction, pending: PendingAnswer) -> None:
        """Replace an answer that cannot be given: by the general error, then by moving
        the message away. It must not stay in the inbox, where it would be decided
        about again if the inbox is read from the beginning."""
        connector = self._connector()
        is_answer = pending.action in (Action.ACCEPT, Action.DECLINE)
        if pending.action == Action.DISCARD:
            self._quarantine.forget(transaction, pending.item_id)
            transaction.delete(tables.OUTBOX, pending.id)
            return
        replaced = msgspec.structs.replace(
            pending, action=Action.DISCARD, body="", attempts=0, is_last=True
        )
        if is_answer and not pending.is_last and connector is not None:
            replaced = msgspec.structs.replace(
                replaced,
                action=Action.DECLINE,
                body=self._general_error(connector, pending.correlation_id),
            )
        transaction.put(tables.OUTBOX, replaced)

    def _connector(self) -> Connector | None:
        return self._store.get(tables.CONNECTOR, self._connector_id)

    def _instance(self) -> str:
        connector = self._connector()
        return connector.name if connector else str(self._connector_id)

    def _report_failure(self, pending: PendingAnswer, outcome: Outcome) -> None:
        self._log.error(
            "mailbox refused to {action} a meeting integration={integration} "
            "correlation_id={correlation_id}: {reason}",
            correlation_id=pending.correlation_id,
            integration=self._connector_id,
            action=pending.action,
            reason=outcome.reason,
        )
        follows = {
            Action.ACCEPT: "Its organizer is told the general error instead.",
            Action.DECLINE: "Its organizer is told the general error instead.",
            Action.REMOVE: "Delete the meeting there; nothing else is left to do.",
            Action.REPLY: "Its sender gets no answer.",
        }[Action(pending.action)]
        if pending.is_last and pending.action == Action.DECLINE:
            follows = "Its organizer got no answer."
        connector = self._connector()
        mailbox = connector.mailbox_address if connector else "unknown"
        self._alarms.raise_(
            names.ANSWER_FAILED,
            self._instance(),
            f"{_left_undone(pending)}: {outcome.reason} (mailbox {mailbox}, "
            f"correlation id {pending.correlation_id}). {follows}",
        )


def _before_giving_up(pending: PendingAnswer, outcome: Outcome) -> Outcome:
    """Return the outcome to act on: a message that cannot be moved away is tried again,
    and then set aside. In the inbox it would be decided about once more."""
    if pending.action != Action.DISCARD or outcome.kind is not OutcomeKind.FAILED:
        return outcome
    return msgspec.structs.replace(outcome, kind=OutcomeKind.RETRY, blame=Blame.MESSAGE)


def _left_undone(pending: PendingAnswer) -> str:
    """A sentence for an administrator about what Exchange has not done."""
    return {
        Action.ACCEPT: "Exchange refused to accept a meeting request",
        Action.DECLINE: "Exchange refused to decline a meeting request",
        Action.REMOVE: "A meeting was cancelled and its room is closed, but Exchange "
        "did not take it out of the equipment mailbox's calendar",
        Action.REPLY: "Exchange refused to reply to a message",
        Action.DISCARD: "Exchange did not move a message that is done with out of the "
        "equipment mailbox's inbox",
    }[Action(pending.action)]


def of_different_meetings(
    pending: Sequence[PendingAnswer], most: int = BATCH_SIZE
) -> Iterator[list[PendingAnswer]]:
    """Yield batches of at most `most` answers, no two about the same meeting.

    A mailbox may give the answers of one batch in any order. Answers about one meeting
    keep their order: the second answers of all meetings come after all the first ones.
    """
    rounds: list[list[PendingAnswer]] = []
    answers_of: Counter[str] = Counter()
    for each in pending:
        number = answers_of[each.uid] if each.uid else 0
        answers_of[each.uid] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(each)
    for answers in rounds:
        for start in range(0, len(answers), most):
            yield answers[start : start + most]
