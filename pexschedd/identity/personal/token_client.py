"""Asks an identity provider on behalf of a sign-in: for tokens, and for a user's names.

Each request has a bounded time and answer, and follows no redirect. The addresses are
the configured ones; nothing that a browser or a token says changes them.
"""

from collections.abc import Coroutine
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from pexschedd.errors import StoreError
from pexschedd.identity.oauth.endpoint import context_of, post_form
from pexschedd.identity.oauth.token_responses import object_in
from pexschedd.identity.openid.provider_documents import ClientOf
from pexschedd.identity.openid.token import text_of
from pexschedd.identity.personal.answers import UserTokens, tokens_in
from pexschedd.identity.personal.faults import ProviderRefuses, ProviderUnreachable
from pexschedd.identity.personal.provider_kinds import UserProvider
from pexschedd.identity.personal.requests import code_form
from pexschedd.model.integration.connector import Connector
from pexschedd.net.errors import ConnectionFailure, FailureKind, clause, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.store.secrets import SecretVault
from pexschedd.util.body_reader import discard_body, read_body

TIMEOUT = 15.0
"""Seconds for a whole request."""

MAX_PROFILE = 64 * 1024
"""Bytes of the directory's answer."""

_PROFILE = "/v1.0/me?$select=displayName,givenName,surname,mail"


class UserTokenClient:
    """Sends the requests of sign-ins."""

    _log = Logger()

    def __init__(
        self, client_of: ClientOf, vault: SecretVault, clock: IReactorTime
    ) -> None:
        self._clients = {direct: client_of(direct) for direct in (False, True)}
        self._vault = vault
        self._clock = clock

    async def tokens(
        self, connector: Connector, provider: UserProvider, *, code: str, verifier: str
    ) -> UserTokens:
        """Exchange a code for tokens; raises `UserSignInFailed`."""
        form = code_form(
            provider,
            code=code,
            verifier=verifier,
            secret=self._secret(connector, provider),
        )
        client = self._clients[provider.direct]
        try:
            status, _, body = await self._in_time(
                post_form(client, provider.token_endpoint, form)
            )
        except Exception as error:
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise
            raise ProviderUnreachable(
                "No token can be obtained from the token endpoint "
                f"{provider.token_endpoint}: {clause(failure)}."
            ) from None
        return tokens_in(status, body, provider)

    async def directory_entry(
        self, provider: UserProvider, access_token: str
    ) -> dict[str, str]:
        """Return what the directory knows of the user: `mail` and names.

        Empty if it cannot be asked: the sign-in goes on with what there is.
        """
        url = provider.graph + _PROFILE
        client = self._clients[provider.direct]
        try:
            body = await self._in_time(_get(client, url, access_token))
        except Exception as error:
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise
            self._log.warn(
                "directory gave no profile url={url} reason={reason}",
                url=url,
                reason=clause(failure),
            )
            return {}
        entry = object_in(body)
        names = ("mail", "displayName", "givenName", "surname")
        return {name: text_of(entry, name) for name in names}

    def _secret(self, connector: Connector, provider: UserProvider) -> str:
        if not provider.client_secret:
            return ""
        context = context_of(connector, "personal_vmr_oauth_client_secret")
        try:
            return self._vault.unseal(provider.client_secret, context)
        except StoreError as error:
            raise ProviderRefuses(error.message) from None

    def _in_time(self, asking: Coroutine[Any, Any, Any]) -> "Deferred[Any]":
        asked: Deferred[Any] = Deferred.fromCoroutine(asking)
        return asked.addTimeout(TIMEOUT, self._clock, raise_timeout)


async def _get(client: HTTPClient, url: str, access_token: str) -> bytes:
    headers = Headers(
        {
            "accept": ["application/json"],
            "authorization": [f"Bearer {access_token}"],
            "user-agent": ["pexschedd"],
        }
    )
    response = await client.get(PreparedUrl.from_text(url), headers=headers)
    if response.code != 200:
        discard_body(response)
        raise ConnectionFailure(FailureKind.GARBLED, f"HTTP status {response.code}")
    return await read_body(response, MAX_PROFILE, too_large)
