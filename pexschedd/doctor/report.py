"""The report of an examination, with a line for each check. Pure."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class CheckStatus(StrEnum):
    """The outcome of a check, as the API has it."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_CHECKED = "not_checked"


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check, in words for an administrator."""

    status: CheckStatus
    message: str
    """The observation; for a check that was not made, the reason."""
    cause: str = ""
    """The reason for a failure or a warning, or its consequences."""
    remedy: str = ""
    """The way to put it right."""
    commands: tuple[str, ...] = ()
    """PowerShell lines that put it right or show more: complete, with the integration's
    values, for the Exchange Management Shell unless the remedy says otherwise."""
    details: tuple[str, ...] = ()
    """Further observations, such as the certificates."""


def passed(message: str, *details: str) -> CheckFinding:
    """Return the finding of a check that passed."""
    return CheckFinding(status=CheckStatus.PASSED, message=message, details=details)


def failed(
    message: str,
    *,
    cause: str,
    remedy: str,
    commands: Iterable[str] = (),
    details: Iterable[str] = (),
) -> CheckFinding:
    """Return the finding of a check that failed; cause and remedy are mandatory."""
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
    """Return the finding of a check that passed with something to look at."""
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
    """Return the finding of a check that was not made, or was inconclusive."""
    return CheckFinding(
        status=CheckStatus.NOT_CHECKED,
        message=why,
        remedy=remedy,
        commands=tuple(commands),
    )


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A check and its finding. The fields are the API's."""

    check: str
    """A stable word, e.g. "sign_in"; where a check is made for several objects, with
    the object after a colon: "metadata:mail.example.com"."""
    title: str
    status: CheckStatus
    message: str
    cause: str = ""
    remedy: str = ""
    commands: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """The fields of the integration that it is about, the first one above all."""


def line(
    check: str, title: str, finding: CheckFinding, fields: tuple[str, ...] = ()
) -> ReportLine:
    """Return the report's line for a finding."""
    parts = msgspec.structs.asdict(finding)
    return ReportLine(check=check, title=title, fields=fields, **parts)


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one integration. The fields are the API's."""

    exchange_connector_id: int
    name: str
    """The name of the integration."""
    status: CheckStatus
    """The worst of the lines: failed, warning, or passed."""
    time: str
    """The time at which the examination began, in UTC."""
    lines: tuple[ReportLine, ...]


def overall(lines: Iterable[ReportLine]) -> CheckStatus:
    """Return the worst status of the lines; checks that were not made do not count."""
    found = {each.status for each in lines}
    for status in (CheckStatus.FAILED, CheckStatus.WARNING):
        if status in found:
            return status
    return CheckStatus.PASSED
