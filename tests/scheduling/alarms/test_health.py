"""Which state of things counts as what."""

from datetime import UTC, datetime

import pytest

from pexschedd.model.alarm import Alarm
from pexschedd.scheduling.alarms.health import (
    HealthCheck,
    HealthStatus,
    examine,
    overall,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def alarm(name: str, instance: str) -> Alarm:
    return Alarm(id=1, name=name, instance=instance, time_raised=NOW)


@pytest.mark.parametrize(
    ("failure", "refusal", "alarms", "status"),
    [
        ("", "", [], HealthStatus.OK),
        ("disk broken", "", [], HealthStatus.FAILED),
        ("", "the disk is nearly full", [], HealthStatus.DEGRADED),
        ("", "", [alarm("unreachable", "Head office")], HealthStatus.DEGRADED),
        ("", "", [alarm("ca_expires", "CN=Root")], HealthStatus.DEGRADED),
        ("broken", "", [alarm("unreachable", "Head office")], HealthStatus.FAILED),
    ],
)
def test_the_worst_counts(
    failure: str, refusal: str, alarms: list[Alarm], status: HealthStatus
) -> None:
    """Only a lost store is a failure: on a full disk open rooms can still be joined."""
    checks = examine(failure, refusal, "nearly_full", ["Head office"], alarms)
    assert overall(checks) is status
    assert checks[1].state == ("nearly_full" if refusal else "")


def test_an_integration_answers_for_its_own_alarms() -> None:
    """Each integration is a check of its own; what is about none is together."""
    checks = examine(
        "",
        "",
        "writable",
        ["Head office", "Branch"],
        [alarm("b", "Branch"), alarm("a", "Branch"), alarm("ca", "CN=Root")],
    )
    assert checks == [
        HealthCheck("store", HealthStatus.OK),
        HealthCheck("disk", HealthStatus.OK),
        HealthCheck("integration Head office", HealthStatus.OK),
        HealthCheck("integration Branch", HealthStatus.DEGRADED, "b; a"),
        HealthCheck("alarms", HealthStatus.DEGRADED, "ca"),
    ]
