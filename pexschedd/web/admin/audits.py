"""Comparing calendar and rooms on demand. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/audit/   begins an audit: 202
GET  status/v1/exchange_scheduler_audit/            the last audit of each integration
GET  status/v1/exchange_scheduler_audit/<id>/       ... of one
"""

import msgspec
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.scheduling.upkeep.audit_rules import AuditFinding, MeetingTimes
from pexschedd.scheduling.upkeep.audit_service import AuditService
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.admin.query_string import WholeList, whole_answer
from pexschedd.web.admin.records import arguments_of
from pexschedd.web.routes import ResponseBody, json_response

_STATUS = f"{PREFIX}/status/v1/exchange_scheduler_audit/"
_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>/audit/"

LISTED_FINDINGS = 200
"""Findings that an answer lists; `findings_count` counts all."""


class AuditedTimes(msgspec.Struct, frozen=True):
    """The times of a meeting, in UTC."""

    start_time: str
    end_time: str


class AuditedMeeting(msgspec.Struct, frozen=True):
    """A difference between calendar and rooms that an audit has found."""

    kind: str
    """A stable word for the difference."""
    uid: str
    """The meeting's UID, the same in all calendars."""
    calendar: AuditedTimes | None
    """The times in the equipment mailbox's calendar, if it is there."""
    record: AuditedTimes | None
    """The times as they are scheduled here, if they are."""
    healed: bool
    """True if the audit has put it right."""
    note: str


class AuditStatus(msgspec.Struct, frozen=True):
    """The last audit of an integration, which may still be running."""

    id: int
    exchange_connector_id: int
    start_time: str
    """The beginning, in UTC."""
    end_time: str | None
    """The end, in UTC; null while it is running."""
    running: bool
    error: str | None
    """The reason why it did not come to its end, if it did not."""
    meetings: int | None
    """Meetings that were looked at."""
    rooms: int | None
    """Rooms that were looked at."""
    findings_count: int
    findings: list[AuditedMeeting]
    """The first findings: `findings_count` counts all."""
    resource_uri: str


class AuditRoutes:
    """The routes that begin audits and show their results."""

    def __init__(self, store: Store, audits: AuditService) -> None:
        self._store = store
        self._audits = audits

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(_COMMAND, post=self._begin)
        api.add(_STATUS, get=self._list)
        api.add(f"{_STATUS}<int:connector_id>/", get=self._get)

    @described(
        "Compare the calendar with the rooms of an integration",
        "The audit goes on after the answer: `Location` is where it can be followed.",
        answers={
            202: ApiAnswer("It has begun.", AuditStatus, headers=("Location",)),
        },
        errors=(404,),
    )
    def _begin(self, request: Request, connector_id: int) -> ResponseBody:
        self._audits.begin(connector_id)
        note("audit requested", connector_id)
        location = f"{_STATUS}{connector_id}/"
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        return json_response(request, self._represent(connector_id), 202)

    @described(
        "List the last audit of each integration",
        answers={200: ApiAnswer("All of them.", WholeList[AuditStatus])},
    )
    def _list(self, request: Request) -> ResponseBody:
        objects = [
            self._represent(id_)
            for id_ in self._store.ids(tables.CONNECTOR)
            if self._audits.state(id_) is not None
        ]
        return json_response(request, whole_answer(arguments_of(request), objects))

    @described(
        "Read the last audit of an integration",
        answers={200: ApiAnswer("The audit.", AuditStatus)},
    )
    def _get(self, request: Request, connector_id: int) -> ResponseBody:
        return json_response(request, self._represent(connector_id))

    def _represent(self, id: int) -> AuditStatus:
        state = self._audits.state(id)
        if state is None or self._store.get(tables.CONNECTOR, id) is None:
            raise NotFound(f"There was no audit of integration {id} since the start.")
        report = state.report
        findings = report.findings if report else ()
        return AuditStatus(
            id=id,
            exchange_connector_id=id,
            start_time=format_time(state.started),
            end_time=format_time(state.finished) if state.finished else None,
            running=state.finished is None,
            error=state.error,
            meetings=report.meetings if report else None,
            rooms=report.rooms if report else None,
            findings_count=len(findings),
            findings=[_finding(each) for each in findings[:LISTED_FINDINGS]],
            resource_uri=f"{_STATUS}{id}/",
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
