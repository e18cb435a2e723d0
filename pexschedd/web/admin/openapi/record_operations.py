"""Operations of resources: of lists, of records, and of their descriptions. Pure."""

from collections.abc import Callable, Iterator, Mapping

from pexschedd.management.guards.confirmation import FIELD, YES
from pexschedd.management.list_query import LARGEST_LIMIT
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.web.admin.openapi.headers import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    WARNING,
)
from pexschedd.web.admin.openapi.names import name_of, refer
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    ApiOperation,
    Expansion,
    Parameter,
    RequestBody,
    Segments,
)
from pexschedd.web.admin.openapi.records import ISSUED, RESOURCE_SCHEMA
from pexschedd.web.admin.openapi.sent_records import sent_form
from pexschedd.web.admin.query_string import DEFAULT_LIMIT, HIGHEST_OFFSET
from pexschedd.web.admin.schema import list_methods, record_methods

FORM = "multipart/form-data"

Describe = Callable[[AnyResource, str], ApiOperation | None]
"""Takes a resource and a method; returns its operation, or None if it has none."""

_CONFIRM = Parameter(
    FIELD,
    "Confirms a deletion that goes further than it looks: of a whole list without "
    "filters, or of an integration that has rooms. Without it such a request is "
    "refused, and the answer says what would go.",
    {"type": "string", "enum": [YES]},
)


def _each(describe: Describe, method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    for kind, resources in BY_KIND.items():
        for name, resource in resources.items():
            operation = describe(resource, method)
            if operation is not None:
                yield {"kind": kind, "name": name}, operation


def of_lists(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    """Yield the operations of all lists of records that are tables."""
    yield from _each(list_operation, method)


def of_records(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    """Yield the operations of single records of all of these."""
    yield from _each(record_operation, method)


def of_schemas(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    """Yield the operations that describe each of these resources."""
    yield from _each(schema_operation, method)


def of_one(describe: Describe, resource: AnyResource) -> Expansion:
    """Return the description of a route that is one resource's alone."""

    def expand(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
        operation = describe(resource, method)
        if operation is not None:
            yield {}, operation

    return expand


def schema_operation(resource: AnyResource, method: str) -> ApiOperation | None:
    """Return the operation that describes a resource."""
    return ApiOperation(
        summary=f"Describe {resource.name}",
        description="The fields, filters and methods, in the shape that clients of the "
        "platform's API know. A role sees what it has.",
        answers={
            200: ApiAnswer(
                "The description.", refer(RESOURCE_SCHEMA), headers=("ETag",)
            ),
            304: ApiAnswer("The description is as it was.", headers=("ETag",)),
        },
        parameters=(IF_NONE_MATCH,),
        id=f"describe_{_id(resource)}",
    )


def list_operation(resource: AnyResource, method: str) -> ApiOperation | None:
    """Return the operation of a resource's list with a method."""
    if method not in list_methods(resource):
        return None
    return _LIST_OPERATIONS[method](resource)


def record_operation(resource: AnyResource, method: str) -> ApiOperation | None:
    """Return the operation of a resource's records with a method."""
    if method not in record_methods(resource):
        return None
    return _RECORD_OPERATIONS[method](resource)


def _id(resource: AnyResource) -> str:
    return (
        resource.name
        if resource.kind == "configuration"
        else f"{resource.kind}_{resource.name}"
    )


def _filters(resource: AnyResource) -> Parameter:
    return Parameter(
        "filters",
        "Filters, each an argument of its own: `?name__icontains=x&id__gt=5`.",
        refer(f"{name_of(resource)}Filters"),
    )


def _paging(resource: AnyResource) -> tuple[Parameter, ...]:
    names = "|".join(resource.columns)
    return (
        Parameter(
            "limit",
            f"The most records on the page; 0 stands for {LARGEST_LIMIT}.",
            {
                "type": "integer",
                "minimum": 0,
                "maximum": LARGEST_LIMIT,
                "default": DEFAULT_LIMIT,
            },
        ),
        Parameter(
            "offset",
            "The number of records before the page.",
            {
                "type": "integer",
                "minimum": 0,
                "maximum": HIGHEST_OFFSET,
                "default": 0,
            },
        ),
        Parameter(
            "order_by",
            "Names of fields, separated by commas; `-` before one: descending.",
            {
                "type": "string",
                "pattern": f"^(-?({names})(,-?({names}))*)?$",
                "examples": ["-id"],
            },
        ),
    )


def _page(resource: AnyResource) -> ApiOperation:
    return ApiOperation(
        summary=f"List records of {resource.name}",
        answers={
            200: ApiAnswer("A page of the list.", refer(f"{name_of(resource)}Page"))
        },
        parameters=(*_paging(resource), _filters(resource)),
        id=f"list_{_id(resource)}",
    )


def _create(resource: AnyResource) -> ApiOperation:
    name = name_of(resource)
    headers: tuple[str, ...] = ("Location", "ETag", WARNING)
    created = ApiAnswer("The record has been made.", headers=headers)
    secret = ISSUED.get(resource.name)
    if resource.issued and secret:
        shown = {
            "allOf": [refer(name)],
            "properties": {secret: {"type": "string", "minLength": 1}},
            "required": [secret],
        }
        text = f"The record has been made. No other answer has its `{secret}`."
        created = ApiAnswer(text, shown, headers=headers)
    others = {FORM: sent_form(resource, is_new=True)} if resource.files else {}
    return ApiOperation(
        summary=f"Create a record of {resource.name}",
        answers={201: created},
        errors=(412, 422),
        parameters=() if resource.issued else (IDEMPOTENCY_KEY,),
        body=RequestBody(refer(f"{name}Create"), others=others),
        id=f"create_{_id(resource)}",
    )


def _change_many(resource: AnyResource) -> ApiOperation:
    return ApiOperation(
        summary=f"Change many records of {resource.name}",
        description="All of it is done, or nothing.",
        answers={202: ApiAnswer("All has been done.", headers=(WARNING,))},
        errors=(404, 409, 412),
        parameters=(_CONFIRM,),
        body=RequestBody(refer(f"{name_of(resource)}Bulk")),
        id=f"change_many_{_id(resource)}",
    )


def _delete_many(resource: AnyResource) -> ApiOperation:
    return ApiOperation(
        summary=f"Delete records of {resource.name}",
        description="All that pass the filters. Without filters all, if that is "
        "confirmed.",
        answers={204: ApiAnswer("All of them are gone.")},
        errors=(409, 412),
        parameters=(_CONFIRM, _filters(resource)),
        id=f"delete_many_{_id(resource)}",
    )


def _get(resource: AnyResource) -> ApiOperation:
    return ApiOperation(
        summary=f"Read a record of {resource.name}",
        answers={
            200: ApiAnswer("The record.", refer(name_of(resource)), headers=("ETag",)),
            304: ApiAnswer("The record is as it was.", headers=("ETag",)),
        },
        parameters=(IF_NONE_MATCH,),
        id=f"get_{_id(resource)}",
    )


def computed_record(resource: AnyResource, method: str) -> ApiOperation | None:
    """Return the operation of records that are worked out: they have no tag."""
    return ApiOperation(
        summary=f"Read a record of {resource.name}",
        answers={200: ApiAnswer("The record.", refer(name_of(resource)))},
        id=f"get_{_id(resource)}",
    )


def _put(resource: AnyResource) -> ApiOperation:
    return _changed(resource, "replace", "PUT changes the given fields, as PATCH.", 204)


def _patch(resource: AnyResource) -> ApiOperation:
    return _changed(resource, "update", "The given fields are changed.", 202)


def _changed(resource: AnyResource, verb: str, text: str, status: int) -> ApiOperation:
    return ApiOperation(
        summary=f"Change a record of {resource.name}",
        description=text,
        answers={status: ApiAnswer("It is changed.", headers=("ETag", WARNING))},
        errors=(412,),
        parameters=(IF_MATCH,),
        body=RequestBody(
            refer(f"{name_of(resource)}Update"),
            others={FORM: sent_form(resource, is_new=False)} if resource.files else {},
        ),
        id=f"{verb}_{_id(resource)}",
    )


def _delete(resource: AnyResource) -> ApiOperation:
    return ApiOperation(
        summary=f"Delete a record of {resource.name}",
        answers={204: ApiAnswer("It is gone, with what belongs to it.")},
        errors=(409, 412),
        parameters=(_CONFIRM, IF_MATCH),
        id=f"delete_{_id(resource)}",
    )


_LIST_OPERATIONS: Mapping[str, Callable[[AnyResource], ApiOperation]] = {
    "get": _page,
    "post": _create,
    "patch": _change_many,
    "delete": _delete_many,
}
_RECORD_OPERATIONS: Mapping[str, Callable[[AnyResource], ApiOperation]] = {
    "get": _get,
    "put": _put,
    "patch": _patch,
    "delete": _delete,
}
