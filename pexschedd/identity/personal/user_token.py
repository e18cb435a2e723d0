"""The token that says who a user is, and what is taken from it. Pure.

It came from the configured token endpoint over TLS in exchange for our own code, and is
verified all the same, in this order:

    key_of_token     (see `openid.token`) shape, size, algorithm, the key that it names
    verified_claims  signature, issuer, audience, times, nonce, application, tenant
    profile_in       the claims of the user, as the kind of provider names them

Source: OpenID Connect Core, section 3.1.3.7; RFC 8725 for the algorithm and the type.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pexschedd.identity.openid.token import (
    check_times,
    is_guest,
    shown,
    signed_claims,
    text_of,
)
from pexschedd.identity.personal.faults import EmailMissing, UserTokenRefused
from pexschedd.identity.personal.provider_kinds import UserProvider


class UserProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A user as a verified token describes it; texts that it lacks are empty."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    oid: str = ""
    """`tid:oid`, for a provider that has such a key."""
    is_guest: bool = False
    """True for a user of another organization, whose claims come from there."""


def verified_claims(
    token: str,
    key: RSAPublicKey,
    provider: UserProvider,
    *,
    issuers: tuple[str, ...],
    nonce: str,
    now: datetime,
) -> Mapping[str, Any]:
    """Return the claims of a token that is from the provider, for us, and valid now.

    `issuers` are the names that the provider's own documents give it. Raises
    `TokenRefused` or `UserTokenRefused`.
    """
    claims = signed_claims(token, key)
    _check_issuer(claims, provider, issuers)
    _check_audience(claims, provider)
    check_times(claims, now)
    if provider.kind.has_nonce and claims.get("nonce") != nonce:
        raise UserTokenRefused("The token was issued for another sign-in (nonce).")
    return claims


def _check_issuer(
    claims: Mapping[str, Any], provider: UserProvider, issuers: tuple[str, ...]
) -> None:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers:
        raise UserTokenRefused(
            f"The token was issued by {shown(issuer)}, not by {' or '.join(issuers)}."
        )
    if not provider.kind.tenant:
        return
    tenant = claims.get("tid")
    if not isinstance(tenant, str) or f"/{tenant.lower()}/" not in f"{issuer.lower()}/":
        raise UserTokenRefused("The token's tenant (tid) is not that of its issuer.")
    if provider.tenant_id and tenant.lower() != provider.tenant_id:
        raise UserTokenRefused(
            "The token is from another tenant than that of "
            "personal_vmr_oauth_auth_endpoint."
        )


def _check_audience(claims: Mapping[str, Any], provider: UserProvider) -> None:
    if provider.kind.sends_resource:
        # AD FS puts the second before an identifier that is not a URL.
        ours = {provider.resource, f"microsoft:identityserver:{provider.resource}"}
    else:
        ours = {provider.client_id}
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    # A token for several is none that was made for us (OpenID Connect Core, 3.1.3.7).
    if not isinstance(audience, str) or audience not in ours:
        raise UserTokenRefused(
            f"The token is meant for {shown(audience)}, not for {min(ours, key=len)}."
        )
    application = claims.get(provider.kind.client_claim)
    if application is not None and application != provider.client_id:
        raise UserTokenRefused(
            f"The token was issued to the application {shown(application)}, not to "
            f"{provider.client_id}."
        )


def profile_in(claims: Mapping[str, Any], provider: UserProvider) -> UserProfile:
    """Return the user of verified claims; raises `UserTokenRefused`.

    A guest's address and names are left out: they come from another organization,
    where the guest may be able to choose them.
    """
    kind = provider.kind
    keys = [text_of(claims, name) for name in kind.subject]
    if not all(keys):
        raise UserTokenRefused(f"The token lacks {' or '.join(kind.subject)}.")
    oid = ":".join(keys).lower()
    if kind.tenant and is_guest(claims):
        return UserProfile(oid=oid, is_guest=True)
    return UserProfile(
        email=next(filter(None, (text_of(claims, name) for name in kind.email)), ""),
        first_name=text_of(claims, kind.first_name),
        last_name=text_of(claims, kind.last_name),
        display_name=text_of(claims, kind.display_name),
        oid=oid,
    )


def require_email(profile: UserProfile, provider: UserProvider) -> None:
    """Raise `EmailMissing`, with the remedy, for a profile without an address."""
    if profile.email:
        return
    if provider.kind.sends_resource:
        raise EmailMissing(
            "The token has no claim `email`. Add the claim rule of the documentation "
            f"to the relying party {provider.resource}, and give the user an e-mail "
            "address (mail) in Active Directory."
        )
    raise EmailMissing(
        "Neither the token nor the directory has an e-mail address of the user. Give "
        "the user one, and the application the permission User.Read."
    )
