"""The result of inspecting a server's TLS handshake. Pure."""

import msgspec

from pexschedd.crypto.certificates import Certificate
from pexschedd.net.errors import ConnectionFailure, FailureKind, clause


class HandshakeInspection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a handshake showed, for an administrator; see `net.inspection`."""

    host: str
    port: int
    chain: tuple[Certificate, ...] = ()
    """As presented, the server's own first; empty if there was no handshake."""
    version: str = ""
    """Of TLS, as agreed: `TLSv1.3`."""
    cipher: str = ""
    failure: FailureKind | None = None
    """The reason why this server would not be talked to; None if it would."""
    detail: str = ""

    @property
    def problem(self) -> str:
        """The trouble in words ("its …"), or empty."""
        if self.failure is None:
            return ""
        return clause(ConnectionFailure(self.failure, self.detail))
