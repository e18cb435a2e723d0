"""A web proxy to misbehave with: it opens tunnels, or does what a test tells it."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol

reactor: Any = _reactor

Reply = Callable[["ProxyServer"], None]


class ProxyServer(Protocol):
    """One client's connection; after `open` it is a tunnel to `factory.target`."""

    transport: Any
    factory: "Proxies"

    def connectionMade(self) -> None:
        self.buffer = b""
        self.server: Any = None
        self.lost = False
        self.factory.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        if self.server is not None:
            self.server.transport.write(data)
            return
        self.buffer += data
        header, end, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if end:
            self.factory.requests.append(header.decode("ascii"))
            self.factory.reply(self)
        else:
            self.buffer = header

    def open(
        self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    ) -> None:
        """Answers, and connects to the server."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.factory.target)
        connecting = connectProtocol(endpoint, _Far(self))

        def connected(far: Any) -> None:
            self.server = far
            self.transport.write(answer)

        connecting.addCallback(connected)

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.loseConnection()

    def reset(self) -> None:
        if not self.lost:
            self.transport.abortConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True
        self.factory.lost += 1
        if self.server is not None:
            self.server.transport.abortConnection()
        waiting, self.factory.waiting = self.factory.waiting, []
        for deferred in waiting:
            deferred.callback(None)


class _Far(Protocol):
    transport: Any

    def __init__(self, client: ProxyServer) -> None:
        self.client = client

    def dataReceived(self, data: bytes) -> None:
        self.client.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.client.transport.loseConnection()


class Proxies(Factory):
    """The proxy: what it was asked, and where its tunnels lead."""

    noisy = False

    def __init__(self, reply: Reply = ProxyServer.open) -> None:
        self.reply = reply
        self.target = 0
        self.port = 0
        self.requests: list[str] = []
        self.connections: list[ProxyServer] = []
        self.lost = 0
        self.waiting: list[Deferred[None]] = []

    def buildProtocol(self, addr: Any) -> Any:
        connection = ProxyServer()
        connection.factory = self
        return connection

    async def all_lost(self) -> None:
        while self.lost < len(self.connections):
            deferred: Deferred[None] = Deferred()
            self.waiting.append(deferred)
            await deferred
