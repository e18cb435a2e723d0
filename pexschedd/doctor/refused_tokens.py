"""Which Exchange servers the refused tokens came from: the commonest reason for
"Invalid Token" is a server that nobody has entered.

Anybody can send a token that names any host, so this is a hint and no more: few hosts,
in memory, and the administrator is told to compare them with their own servers.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from pexschedd.errors import InvalidToken
from pexschedd.identity.exchange_token import ExchangeIdentity, read_token
from pexschedd.model.fields.addresses import is_host
from pexschedd.model.integration import Connector

KEPT = 10
"""Hosts for each integration: the last ones."""

Verify = Callable[[Connector, str], Awaitable[ExchangeIdentity]]


class RefusedTokens:
    """Stands before `verify` and listens."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._hosts: dict[int, dict[str, None]] = {}

    async def verify(self, connector: Connector, token: str) -> ExchangeIdentity:
        """See `identity.addin.AddinIdentity.verify`."""
        try:
            return await self._verify(connector, token)
        except InvalidToken:
            self._note(connector.id, host_in(token))
            raise

    def hosts(self, connector_id: int) -> tuple[str, ...]:
        """Since the start, the latest last. Whether they are configured is not asked
        here: a token may have been refused for another reason."""
        return tuple(self._hosts.get(connector_id, ()))

    def _note(self, connector_id: int, host: str) -> None:
        if not host:
            return
        known = self._hosts.setdefault(connector_id, {})
        known.pop(host, None)
        known[host] = None
        if len(known) > KEPT:
            del known[next(iter(known))]


def host_in(token: str) -> str:
    """PURE: the host that a token says it is from; empty if it says none."""
    try:
        host = urlsplit(read_token(token).amurl).hostname or ""
    except (InvalidToken, ValueError):
        return ""
    return host if is_host(host) else ""
