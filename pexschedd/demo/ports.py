"""The demo's four ports, consecutive and on the loopback address."""

import errno
import socket
from typing import NamedTuple

HOST = "127.0.0.1"


class PortTaken(Exception):
    """One of the ports is in use."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} is in use")


class Ports(NamedTuple):
    """The four ports."""

    addin: int
    """The add-in's pages, the policy and the health of the daemon."""
    admin: int
    """The daemon's management API."""
    desk: int
    """The sandbox Exchange and the desk's page."""
    rooms: int
    """The daemon's door signs."""

    @classmethod
    def starting_at(cls, port: int) -> "Ports":
        """Return the ports from this one on. Raises ValueError if four do not fit."""
        if not 1 <= port <= 65_532:
            raise ValueError("the port must be between 1 and 65532")
        return cls(port, port + 1, port + 2, port + 3)

    @property
    def addin_url(self) -> str:
        """The base URL of the add-in's pages."""
        return f"http://{HOST}:{self.addin}"

    @property
    def admin_url(self) -> str:
        """The base URL of the management API."""
        return f"http://{HOST}:{self.admin}"

    @property
    def desk_url(self) -> str:
        """The base URL of the desk and the sandbox."""
        return f"http://{HOST}:{self.desk}"

    @property
    def ews_url(self) -> str:
        """The URL of the sandbox's Exchange Web Services."""
        return f"{self.desk_url}/EWS/Exchange.asmx"

    @property
    def rooms_url(self) -> str:
        """The base URL of the door signs."""
        return f"http://{HOST}:{self.rooms}"

    def check_free(self) -> None:
        """Raise `PortTaken` for the first port that cannot be listened on.

        Checked before anything is started, so that the answer is one clear line.
        """
        for port in self:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                    probe.listen(1)
                except OSError as error:
                    if error.errno in (errno.EADDRINUSE, errno.EACCES):
                        raise PortTaken(port) from None
                    raise
