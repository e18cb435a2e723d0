"""Messages that fail by themselves: tried again, then set aside.

One message that Exchange cannot show, that nobody foresaw, or that cannot be answered
must not hold up the others. It is tried three times, some minutes apart; how often is
durable. Then it is set aside: an alarm names it, the record says why, and it is not
looked at again. The record goes when an administrator deletes it, or after a week.
"""

from datetime import timedelta

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import TroubledMessage
from pexschedd.scheduling import alarms as names
from pexschedd.scheduling.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

TRIES = 3
PAUSES = (60.0, 300.0)
"""Seconds from one try to the next. After a restart the next one is due at once."""

KEPT = timedelta(days=7)
_LONGEST_REASON = 500


class Troubled:
    """One integration's."""

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
        self._due: dict[str, float] = {}
        """When the next try may be made, by item id."""

    def knows(self, ref: MessageRef) -> bool:
        """Whether this message has been in trouble, and still is."""
        return self._find(ref.item_id) is not None

    def is_due(self, item_id: str) -> bool:
        return self._due.get(item_id, 0) <= self._clock.seconds()

    @property
    def is_waiting(self) -> bool:
        """Whether any is to be tried again, now or later."""
        return any(each.set_aside_time is None for each in self._all())

    def due(self) -> list[MessageRef]:
        """Those that could not be decided about and are to be tried again now."""
        return [
            MessageRef(each.item_id, each.change_key)
            for each in self._all()
            if each.set_aside_time is None and self.is_due(each.item_id)
        ]

    def count(
        self, change: Transaction, ref: MessageRef, reason: str, correlation_id: str
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
        attempts = known.attempts + 1
        troubled = msgspec.structs.replace(
            known,
            change_key=ref.change_key,
            reason=reason[:_LONGEST_REASON],
            attempts=attempts,
            last_time=now,
            set_aside_time=now if attempts >= TRIES else None,
        )
        change.put(tables.TROUBLED, troubled)
        if attempts < TRIES:
            self._due[ref.item_id] = self._clock.seconds() + PAUSES[attempts - 1]
        else:
            self._due.pop(ref.item_id, None)
        return troubled

    def forget(self, change: Transaction, item_id: str) -> None:
        """It went well, or is gone."""
        known = self._find(item_id)
        if known is not None and known.set_aside_time is None:
            change.delete(tables.TROUBLED, known.id)
            self._due.pop(item_id, None)

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
