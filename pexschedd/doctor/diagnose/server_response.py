"""Judges the response of Exchange to an unauthenticated request. Pure."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.net.errors import ABOUT_TRUST
from pexschedd.util.powershell import one_line

CLOCK_WARNS = 60.0
"""Seconds of difference between the clocks beyond which it is a warning."""

CLOCK_FAILS = 300.0
"""Seconds beyond which tokens and Kerberos tickets are refused."""

_SCHEMES = {
    "BASIC": ("basic",),
    "NTLM": ("ntlm", "negotiate"),
    "KERBEROS": ("negotiate",),
    "OAUTH": ("bearer",),
    "APP_PERM": ("bearer",),
}
"""The schemes of WWW-Authenticate, one of which each method needs."""


def web(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge whether Exchange Web Services answered at all."""
    host = f"{case.host}:{case.port}"
    if seen.failure is not None:
        trusted = seen.failure not in ABOUT_TRUST
        return failed(
            f"{host} does not answer: {seen.problem}.",
            cause="The port does not speak HTTP as the EWS URL says, or the server is "
            "overloaded."
            if trusted
            else "The server's certificate is not accepted.",
            remedy="Check the scheme and port in the field EWS URL, and the server.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    status, kind = seen.status, seen.header("content-type")
    if status == 401:
        return passed(f"{host} asks for a sign-in (HTTP 401), as Exchange does.")
    if 300 <= status < 400:
        where = one_line(seen.header("location"))[:200] or "nowhere"
        return failed(
            f"{host} redirects to {where} (HTTP {status}).",
            cause="A front end or proxy redirects instead of answering, to a sign-in "
            "page or another address. Passwords are not sent there.",
            remedy="Set the field EWS URL to the address at which Exchange itself "
            "answers, or exempt the path /EWS from pre-authentication in the reverse "
            "proxy.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    if status == 404:
        return failed(
            f"There is nothing at {case.connector.url} (HTTP 404).",
            cause="The path of the EWS URL is wrong, or the host is not Exchange.",
            remedy="Correct the field EWS URL; its path is usually /EWS/Exchange.asmx.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    if status == 403:
        return failed(
            f"{host} refuses the request of any client (HTTP 403).",
            cause="IIS or a reverse proxy refuses requests from this machine, or EWS "
            "is blocked for the organization.",
            remedy="Check IIS and the reverse proxy for address restrictions, and "
            "check the organization's settings.",
            commands=remedies.allow_ews(case),
        )
    if 200 <= status < 300 and "html" in kind:
        return failed(
            f"{host} answers with a web page (HTTP {status}, {one_line(kind)[:60]}).",
            cause="Something in front of Exchange shows a sign-in page of its own "
            "(forms-based authentication), or the URL is not that of EWS.",
            remedy="Exempt the path /EWS from pre-authentication in the reverse proxy, "
            "and check the field EWS URL.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    if status >= 500:
        return failed(
            f"{host} is not working (HTTP {status}).",
            cause="The web server runs, but Exchange Web Services behind it do not.",
            remedy="Check the server's health and its application pool.",
            commands=(
                "Test-ServiceHealth",
                "Get-ServerComponentState -Identity (Read-Host 'Server name')",
                "Restart-WebAppPool -Name MSExchangeServicesAppPool",
            ),
        )
    return warning(
        f"{host} answers with HTTP {status}; Exchange would ask for a sign-in (401).",
        cause="Something in between may answer in place of Exchange.",
        remedy="Check the field EWS URL if signing in does not work either.",
    )


def clock(_case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the difference between the server's clock and ours."""
    apart = seen.seconds_apart
    if apart is None:
        return not_checked("The answer has no Date header to compare with.")
    size = abs(apart)
    if size <= CLOCK_WARNS:
        return passed("The clocks agree.")
    message = (
        f"Exchange's clock is {span(size)} {'ahead of' if apart > 0 else 'behind'} "
        "ours."
    )
    remedy = (
        "Synchronise the clocks of both machines (NTP): on the Exchange server with "
        "the commands, here with timedatectl."
    )
    if size <= CLOCK_FAILS:
        return warning(
            message,
            cause=f"Beyond {CLOCK_FAILS / 60:g} minutes, identity tokens and Kerberos "
            "tickets are refused.",
            remedy=remedy,
            commands=remedies.time_service(),
        )
    return failed(
        message,
        cause="Identity tokens are not valid yet or no longer valid, and Kerberos "
        "tickets are refused: users see 'The token is not valid'.",
        remedy=remedy,
        commands=remedies.time_service(),
    )


def span(seconds: float) -> str:
    """Return a difference between clocks in words."""
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min"


def offered_schemes(header: str) -> list[str]:
    """Return the known schemes of WWW-Authenticate headers, in lower case."""
    known = {"basic", "ntlm", "negotiate", "bearer", "digest", "kerberos"}
    words = [part.split()[0].lower() for part in header.split(",") if part.split()]
    return [word for word in dict.fromkeys(words) if word in known]


def methods(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the authentication methods that the server offers."""
    method = case.connector.authentication_method
    offers = offered_schemes(seen.header("www-authenticate"))
    offered = ", ".join(offers) or "nothing"
    if seen.status != 401:
        return not_checked("The server did not ask for a sign-in.")
    if any(scheme in offers for scheme in _SCHEMES[method]):
        return passed(f"The server offers {offered}; {method} is used.")
    return failed(
        f"The server offers {offered}, but not {method}.",
        cause="The configured authentication method is not enabled on the EWS virtual "
        "directory.",
        remedy="Enable it (the commands do so on all servers; then wait a minute), or "
        "choose another one in the field Authentication method."
        + (
            " With Extended Protection, TLS must not end anywhere between this machine "
            "and Exchange."
            if method in ("NTLM", "KERBEROS")
            else ""
        ),
        commands=remedies.offer_method(method),
    )
