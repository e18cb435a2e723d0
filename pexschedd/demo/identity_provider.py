"""The demo's identity provider: plays Entra ID ("Azure") for the desk's people.

Mounted beside the desk, on the same port::

    /identity/<tenant>/oauth2/v2.0/authorize   a list of the people to sign in as
    /identity/<tenant>/sign-in                 the answer of that page
    /identity/<tenant>/oauth2/v2.0/token       exchanges a code for an ID token
    /identity/<tenant>/v2.0/.well-known/openid-configuration
    /identity/<tenant>/discovery/v2.0/keys

Nobody has a password, as everybody at the desk may be everybody. All else is as strict
as the real one: the application with its secret, its redirect address letter by letter,
PKCE, and codes that are good once (RFC 6749, RFC 7636, OpenID Connect Core 1.0).
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hmac import compare_digest
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jinja2 import Environment, PackageLoader, StrictUndefined
from klein import Klein
from twisted.web.resource import Resource
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.demo.authorizations import (
    AuthorizationRequest,
    Authorizations,
    DemoPerson,
    Grant,
    Refused,
)
from pexschedd.demo.desk_files import load_files
from pexschedd.demo.local_only import LocalOnly
from pexschedd.demo.ports import Ports
from pexschedd.web.routes import body_of, json_response, register_http_errors, route

TENANT = "5d7c2a90-1f4e-4f6b-9d53-0c8e1b7a2f61"
CLIENT_ID = "8e0b6f14-72a3-4d0c-bb1a-3f95d2c46e07"
CLIENT_SECRET = "demo"  # noqa: S105 - loopback only, where everybody may be everybody
REDIRECT_PATH = "/api/client/v2/msexchange_schedulers/oauth_redirect"

PEOPLE = (
    DemoPerson(
        address="alice@example.test",
        first_name="Alice",
        last_name="Archer",
        object_id="a11ce000-0000-4000-8000-000000000001",
    ),
    DemoPerson(
        address="bob@example.test",
        first_name="Bob",
        last_name="Baker",
        object_id="b0b00000-0000-4000-8000-000000000002",
    ),
    DemoPerson(
        address="carol@example.test",
        first_name="Carol",
        last_name="Carter",
        object_id="ca201000-0000-4000-8000-000000000003",
    ),
)

LIFETIME = 3600
"""Seconds that a token is valid."""
MOST_FORM = 32 * 1024
"""Bytes of a form; the longest field is a code or a verifier."""
MOST_QUERY = 8 * 1024
"""Characters of an authorization request."""
KEY_NAME = "demo"

_TENANT = f"/identity/{TENANT}"
_AUTHORIZE = "/oauth2/v2.0/authorize"
_TOKEN = "/oauth2/v2.0/token"  # noqa: S105 - a path
_HTML = b"text/html; charset=utf-8"


def authorize_url(ports: Ports) -> str:
    """Return the authorization endpoint."""
    return ports.desk_url + _TENANT + _AUTHORIZE


def token_url(ports: Ports) -> str:
    """Return the token endpoint."""
    return ports.desk_url + _TENANT + _TOKEN


class IdentityProvider:
    """The provider's pages and documents.

    Tokens are dated by `now`, which is the daemon's clock and may be moved; `seconds`
    only goes forward, and limits how long a sign-in may take.
    """

    app = Klein()

    def __init__(
        self,
        ports: Ports,
        *,
        now: Now,
        seconds: Callable[[], float],
        people: Sequence[DemoPerson] = PEOPLE,
    ) -> None:
        self._ports = ports
        self._now = now
        self._people = {person.object_id: person for person in people}
        self._authorizations = Authorizations(seconds)
        self._issuer = f"{ports.desk_url}{_TENANT}/v2.0"
        # What is registered is https, as everywhere; the demo's add-in has no TLS.
        self._redirect_uri = f"https://127.0.0.1:{ports.addin}{REDIRECT_PATH}"
        self._returns_to = ports.addin_url + REDIRECT_PATH
        self._pages = Environment(
            loader=PackageLoader("pexschedd.demo", "static"),
            autoescape=True,
            undefined=StrictUndefined,
        )
        self._pages.globals["static"] = load_files().address

    def mount(self, root: Resource) -> None:
        """Put the provider into the sandbox's resource tree."""
        root.putChild(b"identity", LocalOnly(self.app.resource(), self._ports.desk))

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        """The signing key: made when it is needed first, and for this run only."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    # Documents

    @route(app, f"/{TENANT}/v2.0/.well-known/openid-configuration")
    def configuration(self, request: Request) -> bytes:
        """Return the OpenID configuration."""
        base = self._ports.desk_url + _TENANT
        document = {
            "issuer": self._issuer,
            "authorization_endpoint": authorize_url(self._ports),
            "token_endpoint": token_url(self._ports),
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return json_response(request, document)

    @route(app, f"/{TENANT}/discovery/v2.0/keys")
    def keys(self, request: Request) -> bytes:
        """Return the public key, as a JWK set."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        key = {**jwk, "kid": KEY_NAME, "use": "sig", "alg": "RS256"}
        key.pop("key_ops", None)
        return json_response(request, {"keys": [key]})

    # The window

    @route(app, f"/{TENANT}{_AUTHORIZE}")
    def authorize(self, request: Request) -> bytes:
        """Return the page on which somebody says who they are.

        A request of another application, or for another address, leads nowhere; other
        faults lead back to the application (RFC 6749, section 4.1.2.1).
        """
        asked = _fields(request.uri.partition(b"?")[2], MOST_QUERY)
        if asked.get("client_id") != CLIENT_ID:
            return self._refusal(request, "AADSTS700016: This application is unknown.")
        if asked.get("redirect_uri") != self._redirect_uri:
            return self._refusal(
                request, "AADSTS50011: This redirect URI is not registered."
            )
        state = asked.get("state", "")
        problem = _problem(asked)
        if problem:
            return self._back(request, state, problem)
        key = self._authorizations.ask(
            AuthorizationRequest(
                redirect_uri=asked["redirect_uri"],
                state=state,
                nonce=asked.get("nonce", ""),
                challenge=asked["code_challenge"],
                scope=asked["scope"],
            )
        )
        return self._page(request, key=key, problem="")

    @route(app, f"/{TENANT}/sign-in", methods=["POST"])
    def sign_in(self, request: Request) -> bytes:
        """Send the window back to the application, with a code or without."""
        sent = _fields(body_of(request), MOST_FORM)
        asked = self._authorizations.answered(sent.get("key", ""))
        if asked is None:
            return self._refusal(request, "This sign-in is over. Begin it anew.")
        person = self._people.get(sent.get("person", ""))
        if person is None:
            refused = {"error": "access_denied", "error_description": "AADSTS65004"}
            return self._back(request, asked.state, refused)
        code = self._authorizations.grant(asked, person)
        return self._back(request, asked.state, {"code": code})

    def _page(
        self, request: Request, *, key: str, problem: str, status: int = 200
    ) -> bytes:
        request.setResponseCode(status)
        request.setHeader(b"content-type", _HTML)
        # Browsers hold the redirect after the form to `form-action`, too.
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"form-action 'self' {self._ports.addin_url}; frame-ancestors 'none'"
        )
        request.setHeader(b"content-security-policy", policy.encode())
        template = self._pages.get_template("identity.html")
        return template.render(
            action=f"{_TENANT}/sign-in",
            key=key,
            people=self._people.values(),
            problem=problem,
        ).encode()

    def _refusal(self, request: Request, problem: str) -> bytes:
        return self._page(request, key="", problem=problem, status=400)

    def _back(self, request: Request, state: str, answer: Mapping[str, str]) -> bytes:
        """Send the browser back to the application."""
        query = urlencode({**answer, "state": state})
        request.setResponseCode(303)
        request.setHeader(b"location", f"{self._returns_to}?{query}".encode())
        return b""

    # The application

    @route(app, f"/{TENANT}{_TOKEN}", methods=["POST"])
    def token(self, request: Request) -> bytes:
        """Exchange a code for tokens."""
        sent = _fields(body_of(request), MOST_FORM)
        if sent.get("grant_type") != "authorization_code":
            return _error(request, "unsupported_grant_type", "AADSTS70003")
        if sent.get("client_id") != CLIENT_ID:
            return _error(request, "unauthorized_client", "AADSTS700016")
        secret = sent.get("client_secret", "").encode()
        if not secret:
            return _error(request, "invalid_client", "AADSTS7000218", 401)
        if not compare_digest(secret, CLIENT_SECRET.encode()):
            return _error(request, "invalid_client", "AADSTS7000215", 401)
        try:
            grant = self._authorizations.exchange(
                sent.get("code", ""),
                redirect_uri=sent.get("redirect_uri", ""),
                verifier=sent.get("code_verifier", ""),
            )
        except Refused as refused:
            return _error(request, "invalid_grant", str(refused))
        answer = {
            "token_type": "Bearer",
            "scope": grant.request.scope,
            "expires_in": LIFETIME,
            # For the directory, which the demo does not have and nobody has to ask.
            "access_token": secrets.token_urlsafe(32),
            "id_token": self._id_token(grant),
        }
        return json_response(request, answer)

    def _id_token(self, grant: Grant) -> str:
        person, now = grant.person, int(self._now().timestamp())
        claims = {
            "ver": "2.0",
            "iss": self._issuer,
            "aud": CLIENT_ID,
            "sub": person.object_id,
            "oid": person.object_id,
            "tid": TENANT,
            "nonce": grant.request.nonce,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "name": person.name,
            "given_name": person.first_name,
            "family_name": person.last_name,
            "email": person.address,
            "preferred_username": person.address,
        }
        headers = {"kid": KEY_NAME}
        return jwt.encode(claims, self._key, algorithm="RS256", headers=headers)

    register_http_errors(app)


def _fields(text: bytes, most: int) -> dict[str, str]:
    """Return the fields of a query or a form; nothing of one that is too long, and none
    that comes twice (RFC 6749, section 3.1)."""
    if len(text) > most:
        return {}
    try:
        pairs = parse_qsl(
            text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=30
        )
    except ValueError:
        return {}
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _problem(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the error of an authorization request; nothing if it is in order."""
    if asked.get("response_type") != "code":
        return {
            "error": "unsupported_response_type",
            "error_description": "AADSTS70005: The response type must be code.",
        }
    if "openid" not in asked.get("scope", "").split():
        return {
            "error": "invalid_scope",
            "error_description": "AADSTS70011: The scope must include openid.",
        }
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        return {
            "error": "invalid_request",
            "error_description": "AADSTS501491: A code challenge (S256) is needed.",
        }
    return {}


def _error(request: Request, error: str, description: str, status: int = 400) -> bytes:
    answer = {"error": error, "error_description": description}
    return json_response(request, answer, status)
