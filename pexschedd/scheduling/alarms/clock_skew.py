"""The alarm about an Exchange server whose clock differs from ours.

Identity tokens, Kerberos tickets and join windows all depend on the time; otherwise a
wrong clock is noticed by users, who are told that their token is not valid yet.
"""

from collections.abc import Callable
from datetime import datetime

from pexschedd.clock import Now, ahead
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms

TOLERATED = 120.0
"""Seconds below which the alarm is lowered. A response may have been under way for some
of them."""
FAR = 300.0
"""Seconds beyond which it is raised: what Kerberos and token checks tolerate."""
CHECK_EVERY = 60.0
"""Seconds between two checks of an integration's server."""


class ClockSkew:
    """Compares servers' clocks with ours, and raises and lowers the alarm.

    `agreed` is called whenever a server's clock agrees.
    """

    def __init__(
        self, alarms: Alarms, now: Now, agreed: Callable[[], object] = lambda: None
    ) -> None:
        self._alarms = alarms
        self._now = now
        self._agreed = agreed
        self._checked: dict[str, datetime] = {}

    def forget(self) -> None:
        """Check each server with its next response: our own date has changed."""
        self._checked.clear()

    def seen(self, integration: str, date: str) -> None:
        """Check the Date header of a response that has just arrived.

        `integration` is the integration's name.
        """
        now = self._now()
        last = self._checked.get(integration)
        if last is not None and abs((now - last).total_seconds()) < CHECK_EVERY:
            return
        difference = ahead(date, now)
        if difference is None:
            return
        self._checked[integration] = now
        if abs(difference) > FAR:
            which = "ahead of" if difference > 0 else "behind"
            self._alarms.raise_(
                names.CLOCK,
                integration,
                f"The clock of the Exchange server is {_span(abs(difference))} {which} "
                "this machine's. Synchronize both by NTP: until then identity tokens "
                "are refused as not valid yet or expired, and rooms open at wrong "
                "times.",
            )
        elif abs(difference) <= TOLERATED:
            self._alarms.lower(integration, names.CLOCK)
            self._agreed()


def _span(seconds: float) -> str:
    """Return rounded words, so that a steady difference is always said the same way."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
