"""Judges documents that cannot be fetched, of any kind. Pure."""

from urllib.parse import urlsplit

from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.report import CheckFinding, failed
from pexschedd.net.errors import ABOUT_TRUST
from pexschedd.util.powershell import quoted


def host_of(url: str) -> str:
    """Return the host of `url` in lower case, or an empty string if it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def port_of(url: str) -> int:
    """Return the port of `url`, by default the scheme's own."""
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    return port or (80 if url.startswith("http:") else 443)


def no_document(
    seen: HttpResult, *, what: str, commands: tuple[str, ...]
) -> CheckFinding:
    """Return the failure to fetch a document of `what`, with the probe's trouble."""
    if seen.failure in ABOUT_TRUST:
        return failed(
            f"{seen.url} is not trusted: {seen.problem}.",
            cause=f"Keys of {what} are accepted only over a trusted connection.",
            remedy="Renew the certificate if it has expired or is for another host; if "
            "its authority is not known here, add the authority's certificate to the "
            "trusted ones (ca_certificate in the management API, or ca_file).",
            commands=commands,
        )
    return failed(
        f"{seen.url} cannot be reached: {seen.problem}.",
        cause=f"This machine cannot reach {what}: the address is wrong, or a firewall "
        "or proxy blocks the connection.",
        remedy="Correct the address, or allow the connection.",
        commands=(
            (
                f"Test-NetConnection -ComputerName {quoted(host_of(seen.url))} -Port "
                f"{port_of(seen.url)}"
            ),
            *commands,
        ),
    )
