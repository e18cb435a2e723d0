"""TLS for the sandbox, with a certificate that can be renewed while it runs."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """A certificate for `reactor.listenSSL` and for endpoints: new connections get the
    one that was set last."""

    def __init__(self, pem: bytes) -> None:
        self.use(pem)

    def use(self, pem: bytes) -> None:
        """Use a private key, and certificates beginning with the server's own, both as
        PEM.

        Raises ValueError.
        """
        own, *others = x509.load_pem_x509_certificates(pem)
        key = load_pem_private_key(pem, None)
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(own)
        # Any kind of key that a certificate can have is good enough here.
        context.use_privatekey(key)  # type: ignore[arg-type]
        for other in others:
            context.add_extra_chain_cert(other)
        context.check_privatekey()
        self.certificate = own
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return a connection with the certificate in use."""
        return SSL.Connection(self._context, None)
