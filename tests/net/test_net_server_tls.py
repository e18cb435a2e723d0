"""The daemon's own TLS endpoints, asked by real OpenSSL clients."""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from pexschedd.net.server_tls import server_endpoint
from tests.net.net_support import Authority, dns

reactor: Any = _reactor

pytestmark = [
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning"),
    # Twisted's own way to read an endpoint's files, and an option that it still takes.
    pytest.mark.filterwarnings("ignore:Passing method:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning"),
]

SUITES_OF_TLS_1_2 = [
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
]
REFUSED = {
    "RSA key exchange": "AES256-GCM-SHA384",
    "RSA key exchange and CBC": "AES128-SHA",
    "CBC": "ECDHE-RSA-AES256-SHA384",
    "CBC with SHA-1": "ECDHE-RSA-AES128-SHA",
    "finite fields": "DHE-RSA-AES256-GCM-SHA384",
}

Listen = Callable[..., Awaitable[int]]


def key_and_certificate(folder: Path, key: Any) -> Path:
    made = Authority("Root").server(dns("localhost"), key=key)
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest_twisted.async_yield_fixture()
async def listen(tmp_path: Path) -> AsyncIterator[Listen]:
    """Opens an `ssl:` endpoint and returns its port."""
    ports = []

    async def listen(
        make: Any = server_endpoint, key: Any = None, options: str = ""
    ) -> int:
        key = key or rsa.generate_private_key(65537, 2048)
        file = key_and_certificate(tmp_path, key)
        endpoint = make(
            reactor, f"ssl:0:interface=127.0.0.1:privateKey={file}{options}"
        )
        port = await endpoint.listen(Factory.forProtocol(Protocol))
        ports.append(port)
        return int(port.getHost().port)

    yield listen
    for port in ports:
        await port.stopListening()


def client(
    ciphers: str = "ALL:@SECLEVEL=0", highest: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    if highest is not None:
        context.maximum_version = highest
    context.set_ciphers(ciphers)
    return context


async def shake_hands(port: int, context: ssl.SSLContext) -> tuple[str, str]:
    """Returns the version and the suite; raises ssl.SSLError if there is none."""

    def connect() -> tuple[str, str]:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as secure,
        ):
            cipher = secure.cipher()
            return str(secure.version()), cipher[0] if cipher else ""

    found: tuple[str, str] = await deferToThread(connect)
    return found


@pytest_twisted.ensureDeferred
async def test_a_modern_client_gets_tls_1_3(listen: Listen) -> None:
    """A client that leaves the choice to OpenSSL."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    version, suite = await shake_hands(await listen(), context)
    assert version == "TLSv1.3"
    assert suite.startswith("TLS_")


@pytest.mark.parametrize("suite", SUITES_OF_TLS_1_2)
@pytest_twisted.ensureDeferred
async def test_tls_1_2_with_forward_secrecy_is_served(
    listen: Listen, suite: str
) -> None:
    """Each suite with an ephemeral key and authenticated encryption."""
    context = client(suite, ssl.TLSVersion.TLSv1_2)
    assert await shake_hands(await listen(), context) == ("TLSv1.2", suite)


@pytest_twisted.ensureDeferred
async def test_a_key_on_a_curve_is_served(listen: Listen) -> None:
    """With an ECDSA certificate, too."""
    port = await listen(key=ec.generate_private_key(ec.SECP256R1()))
    _, suite = await shake_hands(port, client(highest=ssl.TLSVersion.TLSv1_2))
    assert suite.startswith("ECDHE-ECDSA-")


@pytest.mark.parametrize("suite", REFUSED.values(), ids=REFUSED)
@pytest_twisted.ensureDeferred
async def test_what_has_no_forward_secrecy_or_is_cbc_is_refused(
    listen: Listen, suite: str
) -> None:
    """A client that offers nothing else gets no connection."""
    context = client(f"{suite}:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2)
    port = await listen()
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        await shake_hands(port, context)


@pytest.mark.parametrize("suite", ["AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384"])
@pytest_twisted.ensureDeferred
async def test_the_clients_of_this_test_can_see_the_difference(
    listen: Listen, suite: str
) -> None:
    """Twisted's own endpoint serves what is refused here."""
    context = client(f"{suite}:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2)
    port = await listen(make=serverFromString)
    assert (await shake_hands(port, context))[1] == suite


@pytest.mark.parametrize("options", ["", ":sslmethod=SSLv23_METHOD"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest_twisted.ensureDeferred
async def test_old_versions_are_refused(
    listen: Listen, version: ssl.TLSVersion, options: str
) -> None:
    """Also where the endpoint's string lets them in."""
    port = await listen(options=options)
    with pytest.raises(ssl.SSLError):
        await shake_hands(port, client(highest=version))
    assert (await shake_hands(port, client()))[0] == "TLSv1.3"


@pytest_twisted.ensureDeferred
async def test_no_ticket_is_given(listen: Listen) -> None:
    """A ticket of TLS 1.2 would hold the key of the session."""
    context = client(highest=ssl.TLSVersion.TLSv1_2)
    port = await listen()

    def has_ticket() -> bool:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as secure,
        ):
            return bool(secure.session and secure.session.has_ticket)

    assert not await deferToThread(has_ticket)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["privateKey", "certKey", "extraCertChain"])
def test_what_is_no_file_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    """Instead of being waited for: nobody may ever write into a pipe."""
    other = tmp_path / "other"
    make(other)
    good = key_and_certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    files = {"privateKey": good, "certKey": good} | {name: other}
    words = "".join(f":{each}={file}" for each, file in files.items())
    with pytest.raises(ValueError, match=f"^{other} is not a file$"):
        server_endpoint(reactor, f"ssl:0{words}")
