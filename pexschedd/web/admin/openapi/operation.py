"""Descriptions of operations, declared beside the routes that carry them out. Pure.

    @described(
        "Begin an audit",
        answers={202: ApiAnswer("The audit has begun.", AuditState)},
        errors=(404,),
    )
    def _begin(self, request: Request, connector_id: int) -> ResponseBody:

Path, method, path parameters, role and tag follow from the route. A body is a struct
of msgspec, whose fields and attribute docstrings are shown, or a JSON schema.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

H = TypeVar("H", bound=Callable[..., Any])

JSON = "application/json"

Schema = Mapping[str, Any]
"""A JSON schema, draft 2020-12."""
Shape = Any
"""The shape of a body or a value: a type that msgspec encodes, or a `Schema`."""
Segments = Mapping[str, str]
"""The texts that take the place of a rule's variables."""


class ApiAnswer(msgspec.Struct, frozen=True):
    """An answer of an operation."""

    description: str
    body: Shape = None
    """None for no body."""
    media_type: str = JSON
    headers: tuple[str, ...] = ()
    """Names of `headers.HEADERS`, beside those that every answer has."""
    others: Mapping[str, Shape] = {}
    """Bodies of other media types, by these."""


class Parameter(msgspec.Struct, frozen=True):
    """An argument in the address, or a header of the request."""

    name: str
    description: str
    shape: Shape = str
    place: str = "query"
    """`query` or `header`."""
    style: str = "form"


class RequestBody(msgspec.Struct, frozen=True):
    """The body of a request."""

    shape: Shape
    media_type: str = JSON
    required: bool = True
    others: Mapping[str, Shape] = {}
    """Shapes of other media types, by these."""


class ApiOperation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation: a method of one path."""

    summary: str
    description: str = ""
    answers: Mapping[int, ApiAnswer]
    """By status."""
    errors: tuple[int, ...] = ()
    """Statuses of errors beside those that follow from path, method and body."""
    parameters: tuple[Parameter, ...] = ()
    body: RequestBody | None = None
    id: str = ""
    """The name in generated clients; empty for one that is made of method and path."""
    tag: str = ""
    """The group of operations; empty for the one that follows from the path."""


Expansion = Callable[[str], Iterable[tuple[Segments, ApiOperation]]]
"""Takes a method in lower case; yields each path that one rule stands for, by its
segments, with the operation there. Variables that are left out stay parameters."""


def described(
    summary: str,
    description: str = "",
    *,
    answers: Mapping[int, ApiAnswer],
    errors: tuple[int, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    body: RequestBody | None = None,
    id: str = "",
    tag: str = "",
) -> Callable[[H], H]:
    """Describe the handler of one operation."""
    operation = ApiOperation(
        summary=summary,
        description=description,
        answers=answers,
        errors=errors,
        parameters=parameters,
        body=body,
        id=id,
        tag=tag,
    )
    return described_each(lambda method: [({}, operation)])


def described_each(expansion: Expansion) -> Callable[[H], H]:
    """Describe a handler whose rule stands for many paths."""

    def describe(handler: H) -> H:
        setattr(handler, _MARK, expansion)
        return handler

    return describe


def described_again(handler: Callable[..., Any], suffix: str) -> Callable[..., Any]:
    """Return a handler for another rule; `suffix` makes the ids it has others."""
    expansion = expansion_of(handler)

    def again(method: str) -> Iterable[tuple[Segments, ApiOperation]]:
        for segments, operation in expansion(method) if expansion else ():
            id = operation.id and operation.id + suffix
            yield segments, msgspec.structs.replace(operation, id=id)

    return described_each(again)(partial(handler))


def nowhere(method: str) -> Iterable[tuple[Segments, ApiOperation]]:
    """Yield nothing: the description of a handler that always refuses a method."""
    return ()


def methods_at(
    handlers: Mapping[str, Callable[..., Any]], segments: Mapping[str, object]
) -> list[str]:
    """Return the methods, in lower case, that a path has; `segments` are those of its
    rule. A rule stands for many paths, and not each of them has every method."""
    return [
        method
        for method, handler in handlers.items()
        if (expansion := expansion_of(handler)) is None
        or any(segments.items() >= fixed.items() for fixed, _ in expansion(method))
    ]


_MARK = "_described_operations"


def expansion_of(handler: Callable[..., Any]) -> Expansion | None:
    """Return the description of a handler, or None if it has none."""
    expansion: Expansion | None = getattr(handler, _MARK, None)
    if expansion is None and isinstance(handler, partial):
        return expansion_of(handler.func)
    return expansion
