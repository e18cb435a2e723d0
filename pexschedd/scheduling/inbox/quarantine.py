"""Messages that fail by themselves: tried again, then set aside.

One message that Exchange cannot show, that nobody foresaw, or that cannot be answered
must not hold up the others. How often it was tried is durable. What is its own fault is
tried three times within minutes. What servers also do in passing - a torn answer, a
lost connection, "internal error" - is tried ten times over hours, and such a try counts
only if others went well since the last one: a server that does nothing right blames
nobody. After a week it is enough in any case.

Then the message is set aside: an alarm names it, the record says why, and it is not
looked at again. The record goes when an administrator deletes it, or after a week.
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
"""Of what is a message's own fault; seconds from one try to the next. After a restart
the next one is due at once."""

TRIES_IN_DOUBT = 10
PAUSES_IN_DOUBT = (10.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
"""The last one again and again."""
UNCOUNTED_MOST = 600.0
"""Seconds between two tries that do not count, because nothing else goes well."""
LONGEST = timedelta(days=7)
"""Nothing is tried for longer."""

KEPT = timedelta(days=7)
_LONGEST_REASON = 500


class _Wait(msgspec.Struct, frozen=True):
    """Until the next try."""

    until: float
    pause: float
    others: int
    """How many others had gone well by then."""
    counted: bool = True


class Quarantine:
    """One integration's.

    `others` of its methods says how many messages have gone well, in this process, with
    whatever is tried: reading them, or answering them.
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

    def knows(self, ref: MessageRef) -> bool:
        """Whether this message has been in trouble, and still is."""
        return self._find(ref.item_id) is not None

    def is_due(self, item_id: str, others: int = 0) -> bool:
        """Whether the next try may be made: what waits because nothing went well may
        as soon as something does."""
        wait = self._waits.get(item_id)
        if wait is None or wait.until <= self._clock.seconds():
            return True
        return not wait.counted and others > wait.others

    @property
    def is_waiting(self) -> bool:
        """Whether any is to be tried again, now or later."""
        return any(each.set_aside_time is None for each in self._all())

    def is_set_aside(self, item_id: str) -> bool:
        known = self._find(item_id)
        return known is not None and known.set_aside_time is not None

    def due(self, others: int) -> list[MessageRef]:
        """Those that could not be decided about and are to be tried again now."""
        return [
            MessageRef(each.item_id, each.change_key)
            for each in self._all()
            if each.set_aside_time is None and self.is_due(each.item_id, others)
        ]

    def count(
        self,
        change: Transaction,
        ref: MessageRef,
        reason: str,
        correlation_id: str,
        *,
        blame: Blame = Blame.MESSAGE,
        others: int = 0,
    ) -> TroubledMessage:
        """One more try has failed; after the last, the message is set aside."""
        now = self._now()
        known = self._find(ref.item_id) or TroubledMessage(
            id=change.new_id(tables.TROUBLED),
            exchange_connector=self._connector_id,
            item_id=ref.item_id,
            correlation_id=correlation_id,
            first_time=now,
            last_time=now,
        )
        is_own = blame is Blame.MESSAGE
        counts = is_own or self._is_news(known, others)
        troubled = msgspec.structs.replace(
            known,
            change_key=ref.change_key,
            reason=reason[:_LONGEST_REASON],
            attempts=known.attempts + counts,
            own=known.own + is_own,
            last_time=now,
        )
        if self._is_enough(troubled):
            troubled = msgspec.structs.replace(troubled, set_aside_time=now)
            self._waits.pop(ref.item_id, None)
        else:
            pause = self._pause(troubled, is_own=is_own, counts=counts)
            self._wait(ref.item_id, pause, others, counted=counts)
        change.put(tables.TROUBLED, troubled)
        return troubled

    def _is_news(self, known: TroubledMessage, others: int) -> bool:
        """Whether others went well since its last try, or this is the first."""
        wait = self._waits.get(known.item_id)
        return not known.attempts or others > (wait.others if wait else 0)

    def _is_enough(self, troubled: TroubledMessage) -> bool:
        return (
            troubled.own >= TRIES
            or troubled.attempts >= TRIES_IN_DOUBT
            or troubled.last_time - troubled.first_time >= LONGEST
        )

    def _pause(self, troubled: TroubledMessage, *, is_own: bool, counts: bool) -> float:
        if is_own:
            return PAUSES[min(troubled.own, len(PAUSES)) - 1]
        if counts:
            most = len(PAUSES_IN_DOUBT)
            return PAUSES_IN_DOUBT[min(troubled.attempts, most) - 1]
        wait = self._waits.get(troubled.item_id)
        before = wait.pause if wait else PAUSES_IN_DOUBT[0]
        return min(2 * before, UNCOUNTED_MOST)

    def wait(self, item_id: str) -> None:
        """Has one that is set aside already wait for what is left to do about it."""
        self._wait(item_id, PAUSES[-1], 0, counted=True)

    def _wait(self, item_id: str, pause: float, others: int, *, counted: bool) -> None:
        until = self._clock.seconds() + pause
        self._waits[item_id] = _Wait(until, pause, others, counted)

    def forget(self, change: Transaction, item_id: str) -> None:
        """It went well, or is gone."""
        self._waits.pop(item_id, None)
        known = self._find(item_id)
        if known is not None and known.set_aside_time is None:
            change.delete(tables.TROUBLED, known.id)

    async def tidy(self, instance: str) -> None:
        """Lets go of what is old, and says in the alarm what there is."""
        aside = [each for each in self._all() if each.set_aside_time is not None]
        old = [each for each in aside if self._now() - each.last_time > KEPT]
        if old:
            change = self._store.transaction(essential=True)
            for each in old:
                change.delete(tables.TROUBLED, each.id)
            await change.commit()
            aside = [each for each in aside if each not in old]
        if not aside:
            self._alarms.lower(instance, names.SET_ASIDE)
            return
        last = max(aside, key=lambda each: (each.last_time, each.id))
        self._alarms.raise_(
            names.SET_ASIDE,
            instance,
            f"{len(aside)} messages in the equipment mailbox could not be dealt with "
            f"and were set aside. The last has the correlation id "
            f"{last.correlation_id}: {last.reason} Look at them in the status "
            "resource exchange_set_aside_message, and delete them there.",
        )

    def _all(self) -> list[TroubledMessage]:
        return self._store.find_all(tables.TROUBLED_BY_CONNECTOR, self._connector_id)

    def _find(self, item_id: str) -> TroubledMessage | None:
        return self._store.find(tables.TROUBLED_BY_ITEM, (self._connector_id, item_id))
