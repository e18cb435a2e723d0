"""PURE: what users' Outlook and the sign-in of the add-in depend on."""

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from pexschedd.doctor.case import Case
from pexschedd.doctor.diagnose_network import ends_soon, shown_chain
from pexschedd.doctor.observations import Addresses, Answered, Documents, Pane, Reached
from pexschedd.doctor.powershell import one_line, quoted
from pexschedd.doctor.report import Finding, failed, not_checked, passed, warning
from pexschedd.identity.exchange_token import METADATA_PATH, document_url, read_keys
from pexschedd.net.certificates import day
from pexschedd.net.inspection import Inspection
from pexschedd.net.trouble import ABOUT_TRUST, Trouble

_FQDNS = "Get-ExchangeServer | Format-Table Name,Fqdn,ServerRole"
_AUTODISCOVER = (
    "Get-ClientAccessService | Format-List Name,AutoDiscoverServiceInternalUri"
)


# Exchange's signing keys


def domains(case: Case, _: object) -> Finding:
    """Whether there is any, and whether refused tokens came from others."""
    if case.connector.addin_authentication_method != "EXCHANGE_USER_ID_TOKEN":
        return passed("Not needed: the add-in does not use Exchange identity tokens.")
    if not case.domains:
        return failed(
            "No Exchange metadata domain is configured.",
            cause="No identity token can be verified: users see 'Invalid Token'.",
            remedy="Add the FQDN of every Exchange server under Exchange Metadata "
            "Domains and URLs; the command lists them.",
            commands=(_FQDNS,),
        )
    known = {_host(document_url(domain)) for domain in case.domains}
    missing = [host for host in case.refused_hosts if host.lower() not in known]
    if missing:
        return warning(
            f"Refused tokens named {', '.join(map(one_line, missing[:5]))}, which is "
            "not configured.",
            cause="Each Exchange server names itself in the tokens of its users; of a "
            "server that is not configured, they see 'Invalid Token'. But anybody can "
            "send a token that names any host.",
            remedy="If the command lists it among your own servers, and only then, add "
            "it under Exchange Metadata Domains and URLs.",
            commands=(_FQDNS,),
        )
    return passed(f"Configured: {', '.join(case.domains)}.")


def metadata(domain: str) -> Callable[[Case, Answered], Finding]:
    def judge(case: Case, seen: Answered) -> Finding:
        return _metadata(domain, seen)

    return judge


def _metadata(domain: str, seen: Answered) -> Finding:
    if seen.trouble is not None:
        return _no_document(seen, what="Exchange metadata", commands=(_FQDNS,))
    fields = "Exchange Metadata Domains and URLs"
    if seen.status != 200:
        return failed(
            f"{seen.url} answers with HTTP {seen.status}.",
            cause="This host is no Exchange server (any more), or a proxy in front "
            "asks for a sign-in.",
            remedy=f"Correct the entry {domain!r} under {fields}. The path "
            f"{METADATA_PATH} has to be reachable without a sign-in.",
            commands=(_FQDNS, _AUTODISCOVER),
        )
    try:
        keys = read_keys(seen.body)
    except ValueError as error:
        return failed(
            f"{seen.url} holds no keys: {error}.",
            cause="This is not an Exchange metadata document, or Exchange publishes no "
            "signing certificate.",
            remedy=f"Correct the entry {domain!r} under {fields}; look at the "
            "signing certificate with the command.",
            commands=(
                (
                    "Get-AuthConfig | Format-List CurrentCertificateThumbprint,"
                    "NextCertificateThumbprint"
                ),
            ),
        )
    location = _location(seen.body)
    if location and location != _host(seen.url):
        return warning(
            f"{len(keys)} signing key(s); the document names {location} as its place.",
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
    """The host that the document says it is at; empty if it does not."""
    try:
        places = msgspec.json.decode(document, type=_Places).endpoints
    except (msgspec.DecodeError, UnicodeError):
        return ""
    found = [_host(each.location) for each in places if METADATA_PATH in each.location]
    return found[0] if found else ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


# Identity providers


class _TokenError(msgspec.Struct):
    error: str


def token_endpoint(case: Case, seen: Answered) -> Finding:
    if seen.trouble is not None:
        return _no_document(seen, what="the identity provider", commands=())
    try:
        said = msgspec.json.decode(seen.body, type=_TokenError).error
    except (msgspec.DecodeError, UnicodeError):
        said = ""
    if seen.status in (400, 401) and said:
        return passed(f"It answers as a token endpoint does ({one_line(said)[:60]}).")
    if seen.status in (429, 500, 502, 503, 504):
        return warning(
            f"The token endpoint is out of order (HTTP {seen.status}).",
            cause="No new access token can be had while this lasts.",
            remedy="Run the check again in a while.",
        )
    return failed(
        f"{seen.url} is no token endpoint (HTTP {seen.status}).",
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


def openid(case: Case, seen: Documents) -> Finding:
    answered = seen.configuration
    if answered.trouble is not None:
        return _no_document(answered, what="the identity provider", commands=())
    field = "OIDC metadata URL of the add-in"
    try:
        found = msgspec.json.decode(answered.body, type=_OpenId)
    except (msgspec.DecodeError, UnicodeError):
        return failed(
            f"{answered.url} holds no OpenID configuration (HTTP {answered.status}).",
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
            remedy="Let this machine reach that address.",
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


def _no_document(seen: Answered, *, what: str, commands: tuple[str, ...]) -> Finding:
    if seen.trouble in ABOUT_TRUST:
        return failed(
            f"{seen.url} is not trusted: {seen.problem}.",
            cause=f"Keys of {what} count only over a trusted connection.",
            remedy="Renew the certificate if it has expired or is for another host; if "
            "its authority is not known here, add that to the trusted ones (the "
            "management API's ca_certificate, or ca_file).",
            commands=commands,
        )
    return failed(
        f"{seen.url} cannot be reached: {seen.problem}.",
        cause=f"This machine cannot reach {what}: a wrong address, or a firewall or "
        "proxy in between.",
        remedy="Correct the address, or open the way.",
        commands=(
            (
                f"Test-NetConnection -ComputerName {quoted(_host(seen.url))} -Port "
                f"{_port(seen.url)}"
            ),
            *commands,
        ),
    )


def _port(url: str) -> int:
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    return port or (80 if url.startswith("http:") else 443)


# The way from Outlook to here

_FIELD = "the field Add-in server FQDN"
_DEPLOY = (
    "After a change of the FQDN the manifest has to be downloaded and deployed again."
)


def addin_name(case: Case, seen: Addresses) -> Finding:
    if seen.found:
        return passed(f"{seen.host} is {', '.join(seen.found)}.")
    return failed(
        f"{seen.host} cannot be resolved here.",
        cause=f"Either {_FIELD} is wrong, or there is no DNS record of that name. If "
        "users' DNS differs from this machine's, compare with the command on one of "
        "theirs.",
        remedy=f"Correct {_FIELD}, or make the DNS record. {_DEPLOY}",
        commands=(f"Resolve-DnsName -Name {quoted(seen.host)}",),
    )


def addin_port(case: Case, seen: Reached) -> Finding:
    where = f"{seen.host}:{seen.port}"
    if seen.trouble is None:
        return passed(f"{where} takes connections ({seen.address}).")
    return failed(
        f"No connection to {where}: {seen.problem}.",
        cause=f"Either {_FIELD} has a wrong host or port, or the reverse proxy is not "
        "running, or a firewall is in between.",
        remedy=f"Correct {_FIELD}, start the reverse proxy, or open the port. "
        f"{_DEPLOY}",
        commands=(
            f"Test-NetConnection -ComputerName {quoted(seen.host)} -Port {seen.port}",
        ),
    )


def addin_certificate(case: Case, seen: Inspection | None) -> Finding:
    if seen is None:
        return not_checked(
            "This add-in is for this very machine, without TLS: a demonstration."
        )
    details = shown_chain(seen.chain)
    if seen.trouble is None and ends_soon(case, seen):
        return warning(
            f"The certificate is good until {day(seen.chain[0].not_after)} only.",
            cause="Afterwards users see an empty pane.",
            remedy="Renew it on the reverse proxy in time.",
            details=details,
        )
    if seen.trouble is None:
        return passed(f"{seen.version}; the certificate is trusted.", *details)
    remedy = {
        Trouble.WRONG_HOST: f"Give the reverse proxy a certificate for {seen.host}.",
        Trouble.NOT_VALID_NOW: "Renew the certificate on the reverse proxy.",
        Trouble.NOT_TLS: f"Correct the port in {_FIELD}, or let the reverse proxy "
        "speak TLS there.",
    }.get(
        seen.trouble,
        "Use a certificate of a public authority, with its whole chain; or make sure "
        "that all users' devices know your own authority, and this machine too.",
    )
    return failed(
        f"Outlook will not trust {seen.host}:{seen.port}: {seen.problem}.",
        cause="Outlook loads the add-in only over a connection that the device trusts; "
        "otherwise users see an empty pane.",
        remedy=remedy,
        details=details,
    )


def addin_answers(case: Case, seen: Pane) -> Finding:
    """Whether Outlook would get this daemon's pane of this integration."""
    answered, id = seen.answered, case.connector.id
    if answered.trouble is not None:
        return failed(
            f"{answered.url} gives no answer: {answered.problem}.",
            cause="The reverse proxy does not reach this daemon, or what listens there "
            "is something else.",
            remedy="Let the reverse proxy pass /api/client/v2/ on to the endpoint "
            "endpoints.addin of the configuration file.",
        )
    is_pane = answered.status == 200 and b"pane-outlook.js" in answered.body
    if is_pane and seen.own is None:
        return not_checked("It answers with a pane; whose, cannot be told here.")
    if is_pane and answered.body == seen.own:
        return passed("It leads to this daemon and this integration.")
    if is_pane:
        return failed(
            f"{answered.url} shows the pane of another installation or integration.",
            cause="The name leads to another machine (a test system, an old server), "
            f"or integration {id} there is not this one: requests go to the wrong "
            "place. Right after a change of the add-in's texts, caches may be to "
            "blame.",
            remedy=f"Correct the DNS record or the reverse proxy, or {_FIELD}. "
            f"{_DEPLOY}",
        )
    if b"There is no integration" in answered.body:
        return failed(
            f"{answered.url}: there is no integration {id} on that server.",
            cause="The name leads to another installation of this product.",
            remedy=f"Correct the DNS record or the reverse proxy, or {_FIELD}. "
            f"{_DEPLOY}",
        )
    return failed(
        f"{answered.url} is not the add-in's pane (HTTP {answered.status}).",
        cause="The name leads to another web server, or the reverse proxy does not "
        "pass the path on.",
        remedy="Let the reverse proxy pass /api/client/v2/ on, unchanged, to the "
        "endpoint endpoints.addin of the configuration file.",
    )
