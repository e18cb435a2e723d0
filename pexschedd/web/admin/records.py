"""Records in Tastypie's shapes. Under `/api/admin/`:

GET          <kind>/v1/<resource>/         a page of the records
POST         configuration/v1/<resource>/  a new one: 201, `Location`, empty body
PATCH        configuration/v1/<resource>/  many: `objects`, `deleted_objects`
DELETE       configuration/v1/<resource>/  all, or all that pass the filters
GET          <kind>/v1/<resource>/schema/  the fields of a record
GET          <kind>/v1/<resource>/<id>/    one
PUT, PATCH,
DELETE       configuration/v1/<resource>/<id>/

Some resources of the kind `status` can be deleted, too: an administrator has seen them.
"""

from collections.abc import Sequence

import msgspec
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.management.access.role_views import resource_for
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.resource import PREFIX, Payload
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.management.save_notes import Saved, SaveNote
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.conditions import (
    expectation_of,
    is_not_modified,
    refuse_conditions,
    set_tag,
    tagged_json,
)
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import described_each, nowhere
from pexschedd.web.admin.openapi.record_operations import (
    of_lists,
    of_records,
    of_schemas,
)
from pexschedd.web.admin.query_string import (
    DEFAULT_LIMIT,
    Arguments,
    is_confirmed,
    page_meta,
    page_text,
    parse_deletion_query,
    parse_list_query,
)
from pexschedd.web.admin.request_keys import refuse_request_key, request_key_of
from pexschedd.web.admin.schema import list_methods, record_methods, schema
from pexschedd.web.forms import is_form, read_form
from pexschedd.web.json_body import read_object
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    body_of,
    empty_response,
    encoded_json,
    json_response,
    method_not_possible,
    while_wanted,
)

WARNING = b"x-configuration-warning"
"""The header of an answer that names a field which was saved, but has not the effect
that it seems to have. There may be several, each `<field>: <text>`."""

_LIST = f"{PREFIX}/<string:kind>/v1/<string:name>/"
_RECORD = f"{_LIST}<int:id>/"


class RecordRoutes:
    """The routes of all resources that are tables, or views of tables."""

    def __init__(self, queries: RecordQueries, writer: RecordWriter) -> None:
        self._queries = queries
        self._writer = writer

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(
            _LIST,
            get=self._page,
            post=self._create,
            put=self._refuse,
            patch=self._change_many,
            delete=self._delete_many,
        )
        api.add(f"{_LIST}schema/", get=self._describe)
        api.add(
            _RECORD,
            get=self._get,
            post=self._refuse,
            put=self._change,
            patch=self._change,
            delete=self._delete,
        )

    @described_each(of_schemas)
    def _describe(self, request: Request, kind: str, name: str) -> ResponseBody:
        return tagged_json(request, schema(_find(kind, name), DEFAULT_LIMIT))

    @described_each(of_lists)
    async def _page(self, request: Request, kind: str, name: str) -> ResponseBody:
        resource, arguments = _find(kind, name), arguments_of(request)
        with invalid_fields_of(resource.name):
            query = parse_list_query(resource, arguments)
        found = await while_wanted(request, self._queries.page(resource, query))
        meta = page_meta(resource, arguments, query, found.total)
        return encoded_json(request, page_text(meta, found.objects))

    @described_each(of_records)
    def _get(self, request: Request, kind: str, name: str, id: int) -> ResponseBody:
        shown = self._queries.get(_find(kind, name), id)
        set_tag(request, shown.tag)
        if is_not_modified(request, shown.tag):
            return empty_response(request, 304)
        return json_response(request, shown.body)

    @described_each(of_lists)
    async def _create(self, request: Request, kind: str, name: str) -> ResponseBody:
        resource = _with_method(request, kind, name)
        refuse_conditions(request)
        key = request_key_of(request)
        payload = _payload(request, resource)
        with invalid_fields_of(resource.name):
            saved = await self._writer.create(resource, payload, key)
        location = resource.uri_of(saved.id).encode()
        request.responseHeaders.setRawHeaders(b"location", [location])
        _tell(request, saved)
        if saved.shown:
            record = msgspec.json.decode(self._queries.get(resource, saved.id).body)
            return json_response(request, record | saved.shown, 201)
        return empty_response(request, 201)

    @described_each(of_lists)
    async def _change_many(
        self, request: Request, kind: str, name: str
    ) -> ResponseBody:
        resource = _with_method(request, kind, name)
        refuse_conditions(request)
        refuse_request_key(request)
        payload = read_object(request)
        with invalid_fields_of(resource.name):
            confirmed = is_confirmed(arguments_of(request))
            saved = await self._writer.bulk(resource, payload, is_confirmed=confirmed)
        _tell(request, saved)
        return empty_response(request, 202)

    @described_each(of_lists)
    async def _delete_many(
        self, request: Request, kind: str, name: str
    ) -> ResponseBody:
        resource = _with_method(request, kind, name)
        refuse_conditions(request)
        if body_of(request).strip() not in (b"", b"{}"):
            raise BadRequest(
                "A DELETE request has no body: it deletes all records that match the "
                "filters in its URL. To delete certain records, send a PATCH request "
                "with deleted_objects."
            )
        with invalid_fields_of(resource.name):
            arguments = arguments_of(request)
            confirmed = is_confirmed(arguments)
            query = parse_deletion_query(resource, arguments)
            notes = await self._writer.deleter.delete_matching(
                resource, query, is_confirmed=confirmed
            )
        tell_notes(request, notes)
        return empty_response(request, 204)

    @described_each(of_records)
    async def _change(
        self, request: Request, kind: str, name: str, id: int
    ) -> ResponseBody:
        resource = _with_method(request, kind, name, id)
        payload = _payload(request, resource)
        with invalid_fields_of(resource.name):
            saved = await self._writer.update(
                resource, id, payload, expectation_of(request)
            )
        _tell(request, saved)
        return empty_response(request, 204 if request.method == b"PUT" else 202)

    @described_each(of_records)
    async def _delete(
        self, request: Request, kind: str, name: str, id: int
    ) -> ResponseBody:
        resource = _with_method(request, kind, name, id)
        with invalid_fields_of(resource.name):
            notes = await self._writer.deleter.delete(
                resource,
                id,
                expectation_of(request),
                is_confirmed=is_confirmed(arguments_of(request)),
            )
        tell_notes(request, notes)
        return empty_response(request, 204)

    @described_each(nowhere)
    def _refuse(
        self, request: Request, kind: str, name: str, id: int | None = None
    ) -> ResponseBody:
        """Refuse PUT of a list and POST of a record, which no resource has."""
        resource = _find(kind, name)
        methods = list_methods(resource) if id is None else record_methods(resource)
        raise method_not_possible(request, methods)


def large_bodies() -> dict[bytes, int]:
    """Return the addresses that take files, by their beginning, each with the most
    bytes of a request's body there."""
    return {
        resource.uri.encode(): _ROOM_FOR_FIELDS
        + max(field.largest for field in resource.files.values())
        for resources in BY_KIND.values()
        for resource in resources.values()
        if resource.files
    }


_ROOM_FOR_FIELDS = 1024 * 1024
"""Bytes of a form beside its file."""


def _payload(request: Request, resource: AnyResource) -> Payload:
    """The record that is sent, as a form if the resource takes files."""
    if resource.files and is_form(request):
        return read_form(request)
    return read_object(request)


def _tell(request: Request, saved: Saved) -> None:
    """Add the tag of what was saved, and the notes on it: in headers, because the
    answers have no body."""
    if saved.tag:
        set_tag(request, saved.tag)
    tell_notes(request, saved.notes)


def tell_notes(request: Request, notes: Sequence[SaveNote]) -> None:
    """Add the notes on what was saved: a header for each."""
    if notes:
        lines = [f"{note.field}: {note.text}" for note in notes]
        texts = [line.encode("ascii", "backslashreplace") for line in lines]
        request.responseHeaders.setRawHeaders(WARNING, texts)


def _find(kind: str, name: str) -> AnyResource:
    """The resource as the administrator who asks has it."""
    if kind not in BY_KIND:
        raise NotFound(
            f"There is nothing here; {PREFIX}/ leads to everything there is."
        )
    resource = resource_for(acting_principal.get(), kind, name)
    if resource is None:
        raise NotFound(
            f"There is no resource {name!r}; {PREFIX}/{kind}/v1/ lists those there are."
        )
    return resource


def _with_method(
    request: Request, kind: str, name: str, id: int | None = None
) -> AnyResource:
    """The resource, unless its list or its records do not have the request's method."""
    resource = _find(kind, name)
    methods = list_methods(resource) if id is None else record_methods(resource)
    if request.method.decode("latin-1").lower() not in methods:
        raise method_not_possible(request, methods)
    return resource


def arguments_of(request: Request) -> Arguments:
    """Return the query string of a request, decoded; raises `BadRequest`."""
    try:
        return {
            name.decode(): [value.decode() for value in values]
            for name, values in (request.args or {}).items()
        }
    except UnicodeDecodeError:
        raise BadRequest(
            "The part of the address after the question mark is not UTF-8. Encode the "
            "values as UTF-8, then the bytes of other letters with %: caf%C3%A9."
        ) from None
