"""PURE: the way to Exchange, up to the point where it asks who we are."""

from datetime import timedelta

from pexschedd.doctor import remedies
from pexschedd.doctor.case import Case
from pexschedd.doctor.observations import Addresses, Answered, Reached
from pexschedd.doctor.powershell import one_line, quoted
from pexschedd.doctor.report import Finding, failed, not_checked, passed, warning
from pexschedd.doctor.tls_advice import RENEW, advice
from pexschedd.net.certificates import Certificate, day
from pexschedd.net.inspection import Inspection
from pexschedd.net.trouble import ABOUT_PROXY, ABOUT_TRUST

CLOCK_WARNS = 60.0
CLOCK_FAILS = 300.0
"""Seconds: beyond, tokens and Kerberos tickets are refused."""

EXPIRY_WARNS = timedelta(days=14)

_SCHEMES = {
    "BASIC": ("basic",),
    "NTLM": ("ntlm", "negotiate"),
    "KERBEROS": ("negotiate",),
    "OAUTH": ("bearer",),
    "APP_PERM": ("bearer",),
}
"""What WWW-Authenticate has to offer for each method."""


def proxy(case: Case, _: object) -> Finding:
    if case.proxy:
        return passed(f"Exchange is reached through the web proxy {case.proxy}.")
    if case.connector.disable_proxy:
        return passed("Exchange is reached directly (disable_proxy is on).")
    return passed("Exchange is reached directly.")


def name(case: Case, seen: Addresses) -> Finding:
    if not seen.host:
        return failed(
            f"The EWS URL {case.connector.url!r} names no host.",
            cause="The field EWS URL is empty or is no URL.",
            remedy="Set it to https://<Exchange server>/EWS/Exchange.asmx.",
            commands=("Get-WebServicesVirtualDirectory | Format-List *Url",),
        )
    if seen.found:
        return passed(f"{seen.host} is {', '.join(seen.found)}.")
    if case.proxy:
        return warning(
            f"{seen.host} cannot be resolved here.",
            cause=f"The web proxy {case.proxy} may know the name all the same.",
            remedy="Nothing, if the connection through the proxy works.",
        )
    return failed(
        f"{seen.host} cannot be resolved.",
        cause="The EWS URL has a wrong host name, or this machine asks a DNS server "
        "that does not know it.",
        remedy="Correct the field EWS URL (the command lists the right ones), or this "
        "machine's DNS servers.",
        commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
    )


def port(case: Case, seen: Reached) -> Finding:
    where = f"{seen.host}:{seen.port}"
    if seen.trouble is None:
        through = f" through {case.proxy}" if case.proxy else ""
        return passed(f"{where} takes connections{through} ({seen.address}).")
    if seen.trouble in ABOUT_PROXY:
        return failed(
            f"No connection to {where}: {seen.problem}.",
            cause="The web proxy in between does not let the connection through.",
            remedy="Check the proxy's address, name and password in the configuration "
            "file, and its rules; or reach Exchange without it: disable_proxy.",
        )
    return failed(
        f"No connection to {where}: {seen.problem}.",
        cause="Nothing listens on this port of the host, or a firewall in between "
        "keeps the connection away.",
        remedy="Correct host and port in the field EWS URL (port 443 unless Exchange "
        "was set up otherwise), start the web server on the host, or open the port "
        "in the firewall. Run the command on another machine to compare.",
        commands=(
            f"Test-NetConnection -ComputerName {quoted(seen.host)} -Port {seen.port}",
        ),
    )


def shown_chain(chain: tuple[Certificate, ...]) -> list[str]:
    lines = []
    for number, each in enumerate(chain):
        names = f", for {', '.join(each.names[:10])}" if each.names else ""
        lines.append(
            one_line(
                f"certificate {number}: {each.subject}{names}; issued by {each.issuer};"
                f" {day(each.not_before)} to {day(each.not_after)}; "
                f"SHA-256 {each.fingerprint}"
            )
        )
    return lines


def ends_soon(case: Case, seen: Inspection) -> bool:
    """Whether the server's own certificate ends within `EXPIRY_WARNS`."""
    if case.now is None or not seen.chain:
        return False
    return seen.chain[0].not_after - case.now < EXPIRY_WARNS


def certificate(case: Case, seen: Inspection) -> Finding:
    details = shown_chain(seen.chain)
    if seen.trouble is None and ends_soon(case, seen):
        return warning(
            f"The certificate is good until {day(seen.chain[0].not_after)} only.",
            cause="Afterwards Exchange is not trusted any more, and nothing is "
            "scheduled.",
            remedy="Renew it in time, and give it to IIS.",
            commands=RENEW,
            details=details,
        )
    if seen.trouble is None:
        issuer = seen.chain[0].issuer if seen.chain else "?"
        return passed(
            f"{seen.version}, certificate of {one_line(issuer)} is trusted.", *details
        )
    told = advice(seen.trouble)
    return failed(
        f"No trusted connection to {seen.host}:{seen.port}: {seen.problem}.",
        cause=told.cause,
        remedy=told.remedy.format(host=seen.host),
        commands=told.commands,
        details=details,
    )


def web(case: Case, seen: Answered) -> Finding:
    """Whether that is Exchange Web Services at all."""
    host = f"{case.host}:{case.port}"
    if seen.trouble is not None:
        trusted = seen.trouble not in ABOUT_TRUST
        return failed(
            f"{host} gives no answer: {seen.problem}.",
            cause="The port does not speak HTTP as the EWS URL says, or the server is "
            "overloaded."
            if trusted
            else "The server's certificate is not accepted.",
            remedy="Check scheme and port of the field EWS URL, and the server.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    status, kind = seen.status, seen.header("content-type")
    if status == 401:
        return passed(f"{host} asks who we are (HTTP 401), as Exchange does.")
    if 300 <= status < 400:
        where = one_line(seen.header("location"))[:200] or "nowhere"
        return failed(
            f"{host} sends us to {where} (HTTP {status}).",
            cause="A front end or proxy redirects instead of answering, to a sign-in "
            "page or another address. Passwords are not sent there.",
            remedy="Set the field EWS URL to where Exchange itself answers, or exempt "
            "the path /EWS from pre-authentication in the reverse proxy.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    if status == 404:
        return failed(
            f"There is nothing at {case.connector.url} (HTTP 404).",
            cause="The path of the EWS URL is wrong, or the host is not Exchange.",
            remedy="Correct the field EWS URL; its path usually is /EWS/Exchange.asmx.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    if status == 403:
        return failed(
            f"{host} forbids this to everybody (HTTP 403).",
            cause="IIS or a reverse proxy refuses requests from this machine, or EWS "
            "is blocked for the organization.",
            remedy="Look for address restrictions in IIS and the reverse proxy, and at "
            "the organization's settings.",
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
            f"{host} is out of order (HTTP {status}).",
            cause="The web server runs, but Exchange Web Services behind it do not.",
            remedy="Look at the server's health and its application pool.",
            commands=(
                "Test-ServiceHealth",
                "Get-ServerComponentState -Identity (Read-Host 'Server name')",
                "Restart-WebAppPool -Name MSExchangeServicesAppPool",
            ),
        )
    return warning(
        f"{host} answers an unsigned request with HTTP {status}; Exchange says 401.",
        cause="Something in between may answer for Exchange.",
        remedy="Check the field EWS URL if signing in does not work either.",
    )


def clock(_case: Case, seen: Answered) -> Finding:
    apart = seen.seconds_apart
    if apart is None:
        return not_checked("The answer has no Date header to compare with.")
    size = abs(apart)
    if size <= CLOCK_WARNS:
        return passed("The clocks agree.")
    said = (
        f"Exchange's clock is {_span(size)} {'ahead of' if apart > 0 else 'behind'} "
        "ours."
    )
    remedy = (
        "Let both machines synchronise their time (NTP). On the Exchange server: the "
        "commands; here: timedatectl."
    )
    if size <= CLOCK_FAILS:
        return warning(
            said,
            cause=f"Beyond {CLOCK_FAILS / 60:g} minutes, identity tokens and Kerberos "
            "tickets are refused.",
            remedy=remedy,
            commands=remedies.time_service(),
        )
    return failed(
        said,
        cause="Identity tokens are not valid yet or not any more, and Kerberos tickets "
        "are refused: users see 'The token is not valid'.",
        remedy=remedy,
        commands=remedies.time_service(),
    )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min"


def offered_schemes(header: str) -> list[str]:
    """The schemes of WWW-Authenticate headers, in lower case."""
    known = {"basic", "ntlm", "negotiate", "bearer", "digest", "kerberos"}
    words = [part.split()[0].lower() for part in header.split(",") if part.split()]
    return [word for word in dict.fromkeys(words) if word in known]


def methods(case: Case, seen: Answered) -> Finding:
    method = case.connector.authentication_method
    offers = offered_schemes(seen.header("www-authenticate"))
    said = ", ".join(offers) or "nothing"
    if seen.status != 401:
        return not_checked("The server did not ask for a sign-in.")
    if any(scheme in offers for scheme in _SCHEMES[method]):
        return passed(f"The server offers {said}; {method} is used.")
    return failed(
        f"The server offers {said}, and not {method}.",
        cause="The configured authentication method is not enabled on the EWS virtual "
        "directory.",
        remedy="Enable it (the commands do so on all servers; then wait a minute), or "
        "choose another one in the field Authentication method."
        + (
            " Extended Protection needs NTLM or Kerberos over TLS that nothing in "
            "between ends."
            if method in ("NTLM", "KERBEROS")
            else ""
        ),
        commands=remedies.offer_method(method),
    )
