"""Signing a profile of One-Touch Join in at Webex.

Under `/admin/platform/mjxintegration/`:

GET  <id>/sign_in/      the page with the profile's state, and the link
POST <id>/sign_in/      makes a new link, and shows it
GET  oauth_redirect/    the page to which the browser comes back after signing in

and as JSON, under `/api/admin/`:

POST command/v1/mjx_integration/<id>/webex_sign_in/    a new link

Opening the page makes nothing: browsers and mail scanners open pages by themselves. A
sign-in is finished by the administrator who began it, so the redirect asks for the
password of one.
"""

from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.history.audit_entries import (
    ACCEPTED,
    REFUSED,
    SERVICE_ACCOUNT,
    HeardSignIn,
    SignInListener,
    ignore_sign_in,
)
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.model.fields.times import format_time
from pexschedd.model.onetouch.profile import WEBEX_REDIRECT_PATH, JoinProfile
from pexschedd.onetouch.webex.sign_in import (
    WebexSignInFailed,
    WebexSignInLink,
    WebexSignIns,
)
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import JSON, ApiAnswer, described
from pexschedd.web.admin.request_keys import refuse_request_key
from pexschedd.web.admin.service_account import SignInLinkMade
from pexschedd.web.admin.webex.pages import WebexPages
from pexschedd.web.browsers import redirect_arguments
from pexschedd.web.routes import (
    ResponseBody,
    client_address,
    correlation_id_of,
    json_response,
    status_of,
)

PAGES = WEBEX_REDIRECT_PATH.removesuffix("oauth_redirect/")
_PAGE = f"{PAGES}<int:profile_id>/sign_in/"
_COMMAND = f"{PREFIX}/command/v1/mjx_integration/<int:profile_id>/webex_sign_in/"

_PAGE_SHOWN = ApiAnswer("The page.", {"type": "string"}, "text/html")
_PROBLEM_SHOWN = ApiAnswer(
    "A page that says what is wrong.",
    {"type": "string"},
    "text/html",
    others={JSON: {"$ref": "#/components/schemas/Error"}},
)


class WebexSignInRoutes:
    """The routes of the module's docstring."""

    def __init__(
        self, sign_ins: WebexSignIns, heard: SignInListener = ignore_sign_in
    ) -> None:
        """`heard` hears of each sign-in that a browser has come back from."""
        self._heard = heard
        self._sign_ins = sign_ins
        self._pages = WebexPages(PAGES)

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring, and the style of the pages."""
        api.add(_PAGE, get=self._page, post=self._new_link)
        api.add(WEBEX_REDIRECT_PATH, get=self._finish)
        style = f"{PAGES}static/<string:version>/<string:name>"
        api.add_public(style, get=self._static)
        api.add(_COMMAND, post=self._sign_in)

    @described(
        "Show the page for signing a profile in at Webex",
        answers={200: _PAGE_SHOWN, 400: _PROBLEM_SHOWN, 404: _PROBLEM_SHOWN},
        id="show_webex_sign_in_page",
    )
    def _page(self, request: Request, profile_id: int) -> ResponseBody:
        try:
            profile = self._sign_ins.profile(profile_id)
        except (NotFound, WebexSignInFailed) as error:
            return self._pages.problem(request, status_of(error), error.message)
        link = self._sign_ins.link(profile_id, _administrator())
        return self._pages.sign_in(request, profile, link)

    @described(
        "Make a new link for signing in at Webex, and show the page",
        answers={
            303: ApiAnswer("The link is on the page.", headers=("Location",)),
            400: _PROBLEM_SHOWN,
            404: _PROBLEM_SHOWN,
        },
        id="renew_webex_sign_in_page",
    )
    def _new_link(self, request: Request, profile_id: int) -> ResponseBody:
        try:
            self._begin(profile_id)
        except (NotFound, WebexSignInFailed) as error:
            return self._pages.problem(request, status_of(error), error.message)
        # Reloading the page then makes no other link.
        request.setResponseCode(303)
        here = f"{PAGES}{profile_id}/sign_in/"
        request.responseHeaders.setRawHeaders(b"location", [here.encode("ascii")])
        return b""

    @described(
        "Read the style of the pages for signing in at Webex",
        answers={200: ApiAnswer("The file.", {"type": "string"}, "text/css")},
        id="read_webex_page_style",
    )
    def _static(self, request: Request, version: str, name: str) -> ResponseBody:
        return self._pages.static(request, version, name)

    @described(
        "Take a browser back from Webex",
        "Webex leads the browser here. Its arguments are good only for a sign-in that "
        "the same administrator has begun.",
        answers={200: _PAGE_SHOWN, 400: _PROBLEM_SHOWN},
        id="finish_webex_sign_in",
    )
    async def _finish(self, request: Request) -> ResponseBody:
        arguments = redirect_arguments(request)
        outcome = await self._sign_ins.finish(arguments, _administrator())
        if outcome.profile is not None:
            self._heard(_heard_of(request, outcome.profile, outcome.problem))
        return self._pages.outcome(request, outcome)

    @described(
        "Make a link for signing a profile in at Webex",
        "The administrator who has made it opens it in a browser, and signs in here "
        "again when the browser comes back.",
        answers={200: ApiAnswer("The link.", SignInLinkMade)},
    )
    def _sign_in(self, request: Request, profile_id: int) -> ResponseBody:
        refuse_request_key(request)
        link = self._begin(profile_id)
        answer = SignInLinkMade(link.url, format_time(link.expires))
        return json_response(request, answer)

    def _begin(self, profile_id: int) -> WebexSignInLink:
        link = self._sign_ins.begin(profile_id, _administrator())
        note("Webex sign-in link created", profile_id)
        return link


def _heard_of(request: Request, profile: JoinProfile, problem: str) -> HeardSignIn:
    """Webex does not say which account has signed in: the client's id stands for it."""
    return HeardSignIn(
        kind=SERVICE_ACCOUNT,
        outcome=REFUSED if problem else ACCEPTED,
        account=profile.webex_client_id or "",
        method="oauth",
        resource=tables.MJX_INTEGRATION.name,
        object_id=profile.id,
        object_name=profile.name,
        reason=problem,
        address=client_address(request),
        correlation_id=correlation_id_of(request),
    )


def _administrator() -> int:
    """The account of the one who asks; 0 for a client that belongs to none."""
    return acting_principal.get().administrator
