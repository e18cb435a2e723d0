"""Status that is worked out when it is asked for. Under `/api/admin/status/v1/`:

GET  <list>/         a page of the records; the lists are those of `COMPUTED`
GET  <list>/schema/  the fields of a record
GET  <list>/<id>/    one
"""

from functools import partial

from twisted.web.server import Request

from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.management.computed.resources import COMPUTED, ComputedResource
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.conditions import tagged_json
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import described_each
from pexschedd.web.admin.openapi.record_operations import (
    computed_record,
    list_operation,
    of_one,
    schema_operation,
)
from pexschedd.web.admin.query_string import (
    DEFAULT_LIMIT,
    page_meta,
    parse_list_query,
)
from pexschedd.web.admin.records import arguments_of
from pexschedd.web.admin.schema import schema
from pexschedd.web.routes import ResponseBody, json_response, while_wanted


class ComputedRoutes:
    """The routes of the module's docstring."""

    def __init__(self, queries: ComputedQueries) -> None:
        self._queries = queries

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        for computed in COMPUTED.values():
            uri, resource = computed.resource.uri, computed.resource
            pages = described_each(of_one(list_operation, resource))
            schemas = described_each(of_one(schema_operation, resource))
            records = described_each(of_one(computed_record, resource))
            api.add(uri, get=pages(partial(self._page, computed)))
            api.add(f"{uri}schema/", get=schemas(partial(self._describe, computed)))
            api.add(f"{uri}<int:id>/", get=records(partial(self._get, computed)))

    async def _page(self, computed: ComputedResource, request: Request) -> ResponseBody:
        resource, arguments = computed.resource, arguments_of(request)
        with invalid_fields_of(resource.name):
            query = parse_list_query(resource, arguments)
        found = await while_wanted(request, self._queries.page(computed, query))
        meta = page_meta(resource, arguments, query, found.total)
        answer = {"meta": meta, "objects": found.objects}
        return json_response(request, answer)

    def _describe(self, computed: ComputedResource, request: Request) -> ResponseBody:
        return tagged_json(request, schema(computed.resource, DEFAULT_LIMIT))

    async def _get(
        self, computed: ComputedResource, request: Request, id: int
    ) -> ResponseBody:
        record = await while_wanted(request, self._queries.get(computed, id))
        return json_response(request, record)
