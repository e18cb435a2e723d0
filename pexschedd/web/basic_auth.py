"""HTTP Basic authentication of a request (RFC 7617)."""

import hmac
from base64 import b64decode
from binascii import Error as NotBase64

from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated


def authorization(request: Request) -> tuple[bytes, bytes]:
    """Return scheme, in lower case, and credentials of a request; empty without any."""
    headers = request.requestHeaders.getRawHeaders(b"authorization") or [b""]
    scheme, _, credentials = headers[0].partition(b" ")
    return scheme.lower(), credentials.strip()


def basic_credentials(
    request: Request, without: str, *, older_clients: bool = False
) -> tuple[str, str]:
    """Return name and password of the request.

    Raises `NotAuthenticated`; `without` is what it says to a request without them. With
    `older_clients` what is not UTF-8 is Latin-1, which RFC 2617 had left open.
    """
    scheme, encoded = authorization(request)
    if scheme != b"basic":
        raise NotAuthenticated(without)
    try:
        text = _decoded(b64decode(encoded, validate=True), older_clients)
    except (NotBase64, UnicodeDecodeError):
        raise NotAuthenticated("The authorization header cannot be read.") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise NotAuthenticated("The authorization header cannot be read.")
    return name, password


def _decoded(credentials: bytes, older_clients: bool) -> str:
    try:
        return credentials.decode()
    except UnicodeDecodeError:
        if not older_clients:
            raise
        return credentials.decode("latin-1")


class OneAccount:
    """The one name and password that clients of an interface share."""

    def __init__(self, username: str, password: str) -> None:
        self._expected = f"{username}:{password}".encode()

    def use(self, username: str, password: str) -> bool:
        """Require these from now on; return whether that is a change."""
        before, self._expected = self._expected, f"{username}:{password}".encode()
        return before != self._expected

    def require(self, request: Request) -> None:
        """Raise `NotAuthenticated` for a request with other credentials, or none."""
        name, password = basic_credentials(request, "Sign in (HTTP Basic).")
        if not hmac.compare_digest(f"{name}:{password}".encode(), self._expected):
            raise NotAuthenticated("The name or the password is wrong.")
