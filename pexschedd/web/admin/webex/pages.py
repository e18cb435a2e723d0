"""The pages for signing a profile in at Webex: no script, no foreign sources.

They look as those for the service account do, and have the same style.
"""

from typing import Any

from twisted.web.server import Request

from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.webex.sign_in import WebexSignInLink, WebexSignInOutcome
from pexschedd.web.addin.static import load_static
from pexschedd.web.admin.service_account_pages import (
    STYLE,
    SignInPages,
    moment_text,
    page_answer,
)
from pexschedd.web.page_templates import page_environment
from pexschedd.web.routes import ResponseBody


class WebexPages:
    """Renders the pages; `root` is the path below which all of them are."""

    def __init__(self, root: str) -> None:
        self._environment = page_environment()
        self._environment.filters["moment"] = moment_text
        self._environment.globals["root"] = root
        self._environment.globals["style"] = root + load_static()[STYLE].path
        self.static = SignInPages(root).static

    def sign_in(
        self, request: Request, profile: JoinProfile, link: WebexSignInLink | None
    ) -> ResponseBody:
        """Return the page of a profile; `link` is the one that has not been used."""
        # A form that is sent under "no-referrer" has "Origin: null".
        request.responseHeaders.setRawHeaders(b"referrer-policy", [b"same-origin"])
        text = self._render("webex_sign_in", profile=profile, link=link)
        return page_answer(request, text)

    def outcome(self, request: Request, outcome: WebexSignInOutcome) -> ResponseBody:
        """Return the page that ends a sign-in."""
        text = self._render("webex_outcome", profile=outcome.profile, outcome=outcome)
        return page_answer(request, text, 400 if outcome.problem else 200)

    def problem(self, request: Request, status: int, message: str) -> ResponseBody:
        """Return the page for a request that cannot be served."""
        outcome = WebexSignInOutcome(None, message)
        text = self._render("webex_outcome", profile=None, outcome=outcome)
        return page_answer(request, text, status)

    def _render(self, name: str, **values: Any) -> str:
        """A page. It is compiled when it is first wanted: most daemons never do."""
        return self._environment.get_template(f"{name}.html").render(**values)
