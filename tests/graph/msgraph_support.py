"""A sandbox that speaks Graph over a socket, and clients of ours for it."""

from typing import Any, cast

import msgspec
import pytest
from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from pexschedd.errors import MailboxError
from pexschedd.exchange.throttle import SharedThrottle, Throttles
from pexschedd.graph.client import CONCURRENCY, GraphClient
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.transport import GraphLimits, GraphTransport
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.sandbox.graph.graph_support import CLIENT, EQUIPMENT, GraphSandbox

reactor = cast(Any, global_reactor)


class SandboxTokens:
    """Tokens of the sandbox's own making; notes what was refused."""

    def __init__(self, sandbox: GraphSandbox) -> None:
        self._sandbox = sandbox
        self._token = ""
        self._claims = ""
        self.refused: list[str] = []
        self.claims: list[str] = []

    async def token(self) -> str:
        if not self._token:
            form = {"claims": self._claims} if self._claims else {}
            self._token = self._sandbox.token(**form)["access_token"]
        return self._token

    def rejected(self, token: str) -> None:
        self.refused.append(token)
        self._token = ""

    def challenged(self, token: str, claims: str) -> None:
        self.claims.append(claims)
        self._claims = claims
        self._token = ""


class GraphWorld:
    """A sandbox on a socket; `clock` measures pauses, `sandbox.later` moves its time.

    The sandbox's timers run by the reactor, so that real sockets work.
    """

    def __init__(self) -> None:
        self.sandbox = GraphSandbox()
        self.sandbox._clock = reactor
        self.clock = Clock()
        self.tokens = SandboxTokens(self.sandbox)
        self._throttles = Throttles(self.clock, lambda: 0.0, concurrency=CONCURRENCY)
        self._port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.domain = f"127.0.0.1:{self._port.getHost().port}"
        self._transports: list[GraphTransport] = []

    def throttle(self, mailbox: str = EQUIPMENT) -> SharedThrottle:
        return self._throttles.of(f"http://{self.domain}", mailbox)

    def client(
        self,
        mailbox: str = EQUIPMENT,
        *,
        limits: GraphLimits = GraphLimits(),  # noqa: B008 - frozen
        timers: IReactorTime | None = None,
        domain: str = "",
        **more: Any,
    ) -> GraphClient:
        transport = GraphTransport(
            domain or self.domain,
            network=Network(reactor, Trust()),
            clock=timers or reactor,
            limits=limits,
        )
        self._transports.append(transport)
        target = GraphTarget(self.domain, mailbox, CLIENT, integration=1)
        return GraphClient(
            transport, self.tokens, target, self.throttle(mailbox), **more
        )

    def misbehave(self, **fault: Any) -> None:
        """Give the sandbox one fault, as `PUT /sandbox/behaviour` does."""
        self.sandbox.behaviour.configure({"faults": [fault]})

    def behave(self) -> None:
        self.sandbox.behaviour.configure({})

    async def close(self) -> None:
        for transport in self._transports:
            await transport.close()
        await self._port.stopListening()


def document(body: bytes) -> dict[str, Any]:
    """Read any JSON object: for `GraphClient.read`."""
    found = msgspec.json.decode(body)
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


async def failure(asking: Any) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        await asking
    return caught.value
