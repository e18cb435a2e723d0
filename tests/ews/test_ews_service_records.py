"""SRV records that name a server, by a name server on this machine."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import fail, succeed
from twisted.internet.protocol import DatagramProtocol
from twisted.names.client import Resolver
from twisted.names.common import ResolverBase
from twisted.names.dns import SRV, DNSDatagramProtocol, Record_SRV, RRHeader
from twisted.names.error import DNSNameError
from twisted.names.server import DNSServerFactory

from pexschedd.errors import MailboxError
from pexschedd.ews.autodiscover.service_records import (
    LookUp,
    NamedServer,
    named_servers,
)
from tests.ews.autodiscover_support import (
    INSIDE,
    TLS,
    URL,
    account,
    answering,
    protocol,
    searcher,
)

reactor: Any = _reactor


class Zone(ResolverBase):
    """The SRV records of one name."""

    def __init__(self, name: str, *records: tuple[str, int, int]) -> None:
        super().__init__()
        self._name = name.encode()
        self._records = records

    def _lookup(self, name: bytes, cls: int, kind: int, timeout: Any) -> Any:
        if name != self._name or kind != SRV:
            return fail(DNSNameError(name))
        found = [
            RRHeader(name, SRV, payload=Record_SRV(priority, 0, port, host))
            for host, port, priority in self._records
        ]
        return succeed((found, [], []))


@pytest_twisted.async_yield_fixture()
async def name_server() -> AsyncIterator[Callable[..., LookUp]]:
    """Gives what asks a name server on this machine, which has the records of
    `localhost`: host, port, priority."""
    ports = []

    def serving(*records: tuple[str, int, int]) -> LookUp:
        zone = Zone("_autodiscover._tcp.localhost", *records)
        factory = DNSServerFactory(clients=[zone])
        port = reactor.listenUDP(0, DNSDatagramProtocol(factory), interface="127.0.0.1")
        ports.append(port)
        here = [("127.0.0.1", port.getHost().port)]
        resolver = Resolver(servers=here, reactor=reactor)
        return lambda name: resolver.lookupService(name, timeout=(2,))

    yield serving
    for port in ports:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_server_that_dns_names(serve: Any, name_server: Any) -> None:
    """The preferred one of the records leads to the server, on a port of its own."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    unused = serve(answering(account(protocol("EXCH", INSIDE))), TLS)
    look_up = name_server(("localhost", unused.port, 20), ("localhost", site.port, 10))
    assert await searcher(look_up=look_up).find("oak@localhost") == URL
    assert unused.requests == []


@pytest_twisted.ensureDeferred
async def test_dns_names_a_server_of_another_domain(
    serve: Any, name_server: Any
) -> None:
    """It is not asked, and the error has its address."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    look_up = name_server(("127.0.0.1", site.port, 1), ("mail.elsewhere.test", 443, 2))
    told = "enter https://mail.elsewhere.test/autodiscover/autodiscover.xml"
    with pytest.raises(MailboxError, match=re.escape(told)):
        await searcher(look_up=look_up).find("oak@localhost")
    assert site.requests == []


@pytest_twisted.ensureDeferred
async def test_a_name_server_that_is_silent() -> None:
    """The search goes on without it."""
    silent = reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")
    here = [("127.0.0.1", silent.getHost().port)]
    resolver = Resolver(servers=here, reactor=reactor)
    found = await named_servers(
        "localhost", lambda name: resolver.lookupService(name, timeout=(0.05,))
    )
    assert found == []
    await silent.stopListening()


@pytest.mark.parametrize("host", ["127.0.0.1/.localhost", "a@b.localhost", ""])
@pytest_twisted.ensureDeferred
async def test_names_that_are_none(name_server: Any, host: str) -> None:
    """A name that would make another address of ours is no host, and neither asked nor
    told."""
    assert await named_servers("localhost", name_server((host, 443, 1))) == []


@pytest.mark.parametrize(
    ("host", "is_of"),
    [
        ("example.test", True),
        ("mail.example.test", True),
        ("mailexample.test", False),
        ("example.test.evil.test", False),
        ("test", False),
    ],
)
def test_whose_a_server_is(host: str, is_of: bool) -> None:
    """A name that only looks like one of the domain is another's."""
    assert NamedServer(host, 443).is_of("example.test") is is_of
