"""Everything that the probes of one examination work with."""

from collections.abc import Callable
from typing import Any

from pexschedd.clock import Now
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import DiskState
from pexschedd.ews.client import Poster
from pexschedd.net.network import Network

Seen = dict[str, Any]
"""The observations of the probes, by the check's name."""


class ProbeContext:
    """The case, the networks and the observations of one examination.

    `poster` opens a transport that signs in as the service account.
    """

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
        """Reaches Exchange: through the proxy, trusting the configured authorities."""
        self.public = public
        """Reaches the add-in as users do, trusting the system's authorities."""
        self.disk = disk
        self.pane = pane
        """Returns this daemon's page for the integration's pane; None if unknown."""
        self.now = now
        self.seen: Seen = {}
        self._open_poster = poster
        self._poster: Poster | None = None

    @property
    def poster(self) -> Poster:
        """The signed-in transport, opened when first used.

        Raises `MailboxRefused` if the integration's settings cannot be used.
        """
        if self._poster is None:
            self._poster = self._open_poster()
        return self._poster

    async def close(self) -> None:
        """Close the signed-in transport, if it was opened."""
        if self._poster is not None:
            await self._poster.close()
