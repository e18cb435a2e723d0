"""The pages of signing in to the service account: no script, nothing from elsewhere."""

from datetime import UTC, datetime

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.identity.oauth.sign_in import SignInLink, SignInOutcome
from pexschedd.web.addin.headers import set_page_headers
from pexschedd.web.addin.static import load_static
from pexschedd.web.api import Payload

STYLE = "service-account.css"

POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class ServiceAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages show of an integration."""

    id: int
    integration: str
    username: str
    signed_in_as: str
    since: datetime | None
    needed_because: str


class SignInPages:
    """`root` is the path below which all of them are."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._style = load_static()[STYLE]
        environment = Environment(
            loader=PackageLoader("pexschedd.web", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["moment"] = _moment
        environment.globals["root"] = root
        environment.globals["style"] = root + self._style.path
        self._sign_in = environment.get_template("service_account.html")
        self._outcome = environment.get_template("service_account_outcome.html")
        self._problem = environment.get_template("service_account_problem.html")

    def sign_in(
        self, request: Request, account: ServiceAccountView, link: SignInLink | None
    ) -> Payload:
        # Under "no-referrer" a form is sent with "Origin: null", and browsers that do
        # not say Sec-Fetch-Site could not press the button.
        request.responseHeaders.setRawHeaders(b"referrer-policy", [b"same-origin"])
        return _page(request, self._sign_in.render(account=account, link=link))

    def outcome(
        self,
        request: Request,
        outcome: SignInOutcome,
        account: ServiceAccountView | None,
    ) -> Payload:
        text = self._outcome.render(outcome=outcome, account=account)
        return _page(request, text, 400 if outcome.problem else 200)

    def problem(self, request: Request, status: int, message: str) -> Payload:
        return _page(request, self._problem.render(message=message), status)

    def static(self, request: Request, version: str, name: str) -> Payload:
        style = self._style
        if (version, name) != (style.version, style.name):
            raise NotFound("There is no such file.")
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"content-type", [style.content_type])
        set_header(b"cache-control", [b"public, max-age=31536000, immutable"])
        return style.content


def _page(request: Request, text: str, status: int = 200) -> Payload:
    request.setResponseCode(status)
    set_page_headers(request, POLICY)
    return text.encode()


def _moment(moment: datetime) -> str:
    """For people; in UTC, because a page without script knows no other zone."""
    return moment.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC")
