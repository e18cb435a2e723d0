"""Requests about a subscription, one after another, over a connection of their own.

Never the connections that work is done over: a stream keeps its own busy for half an
hour, and a server counts it apart from the others.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.ews.auth import Authenticator, HttpRequest, HttpResponse
from pexschedd.ews.streaming.connection import Consumer, StreamConnection
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import ascii_url, headers_for
from pexschedd.net.errors import ConnectionFailure, FailureKind, NeverAnsweredError
from pexschedd.net.network import Network


class SubscriptionChannel:
    """See `client.Poster`. Raises `MailboxRefused` for a URL that cannot be used."""

    def __init__(
        self,
        url: str,
        authenticator: Authenticator,
        *,
        network: Network,
        clock: IReactorTime,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._connection = StreamConnection(
            ascii_url(url), network=network, clock=clock, limits=limits
        )
        self._authenticator = authenticator
        self._clock = clock
        self._deadline = limits.deadline
        self._exchange: Deferred[HttpResponse] | None = None
        self._timer: IDelayedCall | None = None
        self._closed = False
        self.patience = limits.deadline
        """Seconds without a byte after which a stream is given up."""
        self.was_late = False
        """True if the last exchange was given up for that."""

    def stream_to(self, consumer: Consumer | None) -> None:
        """From the next request on, the body of an answer goes to the consumer while
        it comes; with None, answers are whole again."""
        if consumer is None:
            self._connection.consumer = None
            return

        def heard(piece: bytes) -> None:
            consumer(piece)
            if self._timer is not None and self._timer.active():
                self._timer.reset(self.patience)

        self._connection.consumer = heard

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        """One exchange; see `Transport.post`. The answer of a stream has no body: that
        went to the consumer."""
        request = HttpRequest(
            {**headers_for(mailbox), "X-PreferServerAffinity": "true"}, body
        )
        try:
            return await self._timed(request)
        except NeverAnsweredError:
            if not repeatable:
                raise
        return await self._timed(request)

    async def _timed(self, request: HttpRequest) -> HttpResponse:
        if self._closed:
            raise ConnectionFailure(FailureKind.CLOSED)
        self.was_late = False
        self._exchange = exchange = Deferred.fromCoroutine(
            self._authenticator.send(request, self._connection)
        )
        self._timer = self._clock.callLater(self._deadline, self._give_up)
        try:
            return await exchange
        except CancelledError:
            self._connection.abort()
            if self.was_late:
                seconds = f"{self._deadline:g}"
                raise ConnectionFailure(FailureKind.TIMEOUT, seconds) from None
            raise ConnectionFailure(FailureKind.CLOSED) from None
        finally:
            self._exchange = None
            if self._timer.active():
                self._timer.cancel()

    def _give_up(self) -> None:
        self.was_late = True
        self.cut()

    def hurry(self, seconds: float) -> None:
        """Give the requests from now on less time: the process is about to stop."""
        self._deadline = seconds

    def cut(self) -> None:
        """Give up the exchange at hand, and the connection with it."""
        if self._exchange is not None:
            self._exchange.cancel()

    async def close(self) -> None:
        """Cut the request under way off and close the connection."""
        self._closed = True
        self.cut()
        await self._connection.close()
