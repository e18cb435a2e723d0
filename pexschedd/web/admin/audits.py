"""Comparing calendar and rooms on demand. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/audit/   begins an audit: 202
GET  status/v1/exchange_scheduler_audit/            the last audit of each integration
GET  status/v1/exchange_scheduler_audit/<id>/       ... of one
"""

from typing import Any

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
from pexschedd.web.admin.query_string import whole_answer
from pexschedd.web.routes import ResponseBody, json_response

_STATUS = f"{PREFIX}/status/v1/exchange_scheduler_audit/"
_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>/audit/"

LISTED_FINDINGS = 200
"""Findings that an answer lists; `findings_count` counts all."""


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

    def _begin(self, request: Request, connector_id: int) -> ResponseBody:
        self._audits.begin(connector_id)
        note("audit requested", connector_id)
        location = f"{_STATUS}{connector_id}/"
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        return json_response(request, self._represent(connector_id), 202)

    def _list(self, request: Request) -> ResponseBody:
        objects = [
            self._represent(id_)
            for id_ in self._store.ids(tables.CONNECTOR)
            if self._audits.state(id_) is not None
        ]
        return json_response(request, whole_answer(objects))

    def _get(self, request: Request, connector_id: int) -> ResponseBody:
        return json_response(request, self._represent(connector_id))

    def _represent(self, id: int) -> dict[str, Any]:
        state = self._audits.state(id)
        if state is None or self._store.get(tables.CONNECTOR, id) is None:
            raise NotFound(f"There was no audit of integration {id} since the start.")
        report = state.report
        findings = report.findings if report else ()
        return {
            "id": id,
            "exchange_connector_id": id,
            "start_time": format_time(state.started),
            "end_time": format_time(state.finished) if state.finished else None,
            "running": state.finished is None,
            "error": state.error,
            "meetings": report.meetings if report else None,
            "rooms": report.rooms if report else None,
            "findings_count": len(findings),
            "findings": [_finding(each) for each in findings[:LISTED_FINDINGS]],
            "resource_uri": f"{_STATUS}{id}/",
        }


def _finding(finding: AuditFinding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "uid": finding.uid,
        "calendar": _times(finding.calendar),
        "record": _times(finding.record),
        "healed": finding.healed,
        "note": finding.note,
    }


def _times(times: MeetingTimes | None) -> dict[str, str] | None:
    if times is None:
        return None
    return {
        "start_time": format_time(times.start),
        "end_time": format_time(times.end),
    }
