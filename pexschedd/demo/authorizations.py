"""Sign-ins at the demo's identity provider: who is asked, and the codes given out.

Each step can be taken once and for some minutes only: a request is answered by one
person, and the code for that answer is exchanged once (RFC 6749, section 4.1.2).
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from hmac import compare_digest
from typing import Generic, TypeVar

import msgspec

LIFETIME = 600.0
"""Seconds that a request or a code may take to be used."""
MOST = 100
"""Requests, or codes, that are kept; the oldest one goes first."""

T = TypeVar("T")


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person who can sign in."""

    address: str
    first_name: str
    last_name: str
    object_id: str
    """The key of the person in the tenant, for ever."""

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.first_name} {self.last_name}"


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of an application that somebody sign in, found to be in order."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    """The code challenge of PKCE (RFC 7636), method S256."""
    scope: str


class Grant(msgspec.Struct, frozen=True):
    """A person's answer to a request."""

    request: AuthorizationRequest
    person: DemoPerson


class Refused(Exception):
    """A code cannot be exchanged; the message says why."""


class Authorizations:
    """Requests that wait for a person, and codes that wait for the application.

    `seconds` is a clock that only goes forward.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._requests: OneTime[AuthorizationRequest] = OneTime(seconds)
        self._codes: OneTime[Grant] = OneTime(seconds)

    def ask(self, request: AuthorizationRequest) -> str:
        """Keep a request while its page is shown; return the page's key."""
        return self._requests.keep(request)

    def answered(self, key: str) -> AuthorizationRequest | None:
        """Return the request of a page, once; None if it is over."""
        return self._requests.take(key)

    def grant(self, request: AuthorizationRequest, person: DemoPerson) -> str:
        """Return a code for the answer of a person."""
        return self._codes.keep(Grant(request, person))

    def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant:
        """Return what a code stands for, and use it up; raises `Refused`."""
        grant = self._codes.take(code)
        if grant is None:
            raise Refused("AADSTS54005: The code was used already, or is too old.")
        if redirect_uri != grant.request.redirect_uri:
            raise Refused("AADSTS500112: The redirect URI is not that of the request.")
        if not compare_digest(s256(verifier), grant.request.challenge):
            raise Refused("AADSTS501481: The verifier does not match the challenge.")
        return grant


class OneTime(Generic[T]):
    """Values that can be taken once by a random key, while they are young."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._kept: dict[str, tuple[float, T]] = {}

    def keep(self, value: T) -> str:
        """Keep a value; return its key."""
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        key = secrets.token_urlsafe(24)
        self._kept[key] = (self._seconds() + LIFETIME, value)
        return key

    def take(self, key: str) -> T | None:
        """Return the value of a key, once; None if there is none, or not any more."""
        until, value = self._kept.pop(key, (0.0, None))
        return value if self._seconds() < until else None


def s256(verifier: str) -> str:
    """Return the challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
