"""Answers of an identity provider to a user's sign-in, and their remedies. Pure.

They come in the redirect of the browser or from the token endpoint. Administrators see
our text and the provider's code, which they can look up, but not the provider's text.
"""

import re
from collections.abc import Mapping

import msgspec

from pexschedd.identity.oauth.token_responses import (
    numbers_in,
    object_in,
    text_in,
    token_in,
)
from pexschedd.identity.personal.faults import (
    CodeRefused,
    ProviderRefuses,
    ProviderUnreachable,
    SignInDeclined,
    UserSignInFailed,
)
from pexschedd.identity.personal.provider_kinds import UserProvider

MAX_CODE = 16 * 1024
"""Characters of an authorization code."""


class UserTokens(msgspec.Struct, frozen=True):
    """The tokens for a code."""

    proof: str
    """The token that says who the user is."""
    access: str
    """The one for the directory; empty if there is none."""

    def __repr__(self) -> str:
        return "<UserTokens>"


def code_in(answer: Mapping[str, str], provider: UserProvider) -> str:
    """Return the code that the browser brought; raises `UserSignInFailed`."""
    if "error" in answer:
        raise refusal(answer["error"], answer.get("error_description", ""), provider)
    code = answer.get("code", "")
    if not 0 < len(code) <= MAX_CODE:
        raise ProviderRefuses(
            f"{provider.kind.label} sent the browser back without a code."
        )
    return code


def tokens_in(status: int, body: bytes, provider: UserProvider) -> UserTokens:
    """Return the tokens in a token endpoint's answer; raises `UserSignInFailed`."""
    answer = object_in(body)
    error = text_in(answer, "error")
    if error:
        description = text_in(answer, "error_description")
        raise refusal(error, description, provider, numbers_in(answer))
    if status != 200:
        raise ProviderUnreachable(_no_answer(status))
    proof = token_in(answer, provider.kind.proof)
    if not proof:
        raise ProviderRefuses(
            f"The token endpoint gave no {provider.kind.proof}. Check that "
            f"personal_vmr_oauth_token_endpoint is that of {provider.kind.label}, and "
            "auth_provider."
        )
    return UserTokens(proof, token_in(answer, "access_token"))


def _no_answer(status: int) -> str:
    if 300 <= status < 400:
        return (
            f"The token endpoint redirects (HTTP {status}), which is not followed. "
            "Enter the address that really answers as "
            "personal_vmr_oauth_token_endpoint."
        )
    if status == 429 or status >= 500:
        return f"The token endpoint fails (HTTP {status})."
    return (
        f"The token endpoint does not answer as one (HTTP {status}). Check "
        "personal_vmr_oauth_token_endpoint."
    )


def refusal(
    error: str,
    description: str,
    provider: UserProvider,
    numbers: tuple[str, ...] = (),
) -> UserSignInFailed:
    """Return the failure, with its remedy, for a provider's error.

    The most specific code is the one that the description contains: Entra ID's AADSTS
    or AD FS's MSIS number.
    """
    found = _NUMBER.search(description)
    codes = (*((found[0],) if found else ()), *(f"AADSTS{n}" for n in numbers), error)
    shown = _shown(codes[0])
    for code in codes:
        if code in _DECLINED:
            return SignInDeclined(f"{_DECLINED[code]} ({shown})")
        if code in _WAIT:
            return ProviderUnreachable(f"{_WAIT[code]} ({shown})")
        if code in _SECRET:
            return ProviderRefuses(f"{_SECRET[code]} ({shown})", about_secret=True)
        if code == "invalid_client" and provider.kind.has_secret:
            return ProviderRefuses(f"{_NOT_ACCEPTED} ({shown})", about_secret=True)
        if code in _MEND:
            return ProviderRefuses(f"{_MEND[code]} ({shown})")
        if code in _AGAIN:
            return CodeRefused(f"{_AGAIN[code]} ({shown})")
    return ProviderRefuses(
        f"{provider.kind.label} refuses the sign-in; its log says why. ({shown})"
    )


def has_remedy(code: str) -> bool:
    """Return whether it is known what a provider's code means."""
    return any(code in table for table in (_DECLINED, _WAIT, _SECRET, _MEND))


def _shown(code: str) -> str:
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in code[:60])
    return shown or "no error code"


_NUMBER = re.compile(r"\b(?:AADSTS\d{4,9}|MSIS\d{4,5})\b")

_DECLINED = {
    "access_denied": "The user declined, or may not use the application.",
    "AADSTS65004": "The user declined the permission.",
    "AADSTS50105": (
        "The user is not assigned to the application. Assign the user or a group in "
        "the enterprise application, or let it need no assignment."
    ),
    "AADSTS53003": "Conditional access does not allow the user's sign-in.",
    "AADSTS50057": "The user's account is disabled.",
    "login_required": "The user did not complete the sign-in.",
    "interaction_required": "The user did not complete the sign-in.",
}

_WAIT = {
    "temporarily_unavailable": "The identity provider is busy.",
    "server_error": "The identity provider had trouble.",
}

_NOT_ACCEPTED = (
    "The application is not accepted. Check personal_vmr_oauth_client_id, and enter "
    "the value of a valid client secret as personal_vmr_oauth_client_secret."
)

_SECRET = {
    "AADSTS7000215": (
        "The client secret is wrong. Enter the secret's value, not its id, as "
        "personal_vmr_oauth_client_secret."
    ),
    "AADSTS7000222": (
        "The client secret has expired. Make a new one in the app registration and "
        "enter it as personal_vmr_oauth_client_secret."
    ),
}

_MEND = {
    "AADSTS7000218": (
        "The redirect URI is not registered for a web application. Register it under "
        "the platform Web."
    ),
    "AADSTS9002327": (
        "The redirect URI is registered for a single-page application. Register it "
        "under the platform Web."
    ),
    "AADSTS700025": (
        "The application is a public client. Register the redirect URI under the "
        "platform Web."
    ),
    "AADSTS50011": (
        "The redirect URI is not registered. Enter it in the app registration letter "
        "by letter, without a slash at its end."
    ),
    "AADSTS700016": (
        "The application is not known in this tenant. Check "
        "personal_vmr_oauth_client_id, and the tenant in the endpoints."
    ),
    "AADSTS90002": (
        "The tenant is not known. Check personal_vmr_oauth_auth_endpoint and "
        "personal_vmr_oauth_token_endpoint."
    ),
    "AADSTS65001": (
        "Nobody has consented to User.Read. Grant admin consent for it in the app "
        "registration."
    ),
    "consent_required": (
        "Nobody has consented to User.Read. Grant admin consent for it in the app "
        "registration."
    ),
    "MSIS9602": (
        "AD FS does not know the resource. Check "
        "personal_vmr_adfs_relying_party_trust_identifier, letter by letter."
    ),
    "invalid_resource": (
        "The resource is not known. Check "
        "personal_vmr_adfs_relying_party_trust_identifier, letter by letter."
    ),
    "invalid_target": (
        "The resource is not known. Check "
        "personal_vmr_adfs_relying_party_trust_identifier, letter by letter."
    ),
    "invalid_client": (
        "The client is not known or may not sign in users. Check "
        "personal_vmr_oauth_client_id, and with Get-AdfsClient that it is registered "
        "and enabled."
    ),
    "unauthorized_client": (
        "The client may not sign in users of this resource. Permit it: on Windows "
        "Server 2016 and later in the application group, under the permissions of the "
        "Web API."
    ),
    "invalid_scope": "The permission User.Read is not known. Check the registration.",
}
"""Remedies by code, for what an administrator has to mend."""

_AGAIN = {
    "invalid_grant": (
        "The code is not valid any more, was used before, or is for another client or "
        "redirect URI. The user can sign in again. If that always ends like this, "
        "compare personal_vmr_oauth_client_id and the redirect address with the "
        "registration."
    ),
}
