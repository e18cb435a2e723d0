"""Proxies before the server: whom they speak for, in headers and by their protocol."""

from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol

from pexschedd.net.server_tls import server_endpoint
from pexschedd.web.connections import ConnectionCaps
from pexschedd.web.forwarded import TrustedProxies
from pexschedd.web.health import HealthApi
from pexschedd.web.site import HttpSite
from tests.web.site_support import Raw, ask

reactor: Any = _reactor


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (b"", "127.0.0.1"),
        (b"X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
        (b"X-Forwarded-For: 10.0.0.1, 2001:db8::1\r\n", "2001:db8::1"),
        (b"X-Forwarded-For: a\r\nX-Forwarded-For: 192.0.2.8\r\n", "192.0.2.8"),
        (b'X-Forwarded-For: ","status":200\r\n', "127.0.0.1"),
        (b'X-Forwarded-For: ::1%"\r\n', "127.0.0.1"),
        (b"X-Forwarded-For: 192.0.2.9%1\r\n", "127.0.0.1"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_clients_address(forwarded: bytes, address: str) -> None:
    """The access line has it; a proxy on this machine says who its client is."""
    lines: list[str] = []
    resource = HealthApi(list, "1.2").app.resource()
    logged = HttpSite(resource, reactor, lines.append)
    listening = reactor.listenTCP(0, logged, interface="127.0.0.1")
    said = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + forwarded
    await ask(listening.getHost().port, said + b"\r\n")
    await listening.stopListening()
    assert msgspec.json.decode(lines[0])["address"] == address


@pytest.mark.parametrize(
    ("proxies", "address", "status"),
    [(["127.0.0.1"], "192.0.2.7", b"404"), ([], "127.0.0.1", b"400")],
)
@pytest_twisted.ensureDeferred
async def test_whom_a_proxy_speaks_for(
    proxies: list[str], address: str, status: bytes
) -> None:
    """A trusted one names the client and the Host it has sent; another one is a client
    like any other, with the Host that is none."""
    lines: list[str] = []
    resource = HealthApi(list, "1.2").app.resource()
    logged = HttpSite(resource, reactor, lines.append, proxies=TrustedProxies(proxies))
    listening = reactor.listenTCP(0, logged, interface="127.0.0.1")
    said = (
        b"GET /nothing HTTP/1.1\r\nHost: up_stream:x\r\nConnection: close\r\n"
        b"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: a.test\r\n\r\n"
    )
    answered, _ = await ask(listening.getHost().port, said)
    await listening.stopListening()
    assert answered.split()[1] == status
    assert msgspec.json.decode(lines[0])["address"] == address


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n", "192.0.2.7"),
        (b"PROXY TCP4 127.0.0.1 127.0.0.1 5000 443\r\n", "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_headers_behind_the_proxy_protocol(header: bytes, address: str) -> None:
    """They are the client's own: none is believed, even where it is not named."""
    lines: list[str] = []
    resource = HealthApi(list, "1.2").app.resource()
    logged = HttpSite(resource, reactor, lines.append, proxies=TrustedProxies())
    listening: Any = await server_endpoint(
        reactor, "haproxy:tcp:0:interface=127.0.0.1", lambda _: True
    ).listen(logged)
    said = b"Host: x\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n"
    raw = Raw(header + b"GET /health HTTP/1.1\r\n" + said)
    port = listening.getHost().port
    await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), raw)
    assert (await raw.heard).startswith(b"HTTP/1.1 200 ")
    await listening.stopListening()
    assert msgspec.json.decode(lines[0])["address"] == address


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\n", b""])
@pytest_twisted.ensureDeferred
async def test_connections_behind_the_proxy_protocol(begun: bytes) -> None:
    """Each counts for the client that is named: one that opens too many loses its
    oldest, whether it begins a request or not, and another client loses none."""
    proxies = TrustedProxies()
    caps = ConnectionCaps(most=100, most_per_address=2)
    resource = HealthApi(list, "1.2").app.resource()
    bounded = HttpSite(resource, reactor, None, caps, proxies=proxies)
    listening: Any = await server_endpoint(
        reactor, "haproxy:tcp:0:interface=127.0.0.1", proxies.includes
    ).listen(bounded)
    port = listening.getHost().port

    async def opened(client: str) -> Raw:
        said = f"PROXY TCP4 {client} 192.0.2.1 5000 443\r\n".encode() + begun
        raw = Raw(said)
        await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), raw)
        return raw

    other = await opened("198.51.100.1")
    mine = [await opened("192.0.2.7") for _ in range(3)]
    assert await mine[0].heard == b""
    kept = [other, *mine[1:]]
    assert not any(raw.heard.called for raw in kept)
    for raw in kept:
        transport: Any = raw.transport
        transport.abortConnection()
        await raw.heard
    await listening.stopListening()
