"""The OAuth 2.0 clients of the management API: assertions in, access tokens out.

A client signs a short-lived JSON Web Token with its private key (ES256) and gets an
access token for it, as the platform does it (RFC 6749, section 4.4; RFC 7523, sections
2.2 and 3). The access token is a text with a keyed digest: it outlasts a restart and
needs no memory, and ends with its client or the client's key.
"""

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import NotAuthenticated, Unavailable
from pexschedd.identity.api_tokens import CountFailure
from pexschedd.identity.last_use import LastUse
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import RoleLevel
from pexschedd.model.accounts.api_token import OAuth2Client
from pexschedd.model.accounts.principal import Principal
from pexschedd.store.store import Store

TOKEN_PATH = "/oauth/token/"  # noqa: S105 - a path
LIFETIME = 3600
"""Seconds of an access token, as on the platform."""
PREFIX = "pexscheddat_"

LONGEST_ASSERTION = 3600
"""Seconds: what the platform's own client asks for."""
SKEW = 300
"""Seconds by which the clocks may differ."""
_MAX_ASSERTION = 4096
_MAX_CLAIM = 256
_MOST_USED = 10_000
_CONTEXT = "oauth2_client/access_token"
_ALGORITHM = "ES256"

_jws = jwt.PyJWS(algorithms=[_ALGORITHM])


def issue_client(record: OAuth2Client, client_id: str) -> tuple[OAuth2Client, str]:
    """Return a record with a new key pair's public key, and the private one as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return replace(record, client_id=client_id, public_key=public.decode()), private


class OAuthClients:
    """Gives clients access tokens, and tells who an access token acts for."""

    def __init__(self, store: Store, now: Now, count_failure: CountFailure) -> None:
        self._store = store
        self._now = now
        self._count_failure = count_failure
        self._last_use = LastUse(store, tables.OAUTH2_CLIENT, now)
        self._used: OrderedDict[bytes, float] = OrderedDict()
        """The end of each used assertion (seconds since 1970), by its digest."""

    def grant(self, assertion: str, host: str, address: str) -> str:
        """Return an access token for an assertion, which works once.

        `host` is what the client has asked. Raises `NotAuthenticated` that says what is
        wrong, `TooManyRequests` after many of those, and `Unavailable` while too many
        assertions are remembered.
        """
        claimed = ""
        try:
            claims = _claims_of(assertion)
            claimed = _text(claims, "iss")
            client = self._store.find(tables.OAUTH2_CLIENT_BY_CLIENT_ID, claimed)
            if client is None:
                raise NotAuthenticated("There is no such client.")
            _check_signature(assertion, client)
            expires = self._check(claims, host)
            self._use_once(client, _text(claims, "jti"), expires)
        except NotAuthenticated:
            account = f"client {claimed}" if claimed else f"a client from {address}"
            self._count_failure(account, address)
            raise
        return self._token(client, int(self._now().timestamp()) + LIFETIME)

    def authenticate(self, token: str, address: str) -> Principal:
        """Return the principal of an access token; raises like `grant`."""
        client = self._client_of(token)
        if client is None:
            self._count_failure(f"a token from {address}", address)
            raise NotAuthenticated(
                "The access token is wrong, or has expired: ask for a new one."
            )
        self._last_use.note(client)
        return Principal(
            name=f"{client.client_name} (client)",
            level=RoleLevel(client.role),
            has_password=False,
        )

    def name_in(self, assertion: str) -> str:
        """Return the client that an assertion claims to be of, for the log."""
        try:
            return _text(_claims_of(assertion), "iss")
        except NotAuthenticated:
            return "-"

    def _check(self, claims: Mapping[str, Any], host: str) -> float:
        """The time at which an assertion expires, if it is one for here and now."""
        if _text(claims, "sub") != _text(claims, "iss"):
            raise NotAuthenticated("The assertion's sub must be the client, as iss is.")
        audiences = claims.get("aud")
        if not any(
            _is_here(each, host)
            for each in (audiences if isinstance(audiences, list) else [audiences])
        ):
            raise NotAuthenticated(
                f"The assertion's aud must be the address asked: https://{host}"
                f"{TOKEN_PATH}. A reverse proxy has to pass the Host header on."
            )
        now = self._now().timestamp()
        expires = _time(claims, "exp")
        if expires is None or now >= expires + SKEW:
            raise NotAuthenticated("The assertion has expired. Compare the clocks.")
        if expires > now + LONGEST_ASSERTION + SKEW:
            raise NotAuthenticated(
                f"The assertion may be valid for {LONGEST_ASSERTION} seconds at most."
            )
        for name in ("iat", "nbf"):
            begins = _time(claims, name)
            if begins is not None and begins > now + SKEW:
                raise NotAuthenticated(
                    "The assertion is not valid yet. Compare the clocks."
                )
        return expires

    def _use_once(self, client: OAuth2Client, jti: str, expires: float) -> None:
        now = self._now().timestamp()
        digest = sha256(f"{client.id}\0{jti}".encode("utf-8", "replace")).digest()
        if digest in self._used:
            raise NotAuthenticated(
                "The assertion was used before: its jti must be new."
            )
        if len(self._used) >= _MOST_USED:
            for each in [d for d, end in self._used.items() if end + SKEW < now]:
                del self._used[each]
            if len(self._used) >= _MOST_USED:
                raise Unavailable("Too many tokens are asked for. Use each for longer.")
        self._used[digest] = expires

    def _token(self, client: OAuth2Client, expires: int) -> str:
        return f"{PREFIX}{client.id}.{expires}.{self._digest(client, expires)}"

    def _client_of(self, token: str) -> OAuth2Client | None:
        parts = token.removeprefix(PREFIX).split(".")
        if len(token) > _MAX_CLAIM or len(parts) != 3 or not token.isascii():
            return None
        number, expires, digest = parts
        if (
            not (number.isdecimal() and expires.isdecimal())
            or len(expires) > 12
            or len(number) > 18
        ):
            return None
        client = self._store.get(tables.OAUTH2_CLIENT, int(number))
        if client is None or int(expires) <= self._now().timestamp():
            return None
        right = self._digest(client, int(expires))
        return client if hmac.compare_digest(right, digest) else None

    def _digest(self, client: OAuth2Client, expires: int) -> str:
        text = f"{client.id}\0{client.client_id}\0{client.public_key}\0{expires}"
        return self._store.vault.digest(text, _CONTEXT)


def _claims_of(assertion: str) -> Mapping[str, Any]:
    """The claims of an assertion that anybody may have made."""
    if len(assertion) > _MAX_ASSERTION:
        raise NotAuthenticated(f"The assertion has over {_MAX_ASSERTION} characters.")
    try:
        found = _jws.decode_complete(assertion, options={"verify_signature": False})
        claims = msgspec.json.decode(found["payload"])
    except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
        claims = found = None
    if found is None or not isinstance(claims, dict):
        raise NotAuthenticated("The assertion is not a JSON Web Token.")
    if found["header"].get("alg") != _ALGORITHM or "crit" in found["header"]:
        raise NotAuthenticated(f"The assertion must be signed with {_ALGORITHM}.")
    return claims


def _check_signature(assertion: str, client: OAuth2Client) -> None:
    try:
        _jws.decode_complete(assertion, client.public_key, algorithms=[_ALGORITHM])
    except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
        raise NotAuthenticated("The assertion's signature is wrong.") from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM:
        raise NotAuthenticated(f"The assertion needs a text as {name}.")
    return value


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticated(f"The assertion's {name} is not a time.")
    return float(min(max(value, -1e12), 1e12))


def _is_here(audience: object, host: str) -> bool:
    if not isinstance(audience, str) or len(audience) > 2 * _MAX_CLAIM:
        return False
    try:
        parts = urlsplit(audience)
    except ValueError:
        return False
    return (
        parts.scheme in ("https", "http")
        and parts.netloc.lower() == host.lower()
        and parts.path == TOKEN_PATH
    )
