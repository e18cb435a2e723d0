"""Judges identity providers: their token endpoint and their signing keys. Pure."""

import msgspec

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.documents import no_document
from pexschedd.doctor.observations import HttpResult, ProviderPublished
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.identity.access_token import authority_problem, tenant_in
from pexschedd.identity.openid.documents import configuration_in, keys_in
from pexschedd.util.powershell import one_line


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
        f"OAuth 2.0 token endpoint{' (v2)' if case.connector.uses_graph else ''}).",
    )


_LOGIN = "https://login.microsoftonline.com/<tenant>"
_GUIDE = "The guide is docs/add-in-microsoft365.md."


def openid(case: ExaminedIntegration, seen: ProviderPublished) -> CheckFinding:
    """Judge the OpenID configuration of the add-in's tokens, and its keys, as the
    daemon reads them."""
    url = seen.configuration.url
    for answered in (seen.configuration, seen.keys):
        if answered is not None and answered.failure is not None:
            return no_document(answered, what="the identity provider", commands=())
    try:
        found = configuration_in(seen.configuration.body, url)
    except ValueError as error:
        return failed(
            f"{url} (HTTP {seen.configuration.status}): {error}.",
            cause="addin_oidc_metadata_url is wrong, or its tenant does not exist. No "
            "user of the add-in can be recognised.",
            remedy=f"Set it to {_LOGIN}/v2.0/.well-known/openid-configuration. "
            f"{_GUIDE}",
        )
    try:
        keys = keys_in(seen.keys.body if seen.keys is not None else b"")
    except ValueError as error:
        status = seen.keys.status if seen.keys is not None else 0
        return failed(
            f"{one_line(found.keys_url)[:200]} (HTTP {status}): {error}.",
            cause="Without the keys no token of the add-in's users can be verified.",
            remedy="Allow this machine to read that address.",
        )
    count = len({key.public_numbers() for key in keys.values()})
    ours = tenant_in(found.answers_as)
    authority = case.connector.addin_authority_url
    problem = authority_problem(authority, ours)
    if problem and case.connector.addin_authentication_method == "NAA_TOKEN":
        return warning(
            f"addin_authority_url is {one_line(authority)[:120]}, and the keys are of "
            f"the tenant {ours or 'in addin_oidc_metadata_url'}.",
            cause=f"{problem}.",
            remedy="Set addin_authority_url to https://login.microsoftonline.com/"
            f"{ours or '<tenant>'}, unless one registration is meant for several "
            f"organizations. {_GUIDE}",
        )
    return passed(f"{one_line(found.answers_as)[:120]}, {count} signing key(s).")
