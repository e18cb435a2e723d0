"""Asks token endpoints: one form, one bounded answer, no redirects."""

from collections.abc import Callable
from io import BytesIO
from typing import Protocol
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import FileBodyProducer
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from pexschedd.clock import Now
from pexschedd.errors import (
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
    StoreError,
)
from pexschedd.identity.oauth.assertion import client_assertion
from pexschedd.identity.oauth.settings import ProviderSettings, settings_of
from pexschedd.identity.oauth.token_requests import Form, by_client
from pexschedd.identity.oauth.token_responses import TokenSet, tokens_in
from pexschedd.model.fields import addresses
from pexschedd.model.integration import Connector
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, FailureKind, clause
from pexschedd.net.twisted_errors import as_connection_failure
from pexschedd.util.body_reader import bounded_body

TIMEOUT = 15.0
"""Seconds for a whole request."""

MAX_ANSWER = 64 * 1024
"""Bytes. An answer of Entra ID has about six thousand."""


class Vault(Protocol):
    def seal(self, text: str, context: str) -> str: ...
    def unseal(self, sealed: str, context: str) -> str: ...


class TokenEndpoint:
    """`agent_of(direct)` gives an agent that verifies TLS and follows no redirects;
    `direct` leaves the web proxy out."""

    def __init__(
        self,
        agent_of: Callable[[bool], IAgent],
        vault: Vault,
        clock: IReactorTime,
        *,
        now: Now,
        uuid4: Callable[[], str],
    ) -> None:
        self._agents = {direct: agent_of(direct) for direct in (False, True)}
        self._vault = vault
        self._clock = clock
        self._now = now
        self._uuid4 = uuid4

    async def ask(self, connector: Connector, form: Form) -> TokenSet:
        """Sends the form in the name of the integration's application.

        Raises `MailboxError`, of the kind that says what is to be done.
        """
        settings = settings_of(connector)
        if not settings.token_endpoint or addresses.http_url(settings.token_endpoint):
            raise SignInRefused("Enter the identity provider's oauth_token_endpoint.")
        body = urlencode(self._shown(connector, settings, form)).encode("ascii")
        asking = Deferred.fromCoroutine(self._post(settings, body))
        asking.addTimeout(TIMEOUT, self._clock, _timed_out)
        try:
            status, headers, answer = await asking
        except Exception as error:
            trouble = as_connection_failure(error)
            if not isinstance(trouble, ConnectionFailure):
                raise
            kind = MailboxUnreachable
            if trouble.trouble in ABOUT_TRUST:
                kind = MailboxUntrusted
            raise kind(
                f"The OAuth token endpoint {settings.token_endpoint} gives no answer: "
                f"{clause(trouble)}."
            ) from None
        return tokens_in(status, headers, answer, now=self._now().timestamp())

    def _shown(
        self, connector: Connector, settings: ProviderSettings, form: Form
    ) -> Form:
        """The form with the application's secret or signature. A secret goes before a
        certificate; with a person signed in there need be neither."""
        if settings.client_secret:
            secret = self._unsealed(connector, "oauth_client_secret")
            return by_client(settings, form, secret=secret)
        if settings.private_key and settings.app_only:
            key = self._unsealed(connector, "private_key")
            assertion = client_assertion(
                settings, key, now=self._now(), id=self._uuid4()
            )
            return by_client(settings, form, assertion=assertion)
        return by_client(settings, form)

    def _unsealed(self, connector: Connector, field: str) -> str:
        context = context_of(connector, field)
        try:
            return self._vault.unseal(getattr(connector, field), context)
        except StoreError as error:
            raise SignInRefused(error.message) from None

    async def _post(
        self, settings: ProviderSettings, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        headers = Headers(
            {
                b"accept": [b"application/json"],
                b"content-type": [b"application/x-www-form-urlencoded"],
                b"user-agent": [b"pexschedd"],
            }
        )
        response = await self._agents[settings.direct].request(
            b"POST",
            settings.token_endpoint.encode("ascii"),
            headers,
            FileBodyProducer(BytesIO(body)),
        )
        answer = await bounded_body(response, MAX_ANSWER)
        given = {
            name.decode("latin-1").lower(): values[0].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return response.code, given, answer


def context_of(connector: Connector, field: str) -> str:
    """What a sealed field of an integration belongs to."""
    return f"ms_exchange_connector/{connector.uuid}/{field}"


def _timed_out(result: object, seconds: float) -> object:
    if isinstance(result, Failure):
        raise ConnectionFailure(FailureKind.TIMEOUT, f"{seconds:.0f}")
    return result
