"""Connections to HTTP servers, on which the head of a response is bounded.

Twisted bounds one line of a head, but neither their number nor the interim responses
(1xx) that may come before the real one: a server could fill the memory with them.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.web.client import (  # type: ignore[attr-defined]  # not in its __all__
    HTTP11ClientProtocol,
    HTTPConnectionPool,
)
from twisted.web.iweb import IResponse

from pexschedd.net.errors import ConnectionFailure, FailureKind

MAX_HEAD = 256 * 1024
"""Bytes of a response's status line and headers, with all interim responses."""


class BoundedHttpProtocol(HTTP11ClientProtocol):
    """One connection; aborted when a response's head exceeds `MAX_HEAD`.

    The request then fails with `ConnectionFailure` of the kind GARBLED.
    """

    transport: Any

    def __init__(
        self,
        quiescent: Callable[[HTTP11ClientProtocol], None],
        opened: Callable[["BoundedHttpProtocol"], None],
    ) -> None:
        super().__init__(quiescent)
        self._opened = opened
        self._head_left: int | None = None

    def connectionMade(self) -> None:
        """Report the new connection to its pool."""
        super().connectionMade()
        self._opened(self)

    def request(self, request: Any) -> Deferred[IResponse]:
        """Send a request; its Deferred fires when the response's head is complete."""
        self._head_left = MAX_HEAD
        return super().request(request).addBoth(self._head_over)

    def _head_over(self, result: Any) -> Any:
        left, self._head_left = self._head_left, None
        if left is not None and left < 0 and isinstance(result, Failure):
            return Failure(
                ConnectionFailure(FailureKind.GARBLED, "its headers do not end")
            )
        return result

    def dataReceived(self, data: bytes) -> None:
        """Parse a piece of a response, and count it while the head is incomplete."""
        if self.transport.disconnecting:
            # TLS goes on reading until the server confirms the end, if it ever does.
            self.abort_connection()
            return
        super().dataReceived(data)
        if self._head_left is not None:
            self._head_left -= len(data)
            if self._head_left < 0:
                self.abort_connection()

    def abort_connection(self) -> None:
        """Drop the connection at once, whatever is still on its way."""
        # Twisted's TLS cannot abort what is lost already.
        if getattr(self.transport, "connected", False):
            self.transport.abortConnection()


class HttpPool(HTTPConnectionPool):
    """The connections of an agent; remembers the newest.

    Keeps up to `kept` idle connections to a host, each for `idle_seconds`. No request
    is repeated on another connection.
    """

    def __init__(
        self, clock: IReactorTime, *, kept: int = 0, idle_seconds: int = 0
    ) -> None:
        super().__init__(clock, persistent=kept > 0)
        self.maxPersistentPerHost = kept
        self.cachedConnectionTimeout = idle_seconds
        self.retryAutomatically = False
        self.opened = 0
        """The number of connections opened so far."""
        self.latest_connection: BoundedHttpProtocol | None = None
        """The connection opened last, which may be lost by now."""

    def _factory(  # type: ignore[override]  # Twisted's hook, a class there
        self, quiescent: Callable[[HTTP11ClientProtocol], None], _metadata: str
    ) -> Factory[Any]:
        factory: Factory[Any] = Factory.forProtocol(
            lambda: BoundedHttpProtocol(quiescent, self._remember)
        )
        factory.noisy = False
        return factory

    def _remember(self, connection: BoundedHttpProtocol) -> None:
        self.opened += 1
        self.latest_connection = connection
