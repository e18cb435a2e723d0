"""The sandbox behind TLS, with a certificate that can be renewed while it runs."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """For `reactor.listenSSL` and for endpoints: new connections get the certificate
    that was given last."""

    def __init__(self, pem: bytes) -> None:
        self.use(pem)

    def use(self, pem: bytes) -> None:
        """A private key, and certificates beginning with the server's own.

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
        return SSL.Connection(self._context, None)
