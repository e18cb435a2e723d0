"""Reading an answer that may not be longer than it should."""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from pexschedd.net.errors import ConnectionFailure, FailureKind


def bounded_body(response: IResponse, most: int) -> Deferred[bytes]:
    """The body; `ConnectionFailure` if it has more than `most` bytes. Cancelling
    closes the connection."""
    body = _Body(most)
    response.deliverBody(body)
    return body.finished


def dismiss(response: IResponse) -> None:
    """Closes the connection: nobody wants the body."""
    response.deliverBody(_Ignored())


class _Ignored(Protocol):
    def connectionMade(self) -> None:
        _close(self)


class _Body(Protocol):
    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self.finished: Deferred[bytes] = Deferred(lambda _: _close(self))

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._most and not self.finished.called:
            trouble = ConnectionFailure(FailureKind.TOO_LARGE, str(self._most))
            self.finished.errback(trouble)
            _close(self)

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # noqa: B008 - Twisted's signature
        if self.finished.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(b"".join(self._parts))
        else:
            self.finished.errback(reason)


def _close(protocol: Protocol) -> None:
    transport = protocol.transport
    if transport is not None:
        getattr(transport, "abortConnection", transport.loseConnection)()
