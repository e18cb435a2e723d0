"""The service account of an integration, as everything that speaks EWS needs it."""

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.ews.auth import Authenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.net.network import Network
from pexschedd.util.worker_processes import HeavyWork, work_at_once


class EwsAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at one Exchange server, and the means to reach it."""

    url: str
    username: str
    password: str = ""
    method: str = "BASIC"
    """The integration's `authentication_method`, for messages to administrators."""
    integration: int | None = None
    """The integration's id, for the log."""
    authenticator: Authenticator | None = None
    """Signs requests in, on all connections; None: Basic, with the password."""
    network: Network
    limits: ConnectionLimits = ConnectionLimits()
    clock: IReactorTime | None = None
    """Measures deadlines; None: the network's reactor."""
    heavy_work: HeavyWork = work_at_once
    """Reads the answers."""

    def __repr__(self) -> str:
        """Without the password."""
        return f"<EwsAccount {self.username} at {self.url}>"
