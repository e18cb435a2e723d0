"""Signing in to the service account of an integration with OAUTH.

For administrators, under `/admin/platform/msexchangeconnector/`:

GET  <id>/sign_in/      the page with the account, its state, and the link
POST <id>/sign_in/      makes a new link, and shows it
GET  oauth_redirect/    the page to which the browser comes back after signing in

and as JSON, under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/sign_in/            a new link
POST command/v1/ms_exchange_connector/<id>/make_certificate/   for APP_PERM

The state of the sign-ins is in the status list `exchange_service_account`.

Opening the page makes nothing: browsers and mail scanners open pages by themselves.
The redirect asks for no password: the person who signs in at the identity provider need
not be an administrator here. Its arguments are good only for a sign-in begun here.
"""

import msgspec
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError
from pexschedd.history.actor import SERVICE, acting_as
from pexschedd.identity.oauth.application import Applications
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
from pexschedd.model.integration.exchange import OAUTH_REDIRECT_PATH
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi, actor_of
from pexschedd.web.admin.openapi.operation import JSON, ApiAnswer, described
from pexschedd.web.admin.request_keys import refuse_request_key
from pexschedd.web.admin.service_account_pages import ServiceAccountView, SignInPages
from pexschedd.web.admin.status.service_accounts import PAGES, service_account_view
from pexschedd.web.browsers import redirect_arguments
from pexschedd.web.routes import ResponseBody, json_response, status_of

_PAGE = f"{PAGES}<int:connector_id>/sign_in/"
_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>/"


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


class ServiceAccountRoutes:
    """The routes of the service account's sign-in and of its certificate."""

    def __init__(
        self,
        store: Store,
        sign_ins: SignIns,
        token_caches: TokenCaches,
        applications: Applications,
        *,
        now: Now,
    ) -> None:
        self._store = store
        self._sign_ins = sign_ins
        self._token_caches = token_caches
        self._applications = applications
        self._now = now
        self._pages = SignInPages(PAGES)

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring, and the style of the pages."""
        api.add(_PAGE, get=self._page, post=self._new_link)
        api.add_public(OAUTH_REDIRECT_PATH, get=self._finish)
        style = f"{PAGES}static/<string:version>/<string:name>"
        api.add_public(style, get=self._static)
        api.add(f"{_COMMAND}sign_in/", post=self._sign_in)
        api.add(f"{_COMMAND}make_certificate/", post=self._make_certificate)

    @described(
        "Show the page for signing in to the service account",
        answers={200: _PAGE_SHOWN, 400: _PROBLEM_SHOWN, 404: _PROBLEM_SHOWN},
        id="show_sign_in_page",
    )
    def _page(self, request: Request, connector_id: int) -> ResponseBody:
        try:
            connector = self._sign_ins.connector(connector_id)
        except PexscheddError as error:
            return self._pages.problem(request, status_of(error), error.message)
        link = self._sign_ins.link(connector_id)
        return self._pages.sign_in(request, self._view(connector), link)

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
    async def _new_link(self, request: Request, connector_id: int) -> ResponseBody:
        try:
            await self._begin(connector_id)
        except (NotFound, SignInFailed) as error:
            return self._pages.problem(request, status_of(error), error.message)
        # Reloading the page then makes no other link.
        request.setResponseCode(303)
        here = f"{PAGES}{connector_id}/sign_in/"
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
        return self._pages.outcome(request, outcome, self._view_after(outcome))

    @described(
        "Make a link for signing in to the service account",
        answers={200: ApiAnswer("The link.", SignInLinkMade)},
        errors=(502,),
    )
    async def _sign_in(self, request: Request, connector_id: int) -> ResponseBody:
        link = await self._begin(connector_id)
        answer = SignInLinkMade(link.url, format_time(link.expires))
        return json_response(request, answer)

    @described(
        "Make a certificate for the integration's application",
        "The private key stays here; the certificate is what Entra ID is given.",
        answers={200: ApiAnswer("The certificate.", CertificateMade)},
    )
    async def _make_certificate(
        self, request: Request, connector_id: int
    ) -> ResponseBody:
        refuse_request_key(request)
        certificate = await self._applications.make_certificate(connector_id)
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is not None:
            fields = ("public_key", "private_key")
            note_change(tables.CONNECTOR.name, connector, fields)
        return json_response(request, CertificateMade(certificate))

    async def _begin(self, connector_id: int) -> SignInLink:
        link = await self._sign_ins.begin(connector_id)
        note("sign-in link created", connector_id)
        return link

    def _view_after(self, outcome: SignInOutcome) -> ServiceAccountView | None:
        if outcome.connector is None:
            return None
        connector = self._store.get(tables.CONNECTOR, outcome.connector.id)
        return None if connector is None else self._view(connector)

    def _view(self, connector: Connector) -> ServiceAccountView:
        return service_account_view(connector, self._token_caches, self._now())
