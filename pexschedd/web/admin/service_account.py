"""Signing in to the service account of an integration with OAUTH.

For administrators, under `/admin/platform/msexchangeconnector/`:

GET  <id>/sign_in/      who is to sign in, whether somebody has, and the link
POST <id>/sign_in/      makes a new link, and shows it
GET  oauth_redirect/    where the browser of whoever signed in comes back to

and as JSON, under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/sign_in/            a new link
POST command/v1/ms_exchange_connector/<id>/make_certificate/   for APP_PERM
GET  status/v1/exchange_service_account/[<id>/]                who has signed in

Opening the page makes nothing: browsers and mail scanners open pages by themselves.
The redirect asks for no password: the person who signs in at the identity provider need
not be an administrator here. What it carries is good only for a sign-in begun here.
"""

import re
from datetime import timedelta
from typing import Any, Protocol

from klein import Klein
from twisted.web.resource import IResource
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError
from pexschedd.identity.oauth.sign_in import (
    SignInFailed,
    SignInLink,
    SignInOutcome,
    SignIns,
)
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.management.admin_log import note
from pexschedd.management.listing import everything
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.model.integration import Connector
from pexschedd.model.integration_exchange import OAUTH_REDIRECT_PATH
from pexschedd.store.store import Store
from pexschedd.web.admin.authentication import AdministratorCheck, admin_route
from pexschedd.web.admin.errors import admin_error
from pexschedd.web.admin.service_account_pages import ServiceAccountView, SignInPages
from pexschedd.web.api import (
    Payload,
    json_response,
    register_http_errors,
    route,
    status_of,
)
from pexschedd.web.routing import Beside

PAGES = OAUTH_REDIRECT_PATH.removesuffix("oauth_redirect/")
_PAGE = PAGES + "<int:id>/sign_in/"
_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:id>/"
STATUS = f"{PREFIX}/status/v1/exchange_service_account/"

_OURS = re.compile(
    rf"{PAGES}.*|{STATUS}.*|{STATUS[:-1]}"
    rf"|{PREFIX}/command/v1/ms_exchange_connector/[0-9]+/"
    r"(sign_in|make_certificate)/?"
)

ANSWER = ("state", "code", "error", "error_description")
"""What is read of the query that a browser comes back with."""

MAX_ARGUMENT = 16 * 1024


class Certificates(Protocol):
    async def make_certificate(self, connector_id: int) -> str:
        """Returns it (PEM); raises `NotFound`."""


class ServiceAccountApi:
    app = Klein()
    register_http_errors(app, admin_error)

    def __init__(
        self,
        store: Store,
        administrators: AdministratorCheck,
        sign_ins: SignIns,
        keepers: TokenCaches,
        certificates: Certificates,
        *,
        now: Now,
    ) -> None:
        self.administrators = administrators
        self._store = store
        self._sign_ins = sign_ins
        self._keepers = keepers
        self._certificates = certificates
        self._now = now
        self._pages = SignInPages(PAGES)

    def beside(self, rest: IResource) -> IResource:
        """A resource for the root that serves this, and everything else by `rest`."""
        return Beside(
            self.app.resource(), lambda path: bool(_OURS.fullmatch(path)), rest
        )

    @admin_route(app, _PAGE)
    def page(self, request: Request, id: int) -> Payload:
        try:
            connector = self._sign_ins.connector(id)
        except PexscheddError as error:
            return self._pages.problem(request, status_of(error), error.message)
        link = self._sign_ins.link(id)
        return self._pages.sign_in(request, self._account(connector), link)

    @admin_route(app, _PAGE, methods=["POST"])
    async def new_link(self, request: Request, id: int) -> Payload:
        try:
            await self._begin(id)
        except (NotFound, SignInFailed) as error:
            return self._pages.problem(request, status_of(error), error.message)
        # Reloading the page then makes no other link.
        request.setResponseCode(303)
        here = f"{PAGES}{id}/sign_in/"
        request.responseHeaders.setRawHeaders(b"location", [here.encode("ascii")])
        return b""

    @route(app, OAUTH_REDIRECT_PATH, errors=admin_error)
    async def come_back(self, request: Request) -> Payload:
        outcome = await self._sign_ins.finish(_answer(request))
        return self._pages.outcome(request, outcome, self._after(outcome))

    @route(app, PAGES + "static/<string:version>/<string:name>", errors=admin_error)
    def static(self, request: Request, version: str, name: str) -> Payload:
        return self._pages.static(request, version, name)

    @admin_route(app, _COMMAND + "sign_in/", methods=["POST"])
    async def sign_in(self, request: Request, id: int) -> Payload:
        link = await self._begin(id)
        answer = {"sign_in_link": link.url, "expires": format_time(link.expires)}
        return json_response(request, answer)

    @admin_route(app, _COMMAND + "make_certificate/", methods=["POST"])
    async def make_certificate(self, request: Request, id: int) -> Payload:
        certificate = await self._certificates.make_certificate(id)
        note(f"changed ms_exchange_connector {id}: public_key, private_key")
        return json_response(request, {"certificate": certificate})

    @admin_route(app, STATUS)
    def states(self, request: Request) -> Payload:
        objects = [
            self._state(connector)
            for connector in self._store.all(tables.CONNECTOR)
            if connector.authentication_method == "OAUTH"
        ]
        return json_response(request, everything(objects))

    @admin_route(app, STATUS + "<int:id>/")
    def state(self, request: Request, id: int) -> Payload:
        return json_response(request, self._state(self._sign_ins.connector(id)))

    async def _begin(self, id: int) -> SignInLink:
        link = await self._sign_ins.begin(id)
        note(f"made a sign-in link for ms_exchange_connector {id}")
        return link

    def _after(self, outcome: SignInOutcome) -> ServiceAccountView | None:
        if outcome.connector is None:
            return None
        connector = self._store.get(tables.CONNECTOR, outcome.connector.id)
        return None if connector is None else self._account(connector)

    def _account(self, connector: Connector) -> ServiceAccountView:
        found = signed_in(connector)
        return ServiceAccountView(
            id=connector.id,
            integration=connector.name,
            username=connector.username,
            signed_in_as=(found.account or found.username) if found else "",
            since=found.since if found else None,
            needed_because=self._keepers.of(connector).needed_because(),
        )

    def _state(self, connector: Connector) -> dict[str, Any]:
        found = signed_in(connector)
        keeper = self._keepers.of(connector)
        needed = keeper.needed_because()
        left = keeper.expires_in()
        ends = None if left is None else self._now() + timedelta(seconds=left)
        return {
            "id": connector.id,
            "exchange_connector_id": connector.id,
            "username": connector.username,
            "signed_in": not needed,
            "account": (found.account or found.username) if found else "",
            "since": format_time(found.since) if found else None,
            "refreshed": format_time(found.refreshed) if found else None,
            "expires": format_time(ends) if ends else None,
            "needed_because": needed,
            "sign_in_page": f"{PAGES}{connector.id}/sign_in/",
            "resource_uri": f"{STATUS}{connector.id}/",
        }


def _answer(request: Request) -> dict[str, str]:
    """What the query says, as far as it is readable. An argument given twice is none:
    nobody could tell which of them counts."""
    answer = {}
    for name in ANSWER:
        values = request.args.get(name.encode("ascii"), [])
        if len(values) == 1 and len(values[0]) <= MAX_ARGUMENT:
            answer[name] = values[0].decode("utf-8", "replace")
    return answer
