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
    TLS = "tls"


class ConnectionTrouble(Exception):
    """No complete HTTP answer came. `detail` completes the sentence."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        self.trouble = trouble
        self.detail = detail
        super().__init__(f"{trouble}: {detail}")
