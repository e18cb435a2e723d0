"""Browsers as clients: the origins of their requests, and what they bring back."""

import re
from urllib.parse import urlsplit

from twisted.web.server import Request

_ARGUMENTS = ("state", "code", "iss", "error", "error_description")
"""The arguments that an identity provider may add to the redirect's address."""

MAX_ARGUMENT = 16 * 1024
"""Bytes."""


def redirect_arguments(request: Request) -> dict[str, str]:
    """Return the readable arguments of an identity provider's redirect.

    One that is given twice is left out: it would not be clear which of them counts.
    """
    arguments = {}
    for name in _ARGUMENTS:
        values = request.args.get(name.encode("ascii"), [])
        if len(values) == 1 and len(values[0]) <= MAX_ARGUMENT:
            arguments[name] = values[0].decode("utf-8", "replace")
    return arguments


_LONGEST_QUOTED = 200

_BROWSER = b"__Host-pexschedd-sign-in"
_SECRET = re.compile(rb"[A-Za-z0-9_-]{43}")


def browser_secret(request: Request) -> str:
    """Return the secret by which a browser is known; empty if it has none."""
    secret = request.getCookie(_BROWSER) or b""
    return secret.decode("ascii") if _SECRET.fullmatch(secret) else ""


def keep_browser_secret(request: Request, secret: str, seconds: int) -> None:
    """Let the browser keep a secret: for no page of another host, for no script, and
    sent along only when a window is led here."""
    cookie = (
        f"{_BROWSER.decode()}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; "
        "SameSite=Lax"
    )
    request.responseHeaders.addRawHeader(b"set-cookie", cookie.encode("ascii"))


def is_from_own_page(request: Request) -> bool:
    """Return True if a browser says that a page of this server opened the address.

    False if another site's did, or a person, or if the browser is too old to say.
    """
    sites = request.requestHeaders.getRawHeaders(b"sec-fetch-site") or []
    return sites == [b"same-origin"]


def is_from_own_form(request: Request) -> bool:
    """Return True if a browser says that a form on a page of this server was sent.

    A browser too old for `Sec-Fetch-Site` and `Origin` says it with `Referer`. Silence
    is no consent.
    """
    get = request.requestHeaders.getRawHeaders
    sites = get(b"sec-fetch-site")
    if sites:
        return sites == [b"same-origin"]
    pages = get(b"origin") or get(b"referer") or []
    host = (get(b"host") or [b""])[0].decode("latin-1")
    try:
        return [urlsplit(page.decode("latin-1")).netloc for page in pages] == [host]
    except ValueError:  # not an address at all
        return False


def other_site(request: Request) -> str:
    """Return the words for a request that is refused as another site's. They name the
    header that a reverse proxy may have changed."""
    get = request.requestHeaders.getRawHeaders
    pages = (
        (get(b"origin") or get(b"referer") or []) if not get(b"sec-fetch-site") else []
    )
    words = "A page of another site has sent this request."
    if not pages:
        return words
    page, host = (
        (sent or b"").decode("ascii", "replace")[:_LONGEST_QUOTED]
        for sent in (pages[0], (get(b"host") or [b""])[0])
    )
    return (
        f"{words} Or the reverse proxy has changed its Host header: the page is of "
        f"{page}, and Host here is {host}. In nginx: proxy_set_header Host $http_host;"
    )


def is_cross_site(request: Request) -> bool:
    """Return whether a browser sends the request for a page of another site.

    Reading is always allowed: the other site's page does not get to see the answer.
    """
    if request.method in (b"GET", b"HEAD"):
        return False
    get = request.requestHeaders.getRawHeaders
    for site in get(b"sec-fetch-site") or []:
        return site not in (b"same-origin", b"none")
    for origin in get(b"origin") or []:
        host = (get(b"host") or [b""])[0]
        try:
            return urlsplit(origin.decode("latin-1")).netloc != host.decode("latin-1")
        except ValueError:  # not an address at all
            return True
    return False
