"""The documents in which an identity provider publishes its issuer and keys. Pure.

OpenID Connect Discovery 1.0 and RFC 7517; for AD FS on Windows Server 2012 R2, which
has neither, the federation metadata (WS-Federation 1.2, section 3.1). What they say is
trusted because of the server that they were fetched from.
"""

from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509 import load_der_x509_certificate
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import PyJWTError
from lxml import etree

from pexschedd.identity.openid.token import Keys
from pexschedd.model.fields import addresses

ENTRA_ID = "Entra ID"
"""The name of Microsoft's identity provider in messages; a field's value is AZURE."""

MOST_KEYS = 50
"""Keys of a document that are looked at."""

MIN_KEY_BITS = 2048


class ProviderConfiguration(msgspec.Struct, frozen=True):
    """An OpenID configuration, as far as it is of use here."""

    issuers: tuple[str, ...]
    """The names that the provider may have in a token."""
    answers_as: str
    """The name that it has in an answer to the browser (RFC 9207)."""
    keys_url: str
    says_issuer: bool
    """True if it promises to name itself in each answer to the browser (RFC 9207)."""


class ProviderKeys(msgspec.Struct, frozen=True):
    """A provider's names and signing keys."""

    issuers: tuple[str, ...]
    keys: Keys
    answers_as: str = ""
    says_issuer: bool = False


def configuration_in(document: bytes, url: str) -> ProviderConfiguration:
    """Return the configuration in a document that was fetched from `url`.

    Raises `ValueError`, also if the keys are not at the same server: what is fetched is
    never an address that somebody else can choose.
    """
    found = _object(document)
    issuer, keys_url = found.get("issuer"), found.get("jwks_uri")
    if not isinstance(issuer, str) or not isinstance(keys_url, str):
        raise ValueError("it is not an OpenID configuration")
    if "{" in issuer:
        raise ValueError(
            "it is that of all organizations: enter the endpoints of your tenant"
        )
    if addresses.http_url(keys_url) or _origin(keys_url) != _origin(url):
        raise ValueError("it says that its keys are at another server")
    # AD FS signs access tokens under the name of the federation service.
    other = found.get("access_token_issuer")
    issuers = (issuer, other) if isinstance(other, str) and other else (issuer,)
    return ProviderConfiguration(
        issuers=tuple(dict.fromkeys(issuers)),
        answers_as=issuer,
        keys_url=keys_url,
        says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
    )


def keys_in(document: bytes) -> Keys:
    """Return the RSA signing keys in a JWK set; raises `ValueError` without any."""
    entries = _object(document).get("keys")
    found: dict[str, RSAPublicKey] = {}
    for entry in entries[:MOST_KEYS] if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("kty") != "RSA":
            continue
        if entry.get("use", "sig") != "sig":
            continue
        try:
            key = RSAAlgorithm.from_jwk(
                {"kty": "RSA", "n": entry.get("n"), "e": entry.get("e")}
            )
        except (PyJWTError, ValueError, TypeError, AttributeError):
            continue  # the others may be usable
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS:
            names = (entry.get("kid"), entry.get("x5t"))
            found.update({n: key for n in names if isinstance(n, str) and n})
    if not found:
        raise ValueError("it holds no RSA signing key of 2048 bits or more")
    return found


def federation_in(document: bytes) -> ProviderKeys:
    """Return issuer and signing keys in federation metadata; raises `ValueError`."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root: Any = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise ValueError("it is not federation metadata") from None
    issuer = root.get("entityID", "")
    if root.getroottree().docinfo.doctype or root.tag != f"{_MD}EntityDescriptor":
        raise ValueError("it is not federation metadata")
    keys: dict[str, RSAPublicKey] = {}
    for der in _certificates(root):
        try:
            certificate = load_der_x509_certificate(der)
            key = certificate.public_key()
        except (ValueError, TypeError):
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS:
            digest = certificate.fingerprint(SHA1())  # noqa: S303 - what x5t is
            keys[urlsafe_b64encode(digest).decode().rstrip("=")] = key
    if not issuer or not keys:
        raise ValueError("it holds no RSA signing key of 2048 bits or more")
    return ProviderKeys((issuer,), keys)


_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"


def _certificates(root: Any) -> Iterator[bytes]:
    for number, descriptor in enumerate(root.iter(f"{_MD}KeyDescriptor")):
        if number >= MOST_KEYS:
            return
        if descriptor.get("use", "signing") != "signing":
            continue
        for element in descriptor.iter(_CERTIFICATE):
            try:
                yield a2b_base64("".join((element.text or "").split()).encode())
            except (Base64Error, UnicodeError):
                continue


def _object(document: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(document)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    return found if isinstance(found, dict) else {}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
