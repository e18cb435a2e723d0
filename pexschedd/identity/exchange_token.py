"""Exchange identity tokens, which identify the users of the add-in. Pure.

The add-in asks Exchange on-premises for a token with `getUserIdentityTokenAsync`, and
Exchange signs a JSON Web Token: with RS256, valid for about eight hours, with the
add-in's own address as its audience, and with the address of the metadata document
that contains the signing certificate. The token has no mail address that can be relied
on; the pair of `msexchuid` and the metadata address identifies the user.

The checks run in this order; the metadata document is only fetched if its address is a
configured one:

    read_token       shape, size, no algorithm but RS256, x5t, appctx, version
    metadata_url     the token's metadata address is among the configured ones
    check_claims     audience, not before, not after
    check_signature  by the published key that the token names

Source: Microsoft's "Inside the Exchange identity token", and observed tokens: in these
`appctx` is a string of JSON, where the documentation shows an object.
"""

import re
from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509 import load_der_x509_certificate
from jwt.algorithms import RSAAlgorithm

from pexschedd.errors import InvalidToken
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.fields.addresses import is_loopback

MOST_KEYS = 50
"""Keys of a document that are looked at; Exchange lists two."""
MAX_TOKEN = 8 * 1024
"""Characters. Exchange's tokens have one to two thousand."""

SKEW = timedelta(minutes=5)
"""The greatest difference allowed between the clocks of Exchange and this server."""

MIN_KEY_BITS = 2048

_SHOWN = 200
"""Characters of a token's address in a message."""

METADATA_PATH = "/autodiscover/metadata/json/1"

Keys = Mapping[str, RSAPublicKey]
"""Signing keys, by the thumbprint of their certificate in the notation of `x5t`."""

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_PART = re.compile(r"[A-Za-z0-9_-]+")


class Claims(msgspec.Struct, frozen=True):
    """The content of a token, which must not be trusted before `check_signature`."""

    x5t: str
    audience: str
    not_before: datetime
    expires: datetime
    msexchuid: str
    amurl: str
    signed: bytes
    signature: bytes


class _Header(msgspec.Struct):
    alg: str
    x5t: str
    typ: str = "JWT"


class _Context(msgspec.Struct):
    msexchuid: str
    version: str
    amurl: str


class _Payload(msgspec.Struct):
    aud: str
    nbf: int | float | str
    exp: int | float | str
    appctx: _Context | str


_header = msgspec.json.Decoder(_Header)
_payload = msgspec.json.Decoder(_Payload)
_context = msgspec.json.Decoder(_Context)


def addin_url(addin_server_domain: str, connector_id: int) -> str:
    """Return the task pane's URL.

    It is the first one in the manifest, and therefore the tokens' audience.
    """
    return (
        f"https://{addin_server_domain}"
        f"/api/client/v2/msexchange_schedulers/{connector_id}/addin"
    )


def read_token(token: str) -> Claims:
    """Parse a token. Raises `InvalidToken`, and no other exception."""
    if len(token) > MAX_TOKEN:
        raise InvalidToken(f"The token is longer than {MAX_TOKEN} characters.")
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidToken("The token does not have the shape of a JSON Web Token.")
    try:
        header = _header.decode(_decoded(parts[0]))
        if header.typ.upper() != "JWT" or header.alg != "RS256":
            raise InvalidToken("The token is not a JSON Web Token signed with RS256.")
        payload = _payload.decode(_decoded(parts[1]))
        context = payload.appctx
        if isinstance(context, str):
            context = _context.decode(context)
        signature = _decoded(parts[2])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidToken(
            f"The token cannot be read as an Exchange identity token: {error}"
        ) from None
    except (Base64Error, UnicodeError):
        raise InvalidToken("The token cannot be read: it is not base64url.") from None
    if context.version != "ExIdTok.V1":
        raise InvalidToken("The token is not an Exchange identity token, version 1.")
    if not 0 < len(context.msexchuid) <= 255 or not context.msexchuid.isprintable():
        raise InvalidToken("The token names no user.")
    return Claims(
        x5t=_thumbprint(header.x5t),
        audience=payload.aud,
        not_before=_time(payload.nbf),
        expires=_time(payload.exp),
        msexchuid=context.msexchuid,
        amurl=context.amurl,
        signed=f"{parts[0]}.{parts[1]}".encode(),
        signature=signature,
    )


def document_url(domain: str) -> str:
    """Return the URL of the metadata document for a configured FQDN or URL."""
    return domain if "://" in domain else f"https://{domain}{METADATA_PATH}"


def metadata_url(claims: Claims, domains: Iterable[str]) -> str:
    """Return the *configured* URL of the metadata document that the token refers to.

    Each of the integration's `domains` is an FQDN, with a port if necessary, or a URL.
    The address in the token only selects one of them, by its host; it is never fetched.
    Raises `InvalidToken` if none matches.
    """
    try:
        asked = _Location.of(claims.amurl)
    except ValueError:
        raise InvalidToken(
            "The token's metadata address is not an https URL."
        ) from None
    configured_domains = tuple(domains)
    if not configured_domains:
        raise InvalidToken(
            "This integration names no Exchange server yet, so no token can be "
            "verified. An administrator has to add the FQDN of every Exchange server "
            "under Exchange Metadata Domains and URLs."
        )
    of_host = None
    for domain in configured_domains:
        url = document_url(domain)
        try:
            configured = _Location.of(url)
        except ValueError:
            continue
        if configured.origin == asked.origin and asked.path in (
            METADATA_PATH,
            configured.path,
        ):
            return url
        if configured.host == asked.host:
            of_host = configured
    if of_host is not None:
        raise InvalidToken(_another_address(asked, of_host))
    raise InvalidToken(
        f"The token comes from {asked.host}, which is not one of the Exchange servers "
        "of this integration. An administrator can add this FQDN under Exchange "
        "Metadata Domains and URLs."
    )


def _another_address(asked: "_Location", configured: "_Location") -> str:
    """Tell in what the token's address differs from that of the same host here."""
    differs = [
        name
        for name in ("scheme", "port", "path")
        if getattr(asked, name) != getattr(configured, name)
    ]
    return (
        f"The token's metadata address, {asked.url[:_SHOWN]}, has another "
        f"{' and '.join(differs)} than the one that is configured for this host, "
        f"{configured.url}. An administrator can enter it under Exchange Metadata "
        "Domains and URLs, if it is one of this organization's Exchange servers."
    )


def check_claims(claims: Claims, audience: str, now: datetime) -> None:
    """Check that the token is for this server and valid now.

    `audience`: see `addin_url`. Raises `InvalidToken`.
    """
    try:
        ours = _Location.of(claims.audience) == _Location.of(audience)
    except ValueError:
        ours = False
    if not ours:
        raise InvalidToken(
            f"The token is not meant for {audience}. If the add-in server FQDN has "
            "been changed, the add-in's manifest has to be installed again."
        )
    # Not the token's times: any of them may be the first or the last that there is.
    if now + SKEW < claims.not_before:
        raise InvalidToken(f"The token is not valid until {_text(claims.not_before)}")
    if now - SKEW > claims.expires:
        raise InvalidToken(f"The token is not valid after {_text(claims.expires)}")


def check_signature(claims: Claims, keys: Keys) -> VerifiedUser:
    """Check that Exchange signed the token, and return its user.

    This is the last check, and the only proof. Raises `InvalidToken`.
    """
    key = keys.get(claims.x5t)
    if key is None:
        raise InvalidToken(
            "The token is signed with a key that Exchange does not list."
        )
    if not _RS256.verify(claims.signed, key, claims.signature):
        raise InvalidToken("The token's signature is wrong.")
    return VerifiedUser(f"{claims.msexchuid} {_Location.of(claims.amurl).url}")


def expiry_of(claims: Claims) -> datetime:
    """Return until when a checked token is accepted, the skew of clocks included."""
    return min(claims.expires, _FAR) + SKEW


def verify(
    token: str, *, audience: str, domains: Iterable[str], keys: Keys, now: datetime
) -> VerifiedUser:
    """Run all checks in their order, for a caller that has the keys already."""
    claims = read_token(token)
    metadata_url(claims, domains)
    check_claims(claims, audience, now)
    return check_signature(claims, keys)


class _KeyValue(msgspec.Struct):
    value: str
    type: str = ""


class _Key(msgspec.Struct):
    keyvalue: _KeyValue
    usage: str = "signing"


class _Metadata(msgspec.Struct):
    keys: list[_Key]


_metadata = msgspec.json.Decoder(_Metadata)


def read_keys(document: bytes) -> Keys:
    """Return the signing keys in a metadata document.

    Their certificates are self-signed; they are trusted because of the server that
    the document was fetched from. Thumbprints are computed instead of read. Raises
    `ValueError` if there is no usable key.
    """
    try:
        entries = _metadata.decode(document).keys
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"it is not a metadata document: {error}") from None
    keys = {}
    for entry in entries[:MOST_KEYS]:
        if entry.usage.lower() != "signing":
            continue
        try:
            certificate = load_der_x509_certificate(
                a2b_base64(entry.keyvalue.value.encode())
            )
            key = certificate.public_key()
        except (ValueError, TypeError):  # the others may be usable
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS:
            digest = certificate.fingerprint(SHA1())  # noqa: S303 - x5t is SHA-1 by definition
            keys[_thumbprint(urlsafe_b64encode(digest).decode())] = key
    if not keys:
        raise ValueError("it holds no RSA signing key of 2048 bits or more")
    return keys


class _Location(msgspec.Struct, frozen=True):
    """A URL as it is compared: host in lower case, no default port, no query."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    @lru_cache(maxsize=256)  # each token needs the same few URLs, five times
    def of(cls, url: str) -> "_Location":
        """Parse a URL. Raises `ValueError` unless it is https, or http on loopback."""
        if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
            raise ValueError("not a URL")
        split = urlsplit(url)
        host = split.hostname
        if not host or "@" in split.netloc:
            raise ValueError("not a URL")
        if split.scheme != "https" and not (
            split.scheme == "http" and is_loopback(host)
        ):
            raise ValueError("not https")
        port = split.port or (443 if split.scheme == "https" else 80)
        return cls(split.scheme, host, port, split.path)

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def _decoded(part: str) -> bytes:
    """Decode base64url without padding.

    Unlike `urlsafe_b64decode`, this does not skip characters that do not belong there.
    """
    padded = part.translate(_STANDARD) + "=" * (-len(part) % 4)
    return a2b_base64(padded, strict_mode=True)


_STANDARD = str.maketrans("-_", "+/")
_FAR = datetime(9000, 1, 1, tzinfo=UTC)
_URLSAFE = str.maketrans("+/", "-_")


def _thumbprint(x5t: str) -> str:
    return x5t.translate(_URLSAFE).rstrip("=")


def _time(value: int | float | str) -> datetime:
    """Convert seconds since 1970, a number or a string of digits."""
    try:
        if isinstance(value, str):
            if not value.isascii() or len(value) > 16:
                raise ValueError("not a time")
            value = int(value)
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidToken("The token's times cannot be read.") from None


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
