"""What an identity provider is asked. PURE.

An authorization request is an URL for the browser of the person who signs in; a token
request is a form for the token endpoint (RFC 6749).
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from pexschedd.identity.oauth.settings import Dialect, ProviderSettings

Form = dict[str, str]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authorization_url(settings: ProviderSettings, *, state: str, verifier: str) -> str:
    """Where the person signs in. `verifier`: 43 to 128 random characters (RFC 7636).

    The provider is asked to have the password entered: a browser in which somebody
    else is signed in would sign in that account without a question.
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
    digest = sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def code_form(settings: ProviderSettings, *, code: str, verifier: str) -> Form:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": settings.redirect_uri,
        "code_verifier": verifier,
        **_access(settings),
    }


def refresh_form(settings: ProviderSettings, *, refresh_token: str) -> Form:
    return {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        **_access(settings),
    }


def app_form(settings: ProviderSettings) -> Form:
    """As an application, without a person."""
    form = {"grant_type": "client_credentials"}
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
    """The form with what shows which application asks: its secret, its signature
    (RFC 7523), or for a public client just its name."""
    result = {"client_id": settings.client_id, **form}
    if secret:
        result["client_secret"] = secret
    elif assertion:
        result["client_assertion_type"] = _ASSERTION_TYPE
        result["client_assertion"] = assertion
    return result


def _access(settings: ProviderSettings) -> Form:
    """What is wanted: Exchange in the person's name, also while they are away."""
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
