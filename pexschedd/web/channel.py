"""One client's connection, on which requests have to arrive in time."""

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
        """Register the connection, or close it if there is no room for it."""
        super().connectionMade()
        if not self._connections.add(self):
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remove the connection from the register."""
        self._connections.remove(self)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its time limit."""
        if self.due is None and not self.requests:
            self._begin()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line; that of a pipelined request starts its time limit."""
        if self.due is None:  # sent before the request before it was answered
            self._begin()
        super().lineReceived(line)

    def _begin(self) -> None:
        connections = self._connections
        self.due = connections.clock.seconds() + connections.caps.head

    def allHeadersReceived(self) -> None:
        """Extend the time limit to that of the whole request."""
        caps = self._connections.caps
        assert self.due is not None  # noqa: S101 - a line has been received
        self.due += caps.request - caps.head
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """End the time limit: the request is complete."""
        self.due = None
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """End the time limit: the request has been answered."""
        self.due = None
        super().requestDone(request)

    def give_up(self) -> None:
        """Answer 408 and close; close at once if that was done before."""
        if self._given_up:
            self.abort()
            return
        self._given_up = True
        assert self.transport is not None  # noqa: S101 - it is connected
        self.transport.write(_TOO_SLOW)
        self.loseConnection()

    def abort(self) -> None:
        """Close the connection without an answer."""
        transport: Any = self.transport
        transport.abortConnection()
