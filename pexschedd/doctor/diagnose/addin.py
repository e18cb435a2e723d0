"""Judges the way from Outlook to this daemon. Pure."""

from pexschedd.crypto.certificates import day
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.connectivity import ends_soon, shown_chain
from pexschedd.doctor.observations import ConnectResult, HostAddresses, PaneState
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.net.errors import FailureKind
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.util.powershell import quoted

_FIELD = "the field Add-in server FQDN"

_DEPLOY = "After changing the FQDN, download the manifest and deploy it again."


def name(case: ExaminedIntegration, seen: HostAddresses) -> CheckFinding:
    """Judge the addresses of the add-in server FQDN."""
    if seen.found:
        return passed(f"{seen.host} resolves to {', '.join(seen.found)}.")
    return failed(
        f"{seen.host} cannot be resolved here.",
        cause=f"Either {_FIELD} is wrong, or there is no DNS record for that name. If "
        "users' devices use other DNS servers than this machine, run the command on "
        "one of them to compare.",
        remedy=f"Correct {_FIELD}, or create the DNS record. {_DEPLOY}",
        commands=(f"Resolve-DnsName -Name {quoted(seen.host)}",),
    )


def port(case: ExaminedIntegration, seen: ConnectResult) -> CheckFinding:
    """Judge the TCP connection to the add-in's server."""
    where = f"{seen.host}:{seen.port}"
    if seen.failure is None:
        return passed(f"{where} accepts connections ({seen.address}).")
    if not case.serving:
        return _not_serving(f"No connection to {where}: {seen.problem}.")
    return failed(
        f"No connection to {where}: {seen.problem}.",
        cause=f"Either {_FIELD} has a wrong host or port, or the reverse proxy is not "
        "running, or a firewall blocks the connection.",
        remedy=f"Correct {_FIELD}, start the reverse proxy, or open the port. "
        f"{_DEPLOY}",
        commands=(
            f"Test-NetConnection -ComputerName {quoted(seen.host)} -Port {seen.port}",
        ),
    )


def _not_serving(message: str) -> CheckFinding:
    return failed(
        message,
        cause="The daemon is not running.",
        remedy="Start it, and run the check again.",
    )


def certificate(
    case: ExaminedIntegration, seen: HandshakeInspection | None
) -> CheckFinding:
    """Judge the certificate that users' devices get to see."""
    if seen is None:
        return not_checked(
            "The add-in is served on this machine without TLS, for a demonstration."
        )
    details = shown_chain(seen.chain)
    if seen.failure is None and ends_soon(case, seen):
        return warning(
            f"The certificate expires on {day(seen.chain[0].not_after)}.",
            cause="After that, users see an empty pane.",
            remedy="Renew it on the reverse proxy before then.",
            details=details,
        )
    if seen.failure is None:
        return passed(f"{seen.version}; the certificate is trusted.", *details)
    remedy = {
        FailureKind.WRONG_HOST: "Give the reverse proxy a certificate for "
        f"{seen.host}.",
        FailureKind.NOT_VALID_NOW: "Renew the certificate on the reverse proxy.",
        FailureKind.NOT_TLS: f"Correct the port in {_FIELD}, or make the reverse proxy "
        "speak TLS there.",
    }.get(
        seen.failure,
        "Use a certificate from a public authority, with its full chain; or install "
        "your own authority's certificate on all users' devices and on this machine.",
    )
    return failed(
        f"Outlook will not trust {seen.host}:{seen.port}: {seen.problem}.",
        cause="Outlook loads the add-in only over a connection that the device trusts; "
        "otherwise users see an empty pane.",
        remedy=remedy,
        details=details,
    )


def answers(case: ExaminedIntegration, seen: PaneState) -> CheckFinding:
    """Judge the page that Outlook loads: it has to be this integration's own pane."""
    answered, id = seen.answered, case.connector.id
    if not case.serving:
        return _not_serving(f"{answered.url} does not lead to a running daemon.")
    if answered.failure is not None:
        return failed(
            f"{answered.url} does not answer: {answered.problem}.",
            cause="The reverse proxy cannot reach this daemon, or something else "
            "listens there.",
            remedy="Make the reverse proxy forward /api/client/v2/ to the endpoint "
            "given as endpoints.addin in the configuration file.",
        )
    is_pane = answered.status == 200 and b"pane-bundle.js" in answered.body
    if is_pane and seen.own is None:
        return not_checked(
            "It answers with a pane, but it cannot be told here whether it is the "
            "right one."
        )
    if is_pane and answered.body == seen.own:
        return passed("It leads to this daemon and this integration.")
    if is_pane:
        return failed(
            f"{answered.url} shows the pane of another installation or integration.",
            cause="The name leads to another machine (a test system, an old server), "
            f"or integration {id} on that server is a different one: requests go to "
            "the wrong place. Right after a change to the add-in's texts, a cache may "
            "still hold the old pane.",
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
        "forward the path.",
        remedy="Make the reverse proxy forward /api/client/v2/, unchanged, to the "
        "endpoint given as endpoints.addin in the configuration file.",
    )


def library(case: ExaminedIntegration, seen: None) -> CheckFinding:
    """Judge whether nested app authentication's library is at hand."""
    if case.addin.has_msal:
        return passed("Microsoft's library is installed, and served from here.")
    return failed(
        "Microsoft's library for nested app authentication is not installed.",
        cause="It is not part of this server, or another version belongs to this "
        "release. The pane cannot get a token: no user gets a room.",
        remedy=f"Run `{INSTALL}` with the Python of this server.",
    )


INSTALL = "python -m pexschedd.web.addin.msal"
