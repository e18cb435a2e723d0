"""Requests to the identity provider of users: the browser's and ours. Pure."""

from urllib.parse import urlencode, urlsplit

from pexschedd.identity.oauth.token_requests import Form, challenge
from pexschedd.identity.personal.provider_kinds import UserProvider


def authorization_url(
    provider: UserProvider, *, state: str, nonce: str, verifier: str
) -> str:
    """Return the URL at which the user signs in.

    `verifier`: 43 to 128 random characters (RFC 7636). A server that does not know
    PKCE has to ignore it (RFC 6749, section 3.1).
    """
    kind = provider.kind
    query = {
        "client_id": provider.client_id,
        "response_type": "code",
        "redirect_uri": provider.redirect_uri,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        **_access(provider),
    }
    if kind.has_nonce:
        query["nonce"] = nonce
    if kind.prompt:
        query["prompt"] = kind.prompt
    separator = "&" if urlsplit(provider.auth_endpoint).query else "?"
    return f"{provider.auth_endpoint}{separator}{urlencode(query)}"


def code_form(
    provider: UserProvider, *, code: str, verifier: str, secret: str = ""
) -> Form:
    """Return the form that exchanges an authorization code for tokens."""
    form = {
        "grant_type": "authorization_code",
        "client_id": provider.client_id,
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "code_verifier": verifier,
        **_access(provider),
    }
    if secret:
        form["client_secret"] = secret
    return form


def _access(provider: UserProvider) -> Form:
    access = {}
    if provider.kind.sends_resource:
        access["resource"] = provider.resource
    if provider.kind.scope:
        access["scope"] = provider.kind.scope
    return access
