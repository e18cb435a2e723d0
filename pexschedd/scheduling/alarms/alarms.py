"""Alarms about what needs an administrator: raised once, and lowered when solved."""

import msgspec
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.clock import Now
from pexschedd.errors import StoreReadOnly
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.store.store import Store

KEPT = 200
"""The number of lowered alarms that are kept as history."""

MOST_DETAILS = 8096
"""The longest details of an alarm, in characters."""


class Alarms:
    """Raises and lowers alarms, as records of the store.

    They are also raised and lowered while the disk takes no writes: in memory, from
    where they become durable later.

    An alarm is identified by its name, one of `names`, and its instance: the name of
    the integration or other thing that it is about.
    """

    _log = Logger()

    def __init__(self, store: Store, now: Now, node: str = "") -> None:
        self._store = store
        self._now = now
        self._node = node

    def active(self, name: str, instance: str) -> Alarm | None:
        """Return the alarm if it is raised at present."""
        return next(
            (
                alarm
                for alarm in self._store.all(tables.ALARM)
                if alarm.name == name
                and alarm.instance == instance
                and alarm.time_lowered is None
            ),
            None,
        )

    def raise_(self, name: str, instance: str, details: str) -> None:
        """Raise the alarm, or update the details of the one that is raised."""
        details = details[:MOST_DETAILS]
        active = self.active(name, instance)
        if active is not None and active.details == details:
            return
        self._log.error(
            "alarm raised name={name} instance={instance}: {details}",
            name=name,
            instance=instance,
            details=details,
        )
        transaction = self._store.transaction(deferrable=True)
        transaction.put(
            tables.ALARM,
            Alarm(
                id=active.id if active else transaction.new_id(tables.ALARM),
                name=name,
                instance=instance,
                node=self._node,
                details=details,
                time_raised=active.time_raised if active else self._now(),
            ),
        )
        transaction.commit().addErrback(self._not_stored)

    def lower(self, instance: str, *names: str) -> None:
        """Lower the instance's alarms of these names; all of them without names."""
        alarms = list(self._store.all(tables.ALARM))
        raised = [
            a
            for a in alarms
            if a.instance == instance
            and a.time_lowered is None
            and (not names or a.name in names)
        ]
        if not raised:
            return
        transaction = self._store.transaction(deferrable=True)
        for alarm in raised:
            self._log.info(
                "alarm lowered name={name} instance={instance}",
                name=alarm.name,
                instance=instance,
            )
            lowered = msgspec.structs.replace(alarm, time_lowered=self._now())
            transaction.put(tables.ALARM, lowered)
        history = [a for a in alarms if a.time_lowered is not None]
        for alarm in history[: max(0, len(history) + len(raised) - KEPT)]:
            transaction.delete(tables.ALARM, alarm.id)
        transaction.commit().addErrback(self._not_stored)

    def _not_stored(self, failure: Failure) -> None:
        if failure.check(StoreReadOnly):
            self._log.info("alarm is kept in memory until the disk can be written")
        else:
            # The store has failed and stops the process by itself; it has said why.
            self._log.error("alarm could not be stored")
