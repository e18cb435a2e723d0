"""The security headers of the add-in's pages.

Outlook on the web shows the pane in a frame and opens dialogs from it. So there is no
`X-Frame-Options` (it knows no list of hosts, and old browsers obey it before the list
below) and no `Cross-Origin-Opener-Policy` (it cuts a dialog off from its pane).
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from twisted.web.server import Request

from pexschedd.model.integration.connector import Connector

OFFICE_JS = "https://appsforoffice.microsoft.com/lib/1/hosted/office.js"
AJAX = "https://ajax.aspnetcdn.com"
"""The origin of MicrosoftAjax.js, which office.js loads unless it is there already."""

OUTLOOK = (
    "https://outlook.office.com",
    "https://outlook.office365.com",
    "https://outlook.cloud.microsoft",
    "https://outlook.live.com",
    "https://outlook.office365.us",
    "https://outlook.office.de",
    "https://partner.outlook.cn",
)
"""The origins of Microsoft's own Outlook on the web."""

_ORIGIN = re.compile(
    r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
)


class Sources:
    """The addresses of an integration's scripts and styles, in loading order.

    `office_js_listed` is true if the additional scripts have an office.js of their own.
    """

    def __init__(self, connector: Connector) -> None:
        self.office_js = OFFICE_JS
        self.additional: list[str] = []
        self.styles: list[str] = []
        if connector.use_custom_add_in_sources:
            self.office_js = connector.office_js_url or OFFICE_JS
            self.additional = _urls(connector.additional_add_in_script_sources)
            self.styles = _urls(
                f"{connector.microsoft_fabric_url}\n"
                f"{connector.microsoft_fabric_components_url}"
            )
        # A listed script takes the place of the same file from elsewhere.
        names = {url.rsplit("/", 1)[-1] for url in self.additional}
        self.office_js_listed = self.office_js.rsplit("/", 1)[-1] in names


def content_security_policy(connector: Connector) -> str:
    """Return the pane's policy: this server, office.js and configured sources only."""
    sources = Sources(connector)
    scripts = [sources.office_js, *sources.additional]
    if not sources.additional:
        scripts.append(AJAX)
    ancestors = [
        *OUTLOOK,
        connector.url,
        *connector.addin_frame_ancestors.split(),
    ]
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *origins(scripts)],
        "style-src": ["'self'", *origins(sources.styles)],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        # The page with which office.js asks whether an unknown Outlook is trusted.
        "frame-src": ["'self'", *origins([sources.office_js])],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'self'", *origins(ancestors)],
    }
    return "; ".join(f"{name} {' '.join(of)}" for name, of in directives.items())


CLOSING_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy of the page that ends a sign-in."""


def origins(urls: Iterable[str]) -> list[str]:
    """Return the distinct origins of `urls`, in order; leaves out what is not a URL."""
    found: dict[str, None] = {}
    for url in urls:
        try:
            split = urlsplit(url.strip())
        except ValueError:
            continue
        origin = f"{split.scheme}://{split.netloc}".lower()
        if _ORIGIN.fullmatch(origin):
            found[origin] = None
    return list(found)


def set_page_headers(request: Request, policy: str) -> None:
    """Set the headers of a page: never cached, and limited to what `policy` allows."""
    set_header = request.responseHeaders.setRawHeaders
    set_header(b"content-type", [b"text/html; charset=utf-8"])
    set_header(b"content-security-policy", [policy.encode("ascii")])
    set_header(b"cache-control", [b"no-store"])


def _urls(text: str) -> list[str]:
    """The http and https URLs of a text with one in each line."""
    return [url for url in text.split() if origins([url])]
