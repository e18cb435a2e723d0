"""Reasons for which a TLS handshake failed, by OpenSSL's errors.

Decisions only, but about OpenSSL's own exceptions: so this is no pure module.
"""

from OpenSSL import SSL

from pexschedd.net.errors import ConnectionFailure, FailureKind

HANDSHAKE_FAILURE = 40
"""The alert of RFC 5246, 7.2.2, for no common cipher and for a missing certificate."""

_KINDS: tuple[tuple[str, FailureKind], ...] = (
    # Parts of OpenSSL's reasons, the most specific first.
    ("wrong version number", FailureKind.NOT_TLS),
    ("http request", FailureKind.NOT_TLS),
    ("packet length too long", FailureKind.NOT_TLS),
    ("record layer failure", FailureKind.NOT_TLS),
    ("alert protocol version", FailureKind.OLD_TLS),
    ("unsupported protocol", FailureKind.OLD_TLS),
    ("version too low", FailureKind.OLD_TLS),
    ("certificate required", FailureKind.CLIENT_CERTIFICATE),
    ("alert bad certificate", FailureKind.CLIENT_CERTIFICATE),
    ("alert insufficient security", FailureKind.NO_CIPHER),
    ("no ciphers available", FailureKind.NO_CIPHER),
    ("handshake failure", FailureKind.NO_CIPHER),
    ("dh key too small", FailureKind.NO_CIPHER),
)


def tls_failure(error: SSL.Error) -> ConnectionFailure:
    """The failure for an error of OpenSSL, told apart by its reasons."""
    words = _words(error)
    kind = next((kind for text, kind in _KINDS if text in words), FailureKind.TLS)
    return ConnectionFailure(kind, words)


def refused_handshake(has_answered: bool) -> ConnectionFailure:
    """The failure for a server's alert `HANDSHAKE_FAILURE`, which has two meanings.

    A server that has presented its own certificate requires one of the client.
    """
    kind = FailureKind.CLIENT_CERTIFICATE if has_answered else FailureKind.NO_CIPHER
    return ConnectionFailure(kind, "it aborted the handshake")


def _words(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(each[-1]) for each in reasons) or "the handshake was cut short"
