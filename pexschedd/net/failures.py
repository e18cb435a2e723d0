"""PURE: Twisted's many ways to fail, as one `ConnectionTrouble`."""

from collections.abc import Iterator

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived

from pexschedd.net.handshake import tls_trouble
from pexschedd.net.trouble import ConnectionTrouble, NeverAnsweredError, Trouble

_MAX_TEXT = 500
_CANCELLED = (CancelledError, net.ConnectingCancelledError)
_TROUBLES: tuple[tuple[tuple[type[BaseException], ...], Trouble], ...] = (
    ((net.DNSLookupError, net.UnknownHostError), Trouble.NAME),
    ((net.ConnectionRefusedError,), Trouble.REFUSED),
    ((net.ConnectError,), Trouble.NO_ROUTE),
)


def as_trouble(failure: BaseException) -> Exception:
    """A cancellation stays one; all else becomes a `ConnectionTrouble`."""
    causes = list(_causes(failure))
    for cause in causes:
        if isinstance(cause, _CANCELLED):
            return CancelledError()
        if isinstance(cause, ConnectionTrouble):
            return cause
        if isinstance(cause, SSL.Error):
            return tls_trouble(cause)
    for kinds, trouble in _TROUBLES:
        for cause in causes:
            if isinstance(cause, kinds):
                return ConnectionTrouble(trouble, _words(cause))
    if isinstance(failure, (ResponseNeverReceived, RequestTransmissionFailed)):
        return NeverAnsweredError(Trouble.LOST)
    if isinstance(causes[-1], net.ConnectionClosed):
        return ConnectionTrouble(Trouble.LOST)
    return ConnectionTrouble(Trouble.GARBLED, _words(causes[-1]))


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception, and those that Twisted wrapped in it."""
    yield failure
    for reason in getattr(failure, "reasons", ()):
        yield from _causes(reason.value)


def _words(cause: BaseException) -> str:
    return " ".join(str(cause).split())[:_MAX_TEXT] or type(cause).__name__
