"""Through a web proxy: the tunnel is the proxy's, everything in it is not."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.client import URI

from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ABOUT_PROXY, ConnectionFailure, FailureKind, clause
from pexschedd.net.inspection import inspect
from pexschedd.net.network import Network, _Endpoints
from pexschedd.net.proxy import Proxy, parse_answer, parse_url
from pexschedd.net.tls import Trust
from pexschedd.net.tunnel import Tunnel
from tests.ews.ews_support import RawServer, RawSite
from tests.net.net_support import Authority, dns
from tests.net.proxy_support import Proxies, ProxyServer, Reply
from tests.ports import free_ports

reactor: Any = _reactor
MAIL = "mail.example.test"
"""A name that does not resolve: only the proxy knows it."""


def answer(connection: RawServer, _: int) -> None:
    connection.answer(b"<ok/>")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("The authority")


@pytest_twisted.async_yield_fixture()
async def proxy() -> Any:
    """Starts proxies on loopback; each does what it is told with a request."""
    started = []

    def start(reply: Reply = ProxyServer.open, context: Any = None) -> Proxies:
        proxies = Proxies(reply)
        port = (
            reactor.listenTCP(0, proxies, interface="127.0.0.1")
            if context is None
            else reactor.listenSSL(0, proxies, context, interface="127.0.0.1")
        )
        proxies.port = port.getHost().port
        started.append((port, proxies))
        return proxies

    yield start
    for port, proxies in started:
        await port.stopListening()
        for connection in proxies.connections:
            connection.reset()
        await proxies.all_lost()


Through = Callable[..., Any]


@pytest.fixture
def through(serve: Any, authority: Authority) -> Through:
    """One exchange with mail.example.test through a proxy; the answer's body."""

    async def exchange(
        proxies: Proxies,
        *,
        names: tuple[str, ...] = (MAIL,),
        secure: bool = False,
        clock: Any = reactor,
        **settings: Any,
    ) -> bytes:
        site: RawSite = serve(answer, authority.server(dns(*names)))
        proxies.target = site.port
        host = settings.pop("host", "127.0.0.1")
        settings = {"secure": secure, "host": host, "port": proxies.port} | settings
        trust = Trust([("ca_file", authority.pem)])
        network = Network(_Timed(clock), trust, Proxy(**settings))
        transport = Transport(
            f"https://{MAIL}/EWS/Exchange.asmx",
            BasicAuthenticator("svc", "pw"),
            clock=Clock(),
            network=network,
        )
        try:
            response = await transport.post(b"", mailbox="a@b.test", repeatable=True)
        finally:
            await transport.close()
        return response.body

    return exchange


class _Timed:
    """The reactor, with another clock."""

    def __init__(self, clock: Any) -> None:
        self.callLater = clock.callLater

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


@pytest_twisted.ensureDeferred
async def test_tunnel(proxy: Any, through: Through) -> None:
    """The proxy is asked for the host by name, and sees no more than that."""
    proxies = proxy()
    assert await through(proxies) == b"<ok/>"
    assert proxies.requests == [
        "CONNECT mail.example.test:443 HTTP/1.1\r\nHost: mail.example.test:443"
    ]


@pytest_twisted.ensureDeferred
async def test_signed_in(proxy: Any, through: Through) -> None:
    """User name and password go to the proxy, as RFC 7617 says."""
    proxies = proxy()
    await through(proxies, username="Aladdin", password="open sesame")
    (request,) = proxies.requests
    assert request.endswith("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")


@pytest_twisted.ensureDeferred
async def test_a_proxy_with_tls(
    proxy: Any, through: Through, authority: Authority
) -> None:
    """TLS to the proxy, and the server's TLS inside of it."""
    proxies = proxy(context=authority.server(dns("localhost")))
    assert await through(proxies, secure=True, host="localhost") == b"<ok/>"


@pytest_twisted.ensureDeferred
async def test_a_proxy_with_another_certificate(
    proxy: Any, through: Through, authority: Authority
) -> None:
    """The proxy's own certificate counts: nothing is said to a wrong one."""
    proxies = proxy(context=authority.server(dns("other.test")))
    with pytest.raises(ConnectionFailure) as caught:
        await through(
            proxies, secure=True, host="localhost", username="me", password="secret"
        )
    assert caught.value.kind is FailureKind.PROXY_UNREACHABLE
    assert "it is for other.test and not for localhost" in caught.value.detail
    assert proxies.requests == []


@pytest_twisted.ensureDeferred
async def test_the_server_is_verified_through_the_tunnel(
    proxy: Any, through: Through
) -> None:
    """A proxy that leads to another server gets no password."""
    with pytest.raises(ConnectionFailure) as caught:
        await through(proxy(), names=("other.test",))
    assert caught.value.kind is FailureKind.WRONG_HOST
    assert caught.value.detail == f"it is for other.test and not for {MAIL}"


def says(data: bytes, *, close: bool = False) -> Reply:
    def reply(connection: ProxyServer) -> None:
        connection.write(data)
        if close:
            connection.close()

    return reply


NTLM = (
    b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n"
    b"Proxy-Authenticate: Negotiate\r\n\r\n"
)
BASIC = b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'

REFUSALS: list[tuple[str, Reply, dict[str, str], FailureKind, str]] = [
    ("no sign-in", says(BASIC), {}, FailureKind.PROXY_SIGN_IN, "requires a user name"),
    (
        "wrong sign-in",
        says(BASIC),
        {"username": "me", "password": "geheim"},
        FailureKind.PROXY_SIGN_IN,
        "does not accept the user name me",
    ),
    (
        "another sign-in",
        says(NTLM),
        {"username": "me", "password": "geheim"},
        FailureKind.PROXY_SIGN_IN,
        "it offers negotiate, ntlm",
    ),
    (
        "forbidden",
        says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!!"),
        {},
        FailureKind.PROXY_FORBIDS,
        "does not allow connections to mail.example.test:443 (HTTP 403)",
    ),
    (
        "far end",
        says(b"HTTP/1.0 502 Bad Gateway\r\n\r\n"),
        {},
        FailureKind.PROXY_FAILED,
        "could not reach mail.example.test:443 (HTTP 502)",
    ),
    (
        "elsewhere",
        says(b"HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n"),
        {},
        FailureKind.PROXY_GARBLED,
        "it answers with HTTP 302",
    ),
    (
        "garbage",
        says(b"220 mail.example.test ESMTP\r\n"),
        {},
        FailureKind.PROXY_GARBLED,
        "it does not answer as a proxy does",
    ),
    (
        "half a status",
        says(b"HTTP/1.1 20\r\n\r\n"),
        {},
        FailureKind.PROXY_GARBLED,
        "it does not answer as a proxy does",
    ),
    (
        "without end",
        says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000),
        {},
        FailureKind.PROXY_GARBLED,
        "it does not answer as a proxy does",
    ),
    (
        "hang-up",
        says(b"", close=True),
        {},
        FailureKind.PROXY_GARBLED,
        "it closed the connection instead of answering",
    ),
    (
        "hang-up in the middle",
        says(b"HTTP/1.1 200 OK\r\nX", close=True),
        {},
        FailureKind.PROXY_GARBLED,
        "it closed the connection instead of answering",
    ),
]


@pytest.mark.parametrize(
    ("reply", "settings", "trouble", "words"),
    [row[1:] for row in REFUSALS],
    ids=[row[0] for row in REFUSALS],
)
@pytest_twisted.ensureDeferred
async def test_refusals(
    proxy: Any,
    through: Through,
    reply: Reply,
    settings: dict[str, str],
    trouble: FailureKind,
    words: str,
) -> None:
    """Each is told apart, names proxy and server, and keeps the password."""
    proxies = proxy(reply)
    with pytest.raises(ConnectionFailure) as caught:
        await through(proxies, **settings)
    assert caught.value.kind is trouble
    assert trouble in ABOUT_PROXY
    said = clause(caught.value)
    assert words in said
    assert f"the proxy http://127.0.0.1:{proxies.port}" in said
    assert f"{MAIL}:443" in said
    assert "geheim" not in said
    await proxies.all_lost()


@pytest_twisted.ensureDeferred
async def test_silence(proxy: Any, through: Through) -> None:
    """A proxy that says nothing is given up after half a minute."""
    asked: Deferred[None] = Deferred()
    clock = Clock()
    proxies = proxy(lambda _: asked.callback(None))
    exchange = Deferred.fromCoroutine(through(proxies, clock=clock))
    await asked
    clock.advance(29)
    assert not exchange.called
    clock.advance(2)
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.PROXY_GARBLED
    assert "no answer within 30 seconds" in caught.value.detail
    assert clock.getDelayedCalls() == []
    await proxies.all_lost()


@pytest_twisted.ensureDeferred
async def test_no_proxy_there(through: Through) -> None:
    """A proxy that is not there is named, and not taken for the server."""
    proxies = Proxies()
    proxies.port = free_ports(1)
    with pytest.raises(ConnectionFailure) as caught:
        await through(proxies)
    assert caught.value.kind is FailureKind.PROXY_UNREACHABLE
    assert "it refuses connections" in caught.value.detail
    assert f"http://127.0.0.1:{proxies.port}" in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_a_tunnel_that_is_not_wanted_any_more(
    proxy: Any, authority: Authority
) -> None:
    """Giving a connection up while the proxy is thinking leaves nothing open."""
    asked: Deferred[None] = Deferred()
    proxies = proxy(lambda _: asked.callback(None))
    network = Network(
        reactor, Trust(), Proxy(secure=False, host="127.0.0.1", port=proxies.port)
    )
    looking = Deferred.fromCoroutine(inspect(network, MAIL, 443, timeout=60))
    looking.addErrback(lambda _: None)
    await asked
    looking.cancel()
    await proxies.all_lost()


@pytest_twisted.ensureDeferred
async def test_inspection_through_the_tunnel(
    proxy: Any, serve: Any, authority: Authority
) -> None:
    """A server's certificates can be looked at through the proxy."""
    proxies = proxy()
    proxies.target = serve(answer, authority.server(dns(MAIL))).port
    trust = Trust([("ca_file", authority.pem)])
    settings = Proxy(secure=False, host="127.0.0.1", port=proxies.port)
    found = await inspect(Network(reactor, trust, settings), MAIL, 443, timeout=10)
    assert found.failure is None
    assert found.chain[0].names == (MAIL,)


def test_who_needs_no_proxy() -> None:
    """Loopback, the bypass and an integration without proxy are reached directly."""
    proxy = Proxy(secure=False, host="p.test", port=1, bypass=("*.example.test",))
    network = Network(reactor, Trust(), proxy)

    def is_tunnel(endpoint: object) -> bool:
        return isinstance(endpoint, Tunnel)

    assert is_tunnel(network.tcp_endpoint("mail.other.test", 443))
    assert not is_tunnel(network.tcp_endpoint("mail.example.test", 443))
    assert not is_tunnel(network.tcp_endpoint("localhost", 443))
    assert not is_tunnel(network.tcp_endpoint("127.0.0.1", 443))
    assert not is_tunnel(network.tcp_endpoint("mail.other.test", 443, direct=True))
    assert not is_tunnel(network.direct().tcp_endpoint("mail.other.test", 443))
    http = URI.fromBytes(b"http://mail.other.test/")
    assert is_tunnel(network.endpoint(http))
    assert not is_tunnel(network.endpoint(http, direct=True))
    assert network.direct().trust is network.trust


def test_another_proxy_from_now_on() -> None:
    """It counts for agents that were made before, too; a network without the proxy
    stays without."""
    old = Proxy(secure=False, host="old.test", port=1)
    network = Network(reactor, Trust(), old)
    ways, direct = _Endpoints(network, 1.0, lambda _: False), network.direct()
    uri = URI.fromBytes(b"http://mail.other.test/")
    first = ways.endpointForURI(uri)
    assert isinstance(first, Tunnel)
    assert ways.endpointForURI(uri) is first
    network.use_proxy(Proxy(secure=False, host="new.test", port=1))
    second = ways.endpointForURI(uri)
    assert isinstance(second, Tunnel)
    assert second is not first
    assert direct.proxy is None
    network.use_proxy(None)
    assert not isinstance(ways.endpointForURI(uri), Tunnel)


def test_the_password_is_not_shown() -> None:
    """Neither repr nor name have it."""
    proxy = replace(parse_url("https://p.test:8443"), username="me", password="geheim")
    assert repr(proxy) == "<Proxy https://p.test:8443>"
    assert parse_url("http://[fd00::1]").name == "http://[fd00::1]:80"


WRONG_URLS = [
    "p.test:3128",
    "ftp://p.test",
    "http://",
    "http://p.test:0",
    "http://p.test:x",
    "http://p.test:99999",
    "http://me:pw@p.test",
    "http://p.test/path",
    "http://p?q",
]


@pytest.mark.parametrize("url", ["", "http://p t", "http://p\r\nX: y", *WRONG_URLS])
def test_wrong_urls(url: str) -> None:
    """What is no proxy's address is said to be none, without the password in it."""
    with pytest.raises(ValueError, match=r"must look like http://proxy\.example") as e:
        parse_url(url)
    assert "pw" not in str(e.value)


def test_answers() -> None:
    """The status line decides; all that is offered counts."""
    found = parse_answer(NTLM)
    assert found is not None
    assert (found.status, found.offered) == (407, "NTLM, Negotiate")
    assert parse_answer(b"HTTP/2 200") is None
    assert parse_answer(b"HTTP/1.1 2000") is None
    bare = parse_answer(b"HTTP/1.1 200")
    assert bare is not None
    assert bare.status == 200
