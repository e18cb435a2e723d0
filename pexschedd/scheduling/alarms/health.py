"""The health of the daemon, as a few named checks. Pure."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from pexschedd.model.alarm import Alarm


class HealthStatus(StrEnum):
    """The result of a health check, as monitoring sees it."""

    OK = "ok"
    DEGRADED = "degraded"
    """It works, but something needs an administrator."""
    FAILED = "failed"
    """It cannot work: a load balancer should send nobody here."""


class HealthCheck(msgspec.Struct, frozen=True):
    """One named check and its result; `reason` is empty when it is OK."""

    name: str
    status: HealthStatus
    reason: str = ""
    state: str = ""
    """A word for programs that says more than `status`, such as `read_only`."""


def examine(
    failure: str,
    refusal: str,
    state: str,
    integrations: Iterable[str],
    alarms: Iterable[Alarm],
) -> list[HealthCheck]:
    """Return the checks of the store, the disk, each integration, and other alarms.

    `failure` says why the store was given up, `refusal` why it takes nothing new right
    now; both are empty when all is well. `state` is a word for what the store takes.
    `integrations` are names, and `alarms` the raised ones.

    A store that takes nothing new is no failure: a load balancer that sent nobody here
    any more would close the rooms that are open.
    """
    by_instance: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        by_instance.setdefault(alarm.instance, []).append(alarm)
    checks = [
        _check("store", failure, HealthStatus.FAILED),
        _check("disk", refusal, HealthStatus.DEGRADED, state),
    ]
    for name in integrations:
        raised = by_instance.pop(name, [])
        reason = "; ".join(alarm.name for alarm in raised)
        checks.append(_check(f"integration {name}", reason, HealthStatus.DEGRADED))
    others = sorted({a.name for raised in by_instance.values() for a in raised})
    checks.append(_check("alarms", "; ".join(others), HealthStatus.DEGRADED))
    return checks


def overall(checks: Iterable[HealthCheck]) -> HealthStatus:
    """Return the worst status among the checks."""
    found = {check.status for check in checks}
    return next(
        (
            status
            for status in (HealthStatus.FAILED, HealthStatus.DEGRADED)
            if status in found
        ),
        HealthStatus.OK,
    )


def _check(
    name: str, reason: str, otherwise: HealthStatus, state: str = ""
) -> HealthCheck:
    if not reason:
        return HealthCheck(name, HealthStatus.OK)
    return HealthCheck(name, otherwise, reason, state)
