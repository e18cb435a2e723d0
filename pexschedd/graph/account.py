"""An integration's application, as everything that speaks Graph needs it."""

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.transport import GraphLimits, GraphTransport
from pexschedd.net.network import Network
from pexschedd.util.worker_processes import HeavyWork, work_at_once


class GraphAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An application in one tenant, and the means to reach its cloud's Graph."""

    domain: str
    """The host of Graph: the integration's `graph_api_domain`."""
    client_id: str
    tokens: ChallengedTokenSource
    integration: int | None = None
    """The integration's id, for the log."""
    network: Network
    limits: GraphLimits = GraphLimits()
    clock: IReactorTime | None = None
    """Measures deadlines; None: the network's reactor."""
    heavy_work: HeavyWork = work_at_once
    """Reads the answers."""

    def __repr__(self) -> str:
        """Without the source of tokens."""
        return f"<GraphAccount {self.client_id} at {self.domain}>"

    @property
    def timers(self) -> IReactorTime:
        """The clock that measures."""
        clock: IReactorTime = self.clock or self.network.reactor
        return clock

    def transport(self) -> GraphTransport:
        """Return connections of their own; none is opened yet."""
        return GraphTransport(
            self.domain, network=self.network, clock=self.timers, limits=self.limits
        )

    def target(self, mailbox: str) -> GraphTarget:
        """Return what messages say of requests for a mailbox."""
        return GraphTarget(self.domain, mailbox, self.client_id, self.integration)

    def client(
        self,
        mailbox: str,
        *,
        throttle: SharedThrottle | None = None,
        observer: Observer | None = None,
    ) -> GraphClient:
        """Return a client for a mailbox, over connections of its own."""
        return GraphClient(
            self.transport(),
            self.tokens,
            self.target(mailbox),
            throttle,
            observer,
            self.heavy_work,
        )
