"""The management API over HTTP, in Tastypie's shapes. Under `/api/admin/`:

GET          <kind>/v1/                    what there is
GET          <kind>/v1/<resource>/         a page of the records
POST         configuration/v1/<resource>/  a new one: 201, `Location`, empty body
PATCH        configuration/v1/<resource>/  many: `objects`, `deleted_objects`
DELETE       configuration/v1/<resource>/  all, or all that pass the filters
GET          <kind>/v1/<resource>/schema/  what a record is made of
GET          <kind>/v1/<resource>/<id>/    one
PUT, PATCH,
DELETE       configuration/v1/<resource>/<id>/

Some resources of kind status can be deleted, too: that is how they are taken note of.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from klein import Klein
from msgspec import Raw
from msgspec.json import encode
from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields, NotFound
from pexschedd.management import listing
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.representation import schema, shown
from pexschedd.management.resource import PREFIX
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.model import tables
from pexschedd.model.fields.validation import TemplateChecker
from pexschedd.model.integration import Connector
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices
from pexschedd.web.admin.authentication import AdministratorCheck, admin_route
from pexschedd.web.admin.errors import InvalidRecord, admin_error
from pexschedd.web.api import (
    BadRequest,
    Payload,
    body_of,
    incident_of,
    json_response,
    method_not_possible,
    read_json,
    register_http_errors,
    while_wanted,
)

_KIND = f"{PREFIX}/<string:kind>/v1/"
_LIST = f"{_KIND}<string:name>/"
_ONE = f"{_LIST}<int:id>/"
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_CONNECTOR = f"{PREFIX}/configuration/v1/ms_exchange_connector/<int:id>"


class ConnectorFiles(Protocol):
    """The files that belong to an integration's add-in."""

    def manifest(self, connector: Connector) -> bytes: ...
    async def set_icon(self, connector: Connector, body: bytes) -> None: ...
    def icon(self, connector: Connector, size: int) -> bytes: ...


class AdminApi:
    """Routes for administrators. `app.resource()` is to be served at the root."""

    app = Klein()
    register_http_errors(app, admin_error)

    def __init__(
        self,
        store: Store,
        administrators: AdministratorCheck,
        now: Now,
        templates: TemplateChecker,
        *,
        clock: IReactorTime,
        connector_files: ConnectorFiles | None = None,
        new_uuid: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.administrators = administrators
        self._store = store
        self._clock = clock
        self._writer = RecordWriter(
            store, templates, clock=clock, now=now, uuid4=new_uuid
        )
        self._files = connector_files

    @admin_route(app, _KIND)
    def discover(self, request: Request, kind: str) -> Payload:
        return json_response(
            request,
            {
                resource.name: {
                    "list_endpoint": resource.uri,
                    "schema": f"{resource.uri}schema/",
                }
                for resource in _of_kind(kind).values()
            },
        )

    @admin_route(app, _LIST + "schema/")
    def describe(self, request: Request, kind: str, name: str) -> Payload:
        resource = _find(kind, name)
        return json_response(request, schema(resource, listing.DEFAULT_LIMIT))

    @admin_route(app, _LIST)
    async def page(self, request: Request, kind: str, name: str) -> Payload:
        page = self._page(_find(kind, name), _arguments(request))
        return json_response(request, await while_wanted(request, page))

    async def _page(
        self, resource: AnyResource, arguments: listing.Arguments
    ) -> dict[str, Any]:
        query = _query(resource, arguments)
        fits = partial(listing.fits, self._store, resource, query)
        ids, total = await listing.select(self._store, resource, query, self._clock)
        objects = []
        async for id_ in in_slices(ids, self._clock):
            record = self._store.get(resource.table, id_)
            # It may have been changed since it was chosen.
            if record is not None and fits(record):
                objects.append(Raw(encode(shown(self._store, resource, record))))
        return {
            "meta": listing.meta(resource, arguments, query, total),
            "objects": objects,
        }

    @admin_route(app, _LIST, methods=_CHANGING)
    async def change_list(self, request: Request, kind: str, name: str) -> Payload:
        resource = _find(kind, name)
        refused = _not_possible(request, resource, one=False)
        if refused is not None:
            return refused
        if request.method == b"DELETE":
            query = _what_goes(resource, request)
            fits = partial(listing.fits, self._store, resource, query)
            found = listing.matching(self._store, resource, query, self._clock)
            ids = [record.id async for record in found]
            await self._writer.delete(resource, ids, fits)
            return _empty(request, 204)
        payload = _payload(request)
        try:
            if request.method == b"PATCH":
                await self._writer.bulk(resource, payload)
                return _empty(request, 202)
            id_ = await self._writer.create(resource, payload)
        except InvalidFields as error:
            raise InvalidRecord(resource.name, error) from None
        location = resource.uri_of(id_).encode()
        request.responseHeaders.setRawHeaders(b"location", [location])
        return _empty(request, 201)

    @admin_route(app, _ONE)
    def get(self, request: Request, kind: str, name: str, id: int) -> Payload:
        resource = _find(kind, name)
        return json_response(
            request, shown(self._store, resource, self._record(resource, id))
        )

    @admin_route(app, _ONE, methods=_CHANGING)
    async def change(self, request: Request, kind: str, name: str, id: int) -> Payload:
        resource = _find(kind, name)
        refused = _not_possible(request, resource, one=True)
        if refused is not None:
            return refused
        self._record(resource, id)
        if request.method == b"DELETE":
            await self._writer.delete(resource, [id])
            return _empty(request, 204)
        whole = request.method == b"PUT"
        try:
            await self._writer.update(resource, id, _payload(request), whole=whole)
        except InvalidFields as error:
            raise InvalidRecord(resource.name, error) from None
        return _empty(request, 204 if whole else 202)

    @admin_route(app, _CONNECTOR + "/manifest/")
    def manifest(self, request: Request, id: int) -> Payload:
        connector, files = self._connector_files(id)
        set_header = request.responseHeaders.setRawHeaders
        try:
            document = files.manifest(connector)
        except InvalidFields as error:
            raise InvalidRecord(tables.CONNECTOR.name, error) from None
        set_header(b"content-type", [b"application/xml"])
        set_header(
            b"content-disposition",
            [b'attachment; filename="addin-manifest-%d.xml"' % id],
        )
        return document

    @admin_route(app, _CONNECTOR + "/icon/")
    def icon(self, request: Request, id: int) -> Payload:
        connector, files = self._connector_files(id)
        request.responseHeaders.setRawHeaders(b"content-type", [b"image/png"])
        return files.icon(connector, 80)

    @admin_route(app, _CONNECTOR + "/icon/", methods=["PUT"])
    async def set_icon(self, request: Request, id: int) -> Payload:
        connector, files = self._connector_files(id)
        # Both the file and the record, or neither.
        self._store.require_space()
        try:
            await files.set_icon(connector, body_of(request))
        except InvalidFields as error:
            raise InvalidRecord(tables.CONNECTOR.name, error) from None
        # The icon's address is in the manifest, and changes with the icon.
        current = self._store.get(tables.CONNECTOR, id)
        if current is not None:
            change = self._store.transaction()
            revision = current.manifest_revision + 1
            change.put(tables.CONNECTOR, replace(current, manifest_revision=revision))
            await change.commit()
        return _empty(request, 202)

    def _record(self, resource: AnyResource, id: int) -> Any:
        record = self._store.get(resource.table, id)
        if record is None or (resource.shows and not resource.shows(record)):
            raise NotFound(f"There is no {resource.name} {id}.")
        return record

    def _connector_files(self, id: int) -> tuple[Connector, ConnectorFiles]:
        connector = self._store.get(tables.CONNECTOR, id)
        if connector is None or self._files is None:
            raise NotFound(f"There is no {tables.CONNECTOR.name} {id}.")
        return connector, self._files


def _of_kind(kind: str) -> Any:
    if kind not in BY_KIND:
        raise NotFound(f"There is nothing called {kind!r}; try {', '.join(BY_KIND)}.")
    return BY_KIND[kind]


def _find(kind: str, name: str) -> AnyResource:
    resource: AnyResource | None = _of_kind(kind).get(name)
    if resource is None:
        raise NotFound(f"There is no resource {name!r}.")
    return resource


def _arguments(request: Request) -> listing.Arguments:
    return {
        key.decode("utf-8", "replace"): [text.decode("utf-8", "replace") for text in v]
        for key, v in (request.args or {}).items()
    }


def _query(resource: AnyResource, arguments: listing.Arguments) -> listing.ListQuery:
    try:
        return listing.parse_query(resource, arguments)
    except InvalidFields as error:
        raise InvalidRecord(resource.name, error) from None


def _what_goes(resource: AnyResource, request: Request) -> listing.ListQuery:
    """Of a deletion, which must not take more than somebody meant."""
    arguments = _arguments(request)
    if body_of(request).strip() not in (b"", b"{}"):
        raise BadRequest(
            "A deletion has no body: all that pass the filters in the address are "
            "deleted. PATCH deletes what its deleted_objects name."
        )
    text = "All that pass the filters are deleted, not a page of them."
    pages = {
        name: [text]
        for name in listing.OF_PAGES
        if {*arguments.get(name, ())} - {"0"}  # all of them, from the first on
    }
    if pages:
        raise InvalidRecord(resource.name, InvalidFields(pages))
    return _query(resource, arguments)


def _payload(request: Request) -> dict[str, Any]:
    try:
        return read_json(request, dict[str, Any])
    except RecursionError:
        raise BadRequest("The request body is nested too deeply.") from None


def _empty(request: Request, status: int) -> Payload:
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders(b"content-type", [b"application/json"])
    return b""


def _not_possible(
    request: Request, resource: AnyResource, *, one: bool
) -> Payload | None:
    """The answer to a method that the resource does not have."""
    methods = resource.methods(one=one)
    if request.method.decode("ascii").lower() in methods:
        return None
    error = method_not_possible(request, methods)
    return admin_error(request, 405, error, incident_of(request))
