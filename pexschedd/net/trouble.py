"""Why no HTTP answer came, told apart as far as an administrator has to."""

from enum import StrEnum


class Trouble(StrEnum):
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
        Trouble.UNTRUSTED,
        Trouble.WRONG_HOST,
        Trouble.NOT_VALID_NOW,
        Trouble.UNFIT,
        Trouble.TLS,
        Trouble.OLD_TLS,
        Trouble.NO_CIPHER,
        Trouble.NOT_TLS,
        Trouble.CLIENT_CERTIFICATE,
    )
)
"""The server is there, but no TLS connection to it that could be believed."""

ABOUT_PROXY = frozenset(t for t in Trouble if t.value.startswith("proxy_"))
"""The details of these name the proxy and the server."""


class ConnectionTrouble(Exception):
    """No complete HTTP answer came. `detail` completes the sentence."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        self.trouble = trouble
        self.detail = detail
        super().__init__(f"{trouble}: {detail}")


class NeverAnsweredError(ConnectionTrouble):
    """The connection died before the first byte of an answer: the server may or may
    not have seen the request."""


def clause(error: ConnectionTrouble) -> str:
    """What is wrong with the server, "it", as the rest of a sentence."""
    return _CLAUSES[error.trouble].format(detail=error.detail)


_CLAUSES = {
    Trouble.NAME: "its name cannot be resolved",
    Trouble.REFUSED: "it refuses connections",
    Trouble.NO_ROUTE: "it cannot be reached ({detail})",
    Trouble.TIMEOUT: "it did not answer within {detail} seconds",
    Trouble.LOST: "it closed the connection before the answer was complete",
    Trouble.CLOSED: "the connection was given up",
    Trouble.GARBLED: "it does not answer as a web server does ({detail})",
    Trouble.TOO_LARGE: "its answer is larger than {detail} bytes",
    Trouble.UNTRUSTED: "its certificate is not trusted: {detail}",
    Trouble.WRONG_HOST: "its certificate is not for this host: {detail}",
    Trouble.NOT_VALID_NOW: "its certificate is not valid now: {detail}",
    Trouble.UNFIT: "its certificate cannot be accepted: {detail}",
    Trouble.TLS: "no TLS connection can be made: {detail}",
    Trouble.OLD_TLS: "it speaks no TLS 1.2 or newer ({detail})",
    Trouble.NO_CIPHER: "it has no TLS cipher in common with us ({detail})",
    Trouble.NOT_TLS: "it does not speak TLS on this port ({detail})",
    Trouble.CLIENT_CERTIFICATE: "it asks for a client certificate ({detail})",
    Trouble.PROXY_UNREACHABLE: "{detail}",
    Trouble.PROXY_SIGN_IN: "{detail}",
    Trouble.PROXY_FORBIDS: "{detail}",
    Trouble.PROXY_FAILED: "{detail}",
    Trouble.PROXY_GARBLED: "{detail}",
}
