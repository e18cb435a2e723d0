"""Bodies of answers that come too slowly, or are too long."""

import zlib
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPullProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

_PIECE = 64 * 1024
_START = (
    b'<?xml version="1.0" encoding="utf-8"?><s:Envelope '
    b'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><padding>'
)


class SlowBody:
    """A body written a few bytes a second, until the client gives up."""

    def __init__(
        self, request: Request, body: bytes, bytes_per_s: float, clock: IReactorTime
    ) -> None:
        self._request = request
        self._body = body
        self._count = max(1, int(bytes_per_s))
        self._pause = self._count / bytes_per_s
        self._clock = clock
        self._call: IDelayedCall | None = None
        gone = request.notifyFinish()
        gone.addErrback(lambda _: self._stop())

    def start(self) -> None:
        """Begin to write."""
        self._request.setHeader("content-length", str(len(self._body)))
        self._go_on()

    def _go_on(self) -> None:
        self._call = None
        piece, self._body = self._body[: self._count], self._body[self._count :]
        self._request.write(piece)
        if self._body:
            self._call = self._clock.callLater(self._pause, self._go_on)
        else:
            self._request.finish()

    def _stop(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()


@implementer(IPullProducer)
class OversizedBody:
    """A body of so many bytes of XML, never held as a whole; compressed with gzip it is
    a thousandth of that on the wire."""

    def __init__(self, request: Request, size: int, *, compressed: bool) -> None:
        self._request = request
        self._left = size
        self._pack: Callable[[bytes], bytes] = bytes
        self._end: Callable[[], bytes] = bytes
        if compressed:
            packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
            self._pack, self._end = packer.compress, packer.flush
            request.setHeader("content-encoding", "gzip")

    def start(self) -> None:
        """Begin to write."""
        request: Any = self._request
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        self._write(_START)
        request.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Write the next piece, or the end."""
        if self._left <= 0:
            self._request.write(self._end())
            self._request.unregisterProducer()
            self._request.finish()
            return
        # Compressed, a piece comes to nothing, and nothing would be asked for again.
        for _ in range(256):
            if self._left <= 0 or self._write(b"x" * min(_PIECE, self._left)):
                return

    def stopProducing(self) -> None:
        """Give up."""
        self._left = 0

    def _write(self, data: bytes) -> int:
        self._left -= len(data)
        packed = self._pack(data)
        self._request.write(packed)
        return len(packed)
