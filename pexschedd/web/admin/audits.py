"""Comparing calendar and rooms on demand. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/audit/   begins an audit: 202

Its result is in the status list `exchange_scheduler_audit`.
"""

from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.management.admin_log import note
from pexschedd.management.computed.resources import COMPUTED
from pexschedd.management.representation import represent_own
from pexschedd.management.resource import PREFIX
from pexschedd.scheduling.upkeep.audit_service import AuditService
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.names import name_of, refer
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.admin.status.audits import audit_status
from pexschedd.web.routes import ResponseBody, json_response

_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>/audit/"
_STATUS = COMPUTED["exchange_scheduler_audit"].resource


class AuditRoutes:
    """The route that begins audits."""

    def __init__(self, audits: AuditService) -> None:
        self._audits = audits

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add(_COMMAND, post=self._begin)

    @described(
        "Compare the calendar with the rooms of an integration",
        "The audit goes on after the answer: `Location` is where it can be followed.",
        answers={
            202: ApiAnswer(
                "It has begun.", refer(name_of(_STATUS)), headers=("Location",)
            ),
        },
        errors=(404,),
    )
    def _begin(self, request: Request, connector_id: int) -> ResponseBody:
        self._audits.begin(connector_id)
        note("audit requested", connector_id)
        state = self._audits.state(connector_id)
        if state is None:
            raise NotFound(f"There is no integration {connector_id}.")
        location = _STATUS.uri_of(connector_id)
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        shown = represent_own(_STATUS, audit_status(connector_id, state))
        return json_response(request, shown, 202)
