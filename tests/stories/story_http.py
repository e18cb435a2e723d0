"""JSON over HTTP, as administrators, panes and conferencing nodes speak it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import fromChunk

from tests.stories.story_clock import reactor


class _Connection(Protocol):
    """One request after the other. Stories ask thousands of times, and Twisted's own
    client takes as long for it as the daemon."""

    def __init__(self) -> None:
        self._received = b""
        self._answered: Deferred[tuple[int, bytes]] | None = None
        self.closed: Deferred[None] = Deferred()

    @property
    def is_free(self) -> bool:
        return self._answered is None and not self.closed.called

    def ask(self, request: bytes) -> Deferred[tuple[int, bytes]]:
        """Send a request; fires with the answer's status and body."""
        assert self.transport is not None
        answered: Deferred[tuple[int, bytes]] = Deferred()
        self._answered = answered
        self.transport.write(request)
        return answered

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        status, *lines = head.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        if headers.get(b"transfer-encoding") == b"chunked":
            if not body.endswith(b"0\r\n\r\n"):
                return
            body = _joined(body)
        elif len(body) < int(headers.get(b"content-length", b"0")):
            return
        answered, self._answered, self._received = self._answered, None, b""
        assert answered is not None
        answered.callback((int(status.split()[1]), body))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)
        if self._answered is not None:
            self._answered.errback(ConnectionLost())

    def close(self) -> Deferred[None]:
        assert self.transport is not None
        self.transport.loseConnection()
        return self.closed


def _joined(chunks: bytes) -> bytes:
    parts = []
    while chunks:
        part, chunks = fromChunk(chunks)
        parts.append(part)
    return b"".join(parts)


class JsonClient:
    """Asks on connections that stay open until `close`."""

    def __init__(self) -> None:
        self._connections: dict[str, list[_Connection]] = {}

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        json: Any = None,
    ) -> tuple[int, Any]:
        """The status, and what the answer says. No `json` is no body."""
        server = urlsplit(url).netloc
        target = url.partition(server)[2]
        if params:
            target = f"{target}?{urlencode(params)}"
        lines = [f"{method} {target} HTTP/1.1", f"Host: {server}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if auth is not None:
            credentials = b64encode(":".join(auth).encode()).decode()
            lines.append(f"Authorization: Basic {credentials}")
        body = b""
        if json is not None:
            body = msgspec.json.encode(json)
            lines.append("Content-Type: application/json")
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", ""]).encode() + body
        connection = await self._free_connection(server)
        status, content = await connection.ask(request)
        return status, msgspec.json.decode(content) if content else None

    async def _free_connection(self, server: str) -> _Connection:
        opened = self._connections.setdefault(server, [])
        free = [each for each in opened if each.is_free]
        if free:
            return free[0]
        host, _, port = server.partition(":")
        endpoint = HostnameEndpoint(reactor, host, int(port))
        connection: _Connection = await connectProtocol(endpoint, _Connection())
        opened.append(connection)
        return connection

    async def close(self) -> None:
        for opened in self._connections.values():
            for connection in opened:
                await connection.close()
