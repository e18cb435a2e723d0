"""The hosts that are reached without the proxy. Pure.

A pattern is a host name (`mail.example.com`), a domain with everything below it
(`*.example.com`), an IP address or a network (`10.0.0.0/8`). Names are not resolved:
a network matches hosts that are given as addresses.
"""

import re
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_LABEL = r"[0-9a-z_](?:[0-9a-z_-]{0,61}[0-9a-z_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"[0-9./]+|[0-9a-f:./]*:[0-9a-f:./]*")


def problem(pattern: str) -> str | None:
    """Describe what is wrong with a pattern; None if it is valid."""
    text = _plain(pattern)
    if _ADDRESS.fullmatch(text):
        try:
            ip_network(text)
        except ValueError as error:
            return f"{pattern!r} is not an IP address or network: {error}"
        return None
    if len(text) > 253 or not _NAME.fullmatch(text):
        return (
            f"{pattern!r} is not a host name, a domain such as *.example.com, or a "
            "network such as 10.0.0.0/8"
        )
    return None


def bypassed(host: str, patterns: Sequence[str]) -> bool:
    """Return whether `host` is reached directly, as this machine itself always is."""
    name = _plain(host)
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(name, address, _plain(pattern)) for pattern in patterns)


def _matches(name: str, address: IPv4Address | IPv6Address | None, text: str) -> bool:
    if address is not None:
        network = _network(text)
        return network is not None and address in network
    if text.startswith("*."):
        return name.endswith(text[1:])
    return name == text


def _plain(text: str) -> str:
    return text.strip().strip("[]").rstrip(".").lower()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
