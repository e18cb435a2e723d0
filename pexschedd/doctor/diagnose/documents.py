"""PURE: documents that cannot be had, whatever they are."""

from urllib.parse import urlsplit

from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.powershell import quoted
from pexschedd.doctor.report import CheckFinding, failed
from pexschedd.net.errors import ABOUT_TRUST


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def port_of(url: str) -> int:
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    return port or (80 if url.startswith("http:") else 443)


def no_document(
    seen: HttpResult, *, what: str, commands: tuple[str, ...]
) -> CheckFinding:
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
                f"Test-NetConnection -ComputerName {quoted(host_of(seen.url))} -Port "
                f"{port_of(seen.url)}"
            ),
            *commands,
        ),
    )
