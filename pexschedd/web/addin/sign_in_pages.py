"""The pages of the window in which a user signs in: the question, and the end.

They are in a language of their reader. The question is in one that the browser names,
not the pane: the address may have been sent by somebody else, who could have chosen one
that the reader does not understand.
"""

from typing import Any
from urllib.parse import urlsplit

from twisted.web.server import Request

from pexschedd.identity.personal.sign_in import WindowOutcome
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.pane_texts import reason_word
from pexschedd.web.addin.headers import (
    AJAX,
    Sources,
    origins,
    set_page_headers,
)
from pexschedd.web.addin.page_words import PageWords, accepted_languages
from pexschedd.web.addin.route_groups import PREFIX
from pexschedd.web.addin.sanitiser import text_of
from pexschedd.web.addin.static import load_static
from pexschedd.web.page_templates import page_environment
from pexschedd.web.routes import ResponseBody


class UserSignInPages:
    """Renders the pages; nothing in them comes from the address they are shown at."""

    def __init__(self) -> None:
        static = load_static()
        self._environment = page_environment()
        self._environment.globals["style"] = f"{PREFIX}/{static['signed-in.css'].path}"
        self._environment.globals["script"] = f"{PREFIX}/{static['signed-in.js'].path}"

    def confirm(self, request: Request, connector: Connector) -> ResponseBody:
        """Return the page that asks whether the reader wants to sign in."""
        # Browsers hold the redirect after the form to `form-action`, too.
        provider = origins([connector.personal_vmr_oauth_auth_endpoint])
        forms = " ".join(["'self'", *provider])
        set_page_headers(request, _policy(scripts=[], forms=forms))
        # Under "no-referrer" a form is sent with "Origin: null".
        request.responseHeaders.setRawHeaders(b"referrer-policy", [b"same-origin"])
        host = urlsplit(connector.personal_vmr_oauth_auth_endpoint).hostname or ""
        title = " ".join(text_of(connector.addin_pane_title).split())
        words = PageWords(_accepted(request), connector)
        return self._render("sign_in_confirm", words=words, title=title, provider=host)

    def outcome(
        self, request: Request, outcome: WindowOutcome, status: int = 200
    ) -> ResponseBody:
        """Return the page that ends a sign-in: it closes its window after a success."""
        failure = outcome.failure
        if failure is not None and status == 200:
            status = 400
        request.setResponseCode(status)
        libraries = []
        if outcome.connector is not None and failure is None:
            sources = Sources(outcome.connector)
            libraries = [*sources.additional]
            if not sources.office_js_listed:
                libraries.append(sources.office_js)
        scripts = libraries and origins([*libraries, AJAX])
        set_page_headers(request, _policy(scripts=scripts))
        words = PageWords([outcome.language, *_accepted(request)], outcome.connector)
        return self._render(
            "signed_in",
            words=words,
            user=outcome.user,
            failure=failure,
            reason=reason_word(failure.code) if failure is not None else "",
            libraries=libraries,
        )

    def _render(self, name: str, **values: Any) -> ResponseBody:
        return self._environment.get_template(f"{name}.html").render(**values).encode()


def _accepted(request: Request) -> list[str]:
    return accepted_languages(str(request.getHeader("accept-language") or ""))


def _policy(*, scripts: list[str], forms: str = "'none'") -> str:
    """The policy of a page that no frame may hold."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(["script-src 'self'", *scripts]),
            "style-src 'self'",
            "base-uri 'none'",
            f"form-action {forms}",
            "frame-ancestors 'none'",
        )
    )
