"""Which Exchange servers the refused tokens came from: the commonest reason for
"Invalid Token" is a server that nobody has entered.

Anybody can send a token that names any host, so this is a hint and no more: few hosts,
in memory, and the administrator is told to compare them with their own servers.
"""

from urllib.parse import urlsplit

from pexschedd.errors import InvalidToken
from pexschedd.identity.exchange_token import read_token
from pexschedd.model.fields.addresses import is_host
from pexschedd.model.integration import Connector

KEPT = 10
"""Hosts for each integration: the last ones."""


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
        """Since the start, the latest last. Whether they are configured is not asked
        here: a token may have been refused for another reason."""
        return tuple(self._hosts.get(connector_id, ()))


def host_in(token: str) -> str:
    """PURE: the host that a token says it is from; empty if it says none."""
    try:
        host = urlsplit(read_token(token).amurl).hostname or ""
    except (InvalidToken, ValueError):
        return ""
    return host if is_host(host) else ""
