"""The three ports of the demo, one after the other on the loopback address."""

import errno
import socket
from typing import NamedTuple

HOST = "127.0.0.1"


class PortTaken(Exception):
    """Something else listens on one of the ports."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} is in use")


class Ports(NamedTuple):
    addin: int
    """The add-in's pages, the policy and the health of the daemon."""
    admin: int
    """The daemon's management API."""
    desk: int
    """The sandbox Exchange and the desk's page."""

    @classmethod
    def starting_at(cls, port: int) -> "Ports":
        """Raises ValueError if there is no room for three."""
        if not 1 <= port <= 65_533:
            raise ValueError("the port must be between 1 and 65533")
        return cls(port, port + 1, port + 2)

    @property
    def addin_url(self) -> str:
        return f"http://{HOST}:{self.addin}"

    @property
    def admin_url(self) -> str:
        return f"http://{HOST}:{self.admin}"

    @property
    def desk_url(self) -> str:
        return f"http://{HOST}:{self.desk}"

    def check_free(self) -> None:
        """Raises `PortTaken` for the first that cannot be listened on.

        Asked before anything is started, so that the answer is one clear line.
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
