"""A look at a server's certificates, whatever they are."""

from typing import Any

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import reactor as _reactor

from pexschedd.net.errors import FailureKind
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.net.inspection import inspect
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import RawServer, RawSite
from tests.net.net_support import DAY, NOW, Authority, dns
from tests.ports import free_ports

reactor: Any = _reactor


def silent(_connection: RawServer, _number: int) -> None:
    raise AssertionError("nothing is to be sent")


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("The root")


async def look(
    site: RawSite, root: Authority, timeout: float = 10
) -> HandshakeInspection:
    network = Network(reactor, Trust([("ca_file", root.pem)]))
    return await inspect(network, "localhost", site.port, timeout=timeout)


@pytest_twisted.ensureDeferred
async def test_a_good_server(serve: Any, root: Authority) -> None:
    """The chain as presented, the server's own first, and nothing wrong with it."""
    issuing = Authority("Issuing", root)
    server = issuing.server(dns("localhost", "mail.example.test"), above=[issuing])
    found = await look(serve(silent, server), root)
    assert (found.failure, found.problem) == (None, "")
    assert found.version == "TLSv1.3"
    assert found.cipher
    own, above = found.chain
    assert (own.names, own.is_ca) == (("localhost", "mail.example.test"), False)
    assert (own.issuer, above.subject) == ("CN=Issuing", "CN=Issuing")
    assert (above.issuer, above.is_ca) == ("CN=The root", True)
    assert len(own.fingerprint) == 32 * 3 - 1


@pytest_twisted.ensureDeferred
async def test_a_stranger(serve: Any, root: Authority) -> None:
    """An untrusted chain is shown to its end, with what is wrong."""
    stranger = Authority("A stranger")
    found = await look(serve(silent, stranger.server(dns("localhost"))), root)
    assert found.failure is FailureKind.UNTRUSTED
    assert 'issued by "CN=A stranger"' in found.problem
    assert [each.issuer for each in found.chain] == ["CN=A stranger"]


@pytest_twisted.ensureDeferred
async def test_expired(serve: Any, root: Authority) -> None:
    """An expired certificate can be looked at."""
    server = root.server(dns("localhost"), expires=NOW - DAY)
    found = await look(serve(silent, server), root)
    assert found.failure is FailureKind.NOT_VALID_NOW
    assert found.chain[0].not_after < NOW


@pytest_twisted.ensureDeferred
async def test_another_host(serve: Any, root: Authority) -> None:
    """A certificate for another host can be looked at."""
    found = await look(serve(silent, root.server(dns("other.test"))), root)
    assert found.failure is FailureKind.WRONG_HOST
    assert found.problem == (
        "its certificate is not for this host: it is for other.test and not for "
        "localhost"
    )


@pytest_twisted.ensureDeferred
async def test_old_tls(serve: Any, root: Authority) -> None:
    """Without a handshake there is no chain, but a reason."""
    versions = (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)
    found = await look(serve(silent, root.server([], versions=versions)), root)
    assert (found.chain, found.failure) == ((), FailureKind.OLD_TLS)


@pytest_twisted.ensureDeferred
async def test_no_server_there(root: Authority) -> None:
    """A closed port is a result, not an exception."""
    network = Network(reactor, Trust())
    found = await inspect(network, "127.0.0.1", free_ports(1), timeout=10)
    assert found.failure is FailureKind.REFUSED
    assert found.problem == "it refuses connections"


@pytest_twisted.ensureDeferred
async def test_silence(serve: Any, root: Authority) -> None:
    """A server that says nothing is given up."""
    found = await look(serve(silent), root, timeout=0.05)
    assert found.failure is FailureKind.TIMEOUT
    assert found.problem == "it did not answer within 0.05 seconds"
