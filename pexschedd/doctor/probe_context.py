"""What the probes work with: every way to the outside, handed in."""

from collections.abc import Callable
from typing import Any

from pexschedd.clock import Now
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import DiskState
from pexschedd.ews.client import Poster
from pexschedd.net.network import Network

Seen = dict[str, Any]
"""By the check's name, what its probe has seen."""


class ProbeContext:
    """For one examination; `close` gives up what is open."""

    def __init__(
        self,
        case: ExaminedIntegration,
        *,
        exchange: Network,
        public: Network,
        poster: Callable[[], Poster],
        disk: Callable[[], DiskState],
        pane: Callable[[], bytes | None],
        now: Now,
    ) -> None:
        self.case = case
        self.exchange = exchange
        """The way to Exchange: its proxy, our authorities."""
        self.public = public
        """The way that users' Outlook has: no authorities but the system's."""
        self.disk = disk
        self.pane = pane
        """What this daemon serves as the integration's pane; None: not known."""
        self.now = now
        self.seen: Seen = {}
        self._make = poster
        self._poster: Poster | None = None

    @property
    def poster(self) -> Poster:
        """Raises `MailboxRefused` when the settings cannot be used."""
        if self._poster is None:
            self._poster = self._make()
        return self._poster

    async def close(self) -> None:
        if self._poster is not None:
            await self._poster.close()
