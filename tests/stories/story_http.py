"""JSON over HTTP, as administrators, panes and conferencing nodes speak it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
import treq
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pexschedd.net.body_producer import BytesProducer
from tests.stories.story_clock import reactor


class JsonClient:
    """Asks on connections that stay open until `close`."""

    def __init__(self) -> None:
        self._connections = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, pool=self._connections)

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
        sent = Headers()
        for name, value in (headers or {}).items():
            sent.addRawHeader(name, value)
        if auth is not None:
            credentials = b64encode(":".join(auth).encode()).decode()
            sent.addRawHeader("authorization", f"Basic {credentials}")
        body = None
        if json is not None:
            sent.addRawHeader("content-type", "application/json")
            body = BytesProducer(msgspec.json.encode(json))
        if params:
            url = f"{url}?{urlencode(params)}"
        # Not by treq.request, which takes twice as long.
        response = await self._agent.request(method.encode(), url.encode(), sent, body)
        content = await treq.content(response)
        return response.code, msgspec.json.decode(content) if content else None

    async def close(self) -> None:
        await self._connections.closeCachedConnections()
