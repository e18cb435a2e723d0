"""Alarms about one integration's mailbox: its connection, and its queue.

One alarm at a time says why the mailbox cannot be worked with: an account that cannot
sign in is not reported as unreachable as well. A busy server is reported only when it
stays busy. Another alarm says that messages have waited for long, whatever the reason.
"""

from datetime import timedelta

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import (
    CursorLost,
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUntrusted,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.model import tables
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store

BUSY_FOR_LONG = 600.0
"""Seconds after which a busy server is reported."""

_KINDS: tuple[tuple[type[MailboxError], str], ...] = (
    # The first that fits.
    (SignInNeeded, names.SIGN_IN_NEEDED),
    (SignInRefused, names.SIGN_IN),
    (ImpersonationRefused, names.IMPERSONATION),
    (MailboxRefused, names.REFUSED),
    (MailboxUntrusted, names.CERTIFICATE),
    (MailboxBusy, names.THROTTLED),
    (MailboxError, names.UNREACHABLE),
)
FAMILY = tuple(name for _, name in _KINDS)


class ConnectionAlarm:
    """The alarms about the way to the mailbox, of which one at most is raised."""

    def __init__(self, alarms: Alarms, clock: IReactorTime) -> None:
        self._alarms = alarms
        self._clock = clock
        self._busy_since: float | None = None

    def working(self, instance: str) -> None:
        """Lower all of them: the mailbox could be worked with."""
        self._busy_since = None
        self._alarms.lower(instance, *FAMILY)

    def failed(self, instance: str, error: MailboxError) -> None:
        """Raise the alarm that says why, and lower the others."""
        if isinstance(error, CursorLost):
            return  # the mailbox works; it is only read from the beginning
        name = next(name for kind, name in _KINDS if isinstance(error, kind))
        details = error.message
        if name == names.THROTTLED:
            details = self._busy(error)
        else:
            self._busy_since = None
        if details:
            self._alarms.raise_(name, instance, details)
            self._alarms.lower(instance, *(n for n in FAMILY if n != name))
        else:
            self._alarms.lower(instance, *FAMILY)

    def _busy(self, error: MailboxError) -> str:
        """Return the details; empty while the server may soon be free again.

        The text stays the same while the server is busy, so it is said only once.
        """
        now = self._clock.seconds()
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < BUSY_FOR_LONG:
            return ""
        return (
            f"The server has turned away our requests for more than "
            f"{BUSY_FOR_LONG / 60:g} minutes: {error.message} Check its load, and the "
            "throttling policy of the service account."
        )


LONG = timedelta(minutes=10)
"""Time after which a message that waits for its answer is reported."""


class QueueAlarm:
    """The alarm that messages have waited too long: undecided, or decided but not
    answered."""

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
        self._undecided_since: float | None = None

    def check(self, instance: str, undecided: int = 0) -> None:
        """Raise or lower the alarm; `undecided` messages are in the backlog."""
        waiting, reason = self._long_waiting()
        if not undecided:
            self._undecided_since = None
        elif self._undecided_since is None:
            self._undecided_since = self._clock.seconds()
        elif self._clock.seconds() - self._undecided_since > LONG.total_seconds():
            waiting += undecided
        if not waiting:
            self._alarms.lower(instance, names.QUEUE)
        elif self._alarms.active(names.QUEUE, instance) is None:
            # Their number changes all the time: it is said once.
            self._alarms.raise_(
                names.QUEUE,
                instance,
                "Meeting messages that have waited for their answers for more than "
                f"{LONG.total_seconds() / 60:g} minutes: {waiting}. "
                + (reason or "Another alarm or the log says why."),
            )

    def _long_waiting(self) -> tuple[int, str]:
        """Return the number of messages that have waited too long, and the reason of
        the latest failed attempt, or ""."""
        before = self._now() - LONG
        id, find = self._connector_id, self._store.find_all
        quarantined = [
            each
            for each in find(tables.TROUBLED_BY_CONNECTOR, id)
            if each.set_aside_time is None and each.first_time < before
        ]
        answers = find(tables.OUTBOX_BY_CONNECTOR, id)
        rewrites = find(tables.REWRITE_BY_CONNECTOR, id)
        items = {each.item_id for each in quarantined}
        items |= {each.item_id for each in answers if each.created < before}
        items |= {each.item_id for each in rewrites if each.created < before}
        if not quarantined:
            return len(items), ""
        last = max(quarantined, key=lambda each: (each.last_time, each.id))
        return len(items), f"The last attempt at one of them failed: {last.reason}"


class MailboxAlarms:
    """All alarms that a watcher keeps about one integration's mailbox.

    `instance` of its methods is the integration's name.
    """

    def __init__(
        self, alarms: Alarms, connection: ConnectionAlarm, queue: QueueAlarm
    ) -> None:
        self._alarms = alarms
        self._connection = connection
        self._queue = queue

    def working(self, instance: str) -> None:
        """Lower the alarms that a look which went well disproves."""
        self._connection.working(instance)
        self._alarms.lower(instance, names.INTERNAL)

    def failed(self, instance: str, error: MailboxError) -> None:
        """Raise the alarm that says why the mailbox cannot be worked with."""
        self._connection.failed(instance, error)

    def internal_error(self, instance: str) -> None:
        """Raise the alarm about an error that was not foreseen."""
        self._alarms.raise_(
            names.INTERNAL,
            instance,
            "The equipment mailbox cannot be processed because of an internal error; "
            "the log has the details. It is tried again.",
        )

    def check_queue(self, instance: str, undecided: int = 0) -> None:
        """Raise or lower the alarm about messages that have waited too long;
        `undecided` messages are in the backlog."""
        self._queue.check(instance, undecided)
