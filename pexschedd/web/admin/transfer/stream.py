"""An answer that is sent piece by piece, no faster than its client takes it."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from pexschedd.web.routes import ClientGone


@implementer(IPushProducer)
class StreamedAnswer:
    """The body of one answer. Set status and headers before the first piece."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_gone = False
        self._waiting: Deferred[None] | None = None
        request.notifyFinish().addErrback(self._gone)
        request.registerProducer(self, True)

    async def write(self, piece: bytes) -> None:
        """Send a piece, and return when there is room for more.

        Raises `ClientGone`.
        """
        if not self._is_gone:
            self._request.write(piece)
        if self._waiting is not None:
            await self._waiting
        if self._is_gone:
            raise ClientGone("The client disconnected before it was answered.")

    def end(self) -> None:
        """Note that there are no more pieces."""
        if not self._is_gone:
            self._request.unregisterProducer()

    def abort(self) -> None:
        """Close the connection, so that the client knows that this is not all."""
        if not self._is_gone:
            self._request.channel.abort()  # type: ignore[attr-defined]

    def pauseProducing(self) -> None:
        """Wait before the next piece."""
        if self._waiting is None:
            self._waiting = Deferred()

    def resumeProducing(self) -> None:
        """Go on."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """Give up: the client is gone."""
        self._is_gone = True
        self.resumeProducing()

    def _gone(self, reason: Failure) -> None:
        self.stopProducing()
