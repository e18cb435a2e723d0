"""Judges what is found at Microsoft Graph's host, before anybody signs in. Pure."""

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.connectivity import shown_chain
from pexschedd.doctor.diagnose.server_response import (
    CLOCK_FAILS,
    CLOCK_WARNS,
    span,
)
from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.net.errors import ABOUT_TRUST, FailureKind
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.util.powershell import one_line

_DOMAIN = "the field Graph API domain"


def certificate(case: ExaminedIntegration, seen: HandshakeInspection) -> CheckFinding:
    """Judge the certificate and TLS at Graph's host."""
    details = shown_chain(seen.chain)
    if seen.failure is None:
        issuer = seen.chain[0].issuer if seen.chain else "?"
        return passed(
            f"{seen.version}; the certificate issued by {one_line(issuer)} is trusted.",
            *details,
        )
    cause = "Something on the way to Microsoft Graph does not let TLS through."
    remedy = f"Check {_DOMAIN}, and what stands between this machine and {case.host}."
    if seen.failure is FailureKind.NOT_VALID_NOW:
        cause = "This machine's clock is wrong, or the certificate is not Microsoft's."
        remedy = "Check the time here; compare the certificates below."
    elif seen.failure in ABOUT_TRUST:
        cause = (
            "The certificate is not Microsoft's: a proxy or firewall that inspects TLS "
            "connections shows one of its own."
        )
        remedy = (
            f"Exempt {case.host} from the inspection, or add the authority's "
            "certificate (PEM) to the trusted ones: as ca_certificate in the "
            "management API, or in the file that ca_file in the configuration file "
            "names. Compare the fingerprint first."
        )
    return failed(
        f"No trusted connection to {seen.host}:{seen.port}: {seen.problem}.",
        cause=cause,
        remedy=remedy,
        details=details,
    )


def web(case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge whether Microsoft Graph answers a request without a token."""
    host = f"{case.host}:{case.port}"
    if seen.failure is not None:
        return failed(
            f"{host} does not answer: {seen.problem}.",
            cause="Something on the way to Microsoft Graph breaks the connection.",
            remedy="Check the web proxy, and what stands between this machine and "
            f"{case.host}.",
        )
    status = seen.status
    if status == 401:
        return passed(f"{host} asks for a token (HTTP 401), as Microsoft Graph does.")
    if status in (429, 500, 502, 503, 504):
        return warning(
            f"Microsoft Graph is busy or not working (HTTP {status}).",
            cause="Nothing is scheduled until it works again.",
            remedy="Run the check again in a while. Microsoft 365 admin center, "
            "Service health, tells of outages.",
        )
    return failed(
        f"{host} does not answer as Microsoft Graph does (HTTP {status}); that would "
        "ask for a token (401).",
        cause="A web proxy answers in its place, or the host is not that of Microsoft "
        "Graph.",
        remedy=f"Exempt {case.host} from the proxy's sign-in, or correct {_DOMAIN}: "
        "each of Microsoft's clouds has a host of its own, such as graph.microsoft.com "
        "and graph.microsoft.us.",
    )


def clock(_case: ExaminedIntegration, seen: HttpResult) -> CheckFinding:
    """Judge the difference between Graph's clock and ours."""
    apart = seen.seconds_apart
    if apart is None:
        return not_checked("The answer has no Date header to compare with.")
    size = abs(apart)
    if size <= CLOCK_WARNS:
        return passed("The clocks agree.")
    message = (
        f"This machine's clock is {span(size)} {'behind' if apart > 0 else 'ahead of'} "
        "that of Microsoft Graph."
    )
    remedy = "Synchronise this machine's clock (NTP), for example with timedatectl."
    if size <= CLOCK_FAILS:
        return warning(
            message,
            cause=f"Beyond {CLOCK_FAILS / 60:g} minutes, what the application signs "
            "with its certificate is refused, and so are users' identity tokens.",
            remedy=remedy,
        )
    return failed(
        message,
        cause="What the application signs with its certificate is not valid yet or no "
        "longer valid, and so are users' identity tokens.",
        remedy=remedy,
    )
