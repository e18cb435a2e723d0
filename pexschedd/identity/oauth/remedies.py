"""Errors of identity providers: their meaning and their remedies. Pure.

Administrators see our text and the provider's code, which they can look up
("AADSTS50173"), but not the provider's own text.
"""

import re

from pexschedd.errors import MailboxBusy, MailboxError, SignInNeeded, SignInRefused


def meaning(
    error: str, description: str, numbers: tuple[str, ...] = ()
) -> MailboxError:
    """Return the error with its remedy for a provider's error response.

    It comes from the token endpoint, or in the redirect of a browser. The most specific
    code is Entra ID's number in the description; `numbers` are those that it lists
    separately.
    """
    codes = codes_of(description, numbers)
    for code in (*codes, error):
        for kind, remedies in _KINDS:
            if code in remedies:
                shown = codes[0] if codes and code == error else code
                return kind(f"{remedies[code]} ({shown_code(shown)})")
    shown = codes[0] if codes else error
    return SignInRefused(
        "The identity provider refuses to give a token. Its sign-in log says why. "
        f"({shown_code(shown)})"
    )


def codes_of(description: str, numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Return Entra ID's numbers for an error, the most specific one first."""
    found = _AADSTS.search(description)
    return ((found[1],) if found else ()) + numbers


def shown_code(code: str) -> str:
    """Return a provider's code as administrators can look it up."""
    if code.isdecimal():
        return f"AADSTS{code}"
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in code[:60])
    return shown or "no error code"


_AADSTS = re.compile(r"\bAADSTS(\d{4,9})\b")

_SIGN_IN = {
    "70008": (
        "The sign-in to the service account has expired. Sign in to the service account"
        " again."
    ),
    "700082": (
        "The sign-in to the service account has expired because it was not used for too"
        " long. Sign in to the service account again."
    ),
    "700084": (
        "The sign-in to the service account has expired after a day: the redirect URI "
        "is registered for a single-page application. Register it under Mobile and "
        "desktop applications, then sign in again."
    ),
    "50173": (
        "The sign-in to the service account was revoked, for example because its "
        "password was changed. Sign in to the service account again."
    ),
    "50076": (
        "The identity provider asks for multi-factor authentication. Sign in to the "
        "service account again and complete it, or exempt the account."
    ),
    "50079": (
        "The service account has to register for multi-factor authentication. Sign in "
        "to the service account again and do so, or exempt the account."
    ),
    "50078": (
        "The multi-factor authentication of the sign-in has expired. Sign in to the "
        "service account again."
    ),
    "50089": (
        "The sign-in to the service account has expired. Sign in to the service account"
        " again."
    ),
    "54005": (
        "The sign-in was completed already. Sign in to the service account again."
    ),
    "65001": (
        "Nobody has consented to the application's use of the mailbox. Grant admin "
        "consent for EWS.AccessAsUser.All in the app registration, or sign in again and"
        " accept."
    ),
    "65004": (
        "The permission was declined during the sign-in. Sign in again and accept."
    ),
    "invalid_grant": (
        "The sign-in to the service account is not valid any more. Sign in to the "
        "service account again."
    ),
    "interaction_required": (
        "The identity provider wants to ask the service account something. Sign in to "
        "the service account again."
    ),
    "login_required": (
        "The sign-in was not completed. Sign in to the service account again."
    ),
    "consent_required": (
        "The permission was not granted. Sign in to the service account again and "
        "accept."
    ),
}
"""Remedies by code, for errors after which a person has to sign in."""

_MEND = {
    "53003": (
        "Conditional access does not allow the sign-in. Exempt the service account, or "
        "the address of this server, from the policy that blocks it."
    ),
    "50034": (
        "The identity provider does not know the service account. Check username, and "
        "the tenant in the OAuth endpoints."
    ),
    "50057": "The service account is disabled. Enable it.",
    "50126": "The user name or password was wrong.",
    "50055": (
        "The password of the service account has expired. Set a new one, then sign in "
        "again."
    ),
    "7000215": (
        "The client secret is wrong. Enter the secret's value, not its id, as "
        "oauth_client_secret."
    ),
    "7000222": (
        "The client secret has expired. Make a new one in the app registration and "
        "enter it as oauth_client_secret."
    ),
    "7000218": (
        "The identity provider wants a client secret. Register the redirect URI under "
        "Mobile and desktop applications, or enter oauth_client_secret."
    ),
    "700025": "The application is a public client: leave oauth_client_secret empty.",
    "700027": (
        "The identity provider does not know the certificate. Upload the integration's "
        "public_key to the app registration."
    ),
    "700016": (
        "The identity provider does not know the application. Check oauth_client_id, "
        "and the tenant in the OAuth endpoints."
    ),
    "90002": (
        "The identity provider does not know the tenant. Check the OAuth endpoints."
    ),
    "50011": (
        "The redirect URI is not registered. Enter oauth_redirect_uri in the app "
        "registration, letter by letter."
    ),
    "9002327": (
        "The redirect URI is registered for a single-page application. Register it "
        "under Mobile and desktop applications."
    ),
    "500011": (
        "The identity provider does not know the resource. Enter as oauth_resource what"
        " Exchange is registered as, such as https://outlook.office365.com."
    ),
    "650057": (
        "The application may not use Exchange. Add the permission EWS.AccessAsUser.All "
        "of Office 365 Exchange Online to the app registration."
    ),
    "access_denied": (
        "The permission was declined, or the account may not grant it. Sign in again "
        "and accept, or have an administrator of the identity provider consent."
    ),
    "invalid_client": (
        "The identity provider does not accept the application. Check oauth_client_id, "
        "and the client secret or certificate."
    ),
    "unauthorized_client": (
        "The application may not sign in this way. Check its registration: redirect "
        "URI, public client flows, permissions."
    ),
    "invalid_target": (
        "The identity provider does not know the resource. Check oauth_resource."
    ),
    "invalid_resource": (
        "The identity provider does not know the resource. Check oauth_resource."
    ),
    "invalid_scope": (
        "The identity provider does not know the permission. Check the application's "
        "permissions, and oauth_resource."
    ),
    "unsupported_grant_type": (
        "The identity provider does not offer this way to sign in. Check "
        "oauth_token_endpoint and authentication_method."
    ),
}
"""Remedies by code, for errors that an administrator has to fix."""

_WAIT = {
    "temporarily_unavailable": "The identity provider is busy. Try again in a minute.",
    "server_error": "The identity provider had trouble. Try again in a minute.",
}

_KINDS: tuple[tuple[type[MailboxError], dict[str, str]], ...] = (
    (SignInNeeded, _SIGN_IN),
    (SignInRefused, _MEND),
    (MailboxBusy, _WAIT),
)
