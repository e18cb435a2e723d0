"""Judges the way to Exchange: proxy, name, port, certificate. Pure."""

from datetime import timedelta

from pexschedd.crypto.certificates import Certificate, day
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.tls_advice import RENEW, advice
from pexschedd.doctor.observations import ConnectResult, HostAddresses
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.net.errors import ABOUT_PROXY
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.util.powershell import one_line, quoted

EXPIRY_WARNS = timedelta(days=14)
"""Time before a certificate expires from which on it is a warning."""


def proxy(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Report the web proxy in use, if any. Never fails."""
    if case.proxy:
        return passed(f"{case.server} is reached through the web proxy {case.proxy}.")
    if case.connector.disable_proxy:
        return passed(f"{case.server} is reached directly (disable_proxy is on).")
    return passed(f"{case.server} is reached directly.")


def name(case: ExaminedIntegration, seen: HostAddresses) -> CheckFinding:
    """Judge the addresses of the host of Exchange or of Graph."""
    if not seen.host:
        return failed(
            f"The EWS URL {case.connector.url!r} contains no host name.",
            cause="The field EWS URL is empty or not a URL.",
            remedy="Set it to https://<Exchange server>/EWS/Exchange.asmx.",
            commands=("Get-WebServicesVirtualDirectory | Format-List *Url",),
        )
    if seen.found:
        return passed(f"{seen.host} resolves to {', '.join(seen.found)}.")
    if case.proxy:
        return warning(
            f"{seen.host} cannot be resolved here.",
            cause=f"The web proxy {case.proxy} may be able to resolve it all the same.",
            remedy="None is needed if the connection through the proxy works.",
        )
    return failed(
        f"{seen.host} cannot be resolved.",
        cause=f"The host name in the {case.server_field} is wrong, or this machine's "
        "DNS servers do not know it.",
        remedy="Correct the field Graph API domain, or this machine's DNS servers."
        if case.connector.uses_graph
        else "Correct the field EWS URL (the command lists Exchange's own URLs), or "
        "this machine's DNS servers.",
        commands=()
        if case.connector.uses_graph
        else ("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
    )


def port(case: ExaminedIntegration, seen: ConnectResult) -> CheckFinding:
    """Judge the TCP connection to Exchange or Graph, or through the proxy."""
    where = f"{seen.host}:{seen.port}"
    if seen.failure is None:
        through = f" through {case.proxy}" if case.proxy else ""
        return passed(f"{where} accepts connections{through} ({seen.address}).")
    if seen.failure in ABOUT_PROXY:
        return failed(
            f"No connection to {where}: {seen.problem}.",
            cause="The web proxy does not let the connection through.",
            remedy="Check the proxy's address, name and password in the configuration "
            f"file, and its rules; or reach {case.server} without it: disable_proxy.",
        )
    return failed(
        f"No connection to {where}: {seen.problem}.",
        cause="Nothing listens on this port of the host, or a firewall blocks the "
        "connection.",
        remedy=f"Let this machine connect to {where}, directly or through a web proxy. "
        "Run the command on another machine to compare."
        if case.connector.uses_graph
        else "Correct host and port in the field EWS URL (port 443 unless Exchange "
        "was set up otherwise), start the web server on the host, or open the port "
        "in the firewall. Run the command on another machine to compare.",
        commands=(
            f"Test-NetConnection -ComputerName {quoted(seen.host)} -Port {seen.port}",
        ),
    )


def shown_chain(chain: tuple[Certificate, ...]) -> list[str]:
    """Describe each certificate of a chain in one line."""
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


def ends_soon(case: ExaminedIntegration, seen: HandshakeInspection) -> bool:
    """Return True if the server's own certificate expires within `EXPIRY_WARNS`."""
    if case.now is None or not seen.chain:
        return False
    return seen.chain[0].not_after - case.now < EXPIRY_WARNS


def certificate(case: ExaminedIntegration, seen: HandshakeInspection) -> CheckFinding:
    """Judge Exchange's certificate and TLS."""
    details = shown_chain(seen.chain)
    if seen.failure is None and ends_soon(case, seen):
        return warning(
            f"The certificate expires on {day(seen.chain[0].not_after)}.",
            cause="After that, Exchange is no longer trusted and nothing is scheduled.",
            remedy="Renew it before then, and assign it to IIS.",
            commands=RENEW,
            details=details,
        )
    if seen.failure is None:
        issuer = seen.chain[0].issuer if seen.chain else "?"
        return passed(
            f"{seen.version}; the certificate issued by {one_line(issuer)} is trusted.",
            *details,
        )
    found = advice(seen.failure)
    return failed(
        f"No trusted connection to {seen.host}:{seen.port}: {seen.problem}.",
        cause=found.cause,
        remedy=found.remedy.format(host=seen.host),
        commands=found.commands,
        details=details,
    )
