"""Bodies of HTTP responses, read up to a limit."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

TooLarge = Callable[[int], Exception]
"""Makes the error for a body of more than so many bytes."""


def read_body(response: IResponse, limit: int, too_large: TooLarge) -> Deferred[bytes]:
    """Collect the whole body.

    Fails with what `too_large` makes if the body has more than `limit` bytes, or is
    announced to have, and with Twisted's error if the connection is lost before the
    end. In both cases, and when the Deferred is cancelled, the connection is closed.
    """
    if isinstance(response.length, int) and response.length > limit:
        discard_body(response)
        return fail(too_large(limit))
    return _read(response, limit, too_large)


def read_beginning(response: IResponse, limit: int) -> Deferred[bytes]:
    """Collect the body's first `limit` bytes, or all of it if it is shorter.

    Otherwise like `read_body`.
    """
    return _read(response, limit, None)


def discard_body(response: IResponse) -> None:
    """Close the connection instead of reading the body."""
    response.deliverBody(_Discarding())


def _read(
    response: IResponse, limit: int, too_large: TooLarge | None
) -> Deferred[bytes]:
    reader = _Reading(limit, too_large)
    response.deliverBody(reader)
    return reader.finished


class _Discarding(Protocol):
    def connectionMade(self) -> None:
        _close(self)


class _Reading(Protocol):
    def __init__(self, limit: int, too_large: TooLarge | None) -> None:
        self._limit = limit
        self._too_large = too_large
        self._body = bytearray()
        self.finished: Deferred[bytes] = Deferred(lambda _: self._give_up())
        self._is_over = False

    def dataReceived(self, data: bytes) -> None:
        if self._is_over:
            return
        self._body += data
        if len(self._body) <= self._limit:
            return
        beginning = bytes(self._body[: self._limit])
        self._give_up()
        if self._too_large is None:
            self.finished.callback(beginning)
        else:
            self.finished.errback(self._too_large(self._limit))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._is_over:
            return
        self._is_over = True
        # Without a length, the end of the connection is the end of the body.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(bytes(self._body))
        else:
            self.finished.errback(reason)

    def _give_up(self) -> None:
        self._is_over = True
        self._body.clear()
        _close(self)


def _close(protocol: Protocol) -> None:
    transport = protocol.transport
    if transport is not None:
        getattr(transport, "abortConnection", transport.loseConnection)()
