"""The Exchange servers named in refused identity tokens.

The commonest reason for "Invalid Token" is a server missing from the configured
metadata domains. Anyone can send a token that names any host, so this is only a hint:
a few hosts, kept in memory, which the administrator has to compare with their own
servers.
"""

from urllib.parse import urlsplit

from pexschedd.errors import InvalidToken
from pexschedd.identity.exchange_token import read_token
from pexschedd.model.fields.addresses import is_host
from pexschedd.model.integration.connector import Connector

KEPT = 10
"""Number of hosts remembered for each integration: the latest."""


class RefusedTokens:
    """Remembers hosts; `note` is for `AddinIdentity.on_refusal`."""

    def __init__(self) -> None:
        self._hosts: dict[int, dict[str, None]] = {}

    def note(self, connector: Connector, token: str) -> None:
        """Remember the host that a refused token names, if it names one."""
        host = host_in(token)
        if not host:
            return
        known = self._hosts.setdefault(connector.id, {})
        known.pop(host, None)
        known[host] = None
        if len(known) > KEPT:
            del known[next(iter(known))]

    def hosts(self, connector_id: int) -> tuple[str, ...]:
        """Return the hosts named since the daemon started, the latest last.

        They may be configured all the same: tokens are refused for other reasons, too.
        """
        return tuple(self._hosts.get(connector_id, ()))


def host_in(token: str) -> str:
    """Return the host that a token says it is from, or an empty string. Pure."""
    try:
        host = urlsplit(read_token(token).amurl).hostname or ""
    except (InvalidToken, ValueError):
        return ""
    return host if is_host(host) else ""
