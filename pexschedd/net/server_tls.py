"""TLS of the daemon's own endpoints: TLS 1.2 and 1.3 with forward secrecy only.

Twisted's `ssl:` endpoints also offer key exchange by RSA, with which a key that is
stolen later opens what was recorded before, and CBC. Endpoint strings have no say in
the ciphers, so the context is restricted between the endpoint and the reactor.
"""

from typing import Any, Protocol

from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""OpenSSL's words for TLS 1.2 with an ephemeral key exchange and authenticated
encryption. All suites of TLS 1.3 have both."""


class _HasContext(Protocol):
    def getContext(self) -> SSL.Context: ...


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """Return the endpoint of a Twisted server string; its TLS, if it has any, is
    restricted. Raises what the string's parser raises."""
    endpoint: IStreamServerEndpoint = serverFromString(
        _Restricting(reactor), description
    )
    return endpoint


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


class _Restricting:
    """A reactor whose TLS ports have restricted contexts."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenSSL(
        self,
        port: int,
        factory: Any,
        contextFactory: _HasContext,  # noqa: N803 - the interface's name
        **options: Any,
    ) -> IListeningPort:
        restrict(contextFactory.getContext())
        listening: IListeningPort = self._reactor.listenSSL(
            port, factory, contextFactory, **options
        )
        return listening
