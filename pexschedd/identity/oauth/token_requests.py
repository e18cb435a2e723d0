"""Requests to an identity provider (RFC 6749). Pure.

An authorization request is a URL for the browser of the person who signs in; a token
request is a form for the token endpoint.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from pexschedd.identity.oauth.settings import Dialect, ProviderSettings

Form = dict[str, str]
"""A token request's parameters."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authorization_url(settings: ProviderSettings, *, state: str, verifier: str) -> str:
    """Return the URL at which the person signs in.

    `verifier`: 43 to 128 random characters (RFC 7636). The provider is asked to demand
    the password: otherwise it would silently sign in another account, if one is signed
    in in that browser.
    """
    query = {
        "client_id": settings.client_id,
        "response_type": "code",
        "redirect_uri": settings.redirect_uri,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        "login_hint": settings.username,
        **_access(settings),
    }
    if settings.dialect is Dialect.STANDARD:
        # OpenID Connect Core, section 11: without consent no offline access.
        query["prompt"] = "login consent"
    else:
        query["prompt"] = "login"
        query["response_mode"] = "query"
    separator = "&" if urlsplit(settings.auth_endpoint).query else "?"
    return f"{settings.auth_endpoint}{separator}{urlencode(query)}"


def challenge(verifier: str) -> str:
    """Return the code challenge for a verifier (RFC 7636, method S256)."""
    digest = sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def code_form(settings: ProviderSettings, *, code: str, verifier: str) -> Form:
    """Return the form that exchanges an authorization code for tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": settings.redirect_uri,
        "code_verifier": verifier,
        **_access(settings),
    }


def refresh_form(settings: ProviderSettings, *, refresh_token: str) -> Form:
    """Return the form that exchanges a refresh token for new tokens."""
    return {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        **_access(settings),
    }


def app_form(settings: ProviderSettings, claims: str = "") -> Form:
    """Return the form by which an application gets a token without a person.

    claims: what the token has to satisfy, as a resource has demanded (JSON).
    """
    form = {"grant_type": "client_credentials"}
    if claims:
        form["claims"] = claims
    if settings.dialect is Dialect.SCOPE:
        return {**form, "scope": f"{settings.resource}/.default"}
    return {**form, "resource": settings.resource}


def by_client(
    settings: ProviderSettings,
    form: Mapping[str, str],
    *,
    secret: str = "",
    assertion: str = "",
) -> Form:
    """Return the form with the application's authentication added.

    That is its secret, its assertion (RFC 7523), or for a public client its id alone.
    """
    result = {"client_id": settings.client_id, **form}
    if secret:
        result["client_secret"] = secret
    elif assertion:
        result["client_assertion_type"] = _ASSERTION_TYPE
        result["client_assertion"] = assertion
    return result


def _access(settings: ProviderSettings) -> Form:
    """The access asked for: Exchange on behalf of the person, also in their absence."""
    resource = settings.resource
    match settings.dialect:
        case Dialect.SCOPE:
            scope = f"{resource}/EWS.AccessAsUser.All offline_access openid profile"
            return {"scope": scope}
        case Dialect.RESOURCE:
            return {"resource": resource, "scope": "openid"}
        case Dialect.STANDARD:
            scope = "openid profile email offline_access"
            return {"resource": resource, "scope": scope}
