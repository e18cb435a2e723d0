"""Fixtures of the Exchange client's tests."""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from lxml import etree
from twisted.internet import reactor as _reactor

from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_exchange import Exchange
from tests.ews.ews_support import Behaviour, RawSite
from tests.schemas import EWS, needed_schema

reactor: Any = _reactor


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """Exchange's schema for whole envelopes."""
    return needed_schema(EWS)


@pytest.fixture(scope="session")
def network() -> Network:
    return Network(reactor, Trust())


@pytest_twisted.async_yield_fixture()
async def serve() -> Any:
    """Starts servers on loopback; each is a behaviour."""
    ports = []
    sites = []

    def start(behaviour: Behaviour, context: Any = None) -> RawSite:
        site = RawSite(behaviour)
        port = (
            reactor.listenTCP(0, site, interface="127.0.0.1")
            if context is None
            else reactor.listenSSL(0, site, context, interface="127.0.0.1")
        )
        site.port = port.getHost().port
        ports.append(port)
        sites.append(site)
        return site

    yield start
    for port in ports:
        await port.stopListening()
    for site in sites:
        for connection in site.connections:
            connection.reset()
        await site.all_lost()


@pytest_twisted.async_yield_fixture()
async def exchange() -> Any:
    """A sandbox on a socket."""
    exchange = Exchange()
    yield exchange
    await exchange.close()


@pytest.fixture(autouse=True)
def no_timers_left() -> Iterator[None]:
    """Whatever a test starts has to be over with it."""
    before = set(reactor.getDelayedCalls())
    yield
    left = [call for call in reactor.getDelayedCalls() if call not in before]
    assert not left
