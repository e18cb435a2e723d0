"""Which alarm says why an integration's mailbox cannot be worked with.

One at a time: whoever cannot sign in is not unreachable as well. That the server is
busy is nobody's business unless it lasts.
"""

from twisted.internet.interfaces import IReactorTime

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
from pexschedd.scheduling import alarms as names
from pexschedd.scheduling.alarms import Alarms

BUSY_FOR_LONG = 600.0
"""Seconds."""

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
    def __init__(self, alarms: Alarms, clock: IReactorTime) -> None:
        self._alarms = alarms
        self._clock = clock
        self._busy_since: float | None = None

    def well(self, instance: str) -> None:
        self._busy_since = None
        self._alarms.lower(instance, *FAMILY)

    def failed(self, instance: str, error: MailboxError) -> None:
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
        """Empty while it may be over soon. The words stay the same while it lasts."""
        now = self._clock.seconds()
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < BUSY_FOR_LONG:
            return ""
        return (
            f"The server has not let us work for more than "
            f"{BUSY_FOR_LONG / 60:g} minutes: {error.message} Check its load, and the "
            "throttling policy of the service account."
        )
