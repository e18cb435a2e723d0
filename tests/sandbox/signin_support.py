"""A sandbox behind TLS, and a client whose every leg of a handshake can be seen."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol

from pexschedd.sandbox.signin.ntlm import channel_bindings_of
from pexschedd.sandbox.signin.server_certificate import ServerCertificate
from tests.sandbox.sandbox_support import ALICE

NTLM_ONLY = spnego.NegotiateOptions.use_ntlm


class Pem:
    """A certificate for this machine, signed by itself."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate_pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        self.text = self.certificate_pem + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def server(self) -> ServerCertificate:
        return ServerCertificate(self.text)


class Reply:
    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        pairs = [line.partition(": ") for line in lines[1:]]
        self._fields = [(name.casefold(), value) for name, _, value in pairs]
        self.body = body

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


class Wire(Protocol):
    """One connection: a request, then its answer."""

    def __init__(self) -> None:
        self._data = b""
        self._waiting: Deferred[Reply | None] | None = None
        self.lost = False

    def ask(
        self, body: bytes = b"", authorization: str = "", method: str = "POST"
    ) -> "Deferred[Reply | None]":
        """None if the connection ends before an answer does."""
        assert self.transport is not None
        given = f"Authorization: {authorization}\r\n" if authorization else ""
        head = (
            f"{method} /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\n{given}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._waiting = Deferred()
        done = self._waiting
        if self.lost:
            self._give(None)
        else:
            self.transport.write(head.encode() + body)
        return done

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        length = Reply(head, b"").get("content-length")
        # Chunks are not for this client: it goes on waiting.
        if length is not None and len(rest) >= int(length):
            self._data = rest[int(length) :]
            self._give(Reply(head, rest[: int(length)]))

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True
        self._give(None)

    def _give(self, reply: Reply | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(reply)


async def connect(port: int, tls: Pem | None = None) -> Wire:
    """With TLS for who trusts just that certificate."""
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    endpoint: Any = TCP4ClientEndpoint(io, "127.0.0.1", port, timeout=5)
    if tls is not None:
        trusted = ssl.Certificate.loadPEM(tls.text)
        options = ssl.optionsForClientTLS("localhost", trustRoot=trusted)
        endpoint = wrapClientTLS(options, endpoint)
    wire: Wire = await endpoint.connect(Factory.forProtocol(Wire))
    return wire


def client(
    user: str = ALICE,
    password: str = "alice",
    *,
    protocol: str = "ntlm",
    certificate: x509.Certificate | None = None,
) -> Any:
    """pyspnego's client; with the channel bindings of a certificate."""
    return spnego.client(
        user,
        password,
        hostname="localhost",
        service="http",
        protocol=protocol,
        channel_bindings=None
        if certificate is None
        else channel_bindings_of(certificate),
        options=NTLM_ONLY,
    )


async def handshake(
    wire: Wire, body: bytes, context: Any, scheme: str = "NTLM"
) -> Reply | None:
    """All legs on one connection; the last answer, None if it broke off before."""
    token = context.step()
    reply = None
    while token:
        encoded = base64.b64encode(token).decode()
        last = token.find(b"NTLMSSP\x00\x03") >= 0
        reply = await wire.ask(body if last else b"", f"{scheme} {encoded}")
        if reply is None or reply.status != 401 or last:
            return reply
        (challenge,) = reply.all("www-authenticate")
        kind, _, answer = challenge.partition(" ")
        assert kind == scheme
        token = context.step(base64.b64decode(answer))
    return reply
