"""Messages that fail by themselves, or come too early: tried again, then set aside.

A message that Exchange cannot show, that causes an internal error, or that cannot be
answered must not hold up the others. The number of attempts is durable. A failure that
is the message's own fault is tried three times within minutes. A failure that servers
also have in passing - a torn answer, a lost connection, "internal error" - is tried ten
times over hours, and such an attempt counts only if other messages went well since the
last one: a server that does nothing right says nothing about a single message. After a
week the attempts end in any case. A message that comes before what it depends on is
tried like one that fails by its own fault, and decided about at the last attempt.

Then the message is set aside: an alarm names it, its record says why, and it is not
tried again. The record is deleted by an administrator, or after a week.
"""

from datetime import timedelta

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import TroubledMessage
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.ports.mailbox import Blame
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

TRIES = 3
PAUSES = (60.0, 300.0)
"""Attempts at a message whose failure is its own fault, and the seconds between them.
After a restart the next attempt is due at once."""

TRIES_IN_DOUBT = 10
PAUSES_IN_DOUBT = (10.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
"""Attempts when the server may be at fault, and the seconds between them; the last
pause is repeated."""
UNCOUNTED_MOST = 600.0
"""The longest pause, in seconds, between attempts that do not count because nothing
else goes well either."""
LONGEST = timedelta(days=7)
"""The longest time for which a message is tried again."""

KEPT = timedelta(days=7)
"""The time for which the record of a message that was set aside is kept."""
_LONGEST_REASON = 500


class _Wait(msgspec.Struct, frozen=True):
    """A pause before the next attempt; `until` is in seconds of the reactor's clock."""

    until: float
    pause: float
    successes: int
    """The number of other messages that had gone well when the pause began."""
    counted: bool = True


class Quarantine:
    """One integration's messages that failed, with the pauses between attempts.

    `successes` of its methods is the number of messages that have gone well, in this
    process, with what is attempted: reading them, or answering them.
    """

    def __init__(
        self,
        connector_id: int,
        store: Store,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._connector_id = connector_id
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._now = now
        self._waits: dict[str, _Wait] = {}
        """By item id."""

    def holds(self, ref: MessageRef) -> bool:
        """Return whether a message has failed, and has not been processed since."""
        return self._find(ref.item_id) is not None

    def is_due(self, item_id: str, successes: int = 0) -> bool:
        """Return whether the next attempt may be made.

        A message that waits because nothing went well is due as soon as something does.
        """
        wait = self._waits.get(item_id)
        if wait is None or wait.until <= self._clock.seconds():
            return True
        return not wait.counted and successes > wait.successes

    def may_wait(self, item_id: str) -> bool:
        """Return whether a further attempt at a message follows the one under way."""
        known = self._find(item_id)
        if known is None:
            return True
        own, attempts = known.own + 1, known.attempts + 1
        return not self._is_enough(
            msgspec.structs.replace(
                known, own=own, attempts=attempts, last_time=self._now()
            )
        )

    @property
    def is_waiting(self) -> bool:
        """True while a message waits for another attempt, now or later."""
        return any(each.set_aside_time is None for each in self._all())

    def is_set_aside(self, item_id: str) -> bool:
        """Return whether the attempts at a message have been given up."""
        known = self._find(item_id)
        return known is not None and known.set_aside_time is not None

    def due(self, successes: int) -> list[MessageRef]:
        """Return the messages that are to be tried again now."""
        return [
            MessageRef(each.item_id, each.change_key, each.uid)
            for each in self._all()
            if each.set_aside_time is None and self.is_due(each.item_id, successes)
        ]

    def count(
        self,
        transaction: Transaction,
        ref: MessageRef,
        reason: str,
        correlation_id: str,
        *,
        blame: Blame = Blame.MESSAGE,
        successes: int = 0,
    ) -> TroubledMessage:
        """Count a failed attempt; after the last one the message is set aside.

        `correlation_id` is for a message that fails for the first time. The record is
        put into `transaction` and returned.
        """
        now = self._now()
        known = self._find(ref.item_id) or TroubledMessage(
            id=transaction.new_id(tables.TROUBLED),
            exchange_connector=self._connector_id,
            item_id=ref.item_id,
            correlation_id=correlation_id,
            first_time=now,
            last_time=now,
        )
        is_own = blame is Blame.MESSAGE
        counts = is_own or self._is_evidence(known, successes)
        record = msgspec.structs.replace(
            known,
            change_key=ref.change_key,
            uid=ref.uid or known.uid,
            reason=reason[:_LONGEST_REASON],
            attempts=known.attempts + counts,
            own=known.own + is_own,
            last_time=now,
        )
        if self._is_enough(record):
            record = msgspec.structs.replace(record, set_aside_time=now)
            self._waits.pop(ref.item_id, None)
        else:
            pause = self._pause(record, is_own=is_own, counts=counts)
            self._begin_pause(ref.item_id, pause, successes, counted=counts)
        transaction.put(tables.TROUBLED, record)
        return record

    def _is_evidence(self, known: TroubledMessage, successes: int) -> bool:
        """Return whether others went well since the last attempt, if there was one."""
        wait = self._waits.get(known.item_id)
        return not known.attempts or successes > (wait.successes if wait else 0)

    def _is_enough(self, record: TroubledMessage) -> bool:
        return (
            record.own >= TRIES
            or record.attempts >= TRIES_IN_DOUBT
            or record.last_time - record.first_time >= LONGEST
        )

    def _pause(self, record: TroubledMessage, *, is_own: bool, counts: bool) -> float:
        if is_own:
            return PAUSES[min(record.own, len(PAUSES)) - 1]
        if counts:
            most = len(PAUSES_IN_DOUBT)
            return PAUSES_IN_DOUBT[min(record.attempts, most) - 1]
        wait = self._waits.get(record.item_id)
        before = wait.pause if wait else PAUSES_IN_DOUBT[0]
        return min(2 * before, UNCOUNTED_MOST)

    def delay(self, item_id: str, seconds: float = PAUSES[-1]) -> None:
        """Delay the next attempt at a message, without counting one."""
        self._begin_pause(item_id, seconds, 0, counted=True)

    def _begin_pause(
        self, item_id: str, pause: float, successes: int, *, counted: bool
    ) -> None:
        until = self._clock.seconds() + pause
        self._waits[item_id] = _Wait(until, pause, successes, counted)

    def forget(self, transaction: Transaction, item_id: str) -> None:
        """Forget a message that went well or is gone, unless it was set aside."""
        self._waits.pop(item_id, None)
        known = self._find(item_id)
        if known is not None and known.set_aside_time is None:
            transaction.delete(tables.TROUBLED, known.id)

    async def tidy(self, instance: str) -> None:
        """Delete old records of messages that were set aside, and update the alarm.

        `instance` is the integration's name.
        """
        aside = [each for each in self._all() if each.set_aside_time is not None]
        old = [each for each in aside if self._now() - each.last_time > KEPT]
        if old:
            transaction = self._store.transaction(essential=True)
            for each in old:
                transaction.delete(tables.TROUBLED, each.id)
            await transaction.commit()
            aside = [each for each in aside if each not in old]
        if not aside:
            self._alarms.lower(instance, names.SET_ASIDE)
            return
        last = max(aside, key=lambda each: (each.last_time, each.id))
        reason = last.reason if last.reason.endswith(".") else f"{last.reason}."
        self._alarms.raise_(
            names.SET_ASIDE,
            instance,
            "Messages in the equipment mailbox that could not be processed and were "
            f"set aside: {len(aside)}. The last one has the correlation id "
            f"{last.correlation_id}: {reason} The status resource "
            "exchange_set_aside_message lists them; delete them there.",
        )

    def _all(self) -> list[TroubledMessage]:
        return self._store.find_all(tables.TROUBLED_BY_CONNECTOR, self._connector_id)

    def _find(self, item_id: str) -> TroubledMessage | None:
        return self._store.find(tables.TROUBLED_BY_ITEM, (self._connector_id, item_id))
