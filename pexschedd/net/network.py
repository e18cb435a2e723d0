"""Endpoints, agents and HTTP clients for everything that connects to other machines.

Whatever connects anywhere - to Exchange, its metadata, identity providers - gets them
here, so that all of it trusts the same certificates, goes through the installation's
web proxy, if it has one, and is bounded against servers that mean harm.
"""

from collections.abc import Callable
from typing import Any

from treq.client import HTTPClient
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from pexschedd.clock import Now
from pexschedd.net.handshake_timeout import HandshakeTimeout
from pexschedd.net.http_client import http_client
from pexschedd.net.http_pool import HttpPool
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from pexschedd.net.tunnel import Tunnel

CONNECT_TIMEOUT = 30.0
"""Seconds for reaching one of a host's addresses."""

_MAX_REMEMBERED = 16
_Target = tuple[bytes, bytes, int, bool]
"""Scheme, host and port, and True to leave the proxy out."""


class Network:
    """The network as this installation reaches it: one for the whole daemon.

    `reactor` is the process's; `trust` verifies certificates; without a `proxy`, all
    connections are direct. `now` dates the responses of servers that have no clock.
    """

    def __init__(
        self,
        reactor: Any,
        trust: Trust,
        proxy: Proxy | None = None,
        *,
        now: Now | None = None,
        verified: bool = True,
    ) -> None:
        self.reactor = reactor
        self.trust = trust
        self.now = now
        self._way = _Way(proxy)
        self._verified = verified

    @property
    def proxy(self) -> Proxy | None:
        """The proxy that connections go through from now on; None without one."""
        return self._way.proxy

    def use_proxy(self, proxy: Proxy | None) -> None:
        """Go through another proxy, or none, from now on; open connections go on. It
        counts for everything that was made from this network but what is direct."""
        self._way.proxy = proxy

    def direct(self) -> "Network":
        """The same network without the proxy."""
        return Network(self.reactor, self.trust, now=self.now, verified=self._verified)

    def unverified(self) -> "Network":
        """The same network without checks of servers' certificates; the proxy's is
        checked. For machines that an administrator has exempted by name only."""
        unverified = Network(self.reactor, self.trust, now=self.now, verified=False)
        unverified._way = self._way
        return unverified

    def endpoint(
        self, uri: URI, *, timeout: float = CONNECT_TIMEOUT, direct: bool = False
    ) -> IStreamClientEndpoint:
        """An endpoint for the host of an http or https URL, with TLS for https.

        `direct` leaves the proxy out. `timeout` is in seconds, for reaching one of the
        host's addresses and again for the TLS handshake.
        """
        host = uri.host.decode("ascii")
        endpoint = self.tcp_endpoint(host, uri.port, timeout=timeout, direct=direct)
        if uri.scheme == b"https":
            trust = self.trust
            tls = (trust.for_host if self._verified else trust.unverified)(host)
            endpoint = wrapClientTLS(tls, endpoint)
            endpoint = HandshakeTimeout(endpoint, self.reactor, timeout)
        return endpoint

    def tcp_endpoint(
        self,
        host: str,
        port: int,
        *,
        timeout: float = CONNECT_TIMEOUT,
        direct: bool = False,
    ) -> IStreamClientEndpoint:
        """An endpoint for a port, through the proxy where it applies, without TLS."""
        proxy = self.proxy
        if direct or proxy is None or not proxy.is_for(host):
            return HostnameEndpoint(self.reactor, host, port, timeout=timeout)
        to_proxy: IStreamClientEndpoint = HostnameEndpoint(
            self.reactor, proxy.host, proxy.port, timeout=timeout
        )
        if proxy.secure:
            to_proxy = wrapClientTLS(self.trust.for_host(proxy.host), to_proxy)
        return Tunnel(proxy, to_proxy, host, port, self.reactor)

    def agent(
        self,
        pool: HttpPool | None = None,
        *,
        timeout: float = CONNECT_TIMEOUT,
        direct: Callable[[URI], bool] = lambda _: False,
    ) -> IAgent:
        """An agent that follows no redirects and bounds the head of a response.

        Without a pool, each request has a connection of its own. `timeout` is that of
        `endpoint`; `direct` tells for which URLs the proxy is left out.
        """
        endpoints = _Endpoints(self, timeout, direct)
        agent: IAgent = Agent.usingEndpointFactory(
            self.reactor, endpoints, pool or HttpPool(self.reactor)
        )
        return agent

    def http_client(
        self,
        pool: HttpPool | None = None,
        *,
        timeout: float = CONNECT_TIMEOUT,
        direct: Callable[[URI], bool] = lambda _: False,
    ) -> HTTPClient:
        """A treq client over such an agent; see `http_client.http_client`."""
        agent = self.agent(pool, timeout=timeout, direct=direct)
        return http_client(agent, self.reactor)


class _Way:
    """The proxy that several networks have in common."""

    def __init__(self, proxy: Proxy | None) -> None:
        self.proxy = proxy


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Makes an agent's endpoints, and remembers the last few: an agent asks for one
    with every request, even if it has a connection already."""

    def __init__(
        self, network: Network, timeout: float, direct: Callable[[URI], bool]
    ) -> None:
        self._network = network
        self._timeout = timeout
        self._direct = direct
        self._made: dict[_Target, IStreamClientEndpoint] = {}
        self._made_for = network.proxy

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        if self._made_for is not self._network.proxy:
            self._made.clear()
            self._made_for = self._network.proxy
        direct = self._direct(uri)
        target = (uri.scheme, uri.host, uri.port, direct)
        endpoint = self._made.get(target)
        if endpoint is None:
            if len(self._made) >= _MAX_REMEMBERED:
                self._made.clear()
            endpoint = self._made[target] = self._network.endpoint(
                uri, timeout=self._timeout, direct=direct
            )
        return endpoint
