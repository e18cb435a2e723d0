"""Requests to Webex for tokens, and what the answers mean (RFC 6749). Pure."""

from datetime import datetime
from urllib.parse import urlencode

from pexschedd.identity.oauth.token_requests import challenge
from pexschedd.identity.oauth.token_responses import (
    TokenSet,
    number_in,
    text_in,
    token_in,
)
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.webex.access import WebexClient
from pexschedd.onetouch.webex.answers import CloudAnswer, object_in, reason_in, wait_of

SCOPES = "spark:xapi_commands spark:xapi_statuses spark:kms"
"""Commands for devices and their states; the last one goes with every integration."""

SHORTEST, USUAL, LONGEST = 60.0, 3600.0, 86_400.0
"""The lifetime of an access token in seconds. Webex gives 14 days: one that is renewed
each day keeps its refresh token, which ends when it is not used for 90."""

Form = dict[str, str]


def authorization_url(client: WebexClient, *, state: str, verifier: str) -> str:
    """Return the URL at which a person signs in (with PKCE, RFC 7636)."""
    query = {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": client.redirect_uri,
        "scope": SCOPES,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{client.base}/v1/authorize?{urlencode(query)}"


def token_url(client: WebexClient) -> str:
    """Return the URL of the token endpoint."""
    return f"{client.base}/v1/access_token"


def code_form(client: WebexClient, secret: str, *, code: str, verifier: str) -> Form:
    """Return the form that exchanges an authorization code for tokens."""
    return {
        "grant_type": "authorization_code",
        "client_id": client.client_id,
        "client_secret": secret,
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }


def refresh_form(client: WebexClient, secret: str, *, refresh_token: str) -> Form:
    """Return the form that exchanges a refresh token for new tokens."""
    return {
        "grant_type": "refresh_token",
        "client_id": client.client_id,
        "client_secret": secret,
        "refresh_token": refresh_token,
    }


def tokens_in(answer: CloudAnswer, now: datetime, not_accepted: str) -> TokenSet:
    """Return the tokens in an answer; a refresh token that it lacks is empty.

    Raises `EndpointProblem`; `not_accepted` is its message for a code or a refresh
    token that is not good any more.
    """
    found = object_in(answer) or {}
    access = token_in(found, "access_token")
    if answer.status == 200 and access:
        given = number_in(found, "expires_in")
        seconds = min(max(USUAL if given is None else given, SHORTEST), LONGEST)
        return TokenSet(access, seconds, token_in(found, "refresh_token"))
    raise _refusal(answer, text_in(found, "error"), now, not_accepted)


def _refusal(
    answer: CloudAnswer, error: str, now: datetime, not_accepted: str
) -> EndpointProblem:
    status, reason = answer.status, reason_in(answer)
    if status == 429 or status >= 500:
        text = f"Webex gives no access token now ({reason}); it is asked again."
        wait = wait_of(answer, now)
        return EndpointProblem(ProblemKind.BUSY, text, retry_after=wait)
    if status == 401 or error in ("invalid_client", "unauthorized_client"):
        text = (
            f"Webex does not accept the integration of its profile ({reason}). Correct "
            "webex_client_id and webex_client_secret."
        )
        return EndpointProblem(ProblemKind.CREDENTIALS, text)
    if status == 400:
        text = f"{not_accepted} ({reason})"
        return EndpointProblem(ProblemKind.CREDENTIALS, text)
    text = f"Webex gives no access token ({reason}). Check the webex_api_domain."
    return EndpointProblem(ProblemKind.REFUSED, text)
