"""Commands for administrators, and what came of them. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/audit/   compare calendar and rooms now: 202
GET  status/v1/exchange_scheduler_audit/            the last audit of each integration
GET  status/v1/exchange_scheduler_audit/<id>/       ... of one
"""

from typing import Any, Protocol

from klein import Klein
from twisted.web.resource import IResource
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.management.listing import everything
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.scheduling.upkeep.audit_rules import AuditFinding, MeetingTimes
from pexschedd.scheduling.upkeep.audit_service import AuditState
from pexschedd.store.store import Store
from pexschedd.web.admin.authentication import AdministratorCheck, admin_route
from pexschedd.web.admin.errors import admin_error
from pexschedd.web.api import Payload, json_response, register_http_errors
from pexschedd.web.routing import Beside

AUDITS = f"{PREFIX}/status/v1/exchange_scheduler_audit/"
_AUDIT_NOW = f"{PREFIX}/command/v1/ms_exchange_connector/<int:id>/audit/"

LISTED = 200
"""Findings that an answer lists; `findings_count` counts all."""


class Audits(Protocol):
    def begin(self, connector_id: int) -> None: ...
    def state(self, connector_id: int) -> AuditState | None: ...


class CommandApi:
    app = Klein()
    register_http_errors(app, admin_error)

    def __init__(
        self, store: Store, administrators: AdministratorCheck, audits: Audits
    ) -> None:
        self.administrators = administrators
        self._store = store
        self._audits = audits

    def beside(self, rest: IResource) -> IResource:
        """A resource for the root that serves this, and everything else by `rest`."""
        return Beside(self.app.resource(), _is_ours, rest)

    @admin_route(app, _AUDIT_NOW, methods=["POST"])
    def audit(self, request: Request, id: int) -> Payload:
        self._audits.begin(id)
        location = f"{AUDITS}{id}/"
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        return json_response(request, self._shown(id), 202)

    @admin_route(app, AUDITS)
    def audits(self, request: Request) -> Payload:
        objects = [
            self._shown(id)
            for id in self._store.ids(tables.CONNECTOR)
            if self._audits.state(id) is not None
        ]
        return json_response(request, everything(objects))

    @admin_route(app, AUDITS + "<int:id>/")
    def one(self, request: Request, id: int) -> Payload:
        return json_response(request, self._shown(id))

    def _shown(self, id: int) -> dict[str, Any]:
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
            "findings": [_shown(finding) for finding in findings[:LISTED]],
            "resource_uri": f"{AUDITS}{id}/",
        }


def _shown(finding: AuditFinding) -> dict[str, Any]:
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


def _is_ours(path: str) -> bool:
    return path.startswith(f"{PREFIX}/command/") or f"{path}/".startswith(AUDITS)
