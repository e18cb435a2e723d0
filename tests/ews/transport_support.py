"""Exchanges over HTTP with servers that behave in odd ways."""

from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock

from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ConnectionFailure
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import Behaviour, RawServer, RawSite, Starter

reactor: Any = _reactor
BODY = b"<request/>"


def transport_to(
    site: RawSite, *, clock: Any = None, limits: ConnectionLimits | None = None
) -> Transport:
    return Transport(
        site.url(),
        BasicAuthenticator("svc", "pä:ss"),
        clock=clock or Clock(),
        network=Network(reactor, Trust()),
        limits=limits or ConnectionLimits(),
    )


async def post(transport: Transport, *, repeatable: bool = True) -> HttpResponse:
    return await transport.post(
        BODY, mailbox="room@example.test", repeatable=repeatable
    )


async def trouble_with(
    behaviour: Behaviour,
    serve: Starter,
    *,
    repeatable: bool = False,
    limits: ConnectionLimits | None = None,
) -> ConnectionFailure:
    """The trouble that one exchange ends in; the connection is gone afterwards."""
    site = serve(behaviour)
    transport = transport_to(site, limits=limits)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport, repeatable=repeatable)
    await site.all_lost()
    await transport.close()
    return caught.value


def torn_body(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<torn")
    connection.close()


def hang(_connection: RawServer, _: int) -> None:
    pass
