"""Reasons for which an HTTP request got no response, as administrators see them."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Kinds of failure that an administrator mends in different ways."""

    NAME = "name"
    REFUSED = "refused"
    NO_ROUTE = "no_route"
    TIMEOUT = "timeout"
    LOST = "lost"
    CLOSED = "closed"
    GARBLED = "garbled"
    TOO_LARGE = "too_large"

    UNTRUSTED = "untrusted"
    WRONG_HOST = "wrong_host"
    NOT_VALID_NOW = "not_valid_now"
    UNFIT = "unfit"
    """A certificate of the chain may not be used for this."""

    TLS = "tls"
    OLD_TLS = "old_tls"
    NO_CIPHER = "no_cipher"
    NOT_TLS = "not_tls"
    CLIENT_CERTIFICATE = "client_certificate"

    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_SIGN_IN = "proxy_sign_in"
    PROXY_FORBIDS = "proxy_forbids"
    PROXY_FAILED = "proxy_failed"
    """The proxy did not reach the server."""
    PROXY_GARBLED = "proxy_garbled"


ABOUT_TRUST = frozenset(
    (
        FailureKind.UNTRUSTED,
        FailureKind.WRONG_HOST,
        FailureKind.NOT_VALID_NOW,
        FailureKind.UNFIT,
        FailureKind.TLS,
        FailureKind.OLD_TLS,
        FailureKind.NO_CIPHER,
        FailureKind.NOT_TLS,
        FailureKind.CLIENT_CERTIFICATE,
    )
)
"""The server can be reached, but no trustworthy TLS connection can be made to it."""

ABOUT_PROXY = frozenset(k for k in FailureKind if k.value.startswith("proxy_"))
"""The proxy is at fault; the detail names the proxy and the server."""


class ConnectionFailure(Exception):
    """A request without a complete HTTP response.

    `detail` fills the gap in the sentence that `clause` makes of it.
    """

    def __init__(self, kind: FailureKind, detail: str = "") -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}")


class NeverAnsweredError(ConnectionFailure):
    """A connection that was lost before the first byte of a response: the server may
    or may not have seen the request."""


def too_large(limit: int) -> ConnectionFailure:
    """The error for a response of more than `limit` bytes."""
    return ConnectionFailure(FailureKind.TOO_LARGE, str(limit))


def clause(error: ConnectionFailure) -> str:
    """Describe a failure as a clause whose subject, "it", is the server."""
    return _CLAUSES[error.kind].format(detail=error.detail)


_CLAUSES = {
    FailureKind.NAME: "its name cannot be resolved",
    FailureKind.REFUSED: "it refuses connections",
    FailureKind.NO_ROUTE: "it cannot be reached ({detail})",
    FailureKind.TIMEOUT: "it did not answer within {detail} seconds",
    FailureKind.LOST: "it closed the connection before the answer was complete",
    FailureKind.CLOSED: "the connection was closed by this service",
    FailureKind.GARBLED: "it does not answer as a web server does ({detail})",
    FailureKind.TOO_LARGE: "its answer is larger than {detail} bytes",
    FailureKind.UNTRUSTED: "its certificate is not trusted: {detail}",
    FailureKind.WRONG_HOST: "its certificate is not for this host: {detail}",
    FailureKind.NOT_VALID_NOW: "its certificate is not valid now: {detail}",
    FailureKind.UNFIT: "its certificate cannot be accepted: {detail}",
    FailureKind.TLS: "no TLS connection can be made: {detail}",
    FailureKind.OLD_TLS: "it speaks no TLS 1.2 or newer ({detail})",
    FailureKind.NO_CIPHER: "it has no TLS cipher in common with us ({detail})",
    FailureKind.NOT_TLS: "it does not speak TLS on this port ({detail})",
    FailureKind.CLIENT_CERTIFICATE: "it asks for a client certificate ({detail})",
    FailureKind.PROXY_UNREACHABLE: "{detail}",
    FailureKind.PROXY_SIGN_IN: "{detail}",
    FailureKind.PROXY_FORBIDS: "{detail}",
    FailureKind.PROXY_FAILED: "{detail}",
    FailureKind.PROXY_GARBLED: "{detail}",
}
