"""Judges the metadata documents, with the keys of identity tokens. Pure."""

from collections.abc import Callable

import msgspec

from pexschedd.doctor.case import ONLINE_HOSTS, ExaminedIntegration
from pexschedd.doctor.diagnose.documents import host_of, no_document
from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.identity.exchange_token import METADATA_PATH, document_url, read_keys
from pexschedd.util.powershell import one_line

_FQDNS = "Get-ExchangeServer | Format-Table Name,Fqdn,ServerRole"

_AUTODISCOVER = (
    "Get-ClientAccessService | Format-List Name,AutoDiscoverServiceInternalUri"
)


def domains(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge the configured metadata domains, by the servers named in refused tokens."""
    if case.connector.addin_authentication_method != "EXCHANGE_USER_ID_TOKEN":
        return passed("Not needed: the add-in does not use Exchange identity tokens.")
    online = case.connector.uses_graph or case.host in ONLINE_HOSTS
    if online and _hosts(case).issubset(ONLINE_HOSTS):
        return failed(
            "The add-in uses Exchange identity tokens, which Exchange Online gives to "
            "no add-in.",
            cause="No user is recognised: Outlook shows an error (9017 or 9018) in "
            "the pane.",
            remedy="Choose NAA_TOKEN or SSO_TOKEN in the field Add-in authentication "
            "token type. docs/add-in-microsoft365.md has the steps, and the "
            "integration's exchange_setup script with for=addin_tokens makes them. "
            "Only for users on an Exchange server of your own, add its FQDN under "
            "Exchange Metadata Domains and URLs.",
        )
    if not case.domains:
        return failed(
            "No Exchange metadata domain is configured.",
            cause="No identity token can be verified: users see 'Invalid Token'.",
            remedy="Add the FQDN of every Exchange server under Exchange Metadata "
            "Domains and URLs; the command lists them.",
            commands=(_FQDNS,),
        )
    known = _hosts(case)
    missing = [host for host in case.refused_hosts if host.lower() not in known]
    if missing:
        return warning(
            f"Refused tokens named {', '.join(map(one_line, missing[:5]))}, which is "
            "not configured.",
            cause="Each Exchange server names itself in its users' tokens; users of a "
            "server that is not configured see 'Invalid Token'. However, anyone can "
            "send a token that names any host.",
            remedy="If the command lists it among your own servers, and only then, add "
            "it under Exchange Metadata Domains and URLs.",
            commands=(_FQDNS,),
        )
    return passed(f"Configured: {', '.join(case.domains)}.")


def _hosts(case: ExaminedIntegration) -> set[str]:
    """The hosts of the metadata documents."""
    return {host_of(document_url(domain)) for domain in case.domains}


def metadata(domain: str) -> Callable[[ExaminedIntegration, HttpResult], CheckFinding]:
    """Return the judgement of the metadata document of `domain`."""

    def judge(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
        return _metadata(domain, seen)

    return judge


def _metadata(domain: str, seen: HttpResult) -> CheckFinding:
    if seen.failure is not None:
        return no_document(seen, what="Exchange metadata", commands=(_FQDNS,))
    fields = "Exchange Metadata Domains and URLs"
    if seen.status != 200:
        return failed(
            f"{seen.url} answers with HTTP {seen.status}.",
            cause="This host is not (or no longer) an Exchange server, or a proxy in "
            "front of it asks for a sign-in.",
            remedy=f"Correct the entry {domain!r} under {fields}. The path "
            f"{METADATA_PATH} has to be reachable without a sign-in.",
            commands=(_FQDNS, _AUTODISCOVER),
        )
    try:
        keys = read_keys(seen.body)
    except ValueError as error:
        return failed(
            f"{seen.url} contains no keys: {error}.",
            cause="This is not an Exchange metadata document, or Exchange publishes no "
            "signing certificate.",
            remedy=f"Correct the entry {domain!r} under {fields}; the command shows "
            "the signing certificates.",
            commands=(
                (
                    "Get-AuthConfig | Format-List CurrentCertificateThumbprint,"
                    "NextCertificateThumbprint"
                ),
            ),
        )
    location = _location(seen.body)
    if location and location != host_of(seen.url):
        return warning(
            f"{len(keys)} signing key(s); the document names {location} as its host.",
            cause="Users' tokens may name that host, and would be refused as 'Invalid "
            "Token' unless it is configured, too.",
            remedy=f"Add {location} under {fields} if users report an invalid token.",
            commands=(_FQDNS,),
        )
    return passed(f"{len(keys)} signing key(s).")


class _Endpoint(msgspec.Struct):
    location: str = ""
    usage: str = ""


class _Places(msgspec.Struct):
    endpoints: list[_Endpoint] = []


def _location(document: bytes) -> str:
    """The host that the document names as its own; empty if it names none."""
    try:
        places = msgspec.json.decode(document, type=_Places).endpoints
    except (msgspec.DecodeError, UnicodeError):
        return ""
    for each in places:
        if METADATA_PATH in each.location:
            return host_of(each.location)
    return ""
