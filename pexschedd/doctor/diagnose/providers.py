"""Judges identity providers: their token endpoint and their signing keys. Pure."""

import msgspec

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.documents import no_document
from pexschedd.doctor.observations import HttpResult, OpenIdDocuments
from pexschedd.doctor.powershell import one_line
from pexschedd.doctor.report import CheckFinding, failed, passed, warning


class _TokenError(msgspec.Struct):
    error: str


def token_endpoint(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the response to a request for a token without any secret."""
    if seen.failure is not None:
        return no_document(seen, what="the identity provider", commands=())
    try:
        error = msgspec.json.decode(seen.body, type=_TokenError).error
    except (msgspec.DecodeError, UnicodeError):
        error = ""
    if seen.status in (400, 401) and error:
        return passed(f"It answers as a token endpoint does ({one_line(error)[:60]}).")
    if seen.status in (429, 500, 502, 503, 504):
        return warning(
            f"The token endpoint is not working (HTTP {seen.status}).",
            cause="No new access token can be obtained until it works again.",
            remedy="Run the check again in a while.",
        )
    return failed(
        f"{seen.url} is not a token endpoint (HTTP {seen.status}).",
        cause="The field OAuth token endpoint is wrong, or its tenant does not exist.",
        remedy="Copy the address from the app registration (Overview, Endpoints, "
        "OAuth 2.0 token endpoint).",
    )


class _OpenId(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Jwk(msgspec.Struct):
    kty: str = ""


class _Jwks(msgspec.Struct):
    keys: list[_Jwk] = []


def openid(case: ExaminedIntegration, seen: OpenIdDocuments) -> CheckFinding:
    """Judge the OpenID Connect configuration of the add-in's tokens, and its keys."""
    answered = seen.configuration
    if answered.failure is not None:
        return no_document(answered, what="the identity provider", commands=())
    field = "OIDC metadata URL of the add-in"
    try:
        found = msgspec.json.decode(answered.body, type=_OpenId)
    except (msgspec.DecodeError, UnicodeError):
        return failed(
            f"There is no OpenID configuration at {answered.url} "
            f"(HTTP {answered.status}).",
            cause=f"The {field} is wrong, or its tenant does not exist.",
            remedy="Set it to https://login.microsoftonline.com/<tenant>/v2.0/"
            ".well-known/openid-configuration.",
        )
    if seen.keys is None or seen.keys.status != 200:
        why = seen.keys.problem if seen.keys is not None else "it names no https URL"
        return failed(
            f"The signing keys at {one_line(found.jwks_uri)[:200]} cannot be read "
            f"({why or (seen.keys and f'HTTP {seen.keys.status}')}).",
            cause="The identity provider's keys are needed to verify users' tokens.",
            remedy="Allow this machine to reach that address.",
        )
    try:
        count = len(msgspec.json.decode(seen.keys.body, type=_Jwks).keys)
    except (msgspec.DecodeError, UnicodeError):
        count = 0
    if not count:
        return failed(
            f"There are no keys at {one_line(found.jwks_uri)[:200]}.",
            cause="No token of the add-in can be verified.",
            remedy=f"Correct the {field}.",
        )
    return passed(f"{one_line(found.issuer)[:120]}, {count} signing key(s).")
