"""The files of an integration's add-in. Under
`/api/admin/configuration/v1/ms_exchange_connector/<id>/`:

GET    manifest/  the manifest (XML) to install in Exchange
GET    icon/      the icon (PNG)
PUT    icon/      another one, 80 x 80 pixels
DELETE icon/      the default one again
"""

from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotFound
from pexschedd.management.admin_log import note_warning
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store
from pexschedd.web.addin.files import ConnectorFiles, change_icon
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.consequences import manifest_note
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.headers import WARNING
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.records import tell_notes
from pexschedd.web.routes import ResponseBody, body_of, empty_response, file_response

_CONNECTOR = f"{PREFIX}/configuration/v1/ms_exchange_connector/<int:connector_id>/"

_ICON = {"type": "string", "contentMediaType": "image/png", "format": "binary"}


class AddinFileRoutes:
    """The routes of the add-in's manifest and icon."""

    def __init__(self, store: Store, files: ConnectorFiles, now: Now) -> None:
        self._store = store
        self._now = now
        self._files = files

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(f"{_CONNECTOR}manifest/", get=self._manifest)
        api.add(
            f"{_CONNECTOR}icon/",
            get=self._icon,
            put=self._set_icon,
            delete=self._reset_icon,
        )

    @described(
        "Download the add-in's manifest",
        "The file that Exchange is given to make Outlook show the add-in.",
        answers={
            200: ApiAnswer(
                "The manifest.",
                {"type": "string"},
                "application/xml",
                headers=("Content-Disposition",),
            )
        },
    )
    def _manifest(self, request: Request, connector_id: int) -> ResponseBody:
        connector = self._connector(connector_id)
        with invalid_fields_of(tables.CONNECTOR.name):
            document = self._files.manifest(connector)
        name = f"addin-manifest-{connector_id}-{connector.name}.xml"
        return file_response(request, document, "application/xml", name)

    @described(
        "Download the add-in's icon",
        answers={200: ApiAnswer("The icon.", _ICON, "image/png")},
    )
    def _icon(self, request: Request, connector_id: int) -> ResponseBody:
        icon = self._files.icon(self._connector(connector_id), 80)
        return file_response(request, icon, "image/png")

    @described(
        "Replace the add-in's icon",
        "A PNG of 80 by 80 pixels, 100 kB at most.",
        answers={202: ApiAnswer("It is replaced.", headers=(WARNING,))},
        body=RequestBody(_ICON, "image/png"),
    )
    async def _set_icon(self, request: Request, connector_id: int) -> ResponseBody:
        connector = self._connector(connector_id)
        with invalid_fields_of(tables.CONNECTOR.name):
            await self._change_icon(request, connector, body_of(request))
        return empty_response(request, 202)

    @described(
        "Take the default icon again",
        answers={204: ApiAnswer("The icon is the default one.", headers=(WARNING,))},
    )
    async def _reset_icon(self, request: Request, connector_id: int) -> ResponseBody:
        connector = self._connector(connector_id)
        await self._change_icon(request, connector, None)
        return empty_response(request, 204)

    async def _change_icon(
        self, request: Request, connector: Connector, body: bytes | None
    ) -> None:
        if await change_icon(self._store, self._files, connector, body, self._now):
            note = manifest_note(connector, ["icon"])
            note_warning(tables.CONNECTOR.name, connector, note.text)
            tell_notes(request, [note])

    def _connector(self, connector_id: int) -> Connector:
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no {tables.CONNECTOR.name} {connector_id}.")
        return connector
