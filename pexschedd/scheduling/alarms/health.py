"""Whether the daemon is well, as a few named checks. Pure."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from pexschedd.model.alarm import Alarm


class HealthStatus(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """It works, but something has to be mended."""
    FAILED = "failed"
    """It cannot take new work: send nobody here."""


class HealthCheck(msgspec.Struct, frozen=True):
    name: str
    status: HealthStatus
    reason: str = ""


def examine(
    failure: str, refusal: str, integrations: Iterable[str], alarms: Iterable[Alarm]
) -> list[HealthCheck]:
    """`failure` says why the store is given up, `refusal` why it takes nothing new
    right now; both are empty when all is well. `alarms` are the raised ones."""
    by_instance: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        by_instance.setdefault(alarm.instance, []).append(alarm)
    checks = [
        _check("store", failure, HealthStatus.FAILED),
        _check("disk", refusal, HealthStatus.FAILED),
    ]
    for name in integrations:
        raised = by_instance.pop(name, [])
        reason = "; ".join(alarm.name for alarm in raised)
        checks.append(_check(f"integration {name}", reason, HealthStatus.DEGRADED))
    others = sorted({a.name for raised in by_instance.values() for a in raised})
    checks.append(_check("alarms", "; ".join(others), HealthStatus.DEGRADED))
    return checks


def overall(checks: Iterable[HealthCheck]) -> HealthStatus:
    found = {check.status for check in checks}
    return next(
        (
            status
            for status in (HealthStatus.FAILED, HealthStatus.DEGRADED)
            if status in found
        ),
        HealthStatus.OK,
    )


def _check(name: str, reason: str, otherwise: HealthStatus) -> HealthCheck:
    return HealthCheck(name, otherwise if reason else HealthStatus.OK, reason)
