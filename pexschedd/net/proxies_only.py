"""Ports that only trusted proxies may connect to: what they say first, in the PROXY
protocol, is believed."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.logger import Logger
from zope.interface import implementer

_MOST_REPORTED = 100


class ForProxiesOnly:
    """A reactor whose TCP ports close the connections of all others at once.

    A Unix socket is left as it is: who may connect there is a matter of permissions.
    """

    def __init__(self, reactor: Any, is_proxy: Callable[[str], bool]) -> None:
        self._reactor = reactor
        self._is_proxy = is_proxy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: IProtocolFactory, **options: Any) -> Any:
        """Listen on a port."""
        guarded = _Guard(factory, self._is_proxy)
        return self._reactor.listenTCP(port, guarded, **options)

    def adoptStreamPort(
        self, descriptor: int, family: int, factory: IProtocolFactory
    ) -> Any:
        """Listen on a socket that was opened by the service manager."""
        guarded = _Guard(factory, self._is_proxy)
        return self._reactor.adoptStreamPort(descriptor, family, guarded)


@implementer(IProtocolFactory)
class _Guard:
    _log = Logger()

    def __init__(
        self, factory: IProtocolFactory, is_proxy: Callable[[str], bool]
    ) -> None:
        self._factory = factory
        self._is_proxy = is_proxy
        self._reported: set[str] = set()

    def doStart(self) -> None:
        self._factory.doStart()

    def doStop(self) -> None:
        self._factory.doStop()

    def buildProtocol(self, address: IAddress) -> IProtocol | None:
        host = str(getattr(address, "host", ""))
        if not host or self._is_proxy(host):
            return self._factory.buildProtocol(address)
        if host not in self._reported and len(self._reported) < _MOST_REPORTED:
            self._reported.add(host)
            self._log.warn(
                "connection refused, its address is not in trusted_proxies "
                "address={address}",
                address=host,
            )
        return None
