"""Which state of things counts as what."""

from datetime import UTC, datetime

import pytest

from pexschedd.model.alarm import Alarm
from pexschedd.scheduling.health import Check, Status, examine, overall

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def alarm(name: str, instance: str) -> Alarm:
    return Alarm(id=1, name=name, instance=instance, time_raised=NOW)


@pytest.mark.parametrize(
    ("failure", "refusal", "alarms", "status"),
    [
        ("", "", [], Status.OK),
        ("disk broken", "", [], Status.FAILED),
        ("", "the disk is nearly full", [], Status.FAILED),
        ("", "", [alarm("unreachable", "Head office")], Status.DEGRADED),
        ("", "", [alarm("ca_expires", "CN=Root")], Status.DEGRADED),
        ("broken", "", [alarm("unreachable", "Head office")], Status.FAILED),
    ],
)
def test_the_worst_counts(
    failure: str, refusal: str, alarms: list[Alarm], status: Status
) -> None:
    """Only what keeps new work out is a failure; an alarm is for a person."""
    assert overall(examine(failure, refusal, ["Head office"], alarms)) is status


def test_an_integration_answers_for_its_own_alarms() -> None:
    """Each integration is a check of its own; what is about none is together."""
    checks = examine(
        "",
        "",
        ["Head office", "Branch"],
        [alarm("b", "Branch"), alarm("a", "Branch"), alarm("ca", "CN=Root")],
    )
    assert checks == [
        Check("store", Status.OK),
        Check("disk", Status.OK),
        Check("integration Head office", Status.OK),
        Check("integration Branch", Status.DEGRADED, "b; a"),
        Check("alarms", Status.DEGRADED, "ca"),
    ]
