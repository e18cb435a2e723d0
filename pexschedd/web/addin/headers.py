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

MICROSOFT_SIGN_IN = "https://login.microsoftonline.com"
"""The origin of Entra ID, and of the list of its authorities in other clouds."""

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

_AJAX_NAME = r"microsoftajax(?:\.debug)?\.js"
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


def content_security_policy(connector: Connector, domains: Iterable[str] = ()) -> str:
    """Return the pane's policy: this server, office.js and configured sources only.

    `domains` are the integration's metadata domains.
    """
    sources = Sources(connector)
    scripts = [sources.office_js, *sources.additional]
    names = [url.rsplit("/", 1)[-1].lower() for url in sources.additional]
    if not any(re.fullmatch(_AJAX_NAME, name) for name in names):
        scripts.append(AJAX)
    authorities = origins(_authorities(connector))
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *origins(scripts)],
        "style-src": ["'self'", *origins(sources.styles)],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *authorities],
        # The page with which office.js asks whether an unknown Outlook is trusted, and
        # the silent sign-in of Microsoft 365.
        "frame-src": ["'self'", *origins([sources.office_js]), *authorities],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'self'", *frame_ancestors(connector, domains)],
    }
    return "; ".join(f"{name} {' '.join(of)}" for name, of in directives.items())


def frame_ancestors(connector: Connector, domains: Iterable[str]) -> list[str]:
    """Return the origins whose pages may show the pane in a frame, besides its own.

    Microsoft's, those of the servers that the integration knows, as Outlook on the web
    is often on the same, and those that are configured.
    """
    servers = [each if "://" in each else f"https://{each}" for each in domains]
    configured = connector.addin_frame_ancestors.split()
    return origins([*OUTLOOK, connector.url, *servers, *configured])


def is_covered(origin: str, allowed: Iterable[str]) -> bool:
    """Return whether an origin is among the allowed ones, which may begin with `*.`."""
    scheme, _, host = _without_usual_port(origin).partition("://")
    for each in map(_without_usual_port, allowed):
        allowed_scheme, _, pattern = each.partition("://")
        if allowed_scheme == scheme and (
            host == pattern or (pattern[:2] == "*." and host.endswith(pattern[1:]))
        ):
            return True
    return False


def _without_usual_port(origin: str) -> str:
    usual = ":443" if origin.startswith("https:") else ":80"
    return origin.removesuffix(usual)


def _authorities(connector: Connector) -> list[str]:
    """The addresses from which the pane itself gets Microsoft 365's tokens. With
    SSO_TOKEN it asks Office, and with the other method Exchange."""
    if connector.addin_authentication_method != "NAA_TOKEN":
        return []
    return [MICROSOFT_SIGN_IN, connector.addin_authority_url]


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
