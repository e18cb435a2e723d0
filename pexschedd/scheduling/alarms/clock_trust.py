"""Trust in this machine's clock: whether things may be removed by its date.

A clock that is days ahead (a dead battery, a host's clock, a date set by hand) makes
every meeting look past. So nothing is removed, expired or forgotten while the date is
in doubt: after a start long after, or before, the last work on the store; after a jump;
and while a server's date disagrees. A server's date that agrees ends the doubt.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic, Running

INTERVAL = 10.0
"""Seconds between two looks at the clocks."""

JUMP = 60.0
"""Seconds by which the date and the steady clock may drift apart between two looks."""

LONGEST_PAUSE = timedelta(hours=6)
"""The daemon may be stopped for so long without its date being doubted."""

BACKWARDS = timedelta(minutes=5)
"""So much before the last work on the store the date may be after a start."""

INSTANCE = "this machine"


class ClockTrust:
    """Watches the date.

    `clock` must be steady: its seconds do not follow the date.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._now = now
        self._after_jump: list[Callable[[], object]] = []
        self._date, self._steady = now(), clock.seconds()
        self._doubt = self._doubt_at_start()
        if self._doubt:
            self._log.warn("clock is in doubt: {reason}", reason=self._doubt)

    def on_jump(self, listener: Callable[[], object]) -> None:
        """Have `listener` called at once after each jump of the date."""
        self._after_jump.append(listener)

    def service(self) -> Periodic:
        """Return the service that looks at the clocks while the daemon runs."""

        async def look(_: Running) -> None:
            self.look()

        return Periodic("clock", look, self._clock, INTERVAL, at_start=True)

    @property
    def doubt(self) -> str:
        """The reason why nothing may be removed by the date now; empty if it may."""
        if self._doubt:
            return self._doubt
        for alarm in self._store.all(tables.ALARM):
            if alarm.name == names.CLOCK and alarm.time_lowered is None:
                return alarm.details
        return ""

    def look(self) -> None:
        """Compare the date with the steady clock since the last look."""
        date, steady = self._now(), self._clock.seconds()
        passed = (date - self._date).total_seconds() - (steady - self._steady)
        self._date, self._steady = date, steady
        if abs(passed) > JUMP:
            way = "forward" if passed > 0 else "back"
            self._doubt = (
                f"The clock of this machine was set {way} by {_span(abs(passed))}, to "
                f"{date:%Y-%m-%d %H:%M} UTC. No room and no alias is removed until an "
                "Exchange server's date agrees. Synchronize the clock by NTP."
            )
            self._log.warn("clock jumped seconds={seconds:.0f}", seconds=passed)
            for listener in self._after_jump:
                listener()
        if self._doubt:
            self._alarms.raise_(names.CLOCK, INSTANCE, self._doubt)
        else:
            self._alarms.lower(INSTANCE, names.CLOCK)

    def confirm(self) -> None:
        """A server's date agrees with this machine's."""
        if self._doubt:
            self._log.info("clock is confirmed by an Exchange server")
            self._doubt = ""
            self._alarms.lower(INSTANCE, names.CLOCK)

    def _doubt_at_start(self) -> str:
        newest = self._newest()
        if newest is None or -BACKWARDS <= self._date - newest <= LONGEST_PAUSE:
            return ""
        return (
            f"The clock of this machine says {self._date:%Y-%m-%d %H:%M} UTC; the last "
            f"work on the state folder was at {newest:%Y-%m-%d %H:%M}. No room and no "
            "alias is removed until an Exchange server's date agrees."
        )

    def _newest(self) -> datetime | None:
        """The newest time that the daemon itself has written, as far as it is cheap."""
        cursors = (each.last_item_time for each in self._store.all(tables.CURSOR))
        sweeps = (each.finished for each in self._store.all(tables.SWEEP))
        return max(filter(None, (*cursors, *sweeps)), default=None)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
