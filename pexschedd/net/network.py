"""The way to other machines: one for the whole daemon.

Everything that connects anywhere - Exchange, its metadata, identity providers - asks
here for an endpoint or an agent, so that all believe the same certificates and take
the same way.
"""

from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from pexschedd.net.tls import Trust

CONNECT_TIMEOUT = 30.0
"""Seconds for reaching one of a host's addresses."""


class Network:
    """`reactor` is the process's; `trust` says whose certificates are believed."""

    def __init__(self, reactor: Any, trust: Trust) -> None:
        self.reactor = reactor
        self.trust = trust

    def endpoint(
        self, uri: URI, *, timeout: float = CONNECT_TIMEOUT
    ) -> IStreamClientEndpoint:
        """Connects to the host of an http or https URL, with TLS for https."""
        host = uri.host.decode("ascii")
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            self.reactor, host, uri.port, timeout=timeout
        )
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self.trust.for_host(host), endpoint)
        return endpoint

    def agent(self, pool: HTTPConnectionPool | None = None) -> IAgent:
        """An agent that follows no redirects; without a pool, a connection each."""
        agent: IAgent = Agent.usingEndpointFactory(self.reactor, _Endpoints(self), pool)
        return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, network: Network) -> None:
        self._network = network

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._network.endpoint(uri)
