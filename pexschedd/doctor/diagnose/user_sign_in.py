"""Judges users' sign-in for personal rooms, at AD FS or Azure. Pure."""

import re
from urllib.parse import urlsplit

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.documents import no_document
from pexschedd.doctor.observations import HttpResult, ProviderPublished
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.identity.oauth.token_responses import (
    numbers_in,
    object_in,
    text_in,
)
from pexschedd.identity.openid.documents import (
    configuration_in,
    federation_in,
    keys_in,
)
from pexschedd.identity.personal.answers import has_remedy, refusal
from pexschedd.identity.personal.provider_kinds import (
    UserProvider,
    provider_of,
    redirect_uri_of,
)
from pexschedd.scheduling.alarms import names
from pexschedd.util.powershell import one_line, quoted

_NOBODY = "Nobody can sign in for personal rooms."
_GUIDE = "The guide is docs/personal-rooms-sign-in.md."

_EXPECTED = ("AADSTS7000218", "AADSTS9002313", "AADSTS70008", "AADSTS70000")
"""Answers of Entra ID to a request without a secret and with a code that is none."""


def settings(case: ExaminedIntegration, problem: str) -> CheckFinding:
    """Judge the fields of the sign-in, and that the two endpoints belong together."""
    if problem:
        return failed(problem, cause=_NOBODY, remedy=f"Correct that field. {_GUIDE}")
    provider = provider_of(case.connector)
    first, second = urlsplit(provider.auth_endpoint), urlsplit(provider.token_endpoint)
    same_host = first.netloc.lower() == second.netloc.lower()
    same_tenant = (
        first.path.rpartition("/")[0] == second.path.rstrip("/").rpartition("/")[0]
    )
    if not (same_host and same_tenant):
        return warning(
            "personal_vmr_oauth_auth_endpoint and personal_vmr_oauth_token_endpoint "
            "are not at the same place.",
            cause="A code of one server or tenant is worth nothing at another.",
            remedy=f"Copy both from the same page. {_GUIDE}",
        )
    return passed(f"{provider.kind.label}, client {one_line(provider.client_id)[:80]}.")


def alone(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge whether only one identity provider says who the users are."""
    if not case.other_providers:
        return passed("All integrations with personal rooms have this provider.")
    others = ", ".join(map(one_line, case.other_providers[:5]))
    return warning(
        f"Users of other integrations sign in at another identity provider: {others}.",
        cause="Users are known by their addresses in all integrations. Each provider "
        "can sign in a user of any address who has not signed in at another one yet, "
        "and so show that user's rooms with their PINs.",
        remedy="Trust both providers with the addresses of all, or give the "
        "organizations installations of their own: docs/security.md. Users who move "
        "from one provider to the other need their end_user record deleted.",
    )


def published(case: ExaminedIntegration, seen: ProviderPublished) -> CheckFinding:
    """Judge the provider's documents: its name, and its signing keys."""
    provider = provider_of(case.connector)
    for answered in (seen.federation, seen.keys, seen.configuration):
        if answered is not None and answered.failure is not None:
            return no_document(answered, what=provider.kind.label, commands=())
    document = seen.federation or seen.configuration
    try:
        if seen.federation is not None:
            found = federation_in(document.body)
            return passed(
                f"{one_line(found.issuers[0])[:120]}, {len(found.keys)} signing key(s) "
                "from the federation metadata."
            )
        configuration = configuration_in(document.body, provider.metadata_url)
        document = seen.keys or document
        keys = keys_in(document.body)
    except ValueError as error:
        return failed(
            f"{document.url} (HTTP {document.status}): {error}.",
            cause="Without the keys, what is said of users cannot be verified. "
            f"{_NOBODY}",
            remedy="Check personal_vmr_oauth_auth_endpoint; on AD FS also that the "
            "endpoints are enabled, and proxy enabled if there is a Web Application "
            "Proxy.",
            commands=_endpoints(provider),
        )
    count = len({key.public_numbers() for key in keys.values()})
    return passed(
        f"{one_line(configuration.answers_as)[:120]}, {count} signing key(s)."
    )


def window(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the answer to the address at which users sign in."""
    provider = provider_of(case.connector)
    if seen.failure is not None:
        return no_document(seen, what=provider.kind.label, commands=())
    if 300 <= seen.status < 400:
        if seen.header("location").startswith(provider.redirect_uri):
            return passed("The client and its redirect address are registered.")
        return passed("It goes on to a page of its own.")
    number = _NUMBER.search(seen.body[:200_000].decode("utf-8", "replace"))
    if number is not None:
        wrong = refusal(number[0], "", provider)
        return failed(
            f"{provider.kind.label} shows an error instead of a sign-in ({number[0]}).",
            cause=_NOBODY,
            remedy=f"{wrong.message} The redirect address is {provider.redirect_uri}",
            commands=_client(provider),
        )
    if seen.status == 200:
        return passed("It shows a page on which to sign in.")
    return failed(
        f"{provider.auth_endpoint} answers with HTTP {seen.status}.",
        cause=f"The authorization endpoint is wrong, or not enabled. {_NOBODY}",
        remedy=f"Correct personal_vmr_oauth_auth_endpoint. {_GUIDE}",
        commands=_endpoints(provider),
    )


def token(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the answer to a request for tokens that is not meant to succeed, and what
    is known of the client secret."""
    provider = provider_of(case.connector)
    if seen.failure is not None:
        return no_document(seen, what=provider.kind.label, commands=())
    secret = case.details(names.USER_SIGN_IN_REFUSED)
    if secret:
        return failed(
            "The client secret was refused when a user signed in last.",
            cause=secret,
            remedy="Make a new client secret in the app registration, and enter its "
            "value as personal_vmr_oauth_client_secret.",
        )
    answer = object_in(seen.body)
    error = text_in(answer, "error")
    if not error:
        return failed(
            f"{provider.token_endpoint} is not a token endpoint (HTTP {seen.status}).",
            cause=_NOBODY,
            remedy=f"Correct personal_vmr_oauth_token_endpoint. {_GUIDE}",
            commands=_endpoints(provider),
        )
    description = text_in(answer, "error_description")
    numbers = {f"AADSTS{each}" for each in numbers_in(answer)}
    numbers |= set(_NUMBER.findall(description))
    about_code = error == "invalid_grant"
    about_request = provider.kind.has_secret and error == "invalid_request"
    if numbers.isdisjoint(_EXPECTED) and (
        any(map(has_remedy, numbers)) or not (about_code or about_request)
    ):
        wrong = refusal(error, description, provider, numbers_in(answer))
        return failed(
            "The token endpoint does not accept the client.",
            cause=_NOBODY,
            remedy=wrong.message,
            commands=_client(provider),
        )
    if about_request and numbers and numbers.isdisjoint(_EXPECTED):
        return warning(
            f"The token endpoint refuses the request with {min(numbers)}.",
            cause="That number is not known here: it may mean that nobody can sign in.",
            remedy="Sign in once for personal rooms. If that fails, look the number up "
            "in Microsoft's list of AADSTS error codes.",
        )
    return passed("It knows the client, and answers as a token endpoint does.")


def redirect(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the page at the address to which browsers come back."""
    address = redirect_uri_of(case.connector)
    if seen.failure is not None:
        return no_document(seen, what="the add-in's server", commands=())
    ours = seen.status == 400 and b"Not signed in" in seen.body
    if ours and not seen.header("cross-origin-opener-policy"):
        return passed(f"{address} comes back to this server.")
    if ours:
        return warning(
            f"Something in front of {address} adds Cross-Origin-Opener-Policy.",
            cause="The sign-in window cannot tell Outlook that it is done, and Outlook "
            "may say that it was closed; the pane still notices.",
            remedy="Have the reverse proxy leave that header out for the add-in.",
        )
    return failed(
        f"{address} does not lead to this server (HTTP {seen.status}).",
        cause="Users who have signed in do not come back.",
        remedy="Have the reverse proxy pass on everything below "
        "/api/client/v2/msexchange_schedulers, with the query.",
    )


_NUMBER = re.compile(r"\b(?:AADSTS\d{4,9}|MSIS\d{4,5})\b")


def _endpoints(provider: UserProvider) -> tuple[str, ...]:
    if not provider.kind.sends_resource:
        return ()
    return (
        "Get-AdfsEndpoint -AddressPath '/adfs/oauth2/' | Format-List *Enabled,Proxy",
        "Enable-AdfsEndpoint -TargetAddressPath '/adfs/oauth2/'",
        "Set-AdfsEndpoint -TargetAddressPath '/adfs/oauth2/' -Proxy $true",
    )


def _client(provider: UserProvider) -> tuple[str, ...]:
    if not provider.kind.sends_resource:
        return ()
    client = quoted(provider.client_id)
    return (
        f"Get-AdfsClient -ClientId {client} | Format-List Enabled,RedirectUri",
        (
            f"Set-AdfsClient -TargetClientId {client} -RedirectUri "
            f"{quoted(provider.redirect_uri)}"
        ),
        f"Get-AdfsRelyingPartyTrust -Identifier {quoted(provider.resource)}",
    )
