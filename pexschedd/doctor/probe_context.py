"""Everything that the probes of one examination work with."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import DeferredLock

from pexschedd.clock import Now
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import DiskState
from pexschedd.ews.client import Poster
from pexschedd.graph.client import GraphClient
from pexschedd.net.network import Network

Seen = dict[str, Any]
"""The observations of the probes, by the check's name."""


class ProbeContext:
    """The case, the networks and the observations of one examination.

    `poster` opens a transport that signs in as the service account, `graph` a client
    of Microsoft Graph that signs in as the application.
    """

    def __init__(
        self,
        case: ExaminedIntegration,
        *,
        exchange: Network,
        public: Network,
        poster: Callable[[], Poster],
        graph: Callable[[], GraphClient],
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
        self._open_graph = graph
        self._graph: GraphClient | None = None
        self.graph_turn = DeferredLock()
        """For one request to Graph at a time: it takes four at once of an application
        for a mailbox, and the daemon has its own under way."""

    @property
    def poster(self) -> Poster:
        """The signed-in transport, opened when first used.

        Raises `MailboxRefused` if the integration's settings cannot be used.
        """
        if self._poster is None:
            self._poster = self._open_poster()
        return self._poster

    @property
    def graph(self) -> GraphClient:
        """The client of Microsoft Graph, opened when first used.

        Raises `MailboxRefused` if the integration's settings cannot be used.
        """
        if self._graph is None:
            self._graph = self._open_graph()
        return self._graph

    async def close(self) -> None:
        """Close what was opened."""
        if self._graph is not None:
            await self._graph.close()
        if self._poster is not None:
            await self._poster.close()
