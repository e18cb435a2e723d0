"""The records of the status list `exchange_scheduler_audit`."""

from collections.abc import Iterator

from pexschedd.management.computed.mailbox_work import (
    AuditedMeeting,
    AuditedTimes,
    AuditStatus,
)
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.scheduling.upkeep.audit_rules import AuditFinding, MeetingTimes
from pexschedd.scheduling.upkeep.audit_service import AuditService, AuditState
from pexschedd.store.store import Store

LISTED_FINDINGS = 200
"""Findings that a record lists; `findings_count` counts all."""


def audit_statuses(store: Store, audits: AuditService) -> Iterator[AuditStatus]:
    """Yield the last audit of each integration that has had one since the start."""
    for id_ in store.ids(tables.CONNECTOR):
        state = audits.state(id_)
        if state is not None:
            yield audit_status(id_, state)


def audit_status(connector_id: int, state: AuditState) -> AuditStatus:
    """Return an audit as it is shown."""
    report = state.report
    findings = report.findings if report else ()
    return AuditStatus(
        id=connector_id,
        exchange_connector_id=connector_id,
        start_time=state.started,
        end_time=state.finished,
        running=state.finished is None,
        error=state.error,
        meetings=report.meetings if report else None,
        rooms=report.rooms if report else None,
        findings_count=len(findings),
        findings=[_finding(each) for each in findings[:LISTED_FINDINGS]],
    )


def _finding(finding: AuditFinding) -> AuditedMeeting:
    return AuditedMeeting(
        kind=finding.kind,
        uid=finding.uid,
        calendar=_times(finding.calendar),
        record=_times(finding.record),
        healed=finding.healed,
        note=finding.note,
    )


def _times(times: MeetingTimes | None) -> AuditedTimes | None:
    if times is None:
        return None
    return AuditedTimes(format_time(times.start), format_time(times.end))
