"""Notices when another installation works on the same equipment mailbox.

Two daemons on one mailbox answer each other's meetings: a request that one of them has
accepted is declined by the other, who knows nothing of its room. So each leaves a stamp
at the mailbox and reads, every five minutes, who was there last. It is a warning for
administrators and no lock: work goes on whatever the stamp says.

Whose clock is right does not matter once we have left a stamp: a foreign one found in
its place was written since. Only the first one that is found is judged by its time,
for it may be what a daemon left that was taken out of service long ago.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.model.integration import Connector
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.util.periodic import Periodic, Running

EVERY = 300.0
"""Seconds between two looks at the stamp."""

FRESH = timedelta(minutes=15)
"""For how long a stamp says that its owner is at work."""

MAX_STAMP = 1000
"""Characters."""


class OwnershipStamp(msgspec.Struct, frozen=True):
    """Who was at the mailbox, and when by their own clock."""

    instance: str
    """Which installation: the same after a restart."""
    node: str
    """The machine's name, for people."""
    seen: datetime


class StampedMailbox(Protocol):
    """Where a stamp can be left; every method raises `MailboxError`."""

    async def stamp(self) -> str:
        """The text that was left last, by anybody; empty if there is none."""

    async def leave_stamp(self, text: str) -> None: ...


class Installation(msgspec.Struct, frozen=True):
    """Which installation this is."""

    instance: str
    node: str


class Ownership:
    """Watches one integration's mailbox from `start` until `stop`.

    `latest` gives its record: the name may change.
    """

    _log = Logger()

    def __init__(
        self,
        latest: Callable[[], Connector],
        mailbox: StampedMailbox,
        this: Installation,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._address = latest().room_mailbox_email_address
        self._latest = latest
        self._mailbox = mailbox
        self._self = this
        self._alarms = alarms
        self._now = now
        self._left = False
        """Whether the stamp is ours since we were started."""
        self._quiet_since = now()
        """When another one was seen last; to begin with, when we began."""
        self._said = ""
        self._rounds = Periodic(
            f"ownership of {self._address}", self._look, clock, EVERY, at_start=True
        )

    def start(self) -> None:
        """Begin to watch: at once, and every five minutes."""
        self._rounds.startService()

    async def stop(self) -> None:
        """Begin no other look, and wait for the one under way.

        Closing the mailbox breaks that off.
        """
        await self._rounds.stopService()

    async def _look(self, running: Running) -> None:
        """Read the stamp, judge, and leave our own."""
        try:
            self._judge(await self._mailbox.stamp())
            own = OwnershipStamp(self._self.instance, self._self.node, self._now())
            if running():
                # Always: the other one is to notice us, too.
                await self._mailbox.leave_stamp(msgspec.json.encode(own).decode())
                self._left = True
        except MailboxError as error:
            if running():
                self._complain(error.message)
        else:
            self._said = ""

    def _complain(self, message: str) -> None:
        if not self._said:
            self._said = message
            self._log.info(
                "{mailbox}: whether another installation uses this mailbox cannot be "
                "told: {message}",
                mailbox=self._address,
                message=message,
            )

    def _judge(self, text: str) -> None:
        now = self._now()
        found = _read(text)
        if found is not None and self._is_at_work(found, now):
            self._quiet_since = now
            self._alarms.raise_(
                names.SHARED_MAILBOX, self._latest().name, self._words(found)
            )
        elif now - self._quiet_since >= FRESH:
            self._alarms.lower(self._latest().name, names.SHARED_MAILBOX)

    def _is_at_work(self, found: OwnershipStamp, now: datetime) -> bool:
        """Whether somebody else has left this stamp a short while ago."""
        if found.instance != self._self.instance:
            return self._left or abs(now - found.seen) < FRESH
        # Our state folder was copied to another machine, which works with it, too. A
        # machine may get another name, so this is sure only if we were not the last.
        return self._left and found.node != self._self.node

    def _words(self, other: OwnershipStamp) -> str:
        nodes = f"{self._self.node} (this one) and {other.node}"
        if other.node == self._self.node:
            nodes = f"two installations on {other.node}"
        return (
            f"The mailbox {self._address} is used by two installations: {nodes}. Each "
            "answers meetings that only the other one knows. Give each environment, "
            "such as development, test and production, an equipment mailbox of its "
            "own, or stop one of the two."
        )


def _read(text: str) -> OwnershipStamp | None:
    """What was left there by anybody: it may be anything."""
    if not text or len(text) > MAX_STAMP:
        return None
    try:
        stamp = msgspec.json.decode(text, type=OwnershipStamp)
    except (msgspec.DecodeError, ValueError):
        return None
    if stamp.seen.tzinfo is None or not stamp.instance:
        return None
    return msgspec.structs.replace(stamp, node=" ".join(stamp.node.split())[:64])
