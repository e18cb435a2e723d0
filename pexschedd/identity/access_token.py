"""Access tokens of Microsoft 365, which identify the users of the add-in. Pure.

Exchange Online gives no identity tokens any more. There the add-in asks Entra ID for an
access token to an API that is registered for this server, with nested app
authentication (`NAA_TOKEN`) or through Office (`SSO_TOKEN`). The checks, in this order:

    read_access_token  shape, size, no algorithm but RS256, the name of the key
    check_claims       an access token, for our API, with our scope, asked for by our
                       application, valid now
    check_issuer       the issuer is the configured one, in either of its versions
    check_signature    by the key of that name, and the user

Nothing is ever fetched from an address in a token (`jku`, `x5u`), and no key in a token
(`jwk`, `x5c`) is looked at. The user is the pair of tenant and object, `tid:oid`, as
the configured document's server knows it.

Source: the Microsoft identity platform's "Access token claims reference" and "Secure
applications and APIs by validating claims"; RFC 8725 and RFC 9068.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pexschedd.errors import InvalidToken
from pexschedd.identity.openid.documents import ENTRA_ID
from pexschedd.identity.openid.faults import TokenRefused
from pexschedd.identity.openid.token import (
    SKEW,
    check_times,
    is_guest,
    key_of_token,
    shown,
    signed_claims,
    text_of,
    unverified_claims,
)
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.end_user import access_token_user
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.user_sign_in import NO_TENANT

SCOPES = ("access_as_user", "PexipScheduling.Access")
"""The scopes of which a token needs one: the usual name, which is in our instructions,
and that of registrations which were made for the Pexip platform."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_FIRST_VERSION = {
    "login.microsoftonline.com": "https://sts.windows.net",
    "login.microsoftonline.us": "https://sts.windows.net",
    "login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn",
}
"""The issuer of tokens of version 1.0, by the host of the tenant's documents. The
registration's `requestedAccessTokenVersion` chooses the version; one document lists the
issuer of one of them, and both are signed with the same keys."""


class TenantDocuments(msgspec.Struct, frozen=True):
    """The place of a tenant's OpenID configuration: a `Publisher`."""

    metadata_url: str
    direct: bool = False
    """True to bypass the web proxy."""
    label: str = ENTRA_ID
    federation_url: str = ""


class AccessTokenRules(msgspec.Struct, frozen=True):
    """The settings of an integration that its users' access tokens have to match."""

    documents: TenantDocuments
    api: str
    """The id of the application that the tokens are for, in lower case."""
    audiences: frozenset[str]
    """The names that this application may have in a token, in lower case."""
    client: str
    """The id of the application that asks for tokens; empty where Office asks."""


class AccessToken(msgspec.Struct, frozen=True):
    """The content of a token, which must not be trusted before `check_signature`."""

    text: str
    key_name: str
    claims: Mapping[str, Any]


def rules_of(connector: Connector) -> AccessTokenRules:
    """Return what the tokens of an integration for Microsoft 365 have to match."""
    client = (connector.addin_application_id or "").strip().lower()
    nested = connector.addin_authentication_method == "NAA_TOKEN"
    api = (connector.addin_naa_web_api_application_id or "").strip().lower()
    api = api if nested else client
    # Tokens of version 2.0 have the id, those of version 1.0 the Application ID URI.
    host = connector.addin_server_domain.lower()
    return AccessTokenRules(
        documents=TenantDocuments(
            connector.addin_oidc_metadata_url, connector.disable_proxy
        ),
        api=api,
        audiences=frozenset({api, f"api://{api}", f"api://{host}/{api}"}),
        client=client if nested else "",
    )


def tenant_in(url: str) -> str:
    """Return the id of the tenant in an address, in lower case; empty if it has none,
    or a name."""
    parts = urlsplit(url.lower()).path.split("/")
    return next(filter(_GUID.fullmatch, parts), "")


def authority_problem(authority: str, tenant: str) -> str:
    """Return why tokens from an authority may be refused; empty if nothing is known.

    `authority` is the address at which the pane asks, `tenant` the id of the only
    tenant whose tokens are accepted, empty if only its name is known.
    """
    asked = urlsplit(authority.lower()).path.strip("/").partition("/")[0]
    if asked in NO_TENANT:
        return (
            f"{asked} in its address stands for the organization of whoever signs in. "
            "Only tokens of the tenant in addin_oidc_metadata_url are accepted; people "
            "who choose another account get no room, and an application that is "
            "registered for one organization gets no token there at all"
        )
    ids = {tenant_in(authority), tenant} - {""}
    if len(ids) > 1:
        return (
            "It has another tenant than addin_oidc_metadata_url. Tokens of that tenant "
            "are refused, so nobody gets a room"
        )
    return ""


def read_access_token(token: str) -> AccessToken:
    """Parse a token. Raises `InvalidToken`, and no other exception."""
    try:
        return AccessToken(token, key_of_token(token), unverified_claims(token))
    except TokenRefused as error:
        raise InvalidToken(error.message) from None


def check_claims(token: AccessToken, rules: AccessTokenRules, now: datetime) -> None:
    """Check that the token is for this integration, and valid now.

    Raises `InvalidToken`.
    """
    claims = token.claims
    _check_audience(claims, rules)
    _check_scope(claims)
    if rules.client:
        client = claims.get("azp", claims.get("appid"))
        if not isinstance(client, str) or client.lower() != rules.client:
            raise InvalidToken(
                f"The token was issued to the application {shown(client)}, not to "
                f"{rules.client}: see addin_application_id."
            )
    if "exp" not in claims:
        raise InvalidToken("The token does not say how long it is valid (exp).")
    try:
        check_times(claims, now)
    except TokenRefused as error:
        raise InvalidToken(error.message) from None


def _check_audience(claims: Mapping[str, Any], rules: AccessTokenRules) -> None:
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience.lower() not in rules.audiences:
        raise InvalidToken(
            f"The token is meant for {shown(audience)}, not for the application "
            f"{rules.api} of this integration."
        )


def _check_scope(claims: Mapping[str, Any]) -> None:
    """Refuse tokens without our scope: ID tokens, which prove to an application who its
    user is and open no API, and those of applications that act without a user."""
    granted = claims.get("scp")
    if granted is None and "roles" in claims:
        raise InvalidToken("The token is an application's own: it has no user.")
    if granted is None:
        raise InvalidToken(
            "The token is not an access token: it has no scope (scp). An ID token is "
            "not accepted."
        )
    if not isinstance(granted, str) or not set(SCOPES) & set(granted.split()):
        raise InvalidToken(
            f"The token has the scope {shown(granted)}; it needs {' or '.join(SCOPES)}."
        )


def check_issuer(
    token: AccessToken, rules: AccessTokenRules, issuers: tuple[str, ...]
) -> None:
    """Check that the token is from the tenant of the integration.

    `issuers` are the names that the configured document gives. Raises `InvalidToken`.
    """
    issuer, tenant = token.claims.get("iss"), token.claims.get("tid")
    known = _in_both_versions(issuers, rules.documents.metadata_url)
    if not isinstance(issuer, str) or issuer not in known:
        raise InvalidToken(
            f"The token was issued by {shown(issuer)}, not by {' or '.join(issuers)}: "
            "see addin_oidc_metadata_url."
        )
    if not isinstance(tenant, str) or f"/{tenant.lower()}/" not in f"{issuer.lower()}/":
        raise InvalidToken("The token's tenant (tid) is not that of its issuer.")


def _in_both_versions(issuers: tuple[str, ...], metadata_url: str) -> set[str]:
    known = set(issuers)
    host = urlsplit(metadata_url).hostname or ""
    if host in _FIRST_VERSION:
        for issuer in issuers:
            for tenant in _GUID.findall(issuer):
                known.add(f"https://{host}/{tenant}/v2.0")
                known.add(f"{_FIRST_VERSION[host]}/{tenant}/")
    return known


def check_signature(
    token: AccessToken, key: RSAPublicKey, rules: AccessTokenRules
) -> VerifiedUser:
    """Check that the provider signed the token, and return its user.

    This is the last check, and the only proof. Raises `InvalidToken`.
    """
    try:
        claims = signed_claims(token.text, key)
    except TokenRefused as error:
        raise InvalidToken(error.message) from None
    names = [text_of(claims, name).lower() for name in ("tid", "oid")]
    if not all(map(_GUID.fullmatch, names)):
        raise InvalidToken("The token names no user: it lacks tid or oid.")
    user_id = access_token_user(":".join(names), rules.documents.metadata_url)
    if is_guest(claims):  # another organization says what a guest is called
        return VerifiedUser(user_id)
    addresses = (
        text_of(claims, name) for name in ("email", "preferred_username", "upn")
    )
    return VerifiedUser(
        user_id=user_id,
        name=text_of(claims, "name"),
        email=next(filter(None, addresses), ""),
    )


def expiry_of(token: AccessToken) -> datetime:
    """Return until when a checked token is accepted, the skew of clocks included."""
    seconds = min(float(token.claims["exp"]), 2**37)
    return datetime.fromtimestamp(seconds, UTC) + SKEW
