"""The add-in's users, identified by tokens of the kind that the integration expects.

The keys that sign them come from `exchange_metadata`, which fetches and keeps them.
"""

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
from pexschedd.model.integration.connector import Connector

DomainsOf = Callable[[int], Iterable[str]]
"""Gives the Exchange metadata domains or URLs of an integration, by its id."""


RefusalListener = Callable[[Connector, str], None]
"""Is told of a token that was refused, and of the integration that it was sent to. It
must not believe anything that the token says."""


class AddinIdentity:
    """Verifies the add-in's tokens.

    `addin_authentication_method` chooses their kind. Only Exchange's own is supported;
    those of Microsoft 365 (SSO, nested app authentication) would be verified here, too.
    """

    def __init__(
        self, metadata: ExchangeMetadata, domains: DomainsOf, now: Now
    ) -> None:
        self._metadata = metadata
        self._domains = domains
        self._now = now
        self._listeners: list[RefusalListener] = []

    def on_refusal(self, listener: RefusalListener) -> None:
        """Call `listener` for each token that is refused."""
        self._listeners.append(listener)

    async def verify(self, connector: Connector, token: str) -> ExchangeIdentity:
        """Return the user of a token.

        Raises `InvalidToken` if the token is refused, `Unavailable` if it cannot be
        verified now.
        """
        try:
            return await self._verified(connector, token)
        except InvalidToken:
            for listener in self._listeners:
                listener(connector, token)
            raise

    async def _verified(self, connector: Connector, token: str) -> ExchangeIdentity:
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
