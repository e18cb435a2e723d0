"""Ports that only trusted proxies may connect to: what they say first, in the PROXY
protocol, is believed.

Twisted's own parser wants the beginning of a header in one piece, takes anything for an
address, has a traceback logged for what is no number, and refuses "PROXY UNKNOWN"
without addresses, which the protocol allows. So headers are read here.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple

from twisted.internet import address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

_MOST_REPORTED = 100

_V1 = b"PROXY "
_LONGEST_V1 = 107
"""Bytes of a header of version 1 with its line end (the protocol's section 2.1)."""
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_V2 = 16
"""Bytes of a header of version 2 that every one has (section 2.2)."""
_TCP4, _TCP6, _UNSPECIFIED, _UNIX = 0x11, 0x21, 0x00, 0x31
_ADDRESS_SIZES = {_TCP4: 4, _TCP6: 16}


class ProxyHeader(NamedTuple):
    """The addresses of a connection, as a proxy tells them before anything else."""

    size: int
    """Bytes of the header."""
    peer: IAddress | None = None
    """The client's address; None if the proxy speaks for itself, or does not say."""
    host: IAddress | None = None
    """The address to which the client has connected."""


@implementer(IAddress)
class ToldAddress:
    """The peer of a connection that begins with a header: the client that is named
    there, or the proxy if none is. Whatever comes after the header is the client's."""

    def __init__(self, host: str) -> None:
        self.host = host
        """The IP address; empty on a Unix socket where no client is named."""


def proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of `data`; None while it is not complete.
    Pure.

    Raises ValueError if no header of version 1 or 2 begins so.
    """
    if data.startswith(_V2[: len(data)]):
        return _second_version(data)
    if data.startswith(_V1[: len(data)]):
        return _first_version(data)
    raise ValueError("neither version begins so")


def _first_version(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:_LONGEST_V1].partition(b"\r\n")
    if not end:
        if len(data) >= _LONGEST_V1:
            raise ValueError("the line is too long")
        return None
    size = len(line) + len(end)
    family, *values = line.decode("ascii").removeprefix(_V1.decode()).split(" ")
    if family == "UNKNOWN":
        return ProxyHeader(size)
    if family not in ("TCP4", "TCP6") or len(values) != 4:
        raise ValueError("it does not have two addresses and two ports")
    peer, host = map(ip_address, values[:2])
    return ProxyHeader(size, _address(peer, values[2]), _address(host, values[3]))


def _second_version(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED_V2:
        return None
    size = _FIXED_V2 + int.from_bytes(data[14:_FIXED_V2])
    version, command = divmod(data[12], 16)
    family = data[13]
    if version != 2 or command not in (0, 1):
        raise ValueError("unknown version or command")
    if len(data) < size:
        return None
    if command == 0 or family in (_UNSPECIFIED, _UNIX):
        return ProxyHeader(size)
    width = _ADDRESS_SIZES.get(family)
    if width is None or size < _FIXED_V2 + 2 * (width + 2):
        raise ValueError("unknown kind of addresses, or less than two of them")
    ports = _FIXED_V2 + 2 * width
    return ProxyHeader(
        size,
        _address(
            ip_address(data[_FIXED_V2 : _FIXED_V2 + width]),
            int.from_bytes(data[ports : ports + 2]),
        ),
        _address(
            ip_address(data[_FIXED_V2 + width : ports]),
            int.from_bytes(data[ports + 2 : ports + 4]),
        ),
    )


def _address(found: IPv4Address | IPv6Address, port: str | int) -> IAddress:
    number = int(port)
    if not 0 <= number <= 65535:
        raise ValueError("a port is a number from 0 to 65535")
    if isinstance(found, IPv6Address):
        if found.scope_id:
            raise ValueError("an address with a zone")
        if found.ipv4_mapped is None:
            return address.IPv6Address("TCP", str(found), number)
        found = found.ipv4_mapped
    return address.IPv4Address("TCP", str(found), number)


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


@implementer(IStreamServerEndpoint)
class ProxiedEndpoint:
    """An endpoint whose connections begin with a header, which says who the client
    is. A connection that does not is closed, and reported once for its address."""

    def __init__(self, endpoint: IStreamServerEndpoint) -> None:
        self._endpoint = endpoint

    def listen(
        self,
        protocolFactory: IProtocolFactory,  # noqa: N803 - the interface's name
    ) -> Deferred[IListeningPort]:
        """Listen; the factory's protocols see nothing of the headers."""
        listening: Deferred[IListeningPort] = self._endpoint.listen(
            _HeaderReading(protocolFactory)
        )
        return listening


class _Refusals:
    """Reports refused connections, one for each of the first hundred addresses."""

    _log = Logger()

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._reported: set[str] = set()

    def report(self, host: str) -> None:
        if host not in self._reported and len(self._reported) < _MOST_REPORTED:
            self._reported.add(host)
            self._log.warn(
                "connection refused, {reason} address={address}",
                reason=self._reason,
                address=host,
            )


class _Proxied(ProtocolWrapper):
    """A connection with the addresses of its header, as soon as that has come."""

    def __init__(self, factory: "_HeaderReading", wrapped: IProtocol) -> None:
        super().__init__(factory, wrapped)
        self._begun = b""
        self._header: ProxyHeader | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._header is not None:
            self.wrappedProtocol.dataReceived(data)
            return
        if self.disconnecting:
            return
        self._begun += data
        try:
            header = proxy_header(self._begun)
        except ValueError:
            self.factory.refusals.report(str(getattr(self.getPeer(), "host", "")))
            self.loseConnection()
            return
        if header is not None:
            self._header, begun = header, self._begun
            self._begun = b""
            if len(begun) > header.size:
                self.wrappedProtocol.dataReceived(begun[header.size :])

    def getPeer(self) -> IAddress:
        peer: IAddress = super().getPeer()
        if self._header is None:
            return peer
        return ToldAddress(str(getattr(self._header.peer or peer, "host", "")))

    def getHost(self) -> IAddress:
        return (self._header and self._header.host) or super().getHost()


class _HeaderReading(WrappingFactory[Any]):
    protocol = _Proxied

    def __init__(self, factory: IProtocolFactory) -> None:
        super().__init__(factory)
        self.refusals = _Refusals("it does not begin with a PROXY header")


@implementer(IProtocolFactory)
class _Guard:
    def __init__(
        self, factory: IProtocolFactory, is_proxy: Callable[[str], bool]
    ) -> None:
        self._factory = factory
        self._is_proxy = is_proxy
        self._refusals = _Refusals("its address is not in trusted_proxies")

    def doStart(self) -> None:
        self._factory.doStart()

    def doStop(self) -> None:
        self._factory.doStop()

    def buildProtocol(self, address: IAddress) -> IProtocol | None:
        host = str(getattr(address, "host", ""))
        if not host or self._is_proxy(host):
            return self._factory.buildProtocol(address)
        self._refusals.report(host)
        return None
