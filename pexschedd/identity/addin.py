"""Who is using the add-in: the token of a request, checked as the integration says."""

from collections.abc import Callable, Iterable

from pexschedd.clock import Now
from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.exchange_metadata import ExchangeMetadata
from pexschedd.identity.exchange_token import (
    ExchangeIdentity,
    addin_url,
    check_claims,
    check_signature,
    metadata_url,
    read_token,
)
from pexschedd.model.integration import Connector

DomainsOf = Callable[[int], Iterable[str]]
"""The configured Exchange metadata domains or URLs of an integration."""


class AddinIdentity:
    """Verifies the add-in's tokens.

    Today there is one kind, Exchange's own; `addin_authentication_method` is where the
    other kinds, Microsoft 365's SSO and nested-app tokens, will part ways.
    """

    def __init__(
        self, metadata: ExchangeMetadata, domains: DomainsOf, now: Now
    ) -> None:
        self._metadata = metadata
        self._domains = domains
        self._now = now

    async def verify(self, connector: Connector, token: str) -> ExchangeIdentity:
        """Raises `InvalidToken`, or `Unavailable` if it cannot be found out now."""
        if not token:
            raise InvalidToken("The request carries no token.")
        if connector.addin_authentication_method != "EXCHANGE_USER_ID_TOKEN":
            raise Unavailable(
                "This integration asks for Microsoft 365 tokens, which this server "
                "cannot verify. An administrator can choose Exchange identity tokens."
            )
        claims = read_token(token)
        url = metadata_url(claims, self._domains(connector.id))
        audience = addin_url(connector.addin_server_domain, connector.id)
        check_claims(claims, audience, self._now())
        return check_signature(claims, await self._metadata.keys(url, claims.x5t))
