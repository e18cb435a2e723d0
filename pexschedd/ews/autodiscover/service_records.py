"""The servers that a domain's SRV records name for Autodiscover.

Whoever can forge DNS answers can name a server of his own, which then has a valid
certificate for its own name. So a record is followed to hosts of the domain itself
alone; those of others are only told, for an administrator to enter.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError
from twisted.names import client, dns

MOST = 3
"""Records of a domain that count, the preferred ones."""
TIMEOUT = (2, 3)
"""Seconds for the first and the second question."""
_HTTPS = 443

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""A name in a DNS answer may be any bytes, a slash and an @ among them."""

LookUp = Callable[[str], Awaitable[Any]]
"""Looks SRV records up by their name; returns answers, authority and additional as
`IResolver.lookupService` does."""


class NamedServer(msgspec.Struct, frozen=True):
    """A server that a record names."""

    host: str
    port: int

    @property
    def addresses(self) -> tuple[str, str]:
        """The addresses of its Autodiscover, in plain XML and in SOAP."""
        port = "" if self.port == _HTTPS else f":{self.port}"
        base = f"https://{self.host}{port}/autodiscover/autodiscover."
        return f"{base}xml", f"{base}svc"

    def is_of(self, domain: str) -> bool:
        """Return whether the server's name belongs to a mail domain."""
        return self.host == domain or self.host.endswith(f".{domain}")


async def look_up_services(name: str) -> Any:
    """Ask the machine's name servers."""
    return await client.lookupService(name, timeout=TIMEOUT)


async def named_servers(domain: str, look_up: LookUp) -> list[NamedServer]:
    """Return the servers of a mail domain; none if no name server tells any."""
    try:
        answers, _, _ = await look_up(f"_autodiscover._tcp.{domain}")
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001 - no answer is as good as none of use, of any kind
        return []
    records = sorted(
        (each.payload for each in answers if each.type == dns.SRV),
        key=lambda record: (record.priority, -record.weight),
    )
    found = (
        NamedServer(
            record.target.name.decode("ascii", "replace").rstrip(".").lower(),
            record.port,
        )
        for record in records
    )
    return [each for each in found if _HOST.fullmatch(each.host) and each.port][:MOST]
