"""The token endpoint: the grant of client credentials, with secret or assertion."""

import hmac
import uuid
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.graph.signin import assertions
from pexschedd.sandbox.graph.signin.applications import (
    GraphApplication,
    GraphApplications,
)

_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"


class _Refusal(Exception):
    def __init__(
        self, error: str, number: int, text: str, status: int = HTTPStatus.BAD_REQUEST
    ) -> None:
        self.error, self.number, self.text = error, number, text
        self.status = HTTPStatus(status)
        super().__init__(text)


def answer(
    applications: GraphApplications,
    tenant: str,
    url: str,
    content_type: str,
    body: bytes,
    now: datetime,
) -> GraphAnswer:
    """Answer a request for a token. `url` is the endpoint's own, which assertions must
    name as their audience."""
    try:
        if content_type.partition(";")[0].strip().lower() != _FORM:
            raise _Refusal("invalid_request", 900144, f"The body must be {_FORM}.")
        try:
            form = dict(parse_qsl(body.decode("ascii"), max_num_fields=50))
        except ValueError:
            raise _Refusal(
                "invalid_request", 900144, "The body cannot be read."
            ) from None
        application = _authenticated(applications, tenant, url, form, now)
        audience = _audience(form)
        _check_claims(form)
    except _Refusal as refusal:
        return _refuse(refusal, now)
    token = applications.issue(application, audience, claims="claims" in form)
    lifetime = application.token_lifetime_s
    return GraphAnswer(
        document={
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        },
        headers={"cache-control": "no-store, no-cache", "pragma": "no-cache"},
    )


def _authenticated(
    applications: GraphApplications,
    tenant: str,
    url: str,
    form: dict[str, str],
    now: datetime,
) -> GraphApplication:
    for name in ("grant_type", "client_id", "scope"):
        if not form.get(name):
            text = f"The request body must contain the following parameter: '{name}'."
            raise _Refusal("invalid_request", 900144, text)
    if form["grant_type"] != "client_credentials":
        text = f"The app requested an unsupported grant type '{form['grant_type']}'."
        raise _Refusal("unsupported_grant_type", 70003, text)
    known = {each.tenant.casefold() for each in applications.all()}
    if tenant.casefold() not in known:
        raise _Refusal("invalid_request", 90002, f"Tenant '{tenant}' not found.")
    application = applications.find(form["client_id"])
    if application is None or application.tenant.casefold() != tenant.casefold():
        text = (
            f"Application with identifier '{form['client_id']}' was not found in the "
            f"directory '{tenant}'."
        )
        raise _Refusal("unauthorized_client", 700016, text)
    if "client_assertion" in form:
        _check_assertion(application, url, form, now)
    else:
        _check_secret(application, form)
    return application


def _check_secret(application: GraphApplication, form: dict[str, str]) -> None:
    given = form.get("client_secret")
    if given is None:
        text = (
            "The request body must contain the following parameter: "
            "'client_assertion' or 'client_secret'."
        )
        raise _Refusal("invalid_client", 7000218, text, HTTPStatus.UNAUTHORIZED)
    right = application.secret
    if right is None or not hmac.compare_digest(right.encode(), given.encode()):
        text = (
            "Invalid client secret provided. Ensure the secret being sent in the "
            "request is the client secret value, not the client secret ID."
        )
        raise _Refusal("invalid_client", 7000215, text, HTTPStatus.UNAUTHORIZED)


def _check_assertion(
    application: GraphApplication, url: str, form: dict[str, str], now: datetime
) -> None:
    if form.get("client_assertion_type") != _BEARER:
        text = f"client_assertion_type must be '{_BEARER}'."
        raise _Refusal("invalid_request", 900144, text)
    certificate = application.parsed_certificate()
    if certificate is None:
        text = "The certificate with identifier used to sign is not registered."
        raise _Refusal("invalid_client", 700027, text, HTTPStatus.UNAUTHORIZED)
    try:
        assertions.check(
            form["client_assertion"], certificate, application.client_id, url, now
        )
    except assertions.InvalidAssertion as error:
        text = f"Client assertion failed signature validation: {error}."
        raise _Refusal(
            "invalid_client", 700027, text, HTTPStatus.UNAUTHORIZED
        ) from None


def _audience(form: dict[str, str]) -> str:
    host, slash, scope = form["scope"].rpartition("/")
    if scope != ".default" or not slash or not host:
        text = f"The provided request must include a '.default' scope: {form['scope']}."
        raise _Refusal("invalid_scope", 1002012, text)
    return host


def _check_claims(form: dict[str, str]) -> None:
    if "claims" not in form:
        return
    try:
        msgspec.json.decode(form["claims"], type=dict)
    except msgspec.DecodeError:
        raise _Refusal(
            "invalid_request", 9000114, "The 'claims' parameter is no JSON object."
        ) from None


def _refuse(refusal: _Refusal, now: datetime) -> GraphAnswer:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    moment = now.strftime("%Y-%m-%d %H:%M:%SZ")
    return GraphAnswer(
        refusal.status,
        {
            "error": refusal.error,
            "error_description": f"AADSTS{refusal.number}: {refusal.text} "
            f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
            "error_codes": [refusal.number],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={refusal.number}",
        },
    )
