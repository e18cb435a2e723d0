"""PURE: what an examination found, a line for each check."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class CheckStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_CHECKED = "not_checked"


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check came to."""

    status: CheckStatus
    message: str
    """What was seen; of a check that was not made: why not."""
    cause: str = ""
    """Of a failure or a warning: why it is so, or what comes of it."""
    remedy: str = ""
    """What mends it, in words."""
    commands: tuple[str, ...] = ()
    """What mends it, or tells more: complete PowerShell lines with this integration's
    values, for the Exchange Management Shell unless the remedy says otherwise."""
    details: tuple[str, ...] = ()
    """More of what was seen, such as the certificates."""


def passed(message: str, *details: str) -> CheckFinding:
    return CheckFinding(status=CheckStatus.PASSED, message=message, details=details)


def failed(
    message: str,
    *,
    cause: str,
    remedy: str,
    commands: Iterable[str] = (),
    details: Iterable[str] = (),
) -> CheckFinding:
    """A failure without cause and remedy helps nobody: both are asked for."""
    return CheckFinding(
        status=CheckStatus.FAILED,
        message=message,
        cause=cause,
        remedy=remedy,
        commands=tuple(commands),
        details=tuple(details),
    )


def warning(
    message: str,
    *,
    cause: str,
    remedy: str,
    commands: Iterable[str] = (),
    details: Iterable[str] = (),
) -> CheckFinding:
    return CheckFinding(
        status=CheckStatus.WARNING,
        message=message,
        cause=cause,
        remedy=remedy,
        commands=tuple(commands),
        details=tuple(details),
    )


def not_checked(
    why: str, *, remedy: str = "", commands: Iterable[str] = ()
) -> CheckFinding:
    return CheckFinding(
        status=CheckStatus.NOT_CHECKED,
        message=why,
        remedy=remedy,
        commands=tuple(commands),
    )


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One check with what it came to. The fields are the API's."""

    check: str
    """A stable word, e.g. "sign_in"; with what it is about after a colon, if a check
    is made for several things: "metadata:mail.example.com"."""
    title: str
    status: CheckStatus
    message: str
    cause: str = ""
    remedy: str = ""
    commands: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


def line(check: str, title: str, finding: CheckFinding) -> ReportLine:
    return ReportLine(check=check, title=title, **msgspec.structs.asdict(finding))


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one integration. The fields are the API's."""

    exchange_connector_id: int
    name: str
    """The integration's."""
    status: CheckStatus
    """The worst of the lines: failed, warning, or passed."""
    time: str
    """When it began, in UTC."""
    lines: tuple[ReportLine, ...]


def overall(lines: Iterable[ReportLine]) -> CheckStatus:
    found = {each.status for each in lines}
    for status in (CheckStatus.FAILED, CheckStatus.WARNING):
        if status in found:
            return status
    return CheckStatus.PASSED
