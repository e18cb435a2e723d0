"""Answers that are decided and durable, until the mailbox has taken them.

An answer whose fate is unknown, because the connection was lost or the process was
killed, is marked as unsure when it is given again: the mailbox looks first whether it
was given before.

When an answer cannot be given, its organizer gets the general error instead; when that
cannot be said either, the message goes without a word.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.integration import Connector
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
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

AT_ONCE = 400
"""Answers that are given to the mailbox together; it makes calls of them."""


CountMessage = Callable[[str, str, float | None], None]
"""Counts messages: the integration, what became of one - the action, "gone", "failed"
or "set_aside" - and the seconds from its arrival, if that is known."""


def count_nothing(_integration: str, _outcome: str, _waited: float | None) -> None:
    """Nobody counts."""


TRIES_INSTEAD = 3
"""Of what is said or done instead, if it is in doubt whose fault it is."""

IN_ORDER = 3
"""Tries of an answer that later ones about the same meeting wait for."""


class Outbox:
    """One integration's pending answers."""

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        store: Store,
        alarms: Alarms,
        troubled: Quarantine,
        *,
        general_error: Callable[[Connector, str], str],
        now: Now,
        tally: CountMessage = count_nothing,
    ) -> None:
        """`general_error` words it, with a correlation id."""
        self._connector_id = connector_id
        self._mailbox = mailbox
        self._store = store
        self._alarms = alarms
        self._troubled = troubled
        self._general_error = general_error
        self._now = now
        self._tally = tally
        self._taken = 0
        """How many answers the mailbox has taken."""
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
        due: list[PendingAnswer] = []
        waiting: set[str] = set()
        """Meetings with an answer that others wait for."""
        for each in pending:
            if self._troubled.is_due(each.item_id, self._taken):
                due.append(each)
            elif each.uid and each.attempts <= IN_ORDER:
                waiting.add(each.uid)
        for batch in of_different_meetings(due):
            now = [each for each in batch if each.uid not in waiting]
            if now:
                again = await self._send(now, self._unsure)
                waiting.update(each.uid for each in again if each.uid)

    async def _send(
        self, batch: list[PendingAnswer], unsure: set[int]
    ) -> list[PendingAnswer]:
        """Returns those that are to be given again."""
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
        self._taken += sum(each.kind is OutcomeKind.DONE for each in outcomes)
        change = self._store.transaction(essential=True)
        again: list[PendingAnswer] = []
        for pending, outcome in zip(batch, outcomes, strict=True):
            if outcome.kind is OutcomeKind.RETRY:
                again.append(pending)
                if outcome.blame is not Blame.SERVER:
                    self._failed_again(change, pending, outcome)
                continue
            unsure.discard(pending.id)
            self._count(pending, outcome)
            self._troubled.forget(change, pending.item_id)
            if outcome.kind is OutcomeKind.FAILED:
                self._failed(pending, outcome)
                self._instead(change, pending)
            else:
                change.delete(tables.OUTBOX, pending.id)
        await change.commit()
        told = [
            outcome.kind
            for pending, outcome in zip(batch, outcomes, strict=True)
            if pending.action != Action.DISCARD and not pending.is_last
        ]
        if OutcomeKind.DONE in told and OutcomeKind.FAILED not in told:
            self._alarms.lower(self._instance(), names.ANSWER_FAILED)
        return again

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
        """After the last try something else is said or done."""
        if self._troubled.is_set_aside(pending.item_id):
            tries = pending.attempts + 1
            if outcome.blame is Blame.DOUBT and tries < TRIES_INSTEAD:
                self._troubled.wait(pending.item_id)
                counted = msgspec.structs.replace(pending, attempts=tries)
                change.put(tables.OUTBOX, counted)
            else:
                self._instead(change, pending)
            return
        troubled = self._troubled.count(
            change,
            MessageRef(pending.item_id, pending.change_key),
            f"Exchange did not {pending.action} it: {outcome.reason}",
            pending.correlation_id,
            blame=outcome.blame,
            others=self._taken,
        )
        if troubled.set_aside_time is None:
            counted = msgspec.structs.replace(pending, attempts=troubled.attempts)
            change.put(tables.OUTBOX, counted)
            return
        self._tally(self._instance(), "set_aside", None)
        self._instead(change, pending)

    def _instead(self, change: Transaction, pending: PendingAnswer) -> None:
        """What is left to do about a message whose answer cannot be given. It must not
        stay in the inbox: it would be decided again after a fresh start."""
        connector = self._connector()
        tells = pending.action in (Action.ACCEPT, Action.DECLINE)
        if pending.action == Action.DISCARD:
            self._troubled.forget(change, pending.item_id)
            change.delete(tables.OUTBOX, pending.id)
            return
        replaced = msgspec.structs.replace(
            pending, action=Action.DISCARD, body="", attempts=0, is_last=True
        )
        if tells and not pending.is_last and connector is not None:
            replaced = msgspec.structs.replace(
                replaced,
                action=Action.DECLINE,
                body=self._general_error(connector, pending.correlation_id),
            )
        change.put(tables.OUTBOX, replaced)

    def _connector(self) -> Connector | None:
        return self._store.get(tables.CONNECTOR, self._connector_id)

    def _instance(self) -> str:
        connector = self._connector()
        return connector.name if connector else str(self._connector_id)

    def _failed(self, pending: PendingAnswer, outcome: Outcome) -> None:
        self._log.error(
            "{correlation_id}: the mailbox refused to {action} a meeting: {reason}",
            correlation_id=pending.correlation_id,
            integration=self._connector_id,
            action=pending.action,
            reason=outcome.reason,
        )
        follows = "got no answer" if pending.is_last else "is told the general error"
        self._alarms.raise_(
            names.ANSWER_FAILED,
            self._instance(),
            f"Exchange refused to {pending.action} a meeting request, so its organizer "
            f"{follows}: {outcome.reason} (correlation id {pending.correlation_id}).",
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
