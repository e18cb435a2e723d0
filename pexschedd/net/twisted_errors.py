"""PURE: Twisted's many ways to fail, as one `ConnectionFailure`."""

from collections.abc import Iterator

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived

from pexschedd.net.errors import ConnectionFailure, FailureKind, NeverAnsweredError
from pexschedd.net.tls_errors import tls_trouble

_MAX_TEXT = 500
_CANCELLED = (CancelledError, net.ConnectingCancelledError)
_TROUBLES: tuple[tuple[tuple[type[BaseException], ...], FailureKind], ...] = (
    ((net.DNSLookupError, net.UnknownHostError), FailureKind.NAME),
    ((net.ConnectionRefusedError,), FailureKind.REFUSED),
    ((net.ConnectError,), FailureKind.NO_ROUTE),
)


def as_connection_failure(failure: BaseException) -> Exception:
    """A cancellation stays one; all else becomes a `ConnectionFailure`."""
    causes = list(_causes(failure))
    for cause in causes:
        if isinstance(cause, _CANCELLED):
            return CancelledError()
        if isinstance(cause, ConnectionFailure):
            return cause
        if isinstance(cause, SSL.Error):
            return tls_trouble(cause)
    for kinds, trouble in _TROUBLES:
        for cause in causes:
            if isinstance(cause, kinds):
                return ConnectionFailure(trouble, _words(cause))
    if isinstance(failure, (ResponseNeverReceived, RequestTransmissionFailed)):
        return NeverAnsweredError(FailureKind.LOST)
    if isinstance(causes[-1], net.ConnectionClosed):
        return ConnectionFailure(FailureKind.LOST)
    return ConnectionFailure(FailureKind.GARBLED, _words(causes[-1]))


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception, and those that Twisted wrapped in it."""
    yield failure
    for reason in getattr(failure, "reasons", ()):
        yield from _causes(reason.value)


def _words(cause: BaseException) -> str:
    return " ".join(str(cause).split())[:_MAX_TEXT] or type(cause).__name__
