"""Reading bodies of HTTP responses, up to a limit."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH

from pexschedd.util.body_reader import discard_body, read_beginning, read_body

LIMIT = 10


class TooLargeError(Exception):
    """What this caller wants raised."""


class Response:
    """A response whose body is delivered by hand, and whose connection is watched."""

    def __init__(self, length: Any = UNKNOWN_LENGTH) -> None:
        self.length = length
        self.is_closed = False
        self.body: Any = None

    def deliverBody(self, protocol: Protocol) -> None:
        self.body = protocol
        protocol.makeConnection(self)

    def loseConnection(self) -> None:
        self.is_closed = True

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.body.dataReceived(piece)

    def end(self, reason: BaseException | None = None) -> None:
        self.body.connectionLost(Failure(reason or ResponseDone()))


def read(response: Response) -> Deferred[bytes]:
    return read_body(
        response,  # type: ignore[arg-type]  # as far as it is used
        LIMIT,
        lambda limit: TooLargeError(limit),
    )


def beginning(response: Response) -> Deferred[bytes]:
    return read_beginning(response, LIMIT)  # type: ignore[arg-type]  # as above


def result(reading: Deferred[bytes]) -> Any:
    """What has come of it, `None` if nothing has yet."""
    found: list[Any] = []
    reading.addBoth(found.append)
    if not found:
        return None
    return found[0].value if isinstance(found[0], Failure) else found[0]


Reader = Callable[[Response], Deferred[bytes]]
both = pytest.mark.parametrize("reader", [read, beginning])


@both
@pytest.mark.parametrize("reason", [ResponseDone(), PotentialDataLoss()])
def test_body_is_put_together(reader: Reader, reason: Exception) -> None:
    """A body of exactly the limit is read whole, and the connection may be used on."""
    response = Response()
    reading = reader(response)
    response.send(b"01234", b"", b"56789")
    assert not reading.called
    response.end(reason)
    assert result(reading) == b"0123456789"
    assert not response.is_closed


def test_too_much() -> None:
    """One byte too many fails at once, with the caller's error."""
    response = Response()
    reading = read(response)
    response.send(b"0123456789", b"a")
    found = result(reading)
    assert isinstance(found, TooLargeError)
    assert found.args == (LIMIT,)
    assert response.is_closed
    response.send(b"more")  # still on its way
    response.end(ConnectionLost())


@pytest.mark.parametrize(("length", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
def test_too_much_is_announced(length: int, *, fits: bool) -> None:
    """A body that is announced to be too long is not waited for."""
    response = Response(length)
    reading = read(response)
    assert reading.called is not fits
    assert response.is_closed is not fits
    if not fits:
        assert isinstance(result(reading), TooLargeError)


def test_beginning_only() -> None:
    """The beginning of a long body is enough; the rest is not waited for."""
    response = Response(1000)
    reading = beginning(response)
    response.send(b"01234567", b"89abc")
    assert result(reading) == b"0123456789"
    assert response.is_closed
    response.end(ConnectionLost())


@both
def test_connection_is_lost(reader: Reader) -> None:
    """A body that breaks off is no body: Twisted's error says so."""
    response = Response()
    reading = reader(response)
    response.send(b"0123")
    response.end(ConnectionLost())
    assert isinstance(result(reading), ConnectionLost)


@both
def test_cancelled(reader: Reader) -> None:
    """Cancelling closes the connection, and what comes afterwards is ignored."""
    response = Response()
    reading = reader(response)
    response.send(b"0123")
    reading.cancel()
    assert isinstance(result(reading), CancelledError)
    assert response.is_closed
    response.send(b"0123456789")
    response.end()


def test_discarded() -> None:
    """A body that is of no use is not read."""
    response = Response()
    discard_body(response)  # type: ignore[arg-type]  # as far as it is used
    assert response.is_closed
