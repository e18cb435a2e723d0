"""A site on a port, and a client that says what no library would."""

from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from pexschedd.web.health import HealthApi
from pexschedd.web.site import HttpSite

reactor: Any = _reactor


class Raw(Protocol):
    """Says what no client library would, and hears everything until the end."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self._heard = b""
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._said)

    def dataReceived(self, data: bytes) -> None:
        self._heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.heard.callback(self._heard)


def site() -> HttpSite:
    return HttpSite(HealthApi(list, "1.2").app.resource(), reactor, None)


async def ask(where: int | Path, said: bytes) -> tuple[bytes, Any]:
    """Of a port, or a Unix socket: the status line and the answer's JSON."""
    raw = Raw(said)
    endpoint = (
        UNIXClientEndpoint(reactor, str(where))
        if isinstance(where, Path)
        else HostnameEndpoint(reactor, "127.0.0.1", where)
    )
    await connectProtocol(endpoint, raw)
    head, _, body = (await raw.heard).partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    return head.splitlines()[0], msgspec.json.decode(body)
