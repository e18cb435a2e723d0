"""The kinds of tokens that the add-in presents, each with its way to be verified."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from pexschedd.errors import InvalidToken, Unavailable, Untrusted
from pexschedd.identity import access_token, exchange_token
from pexschedd.identity.exchange_metadata import ExchangeMetadata
from pexschedd.identity.openid.faults import DocumentsUnreachable, TokenRefused
from pexschedd.identity.openid.provider_documents import ProviderDocuments
from pexschedd.identity.verified_user import VerifiedToken
from pexschedd.model.integration.connector import Connector

DomainsOf = Callable[[int], Iterable[str]]
"""Gives the Exchange metadata domains or URLs of an integration, by its id."""


class TokenKind(Protocol):
    """Verifies one kind of token."""

    works_offline: bool
    """True if a token may wait in an invitation until the server is back."""

    def settings(self, connector: Connector) -> object:
        """Return what else than the integration decides which tokens are good; a change
        makes it another value."""

    async def verify(
        self, connector: Connector, token: str, now: datetime
    ) -> VerifiedToken:
        """Return what the token proves.

        Raises `InvalidToken` if it is refused, `Unavailable` if that cannot be found
        out now.
        """


class ExchangeTokens:
    """Exchange identity tokens: see `exchange_token`.

    `version` returns another value after each change of any integration's domains.
    """

    works_offline = True

    def __init__(
        self,
        metadata: ExchangeMetadata,
        domains: DomainsOf,
        version: Callable[[], object],
    ) -> None:
        self._metadata = metadata
        self._domains = domains
        self._version = version

    def settings(self, connector: Connector) -> object:
        """Return the version of the metadata domains."""
        return self._version()

    async def verify(
        self, connector: Connector, token: str, now: datetime
    ) -> VerifiedToken:
        """Verify by the keys of the Exchange server that the token names, if it is one
        of the integration's."""
        claims = exchange_token.read_token(token)
        url = exchange_token.metadata_url(claims, self._domains(connector.id))
        audience = exchange_token.addin_url(connector.addin_server_domain, connector.id)
        exchange_token.check_claims(claims, audience, now)
        keys = await self._metadata.keys(url, claims.x5t)
        return VerifiedToken(
            exchange_token.check_signature(claims, keys),
            exchange_token.expiry_of(claims),
            lambda: self._metadata.known(url) is keys,
        )


class AccessTokens:
    """Access tokens of Microsoft 365: see `access_token`.

    They do not work offline. They are good for an hour or little more, shorter than
    what they would be kept for, and open this server to everybody who reads the
    invitation.
    """

    works_offline = False

    def __init__(self, documents: ProviderDocuments) -> None:
        self._documents = documents

    def settings(self, connector: Connector) -> tuple[str, ...]:
        """Return nothing: the integration's own fields decide."""
        return ()

    async def verify(
        self, connector: Connector, token: str, now: datetime
    ) -> VerifiedToken:
        """Verify by the keys that the integration's OpenID configuration names."""
        rules = access_token.rules_of(connector)
        found = access_token.read_access_token(token)
        access_token.check_claims(found, rules, now)
        try:
            published = await self._documents.of(rules.documents)
            access_token.check_issuer(found, rules, published.issuers)
            key = await self._documents.key(rules.documents, found.key_name)
        except DocumentsUnreachable as error:
            raise unavailable(error) from None
        except TokenRefused as error:
            raise InvalidToken(error.message) from None
        keys = self._documents.known(rules.documents)
        return VerifiedToken(
            access_token.check_signature(found, key, rules),
            access_token.expiry_of(found),
            lambda: self._documents.known(rules.documents) is keys,
        )

    async def refresh(self, documents: access_token.TenantDocuments) -> None:
        """Fetch the documents of a tenant now.

        Raises `Unavailable` if that fails, or `Untrusted` if it fails because the
        server's certificate is not trusted.
        """
        try:
            await self._documents.refresh(documents)
        except DocumentsUnreachable as error:
            raise unavailable(error) from None


def unavailable(error: DocumentsUnreachable) -> Unavailable:
    """Return the reason why access tokens cannot be verified now, with the remedy."""
    remedy = (
        "upload the certificate of its authority as a ca_certificate"
        if error.about_trust
        else "check the addin_oidc_metadata_url, and that this server reaches it"
    )
    kind = Untrusted if error.about_trust else Unavailable
    return kind(f"{error.message} An administrator can {remedy}.")
