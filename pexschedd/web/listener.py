"""A service that listens on an endpoint, and reports in plain words if it cannot."""

import os
from collections.abc import Callable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOENT, EPERM
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.errors import PortNotPermitted, PortUnavailable
from pexschedd.util.access import output_text, port_text

_REASONS = {
    EADDRINUSE: "another process has it open; ss -ltnp shows which",
    EADDRNOTAVAIL: "no network interface of this machine has the address",
}
_REASONS_OF_FILES = {
    EADDRINUSE: "there is a file of that name, or another process listens there",
    ENOENT: "the folder is not there",
}
"""For sockets that have a path (unix(7))."""


class Listener(Service):
    """A service that listens on an endpoint, and calls `failed` with the reason if the
    port cannot be opened."""

    _log = Logger()

    def __init__(
        self,
        name: str,
        endpoint: IStreamServerEndpoint,
        factory: IProtocolFactory,
        failed: Callable[[PortUnavailable], None],
    ) -> None:
        self.setName(name)
        self._endpoint = endpoint
        self._factory = factory
        self._failed = failed
        self._opening: Deferred[None] | None = None
        self.port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Open the port early: ports below 1024 need the privileges twistd still has
        now."""
        self._open()

    def startService(self) -> None:
        """Open the port, unless that was done before privileges were dropped."""
        super().startService()
        self._open()

    def _open(self) -> None:
        if self._opening is None:
            listening = self._endpoint.listen(self._factory)
            self._opening = listening.addCallbacks(self._opened, self._not_opened)

    async def settled(self) -> None:
        """Wait until the port is open, or could not be opened."""
        if self._opening is not None:
            await self._opening

    def _opened(self, port: IListeningPort) -> None:
        self.port = port
        self._log.info(
            "listener opened endpoint={name} address={address}",
            name=self.name,
            address=address_text(port.getHost()),
        )

    def _not_opened(self, failure: Failure) -> None:
        error = failure.value
        number = getattr(error, "errno", None)
        if isinstance(error, CannotListenError):
            number = getattr(error.socketError, "errno", None)
        file = _socket_file(error)
        where = f"cannot listen on {self.name}"
        if number in (EACCES, EPERM):
            text = output_text(file) if file else port_text(os.geteuid())
            self._failed(PortNotPermitted(f"{where}: {text}"))
            return
        reasons = _REASONS_OF_FILES if file else _REASONS
        reason = reasons.get(number or 0, failure.getErrorMessage())
        self._failed(PortUnavailable(f"{where}: {reason}"))

    async def _close(self) -> None:
        if self._opening is not None:
            await self._opening
            if self.port is not None:
                await _deferred(self.port.stopListening())
        self._opening = self.port = None

    def stopService(self) -> Deferred[None]:
        """Close the port; fires when it is closed."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())


def _socket_file(error: BaseException | None) -> Path | None:
    """Return the path of a socket that has one, from the error of opening it."""
    if isinstance(error, CannotListenError):
        path = error.port if isinstance(error.port, bytes) else None
    else:
        path = getattr(error, "filename2", None)  # the lock beside it
    return Path(os.fsdecode(path)) if path else None


async def _deferred(result: "Deferred[None] | None") -> None:
    if isinstance(result, Deferred):
        await result


def address_text(address: Any) -> str:
    """Return where a port is open: `host:port`, or a socket's path."""
    if not hasattr(address, "port"):
        return str(address.name or b"", "utf-8", "replace")
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"
