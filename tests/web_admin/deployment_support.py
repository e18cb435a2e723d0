"""Deployments to import from, over TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.net.net_support import Authority, dns

reactor: Any = _reactor


@asynccontextmanager
async def over_tls(site: Any, authority: Authority) -> AsyncIterator[str]:
    """The address of a site behind TLS."""
    tls = authority.server(dns("localhost"))
    factory = TLSMemoryBIOFactory(tls, False, site)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    try:
        yield f"https://localhost:{port.getHost().port}"
    finally:
        await port.stopListening()
