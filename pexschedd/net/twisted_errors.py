"""Twisted's many exceptions, as one `ConnectionFailure`.

Decisions only, but about the exceptions of Twisted and OpenSSL: so this is no pure
module.
"""

from collections.abc import Iterator

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived

from pexschedd.net.errors import ConnectionFailure, FailureKind, NeverAnsweredError
from pexschedd.net.tls_errors import tls_failure

_MAX_TEXT = 500
_CANCELLED = (CancelledError, net.ConnectingCancelledError)
_KINDS: tuple[tuple[tuple[type[BaseException], ...], FailureKind], ...] = (
    ((net.DNSLookupError, net.UnknownHostError), FailureKind.NAME),
    ((net.ConnectionRefusedError,), FailureKind.REFUSED),
    ((net.ConnectError,), FailureKind.NO_ROUTE),
)


def as_connection_failure(failure: BaseException) -> Exception:
    """The `ConnectionFailure` for an exception; `CancelledError` for a cancellation."""
    causes = list(_causes(failure))
    for cause in causes:
        if isinstance(cause, _CANCELLED):
            return CancelledError()
        if isinstance(cause, ConnectionFailure):
            return cause
        if isinstance(cause, SSL.Error):
            return tls_failure(cause)
    for types, kind in _KINDS:
        for cause in causes:
            if isinstance(cause, types):
                return ConnectionFailure(kind, _words(cause))
    if isinstance(failure, (ResponseNeverReceived, RequestTransmissionFailed)):
        return NeverAnsweredError(FailureKind.LOST)
    if getattr(failure, "response", None) or isinstance(
        causes[-1], net.ConnectionClosed
    ):
        return ConnectionFailure(FailureKind.LOST)
    return ConnectionFailure(FailureKind.GARBLED, _words(causes[-1]))


def raise_timeout(result: object, seconds: float) -> object:
    """End a Deferred that was cancelled after `seconds` with a `ConnectionFailure`.

    For the `onTimeoutCancel` of `Deferred.addTimeout`. A result that came in spite of
    the cancellation is kept.
    """
    if isinstance(result, Failure):
        raise ConnectionFailure(FailureKind.TIMEOUT, f"{seconds:g}")
    return result


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception, and those that Twisted wrapped in it."""
    yield failure
    for reason in getattr(failure, "reasons", ()):
        yield from _causes(reason.value)


def _words(cause: BaseException) -> str:
    return " ".join(str(cause).split())[:_MAX_TEXT] or type(cause).__name__
