"""Who may use the management API: HTTP Basic, and no page of another site."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Protocol
from urllib.parse import urlsplit

from klein import Klein
from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated
from pexschedd.logs import acting
from pexschedd.web.admin.errors import Forbidden, admin_error
from pexschedd.web.api import Handler, incident_of, route


class AdministratorCheck(Protocol):
    async def authenticate(self, name: str, password: str) -> object:
        """Raises `NotAuthenticated`."""


def admin_route(
    app: Klein, url: str, *, methods: Sequence[str] = ("GET",)
) -> Callable[[Handler], Handler]:
    """A route for administrators, of a class with an `AdministratorCheck` in
    `administrators`."""

    def decorate(handler: Handler) -> Handler:
        @route(app, url, methods=methods, errors=admin_error)
        @wraps(handler)
        async def guarded(self: Any, request: Request, **segments: Any) -> Any:
            name, password = credentials(request)
            await self.administrators.authenticate(name, password)
            acting.set(name)
            if not is_own(request):
                error = Forbidden("A page of another site has sent this request.")
                return admin_error(request, 403, error, incident_of(request))
            result = handler(self, request, **segments)
            return result if isinstance(result, bytes) else await result

        return handler

    return decorate


def credentials(request: Request) -> tuple[str, str]:
    """Name and password of the request; raises `NotAuthenticated` without them."""
    headers = request.requestHeaders.getRawHeaders(b"authorization") or []
    scheme, _, encoded = headers[0].partition(b" ") if headers else (b"", b"", b"")
    if scheme.lower() != b"basic":
        raise NotAuthenticated("Sign in as an administrator (HTTP Basic).")
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (NotBase64, UnicodeDecodeError):
        raise NotAuthenticated("The authorization header cannot be read.") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise NotAuthenticated("The authorization header cannot be read.")
    return name, password


def is_own(request: Request) -> bool:
    """False if a browser sends the request for a page of another site.

    A browser adds the password it remembers to such requests, too.
    """
    if request.method in (b"GET", b"HEAD"):
        return True
    get = request.requestHeaders.getRawHeaders
    for site in get(b"sec-fetch-site") or []:
        return site in (b"same-origin", b"none")
    for origin in get(b"origin") or []:
        host = (get(b"host") or [b""])[0]
        try:
            return urlsplit(origin.decode("latin-1")).netloc == host.decode("latin-1")
        except ValueError:  # it is no address at all
            return False
    return True
