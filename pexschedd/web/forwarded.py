"""The clients of requests, as trusted reverse proxies describe them. Pure.

A header is worth as much as the machine that has sent it. So the addresses in
`X-Forwarded-For` and `Forwarded` (RFC 7239) are followed from the connection's peer on,
from right to left, as long as each is a trusted proxy's; the first that is not is the
client's, whatever stands to its left. Only one of the two headers is read, the one that
the proxies set: the other one they would pass on as the client has sent it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec

from pexschedd.util.client_network import LOOPBACK

X_FORWARDED, FORWARDED = "X-Forwarded-For", "Forwarded"

Headers = Callable[[bytes], Sequence[bytes] | None]
"""Returns the values of the header of a name."""

_MOST_HOPS = 32
_PAIR = re.compile(r"""\s*([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*""")
_PORT = re.compile(r"(.*\]|[0-9.]+):[0-9A-Za-z._-]+")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Client(msgspec.Struct, frozen=True):
    """The client of a request, as far as it is known."""

    address: str
    """Its IP address; empty on a Unix socket without a proxy."""
    is_forwarded: bool = False
    """True if a proxy has said something about it."""
    scheme: str = ""
    """`http` or `https`: how it has reached the proxy; empty if that is not said."""
    host: str = ""
    """The value of its Host header; empty if that is not said."""


class TrustedProxies:
    """The proxies that are believed, by address or network, and the header they set.

    Raises ValueError for what is neither. A peer on a Unix socket, which has no
    address, is always believed: who may connect there is a matter of permissions.
    """

    def __init__(
        self, networks: Iterable[str] = LOOPBACK, header: str = X_FORWARDED
    ) -> None:
        self._networks = [ip_network(each) for each in networks]
        self._header = header
        self.includes = lru_cache(maxsize=1024)(self._includes)
        """Tells whether an address is a trusted proxy's."""

    def client(self, peer: str, headers: Headers) -> Client:
        """Return the client of a request that came from `peer`."""
        if peer and not self.includes(peer):
            return Client(peer)
        if self._header == FORWARDED:
            elements = list(_elements(headers(b"forwarded")))
            near = elements[-1] if elements else {}
            hops = [each.get("for", "") for each in elements]
            scheme, host = near.get("proto", ""), near.get("host", "")
        else:
            hops = _listed(headers(b"x-forwarded-for"))
            scheme = (_listed(headers(b"x-forwarded-proto")) or [""])[-1]
            host = (_listed(headers(b"x-forwarded-host")) or [""])[-1]
        if not (hops or scheme or host):
            return Client(peer)
        return Client(
            self._follow(peer, hops),
            is_forwarded=True,
            scheme=scheme.lower() if scheme.lower() in ("http", "https") else "",
            host=host if _HOST.fullmatch(host) else "",
        )

    def _follow(self, peer: str, hops: list[str]) -> str:
        address = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            known = _address(hop)
            if not known:
                break
            address = known
            if not self.includes(address):
                break
        return address

    def _includes(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)


def _listed(values: Sequence[bytes] | None) -> list[str]:
    """Return the items of a header that is a list, over all its lines."""
    joined = b",".join(values or ()).decode("latin-1")
    return [item.strip() for item in joined.split(",")] if joined else []


def _elements(values: Sequence[bytes] | None) -> Iterator[dict[str, str]]:
    """Yield the elements of `Forwarded`; of a header that is malformed, none."""
    text, at = b",".join(values or ()).decode("latin-1"), 0
    elements: list[dict[str, str]] = [{}]
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return
        name, value = pair[1].lower(), pair[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elements[-1].setdefault(name, value)
        at = pair.end()
        separator = text[at : at + 1]
        if separator == ",":
            elements.append({})
        elif separator not in ("", ";"):
            return
        at += 1
    yield from (each for each in elements if each)


def _address(hop: str) -> str:
    """Return the IP address of a hop, with or without a port; empty for what hides it,
    such as `unknown`, and for what is no address at all. An IPv4 address that a proxy
    writes as an IPv6 one, as its sockets take both, is IPv4: so it can be blocked."""
    with_port = _PORT.fullmatch(hop)
    text = (with_port[1] if with_port else hop).removeprefix("[").removesuffix("]")
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return "" if found.scope_id else str(found.ipv4_mapped or found)
    return str(found)
