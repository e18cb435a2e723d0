"""Access tokens for OAuth 2.0 clients, as scripts ask the platform for them:

POST /oauth/token/   a form with `grant_type` `client_credentials`, the
                     `client_assertion_type` of JWT and the `client_assertion`

The answer and its errors are those of RFC 6749, sections 5.1 and 5.2.
"""

from collections import Counter
from math import ceil
from urllib.parse import parse_qsl

import msgspec
from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.history.audit_entries import ACCEPTED
from pexschedd.identity.oauth_clients import LIFETIME, TOKEN_PATH, OAuthClients
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.authentication import (
    ASSERTION,
    SignInHeard,
    heard_by_none,
    refusals_logged,
)
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.routes import (
    ResponseBody,
    body_of,
    client_address,
    correlation_id_of,
    json_response,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = b"application/x-www-form-urlencoded"
_MAX_FORM = 16 * 1024
"""Bytes."""
_MAX_FIELDS = 20


class TokenGrant(msgspec.Struct, frozen=True):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    """Always `Bearer`."""
    expires_in: int
    """Seconds."""


class TokenRefusal(msgspec.Struct, frozen=True):
    """An error (RFC 6749, section 5.2)."""

    error: str
    """A stable word, such as `invalid_client`."""
    error_description: str


_FORM_SHAPE = {
    "type": "object",
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "client_assertion_type": {"const": ASSERTION_TYPE},
        "client_assertion": {
            "type": "string",
            "description": "A JSON Web Token that the client has signed (ES256).",
        },
    },
    "required": ["grant_type", "client_assertion_type", "client_assertion"],
}


class OAuthTokenRoutes:
    """The route of the module's docstring."""

    def __init__(
        self, clients: OAuthClients, heard: SignInHeard = heard_by_none
    ) -> None:
        self._clients = clients
        self._heard = heard

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add_public(TOKEN_PATH, post=self._grant)

    @described(
        "Get an access token",
        "OAuth 2.0 client credentials, with a signed assertion (RFC 7523) in place of "
        "a secret.",
        answers={
            200: ApiAnswer("The token.", TokenGrant),
            400: ApiAnswer("The form is wrong.", TokenRefusal),
            401: ApiAnswer("The assertion is not accepted.", TokenRefusal),
            429: ApiAnswer(
                "Too many were not accepted.", TokenRefusal, headers=("Retry-After",)
            ),
        },
        body=RequestBody(_FORM_SHAPE, _FORM.decode()),
        id="get_access_token",
        tag="oauth",
    )
    async def _grant(self, request: Request) -> ResponseBody:
        if b"?" in request.uri:
            return _refused(request, "invalid_request", "The form is the body alone.")
        form = _form_of(request)
        if form.get("grant_type") != "client_credentials":
            text = (
                f"grant_type must be client_credentials, in a form ({_FORM.decode()})."
            )
            return _refused(request, "unsupported_grant_type", text)
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            text = f"client_assertion_type must be {ASSERTION_TYPE}."
            return _refused(request, "invalid_request", text)
        assertion = form.get("client_assertion", "")
        host = (request.requestHeaders.getRawHeaders(b"host") or [b""])[0]
        clients, address = self._clients, client_address(request)
        try:
            name = clients.name_in(assertion)
            with refusals_logged(request, name, ASSERTION, self._heard):
                token = clients.grant(assertion, host.decode("latin-1"), address)
        except NotAuthenticated as error:
            return _refused(request, "invalid_client", error.message, 401)
        except TooManyRequests as error:
            seconds = b"%d" % max(1, ceil(error.retry_after))
            request.responseHeaders.setRawHeaders(b"retry-after", [seconds])
            return _refused(request, "temporarily_unavailable", error.message, 429)
        self._heard(ACCEPTED, name, address, ASSERTION, correlation_id_of(request))
        answer = TokenGrant(token, "Bearer", LIFETIME)
        return _kept_by_nobody(request, json_response(request, answer))


def _form_of(request: Request) -> dict[str, str]:
    """The fields of a form in the body; without those that are given twice."""
    body = body_of(request)
    kind = (request.requestHeaders.getRawHeaders(b"content-type") or [b""])[0]
    if len(body) > _MAX_FORM or kind.partition(b";")[0].strip().lower() != _FORM:
        return {}
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    times = Counter(name for name, _ in pairs)
    return {name: value for name, value in pairs if times[name] == 1}


def _refused(
    request: Request, error: str, text: str, status: int = 400
) -> ResponseBody:
    answer = TokenRefusal(error, text)
    return _kept_by_nobody(request, json_response(request, answer, status))


def _kept_by_nobody(request: Request, body: ResponseBody) -> ResponseBody:
    request.responseHeaders.setRawHeaders(b"cache-control", [b"no-store"])
    return body
