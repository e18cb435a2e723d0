"""One client's connection: requests have to arrive in time, and share the reactor.

A client may send many requests without waiting for answers, and many clients may ask
at once. Twisted would answer all that it has read in one turn of the reactor,
and nothing else meanwhile.
"""

from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.http_headers import Headers

from pexschedd.util.cooperate import TimeSlice
from pexschedd.web.access_log import AnsweredRequest, access_line
from pexschedd.web.connections import OpenConnections
from pexschedd.web.refusals import (
    ADDRESS_TOO_LONG,
    HEADERS_TOO_LONG,
    MALFORMED,
    TOO_SLOW,
    EarlyRefusal,
    closing_answer,
    next_request_id,
)

_LONGEST_TURN = 0.008
"""Seconds of a turn of the reactor after which what is read has to wait."""


class RequestQueue:
    """The connections of one server that wait for the reactor's next turn.

    Those whose clients have sent requests ahead go on to the next one; those that were
    read after enough had been done in a turn go on with what was read. In a turn all of
    them together have a time slice; the others are first in the next turn.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: dict[BoundedChannel, None] = {}
        self._is_scheduled = False
        self._turn_began: float | None = None
        self._late: set[BoundedChannel] = set()
        """The connections that wait with something that was read."""

    def is_turn_over(self) -> bool:
        """Return True if what is read now has to wait, behind what waits already."""
        now = self._clock.seconds()
        if self._turn_began is None:
            self._turn_began = now
            self._clock.callLater(0, self._turn_ended)
        # A negative time has passed if the system's clock was set back.
        return bool(self._late) or not 0 <= now - self._turn_began < _LONGEST_TURN

    def _turn_ended(self) -> None:
        self._turn_began = None

    def add(self, connection: "BoundedChannel", *, is_late: bool = False) -> None:
        """Let a connection wait for its turn, behind those that wait already."""
        self._waiting[connection] = None
        if is_late:
            self._late.add(connection)
        self._schedule()

    def remove(self, connection: "BoundedChannel") -> None:
        """Forget a connection that is closed."""
        self._waiting.pop(connection, None)
        self._late.discard(connection)

    def _schedule(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._clock.callLater(0, self._take_turns)
            self._is_scheduled = True

    def _take_turns(self) -> None:
        slice_ = TimeSlice(self._clock)
        for connection in list(self._waiting):
            if connection not in self._waiting:
                continue  # closed by what another one has asked for
            self.remove(connection)
            self._go_on(connection)
            if slice_.is_over():
                break
        self._is_scheduled = False
        self._schedule()

    def _go_on(self, connection: "BoundedChannel") -> None:
        """Close the connection on an error, as a transport does while it receives."""
        try:
            connection.go_on()
        except Exception:  # noqa: BLE001 - the other connections have to go on
            self._log.failure(
                "connection closed at a request that failed address={address}",
                address=connection.address,
            )
            connection.abort()


class BoundedChannel(HTTPChannel):
    """A connection that is registered in its site's `connections`."""

    site: Any
    due: float | None = None
    _host: IAddress
    _is_secure: bool
    _given_up = False
    _is_refused = False
    _is_recounted = False
    _answered: Request | None = None
    """The request before the next one, while that waits for its turn."""
    _read = b""
    """Bytes that wait for their turn. Only if more arrive meanwhile, reading pauses."""

    @property
    def _connections(self) -> OpenConnections:
        connections: OpenConnections = self.site.connections
        return connections

    @property
    def requested(self) -> bytes:
        """The address in the request line whose headers have been received."""
        return bytes(self._path)

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
        self._host = super().getHost()
        self._is_secure = super().isSecure()
        if not self._connections.add(self):
            self.abort()

    def getHost(self) -> IAddress:
        """Return the connection's address here; every request asks for it."""
        return self._host

    def isSecure(self) -> bool:
        """Return True if the connection uses TLS; every request asks that, too."""
        return self._is_secure

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Remove the connection from the register."""
        self._connections.remove(self)
        self.site.queue.remove(self)
        if self._answered is not None:  # it is complete
            self.requests.remove(self._answered)
            self._answered = None
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its time limit."""
        if not self._is_recounted:
            self._is_recounted = True
            if not self._connections.recount(self):
                return
        if self.due is None and not self.requests:
            self._begin()
        if self._handlingRequest:
            super().dataReceived(data)  # which keeps it for later
        elif self._read:
            self._read += data
            self._networkProducer.pauseProducing()
        elif self.site.queue.is_turn_over():
            self._read = data
            self.site.queue.add(self, is_late=True)
        else:
            super().dataReceived(data)

    def go_on(self) -> None:
        """Do what this has waited for, in its turn."""
        if not self._read:
            self._next_request()
            return
        data, self._read = self._read, b""
        super().dataReceived(data)
        if not self._waitingForTransport:
            self._networkProducer.resumeProducing()

    def lineReceived(self, line: bytes) -> None:
        """Take a line; that of a pipelined request starts its time limit. Nothing more
        is taken after a refusal: a request that was refused must not be carried out."""
        if self._is_refused:
            return
        if self.due is None:  # sent before the request before it was answered
            self._begin()
        super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        """Take a part of a body."""
        if not self._is_refused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line of a request that is too long, instead of hanging up."""
        # Without a request its first line has not been read.
        self.refuse(HEADERS_TOO_LONG if self.requests else ADDRESS_TOO_LONG)

    def refuse(self, refusal: EarlyRefusal) -> None:
        """Answer a request before it is whole, once, and close the connection."""
        if self._is_refused:
            return
        self._is_refused = True
        request_id = next_request_id()
        is_secure = bool(self.isSecure())
        answer = closing_answer(
            refusal, self.site.shape, request_id, is_secure=is_secure
        )
        assert self.transport is not None  # noqa: S101 - it is connected
        self.transport.write(answer)
        self.loseConnection()
        if self.site.access is not None:
            line = AnsweredRequest(
                time=self.site.now().isoformat(timespec="milliseconds"),
                request_id=request_id,
                address=self.address,
                status=refusal.status.value,
                size=len(answer.partition(b"\r\n\r\n")[2]),
                milliseconds=0,
            )
            self.site.access(access_line(line))

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse what Twisted cannot read; its own answer says nothing."""
        is_too_much = (
            self._receivedHeaderSize > self.totalHeadersSize
            or self._receivedHeaderCount > self.maxHeaders
        )
        self.refuse(HEADERS_TOO_LONG if is_too_much else MALFORMED)

    def _begin(self) -> None:
        connections = self._connections
        self.due = connections.clock.seconds() + connections.caps.head

    def headerReceived(self, line: bytes) -> bool:
        """Take a header; return False if that ends the connection."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of more digits than Python reads
            self.refuse(MALFORMED)
            return False

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

    def writeHeaders(
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """Send the beginning of an answer in one piece: a transport checks each."""
        lines = [
            b"%b: %b\r\n" % (name, value)
            for name, values in headers.getAllRawHeaders()
            for value in values
        ]
        beginning = b"%b %b %b\r\n%b\r\n"
        self.write(beginning % (version, code, reason, b"".join(lines)))

    def requestDone(self, request: Request) -> None:
        """End the time limit: the request has been answered. The next one waits for
        its turn if it is here already."""
        self.due = None
        is_ahead = self._waitingForTransport or self._buffer or any(self._dataBuffer)
        if not (self.persistent and is_ahead):
            super().requestDone(request)
            return
        self._answered = request
        # Nothing else ends the connection of a client that never takes its answers.
        self.setTimeout(self._savedTimeOut)
        self.site.queue.add(self)

    def _next_request(self) -> None:
        """Go on to the next request, once the client has taken enough of its answers
        and unless the connection is closing."""
        transport: Any = self.transport
        if self._answered is None or transport.disconnecting:
            return
        if self._waitingForTransport:
            self._networkProducer.pauseProducing()
            return
        answered, self._answered = self._answered, None
        super().requestDone(answered)

    def resumeProducing(self) -> None:
        """Go on: the client has taken its answers."""
        super().resumeProducing()
        if self._answered is not None:
            self.site.queue.add(self)

    def give_up(self) -> None:
        """Answer 408 and close; close at once if that was done before."""
        if self._given_up:
            self.abort()
            return
        self._given_up = True
        self.refuse(TOO_SLOW)

    def abort(self) -> None:
        """Close the connection without an answer."""
        transport: Any = self.transport
        transport.abortConnection()
