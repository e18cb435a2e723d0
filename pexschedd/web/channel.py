"""One client's connection: requests have to arrive in time, and say whom they ask."""

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from pexschedd.web.connections import OpenConnections

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class BoundedChannel(HTTPChannel):
    """A connection that is registered in its site's `connections`."""

    site: Any
    due: float | None = None
    _given_up = False

    @property
    def _connections(self) -> OpenConnections:
        connections: OpenConnections = self.site.connections
        return connections

    @property
    def is_busy(self) -> bool:
        """True while a complete request is being answered."""
        return self.due is None and bool(self.requests)

    @property
    def address(self) -> str:
        """The client's IP address; empty on a Unix socket."""
        peer: IAddress = self.getPeer()
        return str(getattr(peer, "host", ""))

    def connectionMade(self) -> None:
        super().connectionMade()
        if not self._connections.add(self):
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._connections.remove(self)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self.due is None and not self.requests:
            self._begin()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self.due is None:  # sent before the request before it was answered
            self._begin()
        super().lineReceived(line)

    def _begin(self) -> None:
        connections = self._connections
        self.due = connections.clock.seconds() + connections.caps.head

    def allHeadersReceived(self) -> None:
        caps = self._connections.caps
        assert self.due is not None  # noqa: S101 - a line has been received
        self.due += caps.request - caps.head
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.due = None
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        self.due = None
        super().requestDone(request)

    def give_up(self) -> None:
        """Says 408 and closes; closes at once if that was said before."""
        if self._given_up:
            self.abort()
            return
        self._given_up = True
        assert self.transport is not None  # noqa: S101 - it is connected
        self.transport.write(_TOO_SLOW)
        self.loseConnection()

    def abort(self) -> None:
        """Closes the connection without another word."""
        transport: Any = self.transport
        transport.abortConnection()
