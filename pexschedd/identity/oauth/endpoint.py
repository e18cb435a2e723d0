"""Token endpoints: sends one form, reads one bounded response, follows no redirects."""

from collections.abc import Callable
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from pexschedd.clock import Now
from pexschedd.errors import (
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
    StoreError,
)
from pexschedd.identity.oauth.application_remedies import application_refusal
from pexschedd.identity.oauth.assertion import client_assertion
from pexschedd.identity.oauth.remedies import meaning
from pexschedd.identity.oauth.service_accounts import GraphRecord, ServiceAccount
from pexschedd.identity.oauth.settings import ProviderSettings, settings_of
from pexschedd.identity.oauth.token_requests import Form, by_client
from pexschedd.identity.oauth.token_responses import TokenSet, tokens_in
from pexschedd.model import tables
from pexschedd.model.fields import addresses
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.net.errors import (
    ABOUT_TRUST,
    ConnectionFailure,
    clause,
    too_large,
)
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.store.secrets import SecretVault
from pexschedd.util.body_reader import read_body

TIMEOUT = 15.0
"""Seconds for a whole request."""

MAX_ANSWER = 64 * 1024
"""Bytes of a response. Those of Entra ID have about six thousand."""


class TokenEndpoint:
    """Sends token requests.

    `client_of(direct)` gives a client that verifies TLS and follows no redirects (see
    `net.http_client`); `direct` leaves the web proxy out.
    """

    def __init__(
        self,
        client_of: Callable[[bool], HTTPClient],
        vault: SecretVault,
        clock: IReactorTime,
        *,
        now: Now,
        uuid4: Callable[[], str],
    ) -> None:
        self._clients = {direct: client_of(direct) for direct in (False, True)}
        self._vault = vault
        self._clock = clock
        self._now = now
        self._uuid4 = uuid4

    async def ask(self, record: ServiceAccount, form: Form) -> TokenSet:
        """Send a form, authenticated as the record's application.

        Raises `MailboxError`, whose kind and message tell how to solve the problem.
        """
        settings = settings_of(record)
        return await self.post(
            settings, lambda: self.authenticated(record, settings, form)
        )

    async def post(
        self, settings: ProviderSettings, form: Callable[[], Form]
    ) -> TokenSet:
        """Send a form that has the application's authentication; `form` makes it once
        the settings are known to have an endpoint. Raises as `ask` does."""
        field = settings.fields.endpoint
        if not settings.token_endpoint or addresses.http_url(settings.token_endpoint):
            raise SignInRefused(f"Enter the identity provider's {field}.")
        complete = form()
        client = self._clients[settings.direct]
        posting = Deferred.fromCoroutine(
            post_form(client, settings.token_endpoint, complete)
        )
        posting.addTimeout(TIMEOUT, self._clock, raise_timeout)
        try:
            status, headers, body = await posting
        except Exception as error:
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise
            kind = MailboxUnreachable
            if failure.kind in ABOUT_TRUST:
                kind = MailboxUntrusted
            raise kind(
                "No token can be obtained from the OAuth token endpoint "
                f"{settings.token_endpoint}: {clause(failure)}."
            ) from None
        explain = meaning
        if settings.app_only:
            explain = partial(application_refusal, fields=settings.fields)
        return tokens_in(
            status,
            headers,
            body,
            now=self._now().timestamp(),
            explain=explain,
            field=field,
        )

    def authenticated(
        self,
        record: ServiceAccount | GraphRecord,
        settings: ProviderSettings,
        form: Form,
    ) -> Form:
        """Return the form with the application's secret, or else its assertion.

        For a person's sign-in it may have neither. Raises `SignInRefused` for an
        application that has none, or one that cannot be used.
        """
        if settings.client_secret:
            secret = self._unsealed(record, settings.fields.credential)
            return by_client(settings, form, secret=secret)
        if not settings.app_only:
            return by_client(settings, form)
        if not settings.private_key:
            text = f"The application has no secret: enter {settings.fields.credential}"
            if settings.fields.certificate:
                text += ", or have the command make_certificate make a certificate"
            raise SignInRefused(f"{text}.")
        key = self._unsealed(record, "private_key")
        try:
            assertion = client_assertion(
                settings, key, now=self._now(), id=self._uuid4()
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise SignInRefused(
                "The application's certificate or its key cannot be used. Make new "
                "ones with the command make_certificate, and upload the certificate "
                "to the app registration."
            ) from None
        return by_client(settings, form, assertion=assertion)

    def _unsealed(self, record: ServiceAccount | GraphRecord, field: str) -> str:
        context = context_of(record, field)
        try:
            return self._vault.unseal(getattr(record, field), context)
        except StoreError as error:
            raise SignInRefused(error.message) from None


async def post_form(
    client: HTTPClient, url: str, form: Form
) -> tuple[int, dict[str, str], bytes]:
    """Send a form; return the response's status, headers (names in lower case) and
    body, which is bounded.

    Fails with the errors that `as_connection_failure` takes.
    """
    response = await client.post(
        PreparedUrl.from_text(url),
        headers=Headers({"accept": ["application/json"], "user-agent": ["pexschedd"]}),
        data=form,
    )
    body = await read_body(response, MAX_ANSWER, too_large)
    headers = {
        name.decode("latin-1").lower(): values[0].decode("latin-1")
        for name, values in response.headers.getAllRawHeaders()
    }
    return response.code, headers, body


def context_of(record: ServiceAccount | GraphRecord, field: str) -> str:
    """Return the context that a field of a record is sealed for."""
    if isinstance(record, Connector):
        return f"{tables.CONNECTOR.name}/{record.uuid}/{field}"
    if isinstance(record, GraphDeployment):
        return f"{tables.MJX_GRAPH_DEPLOYMENT.name}/{record.id}/{field}"
    return f"{tables.MJX_EXCHANGE_DEPLOYMENT.name}/{record.id}/{field}"
