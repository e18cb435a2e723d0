"""TLS of the daemon's own endpoints: TLS 1.2 and 1.3 with forward secrecy only, with a
certificate that can be replaced while connections go on.

Twisted's `ssl:` endpoints also offer key exchange by RSA, with which a key that is
stolen later opens what was recorded before, and CBC; and they read their files once.
Endpoint strings have no say in either, so Twisted makes the endpoint below TLS and the
context, and this module joins them. A PROXY header comes before TLS, where a load
balancer that passes TLS through sends it.
"""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from pexschedd.crypto.certificates import Certificate, described
from pexschedd.net.endpoint_strings import EndpointString, parse_endpoint
from pexschedd.net.proxies_only import ForProxiesOnly, ProxiedEndpoint

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""OpenSSL's words for TLS 1.2 with an ephemeral key exchange and authenticated
encryption. All suites of TLS 1.3 have both."""

_FileVersion = tuple[int, int, int] | None


def server_endpoint(
    reactor: Any,
    description: str,
    is_proxy: Callable[[str], bool] = lambda _: False,
) -> IStreamServerEndpoint:
    """Return the endpoint of a server string: a `TlsEndpoint` if it has TLS.

    Where connections begin with the PROXY protocol, only those from addresses for which
    `is_proxy` is true are taken: others could name any client. Raises what the string's
    parser, and that of the files that it names, raise.
    """
    parts = parse_endpoint(description)
    if parts.is_proxied:
        reactor = ForProxiesOnly(reactor, is_proxy)
    endpoint: IStreamServerEndpoint = serverFromString(reactor, parts.transport)
    if parts.is_proxied:
        endpoint = ProxiedEndpoint(endpoint)
    if parts.tls:
        return TlsEndpoint(endpoint, ServedCertificate(parts))
    return endpoint


@implementer(IStreamServerEndpoint)
class TlsEndpoint:
    """An endpoint whose connections have TLS, with the certificate of `served`."""

    def __init__(
        self, endpoint: IStreamServerEndpoint, served: "ServedCertificate"
    ) -> None:
        self._endpoint = endpoint
        self.served = served

    def listen(
        self,
        protocolFactory: IProtocolFactory,  # noqa: N803 - the interface's name
    ) -> Deferred[IListeningPort]:
        """Listen, with TLS between the connections and the factory's protocols."""
        factory = TLSMemoryBIOFactory(self.served, False, protocolFactory)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening


@implementer(IOpenSSLServerConnectionCreator)
class ServedCertificate:
    """The certificate and the key that an endpoint presents, and their files.

    Raises, as `reload` does, what Twisted and OpenSSL raise when they read the files.
    """

    def __init__(self, parts: EndpointString) -> None:
        self._parts = parts
        self.reload()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return self._parts.files

    def reload(self) -> bool:
        """Present what the files hold now to those who connect from now on; return
        whether that is another certificate or key. If it raises, nothing changes."""
        versions = self.versions()
        options = _options(self._parts)
        restrict(options.getContext())
        if options.certificate is None:  # never, but its type says so
            raise ValueError("there is no certificate")
        certificate = described(options.certificate.to_cryptography())
        before = getattr(self, "certificate", None)
        self._options = options
        self.certificate: Certificate = certificate
        self.read: tuple[_FileVersion, ...] = versions
        """The versions of the files that it was read from."""
        return before != certificate

    def versions(self) -> tuple[_FileVersion, ...]:
        """Return what tells the present contents of the files from earlier ones: a file
        that is replaced has another inode, one that is written another time."""
        return tuple(_version(file) for file in self.files)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Begin a connection, with the present certificate."""
        return self._options.serverConnectionForTLS(protocol)


def restrict(context: SSL.Context) -> None:
    """Leave only TLS 1.2 and 1.3 with forward secrecy and authenticated encryption.

    The context must not have been used yet.
    """
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(0)
    context.set_cipher_list(CIPHERS)
    # A ticket of TLS 1.2 holds the session's key, under a key that the process keeps.
    context.set_options(
        SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION
    )


def _options(parts: EndpointString) -> CertificateOptions:
    """Return the TLS of an endpoint, as Twisted reads it, with the whole chain.

    Of the file of `certKey` Twisted takes the first certificate only; those of the
    authorities, which ACME clients write behind it, would have to be in another file.
    Raises ValueError for a folder, and for a pipe, which might never end.
    """
    for file in parts.files:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ValueError(f"{file} is not a file")
    taker = _OptionsTaker()
    serverFromString(taker, parts.tls).listen(None)
    options = taker.options
    if not options.extraCertChain and parts.certificate is not None:
        chain = x509.load_pem_x509_certificates(parts.certificate.read_bytes())
        options.extraCertChain = [crypto.X509.from_cryptography(c) for c in chain[1:]]
    return options


class _OptionsTaker:
    """Takes a reactor's place, to be given the TLS of an endpoint."""

    options: CertificateOptions

    def listenSSL(
        self,
        _port: int,
        _factory: None,
        contextFactory: CertificateOptions,  # noqa: N803 - the interface's name
        **_options: Any,
    ) -> None:
        self.options = contextFactory


def _version(file: Path) -> _FileVersion:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
