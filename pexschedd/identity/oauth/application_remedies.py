"""Errors of token endpoints towards applications: what they mean, and what to do. Pure.

An application signs in by its own secret or certificate (RFC 6749, section 4.4):
nothing is ever asked of a person. Source of the numbers: "Microsoft Entra
authentication and authorization error codes". Administrators see our text and the
provider's code, not the provider's own text.
"""

from collections.abc import Mapping

import msgspec

from pexschedd.errors import MailboxBusy, MailboxError, SignInRefused
from pexschedd.identity.oauth.remedies import codes_of, shown_code
from pexschedd.identity.oauth.settings import INTEGRATION_FIELDS, ApplicationFields


def application_refusal(
    error: str,
    description: str,
    numbers: tuple[str, ...] = (),
    fields: ApplicationFields = INTEGRATION_FIELDS,
) -> MailboxError:
    """Return the error, with its remedy, for a token endpoint's error response to an
    application. Parameters are those of `remedies.meaning`; `fields` are the names that
    the remedy uses."""
    codes = (*codes_of(description, numbers), error)
    names = msgspec.structs.asdict(fields)
    for code in codes:
        if code in _WAIT:
            return MailboxBusy(f"{_WAIT[code]} ({shown_code(code)})")
        if code in _TABLE:
            shown = codes[0] if code == error else code
            text = _TABLE[code].format_map(names)
            if code in _CERTIFICATE and fields.certificate:
                text += f" Upload the integration's {fields.certificate} there."
            return SignInRefused(f"{text} ({shown_code(shown)})")
    return SignInRefused(
        "The identity provider refuses to give the application a token. Its log of "
        f"service principal sign-ins says why. ({shown_code(codes[0])})"
    )


_TENANT = (
    "The identity provider does not know the tenant. Check the tenant in "
    "{endpoint}: its id, or one of its verified domain names."
)
_CLOUD = (
    "The tenant belongs to another of Microsoft's clouds. Check the host of "
    "{endpoint}, and {resource}."
)
_APPLICATION = (
    "The tenant does not know the application. Check {client_id}, the application "
    "(client) id, and the tenant in {endpoint}."
)
_NO_PRINCIPAL = (
    "The application is registered, but the tenant has no enterprise application for "
    "it. Create that (New-MgServicePrincipal -AppId), or check the tenant in "
    "{endpoint}."
)
_DISABLED = (
    "The application is disabled. Enable its enterprise application in Entra ID, or "
    "check {client_id}."
)
_WRONG_VALUE = (
    "The client secret is wrong. Enter the secret's value, not its id, as {credential}."
)
_EXPIRED = (
    "The client secret has expired. Make a new one in the app registration and enter "
    "it as {credential}."
)
_NOTHING_SHOWN = (
    "The application has to show a client secret or a certificate. Enter {credential}."
)
_PUBLIC = (
    "The application is registered as a public client, which gets no tokens by itself. "
    "Turn off its public client flows."
)
_ASSERTION = (
    "The app registration does not accept the certificate: it is not registered there, "
    "or has expired."
)
_CLOCK = (
    "The identity provider finds that what the certificate signed is of another time. "
    "Set this machine's clock."
)
_AUDIENCE = (
    "What the certificate signed is for another address. Enter as {endpoint} "
    "exactly the token endpoint (v2) that the app registration shows."
)
_RESOURCE = (
    "The tenant has no service of the name that access is asked for. Check {resource}, "
    "and the tenant in {endpoint}."
)
_SCOPE = (
    "The identity provider does not know what access is asked for. Check {resource}, "
    "and that {endpoint} is the endpoint for it."
)
_POLICY = (
    "A conditional access policy for workload identities blocks the application. "
    "Exempt it, or allow the address of this server."
)
_BLOCKED = (
    "The sign-in was blocked as it came from an address with suspicious activity. See "
    "the log of service principal sign-ins."
)
_CONSENT = (
    "The application may not use the service. Grant admin consent to its application "
    "permissions, or give it its roles in Exchange."
)
_CLAIMS = (
    "The identity provider does not accept the demand for a new kind of token. It is "
    "asked again without."
)

_TABLE: Mapping[str, str] = {
    **dict.fromkeys(
        ("90002", "900021", "900023", "50049", "50059", "50128", "90019"), _TENANT
    ),
    **dict.fromkeys(("90038", "90051", "900432", "900439"), _CLOUD),
    **dict.fromkeys(("700016", "700011", "70001"), _APPLICATION),
    "7000229": _NO_PRINCIPAL,
    "7000112": _DISABLED,
    **dict.fromkeys(("7000215", "70002"), _WRONG_VALUE),
    "7000222": _EXPIRED,
    **dict.fromkeys(("7000216", "7000218"), _NOTHING_SHOWN),
    "700025": _PUBLIC,
    **dict.fromkeys(("700027", "700030", "50012"), _ASSERTION),
    **dict.fromkeys(("700024", "50013", "500133"), _CLOCK),
    **dict.fromkeys(("700023", "700021"), _AUDIENCE),
    **dict.fromkeys(
        ("50001", "500011", "500014", "650052", "650054", "invalid_resource"), _RESOURCE
    ),
    **dict.fromkeys(
        ("28002", "70011", "1002012", "invalid_scope", "invalid_target"), _SCOPE
    ),
    **dict.fromkeys(("53003", "530035", "50005", "50131"), _POLICY),
    "50053": _BLOCKED,
    **dict.fromkeys(
        ("65001", "65005", "650056", "650057", "access_denied", "consent_required"),
        _CONSENT,
    ),
    "9000114": _CLAIMS,
    "invalid_client": (
        "The identity provider does not accept the application. Check {client_id}, and "
        "the client secret or certificate."
    ),
    "invalid_grant": (
        "The identity provider gives the application no token. Check its registration "
        "there, {client_id} and {endpoint}."
    ),
    "unauthorized_client": (
        "The application may not get tokens by itself. Check its registration, "
        "{client_id}, and the tenant in {endpoint}."
    ),
    "unsupported_grant_type": (
        "The identity provider gives no tokens to applications here. Check {endpoint}."
    ),
}
"""Remedies by code, for what an administrator has to fix."""
_CERTIFICATE = ("700027", "700030", "50012")

_WAIT: Mapping[str, str] = {
    **dict.fromkeys(
        ("50196", "90055"),
        "The identity provider has been asked too often; it is asked again later.",
    ),
    **dict.fromkeys(
        ("50033", "90006", "90012", "90024", "90033"),
        "The identity provider has trouble; it is asked again later.",
    ),
}
"""Texts by code, for what passes by itself."""
