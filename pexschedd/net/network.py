"""The way to other machines: one for the whole daemon.

Everything that connects anywhere - Exchange, its metadata, identity providers - asks
here for an endpoint or an agent, so that all believe the same certificates and take
the same way: through the installation's web proxy, if it has one.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from pexschedd.net.handshake_timeout import HandshakeTimeout
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from pexschedd.net.tunnel import Tunnel

CONNECT_TIMEOUT = 30.0
"""Seconds for reaching one of a host's addresses."""


class Network:
    """`reactor` is the process's; `trust` says whose certificates are believed."""

    def __init__(self, reactor: Any, trust: Trust, proxy: Proxy | None = None) -> None:
        self.reactor = reactor
        self.trust = trust
        self.proxy = proxy

    def direct(self) -> "Network":
        """The same without the proxy."""
        return self if self.proxy is None else Network(self.reactor, self.trust)

    def endpoint(
        self, uri: URI, *, timeout: float = CONNECT_TIMEOUT, direct: bool = False
    ) -> IStreamClientEndpoint:
        """Connects to the host of an http or https URL, with TLS for https.

        `direct` leaves the proxy out. `timeout` seconds for reaching an address, and
        as many for the handshake.
        """
        host = uri.host.decode("ascii")
        endpoint = self.way(host, uri.port, timeout=timeout, direct=direct)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self.trust.for_host(host), endpoint)
            endpoint = HandshakeTimeout(endpoint, self.reactor, timeout)
        return endpoint

    def way(
        self,
        host: str,
        port: int,
        *,
        timeout: float = CONNECT_TIMEOUT,
        direct: bool = False,
    ) -> IStreamClientEndpoint:
        """Connects to a port and nothing more: bytes are sent as they are."""
        proxy = self.proxy
        if direct or proxy is None or not proxy.is_for(host):
            return HostnameEndpoint(self.reactor, host, port, timeout=timeout)
        way: IStreamClientEndpoint = HostnameEndpoint(
            self.reactor, proxy.host, proxy.port, timeout=timeout
        )
        if proxy.secure:
            way = wrapClientTLS(self.trust.for_host(proxy.host), way)
        return Tunnel(proxy, way, host, port, self.reactor)

    def agent(
        self,
        pool: HTTPConnectionPool | None = None,
        *,
        direct: Callable[[URI], bool] = lambda _: False,
    ) -> IAgent:
        """An agent that follows no redirects; without a pool, a connection each.

        `direct` says for which URLs the proxy is left out.
        """
        endpoints = _Endpoints(self, direct)
        agent: IAgent = Agent.usingEndpointFactory(self.reactor, endpoints, pool)
        return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, network: Network, direct: Callable[[URI], bool]) -> None:
        self._network = network
        self._direct = direct

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._network.endpoint(uri, direct=self._direct(uri))
