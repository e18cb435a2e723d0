"""The add-in as it is installed and shown. Under `/api/admin/`:

GET  status/v1/exchange_scheduler_addin/       of all integrations
GET  status/v1/exchange_scheduler_addin/<id>/  ... of one
"""

from collections.abc import Callable

import msgspec
from twisted.web.server import Request

from pexschedd.doctor.case import AddinState
from pexschedd.errors import NotFound
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_history import changed_since
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.admin.query_string import WholeList, whole_answer
from pexschedd.web.admin.records import arguments_of
from pexschedd.web.routes import ResponseBody, json_response

_STATUS = f"{PREFIX}/status/v1/exchange_scheduler_addin/"


class AddinStatus(msgspec.Struct, frozen=True):
    """The add-in of an integration as it is installed and shown."""

    id: int
    exchange_connector_id: int
    manifest_revision: int
    """The revision of the manifest as it is now."""
    newest_revision_in_use: int | None
    """The newest one with which somebody has opened the add-in, if anybody has."""
    oldest_revision_in_use: int | None
    newest_revision_time: str | None
    """The time at which the newest one in use was last seen, in UTC."""
    manifest_is_current: bool | None
    """True if the newest one in use is the one there is now."""
    changed_fields: list[str]
    """The fields whose changes have not been deployed."""
    changed_fields_complete: bool
    """True if those are all of them."""
    frame_ancestors: list[str]
    """The sites whose pages may show the add-in."""
    refused_frames: list[str]
    """Sites whose pages have tried to."""
    warnings: list[str]
    resource_uri: str


class AddinStatusRoutes:
    """The routes of the add-in's status; `state` gives that of an integration."""

    def __init__(self, store: Store, state: Callable[[Connector], AddinState]) -> None:
        self._store = store
        self._state = state

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(_STATUS, get=self._list)
        api.add(f"{_STATUS}<int:connector_id>/", get=self._get)

    @described(
        "List the add-ins of all integrations",
        answers={200: ApiAnswer("All of them.", WholeList[AddinStatus])},
    )
    def _list(self, request: Request) -> ResponseBody:
        objects = [self._represent(each) for each in self._store.all(tables.CONNECTOR)]
        return json_response(request, whole_answer(arguments_of(request), objects))

    @described(
        "Read the state of an integration's add-in",
        answers={200: ApiAnswer("The add-in.", AddinStatus)},
    )
    def _get(self, request: Request, connector_id: int) -> ResponseBody:
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no {tables.CONNECTOR.name} {connector_id}.")
        return json_response(request, self._represent(connector))

    def _represent(self, connector: Connector) -> AddinStatus:
        state, current = self._state(connector), connector.manifest_revision
        used = state.manifests
        changed = used and changed_since(
            connector.manifest_history, used.newest, current
        )
        return AddinStatus(
            id=connector.id,
            exchange_connector_id=connector.id,
            manifest_revision=current,
            newest_revision_in_use=used.newest if used else None,
            oldest_revision_in_use=used.oldest if used else None,
            newest_revision_time=format_time(used.newest_time) if used else None,
            manifest_is_current=used.newest == current if used else None,
            changed_fields=list(changed.fields) if changed else [],
            changed_fields_complete=changed.complete if changed else True,
            frame_ancestors=list(state.frames),
            refused_frames=list(state.refused_frames),
            warnings=list(state.notes),
            resource_uri=f"{_STATUS}{connector.id}/",
        )
