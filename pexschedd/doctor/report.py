"""PURE: what an examination found, a line for each check."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Status(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    NOT_CHECKED = "not_checked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check came to."""

    status: Status
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


def passed(message: str, *details: str) -> Finding:
    return Finding(status=Status.PASSED, message=message, details=details)


def failed(
    message: str,
    *,
    cause: str,
    remedy: str,
    commands: Iterable[str] = (),
    details: Iterable[str] = (),
) -> Finding:
    """A failure without cause and remedy helps nobody: both are asked for."""
    return Finding(
        status=Status.FAILED,
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
) -> Finding:
    return Finding(
        status=Status.WARNING,
        message=message,
        cause=cause,
        remedy=remedy,
        commands=tuple(commands),
        details=tuple(details),
    )


def not_checked(why: str, *, remedy: str = "", commands: Iterable[str] = ()) -> Finding:
    return Finding(
        status=Status.NOT_CHECKED,
        message=why,
        remedy=remedy,
        commands=tuple(commands),
    )


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One check with what it came to. The fields are the API's."""

    check: str
    """A stable word, e.g. "sign_in"; with what it is about after a colon, if a check
    is made for several things: "metadata:mail.example.com"."""
    title: str
    status: Status
    message: str
    cause: str = ""
    remedy: str = ""
    commands: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


def line(check: str, title: str, finding: Finding) -> Line:
    return Line(check=check, title=title, **msgspec.structs.asdict(finding))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An examination of one integration. The fields are the API's."""

    exchange_connector_id: int
    name: str
    """The integration's."""
    status: Status
    """The worst of the lines: failed, warning, or passed."""
    time: str
    """When it began, in UTC."""
    lines: tuple[Line, ...]


def overall(lines: Iterable[Line]) -> Status:
    found = {each.status for each in lines}
    for status in (Status.FAILED, Status.WARNING):
        if status in found:
            return status
    return Status.PASSED
