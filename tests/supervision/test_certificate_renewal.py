"""Certificates of endpoints are replaced while they serve: over real TLS."""

import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from pexschedd.model import tables
from pexschedd.net.server_tls import TlsEndpoint, server_endpoint
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import OWN_CERTIFICATE_UNUSABLE
from pexschedd.store.store import Store
from pexschedd.supervision.certificate_renewal import EVERY, CertificateRenewal
from tests.net.net_support import Authority, Server, dns
from tests.web_admin.web_admin_support import Clock as Wall
from tests.web_admin.web_admin_support import open_store

reactor: Any = _reactor
PLACE = "endpoints.addin[0]"
ROOT = Authority("Root")
ISSUING = Authority("Issuing", ROOT)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Passing method:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning"),
]


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


def write(path: Path, data: bytes) -> None:
    """As ACME clients do: another file under the same name."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.rename(path)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_of(server: Server) -> bytes:
    return server.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Endpoint:
    """An `ssl:` endpoint, its files, and the service that watches them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.key, self.chain = folder / "privkey.pem", folder / "fullchain.pem"
        self.store, self.clock = store, Clock()
        self.port = 0
        self.renewed = 0

    async def open(self) -> Any:
        string = f"ssl:0:interface=127.0.0.1:privateKey={self.key}:certKey={self.chain}"
        endpoint = server_endpoint(reactor, string)
        assert isinstance(endpoint, TlsEndpoint)
        self.served = endpoint.served
        alarms = Alarms(self.store, Wall())
        self.renewal = CertificateRenewal(
            {PLACE: endpoint.served}, self.store, alarms, self.clock, self._count
        )
        self.renewal.startService()
        listening: Any = await endpoint.listen(Factory.forProtocol(Echo))
        self.port = listening.getHost().port
        return listening

    def _count(self) -> None:
        self.renewed += 1

    def issue(self) -> Server:
        server = ISSUING.server(dns("localhost"))
        write(self.key, key_of(server))
        write(self.chain, pem(server.certificate) + ISSUING.pem)
        return server

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(EVERY)

    def alarms(self) -> list[str]:
        return [
            alarm.details
            for alarm in self.store.all(tables.ALARM)
            if (alarm.name, alarm.instance) == (OWN_CERTIFICATE_UNUSABLE, PLACE)
            and alarm.time_lowered is None
        ]

    async def shown(self) -> x509.Certificate:
        """What a client that trusts the root is shown; it wants the whole chain."""
        connection = await deferToThread(self.connect)
        try:
            return x509.load_der_x509_certificate(connection.getpeercert(True) or b"")
        finally:
            connection.close()

    def connect(self) -> ssl.SSLSocket:
        import socket  # noqa: PLC0415 - beside `ssl`, for this one use

        context = ssl.create_default_context(cadata=ROOT.pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return context.wrap_socket(plain, server_hostname="localhost")


@pytest_twisted.async_yield_fixture()
async def endpoint(tmp_path: Path) -> AsyncIterator[Endpoint]:
    """An endpoint with its first certificate."""
    store = open_store(tmp_path / "state")
    made = Endpoint(tmp_path, store)
    made.first = made.issue()  # type: ignore[attr-defined]
    listening = await made.open()
    yield made
    await made.renewal.stopService()
    await listening.stopListening()
    await store.close()


async def talk(connection: ssl.SSLSocket, said: bytes) -> bytes:
    def exchange() -> bytes:
        connection.sendall(said)
        return connection.recv(100)

    answer: Deferred[bytes] = deferToThread(exchange)
    return await answer


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate_is_shown(endpoint: Endpoint) -> None:
    """To those who connect from now on, with its chain; who is connected goes on."""
    first: Server = endpoint.first  # type: ignore[attr-defined]
    assert await endpoint.shown() == first.certificate
    old = await deferToThread(endpoint.connect)
    second = endpoint.issue()
    endpoint.look()
    assert await endpoint.shown() == first.certificate, "it waits until all is written"
    endpoint.look()
    assert await endpoint.shown() == second.certificate
    assert endpoint.renewed == 1
    assert await talk(old, b"still here") == b"still here"
    old.close()
    endpoint.look(3)
    assert endpoint.renewed == 1


@pytest_twisted.ensureDeferred
async def test_links_as_certbot_keeps_them(endpoint: Endpoint, tmp_path: Path) -> None:
    """The files are links, of which the next certificate gets others."""
    second = ISSUING.server(dns("localhost"))
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "key2.pem").write_bytes(key_of(second))
    (archive / "chain2.pem").write_bytes(pem(second.certificate) + ISSUING.pem)
    for link, target in ((endpoint.key, "key2.pem"), (endpoint.chain, "chain2.pem")):
        link.unlink()
        link.symlink_to(archive / target)
    endpoint.look(2)
    assert await endpoint.shown() == second.certificate


def no_certificate(endpoint: Endpoint) -> None:
    write(endpoint.chain, b"not a certificate")


def other_key(endpoint: Endpoint) -> None:
    write(endpoint.key, key_of(ISSUING.server(dns("localhost"))))


def no_file(endpoint: Endpoint) -> None:
    endpoint.chain.unlink()


def cut_off(endpoint: Endpoint) -> None:
    write(endpoint.key, endpoint.key.read_bytes()[:40])


@pytest.mark.parametrize("broken", [no_certificate, other_key, no_file, cut_off])
@pytest_twisted.ensureDeferred
async def test_a_broken_certificate(
    endpoint: Endpoint, broken: Callable[[Endpoint], None]
) -> None:
    """The old one stays, an alarm says why and which files; it is lowered by the next
    one that is good."""
    first: Server = endpoint.first  # type: ignore[attr-defined]
    broken(endpoint)
    endpoint.look(2)
    assert await endpoint.shown() == first.certificate
    (details,) = endpoint.alarms()
    assert str(endpoint.chain) in details
    assert "was not renewed: " in details
    endpoint.look(2)
    assert endpoint.alarms() == [details]
    second = endpoint.issue()
    endpoint.look(2)
    assert await endpoint.shown() == second.certificate
    assert endpoint.alarms() == []


@pytest_twisted.ensureDeferred
async def test_a_key_of_another_certificate_is_named(endpoint: Endpoint) -> None:
    """The commonest mistake has words of its own."""
    other_key(endpoint)
    assert endpoint.renewal.reload() == [PLACE]
    assert "the private key does not belong to the certificate" in endpoint.alarms()[0]


@pytest_twisted.ensureDeferred
async def test_a_file_that_cannot_be_read_for_a_moment(endpoint: Endpoint) -> None:
    """Between two files of a renewal nothing is reported."""
    chain = endpoint.chain.read_bytes()
    endpoint.chain.unlink()
    endpoint.look()
    write(endpoint.chain, chain)
    endpoint.look(2)
    assert endpoint.alarms() == []
    assert endpoint.renewed == 0, "it is the same"


@pytest_twisted.ensureDeferred
async def test_asked_for_it_is_read_at_once(endpoint: Endpoint) -> None:
    """Also if the files look as before."""
    second = endpoint.issue()
    for file in (endpoint.key, endpoint.chain):
        os.utime(file, ns=(0, 0))
    assert endpoint.renewal.reload() == []
    assert await endpoint.shown() == second.certificate


@pytest_twisted.ensureDeferred
async def test_an_alarm_of_the_last_run(tmp_path: Path) -> None:
    """A start has read everything, so it lowers them."""
    store = open_store(tmp_path / "state")
    alarms = Alarms(store, Wall())
    alarms.raise_(OWN_CERTIFICATE_UNUSABLE, "endpoints.rooms[3]", "It was broken.")
    renewal = CertificateRenewal({}, store, alarms, Clock(), lambda: None)
    renewal.startService()
    assert alarms.active(OWN_CERTIFICATE_UNUSABLE, "endpoints.rooms[3]") is None
    await renewal.stopService()
    await store.close()
