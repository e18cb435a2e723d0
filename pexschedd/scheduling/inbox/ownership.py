"""Detects another installation that works on the same equipment mailbox.

Two daemons on one mailbox answer each other's meetings: a request that one of them has
accepted is declined by the other, which knows nothing of its room. So each reads, every
five minutes, the stamp last left at the mailbox, and leaves its own. This warns
administrators and is no lock: work goes on whatever the stamp says.

A stamp does not tell whether its owner still runs: it may be what is left of an
installation that this one has replaced a moment ago. Only one that was written while we
looked does: found in place of our own, or another than at the look before. So the first
look decides nothing, and clocks need not agree.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.util.periodic import Periodic, Running

EVERY = 300.0
"""Seconds between two checks of the stamp."""

QUIET = timedelta(minutes=15)
"""The time without a sign of another installation after which the alarm is lowered."""

MAX_STAMP = 1000
"""The longest stamp that is read, in characters."""


class OwnershipStamp(msgspec.Struct, frozen=True):
    """The mark that an installation leaves at a mailbox."""

    instance: str
    """The installation's id: the same after a restart."""
    node: str
    """The machine's name, for people."""
    seen: datetime
    """The time at which the stamp was left, by the installation's own clock."""


class StampedMailbox(Protocol):
    """A mailbox at which a stamp can be left; every method raises `MailboxError`."""

    async def stamp(self) -> str:
        """Return the text that any installation left last; empty if there is none."""

    async def leave_stamp(self, text: str) -> None:
        """Replace the text."""


class Installation(msgspec.Struct, frozen=True):
    """The identity of this installation: its id, and the machine's name."""

    instance: str
    node: str


class Ownership:
    """Checks one integration's mailbox from `start` until `stop`.

    `latest` returns the integration's record, whose name may change.
    """

    _log = Logger()

    def __init__(
        self,
        latest: Callable[[], Connector],
        mailbox: StampedMailbox,
        installation: Installation,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._address = latest().mailbox_address
        self._latest = latest
        self._mailbox = mailbox
        self._installation = installation
        self._alarms = alarms
        self._now = now
        self._has_stamped = False
        """True once we have left a stamp since the start."""
        self._last: OwnershipStamp | None = None
        """The stamp of another installation that the look before has found."""
        self._quiet_since = now()
        """The last sign of another installation, or else the time of the start."""
        self._reported = ""
        self._checks = Periodic(
            f"ownership of {self._address}", self._check, clock, EVERY, at_start=True
        )

    def start(self) -> None:
        """Check the stamp now, and then regularly."""
        self._checks.startService()

    async def stop(self) -> None:
        """End the checks; the one at hand ends at the latest with the mailbox."""
        await self._checks.stopService()

    async def _check(self, running: Running) -> None:
        """Read the stamp, raise or lower the alarm, and leave our own stamp."""
        try:
            self._judge(await self._mailbox.stamp())
            own = OwnershipStamp(
                self._installation.instance, self._installation.node, self._now()
            )
            if running():
                # Always: the other installation has to detect us too.
                await self._mailbox.leave_stamp(msgspec.json.encode(own).decode())
                self._has_stamped = True
        except MailboxError as error:
            if running():
                self._report(error.message)
        else:
            self._reported = ""

    def _report(self, message: str) -> None:
        if not self._reported:
            self._reported = message
            self._log.info(
                "ownership check cannot tell whether another installation uses the "
                "mailbox integration={integration} mailbox={mailbox}: {message}",
                integration=self._latest().id,
                mailbox=self._address,
                message=message,
            )

    def _judge(self, text: str) -> None:
        now = self._now()
        found = _read(text)
        foreign = found if found is not None and self._is_foreign(found) else None
        is_new = self._has_stamped or self._last not in (None, foreign)
        self._last = foreign
        if foreign is not None and is_new:
            self._quiet_since = now
            self._alarms.raise_(
                names.SHARED_MAILBOX, self._latest().name, self._words(foreign)
            )
        elif now - self._quiet_since >= QUIET:
            self._alarms.lower(self._latest().name, names.SHARED_MAILBOX)

    def _is_foreign(self, found: OwnershipStamp) -> bool:
        """Return whether another installation has left this stamp."""
        if found.instance != self._installation.instance:
            return True
        # Perhaps our state folder was copied to another machine, which works with it
        # too. But a machine may also get another name: this is certain only if we have
        # left a stamp since, under our present name.
        return self._has_stamped and found.node != self._installation.node

    def _words(self, other: OwnershipStamp) -> str:
        nodes = f"{self._installation.node} (this one) and {other.node}"
        if other.node == self._installation.node:
            nodes = f"two installations on {other.node}"
        return (
            f"The mailbox {self._address} is used by two installations: {nodes}. Each "
            "answers meetings that only the other one knows. Give each environment, "
            "such as development, test and production, an equipment mailbox of its "
            "own, or stop one of the two."
        )


def _read(text: str) -> OwnershipStamp | None:
    """Decode a stamp. Any text may have been left there: None if it is no stamp."""
    if not text or len(text) > MAX_STAMP:
        return None
    try:
        stamp = msgspec.json.decode(text, type=OwnershipStamp)
    except (msgspec.DecodeError, ValueError):
        return None
    if stamp.seen.tzinfo is None or not stamp.instance:
        return None
    return msgspec.structs.replace(stamp, node=" ".join(stamp.node.split())[:64])
