"""Signing in to the service account of an integration or a deployment with OAUTH.

For administrators, under `/admin/platform/msexchangeconnector/` for integrations, and
under `/admin/platform/mjxexchangedeployment/` for deployments of One-Touch Join:

GET  <id>/sign_in/      the page with the account, its state, and the link
POST <id>/sign_in/      makes a new link, and shows it
GET  oauth_redirect/    the page to which the browser comes back after signing in

and as JSON, under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/sign_in/            a new link
POST command/v1/mjx_exchange_deployment/<id>/sign_in/          the same
POST command/v1/ms_exchange_connector/<id>/make_certificate/   for APP_PERM

The states of the sign-ins are in the status lists `exchange_service_account` and
`mjx_service_account`.

Opening the page makes nothing: browsers and mail scanners open pages by themselves.
The redirect asks for no password: the person who signs in at the identity provider need
not be an administrator here. Its arguments are good only for a sign-in begun here.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic

import msgspec
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError
from pexschedd.history.actor import SERVICE, acting_as
from pexschedd.history.audit_entries import (
    ACCEPTED,
    REFUSED,
    SERVICE_ACCOUNT,
    HeardSignIn,
    SignInListener,
    ignore_sign_in,
)
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.oauth.service_accounts import (
    DEPLOYMENTS,
    INTEGRATIONS,
    A,
    AccountKind,
    ServiceAccount,
)
from pexschedd.identity.oauth.sign_in import (
    SignInFailed,
    SignInLink,
    SignInOutcome,
    SignIns,
)
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.management.admin_log import note, note_change
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi, actor_of
from pexschedd.web.admin.openapi.operation import (
    JSON,
    ApiAnswer,
    described,
    described_again,
)
from pexschedd.web.admin.request_keys import refuse_request_key
from pexschedd.web.admin.service_account_pages import ServiceAccountView, SignInPages
from pexschedd.web.admin.status.service_accounts import service_account_view
from pexschedd.web.browsers import redirect_arguments
from pexschedd.web.routes import (
    ResponseBody,
    client_address,
    correlation_id_of,
    json_response,
    status_of,
)

Handler = Callable[..., Any]

_PAGE_SHOWN = ApiAnswer("The page.", {"type": "string"}, "text/html")
_PROBLEM_SHOWN = ApiAnswer(
    "A page that says what is wrong.",
    {"type": "string"},
    "text/html",
    others={JSON: {"$ref": "#/components/schemas/Error"}},
)


class SignInLinkMade(msgspec.Struct, frozen=True):
    """A link at which a person signs in, once."""

    sign_in_link: str
    expires: str
    """The time until which it is good, in UTC."""


class CertificateMade(msgspec.Struct, frozen=True):
    """A certificate that was made."""

    certificate: str
    """PEM."""


class AccountSignIn(Generic[A]):
    """The routes of the sign-ins to one kind of service accounts."""

    kind: ClassVar[AccountKind[Any]]
    id_suffix: ClassVar[str] = ""
    """The end of the ids of operations, which the other kind has without it."""

    def __init__(
        self,
        store: Store,
        sign_ins: SignIns[A],
        token_caches: TokenCaches[A],
        *,
        now: Now,
        heard: SignInListener = ignore_sign_in,
    ) -> None:
        """`heard` hears of each sign-in that a browser has come back from."""
        self._heard = heard
        self._store = store
        self._sign_ins: SignIns[A] = sign_ins
        self._token_caches: TokenCaches[A] = token_caches
        self._now = now
        self._pages = SignInPages(self.kind.pages)

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring, and the style of the pages."""
        pages = self.kind.pages
        page = f"{pages}<int:record_id>/sign_in/"
        api.add(page, get=self._own(self._page), post=self._own(self._new_link))
        api.add_public(self.kind.redirect_path, get=self._own(self._finish))
        style = f"{pages}static/<string:version>/<string:name>"
        api.add_public(style, get=self._own(self._static))
        api.add(f"{self._command}sign_in/", post=self._own(self._sign_in))

    @property
    def _command(self) -> str:
        return f"{PREFIX}/command/v1/{self.kind.table.name}/<int:record_id>/"

    def _own(self, handler: Handler) -> Handler:
        return described_again(handler, self.id_suffix)

    @described(
        "Show the page for signing in to the service account",
        answers={200: _PAGE_SHOWN, 400: _PROBLEM_SHOWN, 404: _PROBLEM_SHOWN},
        id="show_sign_in_page",
    )
    def _page(self, request: Request, record_id: int) -> ResponseBody:
        try:
            record = self._sign_ins.record(record_id)
        except PexscheddError as error:
            return self._pages.problem(request, status_of(error), error.message)
        link = self._sign_ins.link(record_id)
        return self._pages.sign_in(request, self._view(record), link)

    @described(
        "Read the style of the pages",
        answers={200: ApiAnswer("The file.", {"type": "string"}, "text/css")},
        id="read_page_style",
    )
    def _static(self, request: Request, version: str, name: str) -> ResponseBody:
        return self._pages.static(request, version, name)

    @described(
        "Make a new link for signing in, and show the page",
        answers={
            303: ApiAnswer("The link is on the page.", headers=("Location",)),
            400: _PROBLEM_SHOWN,
            404: _PROBLEM_SHOWN,
        },
        id="renew_sign_in_page",
    )
    async def _new_link(self, request: Request, record_id: int) -> ResponseBody:
        try:
            await self._begin(record_id)
        except (NotFound, SignInFailed) as error:
            return self._pages.problem(request, status_of(error), error.message)
        # Reloading the page then makes no other link.
        request.setResponseCode(303)
        here = self.kind.page_of(record_id)
        request.responseHeaders.setRawHeaders(b"location", [here.encode("ascii")])
        return b""

    @described(
        "Take a browser back from the sign-in",
        "The identity provider leads the browser here. Its arguments are good only for "
        "a sign-in that was begun here.",
        answers={200: _PAGE_SHOWN, 400: _PROBLEM_SHOWN},
        id="finish_sign_in",
    )
    async def _finish(self, request: Request) -> ResponseBody:
        with acting_as(actor_of(request, SERVICE.name)):
            outcome = await self._sign_ins.finish(redirect_arguments(request))
        if outcome.record is not None:
            self._heard(self._heard_of(request, outcome.record, outcome))
        return self._pages.outcome(request, outcome, self._view_after(outcome))

    @described(
        "Make a link for signing in to the service account",
        answers={200: ApiAnswer("The link.", SignInLinkMade)},
        errors=(502,),
    )
    async def _sign_in(self, request: Request, record_id: int) -> ResponseBody:
        refuse_request_key(request)
        link = await self._begin(record_id)
        answer = SignInLinkMade(link.url, format_time(link.expires))
        return json_response(request, answer)

    async def _begin(self, record_id: int) -> SignInLink:
        link = await self._sign_ins.begin(record_id)
        keys = self.kind.log_keys(record_id)
        note("sign-in link created {of}", **keys)
        return link

    def _heard_of(
        self, request: Request, record: ServiceAccount, outcome: SignInOutcome
    ) -> HeardSignIn:
        return HeardSignIn(
            kind=SERVICE_ACCOUNT,
            outcome=REFUSED if outcome.problem else ACCEPTED,
            account=outcome.account or getattr(record, self.kind.username),
            method="oauth",
            resource=self.kind.table.name,
            object_id=record.id,
            object_name=record.name,
            reason=outcome.problem,
            address=client_address(request),
            correlation_id=correlation_id_of(request),
        )

    def _view_after(self, outcome: SignInOutcome) -> ServiceAccountView | None:
        if outcome.record is None:
            return None
        record = self._store.get(self.kind.table, outcome.record.id)
        return None if record is None else self._view(record)

    def _view(self, record: A) -> ServiceAccountView:
        return service_account_view(record, self._token_caches, self._now())


class ServiceAccountRoutes(AccountSignIn[Connector]):
    """The routes of integrations' service accounts, and of their certificates."""

    kind = INTEGRATIONS

    def __init__(
        self,
        store: Store,
        sign_ins: SignIns[Connector],
        token_caches: TokenCaches[Connector],
        applications: Applications,
        *,
        now: Now,
        heard: SignInListener = ignore_sign_in,
    ) -> None:
        super().__init__(store, sign_ins, token_caches, now=now, heard=heard)
        self._applications = applications

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring, and the style of the pages."""
        super().add_to(api)
        api.add(f"{self._command}make_certificate/", post=self._make_certificate)

    @described(
        "Make a certificate for the integration's application",
        "The private key stays here; the certificate is what Entra ID is given.",
        answers={200: ApiAnswer("The certificate.", CertificateMade)},
    )
    async def _make_certificate(self, request: Request, record_id: int) -> ResponseBody:
        refuse_request_key(request)
        certificate = await self._applications.make_certificate(record_id)
        connector = self._store.get(tables.CONNECTOR, record_id)
        if connector is not None:
            fields = ("public_key", "private_key")
            note_change(tables.CONNECTOR.name, connector, fields)
        return json_response(request, CertificateMade(certificate))


class DeploymentAccountRoutes(AccountSignIn[ExchangeDeployment]):
    """The routes of the service accounts of deployments of One-Touch Join."""

    kind = DEPLOYMENTS
    id_suffix = "_of_deployment"
