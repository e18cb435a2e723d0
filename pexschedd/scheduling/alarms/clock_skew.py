"""Whether the server's clock and ours agree.

Identity tokens, Kerberos tickets and join windows all depend on it; a wrong clock is
otherwise found out by users, who are told that their token is not valid yet.
"""

from datetime import datetime

from pexschedd.clock import Now, ahead
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms

TOLERATED = 120.0
"""Seconds. An answer may have been under way for some of them."""
FAR = 300.0
"""Seconds: what Kerberos and token checks tolerate."""
LOOK = 60.0
"""Seconds between two looks at an integration's server."""


class ClockSkew:
    """Raises the alarm beyond `FAR`, and lowers it within `TOLERATED`."""

    def __init__(self, alarms: Alarms, now: Now) -> None:
        self._alarms = alarms
        self._now = now
        self._looked: dict[str, datetime] = {}

    def seen(self, integration: str, date: str) -> None:
        """The Date header of an answer that has just arrived."""
        now = self._now()
        last = self._looked.get(integration)
        if last is not None and abs((now - last).total_seconds()) < LOOK:
            return
        found = ahead(date, now)
        if found is None:
            return
        self._looked[integration] = now
        if abs(found) > FAR:
            which = "ahead of" if found > 0 else "behind"
            self._alarms.raise_(
                names.CLOCK,
                integration,
                f"The clock of the Exchange server is {_span(abs(found))} {which} this "
                "machine's. Synchronize both by NTP: until then identity tokens are "
                "refused as not valid yet or expired, and rooms open at wrong times.",
            )
        elif abs(found) <= TOLERATED:
            self._alarms.lower(integration, names.CLOCK)


def _span(seconds: float) -> str:
    """In round minutes, so that a steady difference is always said the same way."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
