"""The pages for signing in to the service account: no script, no foreign sources."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.identity.oauth.sign_in import SignInLink, SignInOutcome
from pexschedd.web.addin.headers import set_page_headers
from pexschedd.web.addin.static import load_static
from pexschedd.web.page_templates import page_environment
from pexschedd.web.routes import ResponseBody, file_response

STYLE = "service-account.css"

POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class ServiceAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """A service account and its sign-in, as the pages show them."""

    id: int
    """Of the integration or deployment."""
    name: str
    username: str
    signed_in_as: str
    """The account that has signed in; empty if none has."""
    since: datetime | None
    refreshed: datetime | None
    """The last time that the identity provider gave a new token."""
    expires: datetime | None
    """The end of the present access token, if there is one."""
    needed_because: str
    """The reason for which a sign-in is needed; empty if it is not."""


class SignInPages:
    """Renders the pages; `root` is the path below which all of them are."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._style = load_static()[STYLE]
        self._environment = page_environment()
        self._environment.filters["moment"] = moment_text
        self._environment.globals["root"] = root
        self._environment.globals["style"] = root + self._style.path

    def sign_in(
        self, request: Request, account: ServiceAccountView, link: SignInLink | None
    ) -> ResponseBody:
        """Return the page of an account; `link` is the one that has not been used."""
        # Under "no-referrer" a form is sent with "Origin: null", and browsers that do
        # not say Sec-Fetch-Site could not press the button.
        request.responseHeaders.setRawHeaders(b"referrer-policy", [b"same-origin"])
        return page_answer(
            request, self._render("service_account", account=account, link=link)
        )

    def outcome(
        self,
        request: Request,
        outcome: SignInOutcome,
        account: ServiceAccountView | None,
    ) -> ResponseBody:
        """Return the page that ends a sign-in; `account` is the state after it."""
        text = self._render("service_account_outcome", outcome=outcome, account=account)
        return page_answer(request, text, 400 if outcome.problem else 200)

    def problem(self, request: Request, status: int, message: str) -> ResponseBody:
        """Return the page for a request that cannot be served."""
        text = self._render("service_account_problem", message=message)
        return page_answer(request, text, status)

    def static(self, request: Request, version: str, name: str) -> ResponseBody:
        """Return the style of the pages; raises `NotFound` for any other file."""
        style = self._style
        if (version, name) != (style.version, style.name):
            raise NotFound("There is no such file.")
        caching = b"public, max-age=31536000, immutable"
        request.responseHeaders.setRawHeaders(b"cache-control", [caching])
        return file_response(request, style.content, style.content_type)

    def _render(self, name: str, **values: Any) -> str:
        """A page. It is compiled when it is first wanted: most daemons never do."""
        return self._environment.get_template(f"{name}.html").render(**values)


def page_answer(request: Request, text: str, status: int = 200) -> ResponseBody:
    """Return a page for signing in, and set its status and headers."""
    request.setResponseCode(status)
    set_page_headers(request, POLICY)
    return text.encode()


def moment_text(moment: datetime) -> str:
    """Return a time as text, in UTC: a page without script knows no other zone."""
    return moment.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC")
