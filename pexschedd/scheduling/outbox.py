"""Answers that are decided and durable, until the mailbox has taken them.

An answer whose fate is unknown, because the connection was lost or the process was
killed, is marked as unsure when it is given again: the mailbox looks first whether it
was given before.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import PendingAnswer
from pexschedd.scheduling import alarms as names
from pexschedd.scheduling.alarms import Alarms
from pexschedd.scheduling.mailbox import (
    Action,
    Answer,
    Mailbox,
    Outcome,
    OutcomeKind,
)
from pexschedd.scheduling.troubled import Troubled
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

AT_ONCE = 400
"""Answers that are given to the mailbox together; it makes calls of them."""


Tally = Callable[[str, str, float | None], None]
"""Counts messages: the integration, what became of one - the action, "gone", "failed"
or "set_aside" - and the seconds from its arrival, if that is known."""


def no_tally(_integration: str, _outcome: str, _waited: float | None) -> None:
    """Nobody counts."""


class Outbox:
    """One integration's pending answers."""

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        store: Store,
        alarms: Alarms,
        troubled: Troubled,
        *,
        now: Now,
        tally: Tally = no_tally,
    ) -> None:
        self._connector_id = connector_id
        self._mailbox = mailbox
        self._store = store
        self._alarms = alarms
        self._troubled = troubled
        self._now = now
        self._tally = tally
        self._unsure: set[int] | None = None
        """Answers that may have been given. None: nothing was sent in this life, and
        all that is pending may have been given in an earlier one."""

    def holds(self, ref: MessageRef) -> bool:
        """Whether this message is decided already and only has to be told."""
        key = (self._connector_id, ref.item_id)
        return self._store.find(tables.OUTBOX_BY_ITEM, key) is not None

    async def send(self) -> None:
        """Tells the mailbox every pending answer once, oldest first."""
        pending = self._store.find_all(tables.OUTBOX_BY_CONNECTOR, self._connector_id)
        if self._unsure is None:
            self._unsure = {each.id for each in pending}
        due = [each for each in pending if self._troubled.is_due(each.item_id)]
        for batch in of_different_meetings(due):
            await self._send(batch, self._unsure)

    async def _send(self, batch: list[PendingAnswer], unsure: set[int]) -> None:
        answers = [
            Answer(
                MessageRef(each.item_id, each.change_key),
                Action(each.action),
                each.body,
                unsure=each.id in unsure,
            )
            for each in batch
        ]
        unsure.update(each.id for each in batch)
        outcomes = await self._mailbox.answer(answers)
        change = self._store.transaction(essential=True)
        for pending, outcome in zip(batch, outcomes, strict=True):
            if outcome.kind is OutcomeKind.RETRY:
                if outcome.own:
                    self._failed_again(change, pending, outcome)
                continue
            unsure.discard(pending.id)
            self._count(pending, outcome)
            self._troubled.forget(change, pending.item_id)
            if outcome.kind is OutcomeKind.FAILED:
                self._failed(pending, outcome)
            if outcome.kind is OutcomeKind.FAILED and pending.action != Action.DISCARD:
                # It would stay in the inbox, and be decided again after a fresh start.
                gone = msgspec.structs.replace(pending, action=Action.DISCARD, body="")
                change.put(tables.OUTBOX, gone)
            else:
                change.delete(tables.OUTBOX, pending.id)
        await change.commit()
        told = [
            outcome.kind
            for pending, outcome in zip(batch, outcomes, strict=True)
            if pending.action != Action.DISCARD
        ]
        if OutcomeKind.DONE in told and OutcomeKind.FAILED not in told:
            self._alarms.lower(self._instance(), names.ANSWER_FAILED)

    def _count(self, pending: PendingAnswer, outcome: Outcome) -> None:
        done = outcome.kind is OutcomeKind.DONE
        waited = None
        if done and pending.received is not None:
            waited = (self._now() - pending.received).total_seconds()
        what = pending.action if done else str(outcome.kind)
        self._tally(self._instance(), what, waited)

    def _failed_again(
        self, change: Transaction, pending: PendingAnswer, outcome: Outcome
    ) -> None:
        """After the last try the message has to go without an answer."""
        troubled = self._troubled.count(
            change,
            MessageRef(pending.item_id, pending.change_key),
            f"Exchange did not {pending.action} it: {outcome.reason}",
            pending.correlation_id,
        )
        if troubled.set_aside_time is None:
            counted = msgspec.structs.replace(pending, attempts=troubled.attempts)
            change.put(tables.OUTBOX, counted)
            return
        self._tally(self._instance(), "set_aside", None)
        if pending.action == Action.DISCARD:
            change.delete(tables.OUTBOX, pending.id)
        else:
            gone = msgspec.structs.replace(pending, action=Action.DISCARD, body="")
            change.put(tables.OUTBOX, gone)

    def _instance(self) -> str:
        connector = self._store.get(tables.CONNECTOR, self._connector_id)
        return connector.name if connector else str(self._connector_id)

    def _failed(self, pending: PendingAnswer, outcome: Outcome) -> None:
        self._log.error(
            "{correlation_id}: the mailbox refused to {action} a meeting: {reason}",
            correlation_id=pending.correlation_id,
            action=pending.action,
            reason=outcome.reason,
        )
        self._alarms.raise_(
            names.ANSWER_FAILED,
            self._instance(),
            f"Exchange refused to {pending.action} a meeting request, so its organizer "
            f"got no answer: {outcome.reason} (correlation id "
            f"{pending.correlation_id}).",
        )


def of_different_meetings(
    pending: Sequence[PendingAnswer], most: int = AT_ONCE
) -> Iterator[list[PendingAnswer]]:
    """In batches in which every meeting has one answer at most, because a mailbox may
    give the answers of one batch in any order. A meeting's own keep theirs: its second
    comes with the seconds of the others, after all the firsts."""
    rounds: list[list[PendingAnswer]] = []
    seen: Counter[str] = Counter()
    for each in pending:
        number = seen[each.uid] if each.uid else 0
        seen[each.uid] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(each)
    for answers in rounds:
        for start in range(0, len(answers), most):
            yield answers[start : start + most]
