"""The network that stands for one client, wherever clients are counted. Pure."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""The networks of a machine's own addresses."""

_LONGEST = 100
"""Characters of what is no address."""


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return what stands for one client: its IPv4 address, or the 64 bits of its IPv6
    network, in which it has as many addresses as it likes (RFC 4291, section 2.5.4).

    Anything else is returned as it is, up to 100 characters of it. The text is part of
    what is stored of the addresses of administrators: it stays the same.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST]
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or int(found) >> 64)
