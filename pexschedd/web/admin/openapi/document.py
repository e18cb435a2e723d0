"""The OpenAPI 3.1 document of the management API's routes. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pexschedd.management.access.permissions import (
    needed_role,
    needs_password,
    subject_of,
)
from pexschedd.management.resource import PREFIX
from pexschedd.model.accounts.administrator import role_name
from pexschedd.web.admin.openapi import errors, records
from pexschedd.web.admin.openapi.headers import HEADERS, REQUEST_ID
from pexschedd.web.admin.openapi.names import about, all_resources
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    ApiOperation,
    Parameter,
    Segments,
    Shape,
    expansion_of,
)
from pexschedd.web.admin.openapi.types import schemas_of

SERVER = "https://localhost"
"""Stands for the server's own address, which an OAuth 2.0 flow has to have in full."""
METHODS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")


class Route(msgspec.Struct, frozen=True):
    """A Werkzeug rule, with the handler of each HTTP method, in lower case."""

    url: str
    handlers: Mapping[str, Callable[..., Any]]
    is_public: bool = False
    """Needs no credentials."""


class _Described(msgspec.Struct, frozen=True):
    """An operation at its place."""

    path: str
    variables: tuple[tuple[str, str], ...]
    """The kind and the name of each variable of the path."""
    method: str
    operation: ApiOperation
    subject: str
    """The subject of `permissions`."""
    is_public: bool

    @property
    def id(self) -> str:
        """The operation's id: a word that is unique in the document."""
        if self.operation.id:
            return self.operation.id
        is_list = self.method == "get" and not self.variables
        words = re.sub(r"\{\w+\}|\Wv1\b|^/api/admin(/configuration)?", "", self.path)
        method = "list" if is_list else self.method
        return "_".join([method, *re.findall(r"\w+", words)])


def undescribed(routes: Iterable[Route]) -> list[str]:
    """Return the methods and rules whose handlers are not described."""
    return [
        f"{method.upper()} {route.url}"
        for route in routes
        for method, handler in route.handlers.items()
        if expansion_of(handler) is None
    ]


def make_document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Return the document; `version` is the daemon's."""
    found = sorted(_described(routes), key=lambda e: (_order(e.path), e.path))
    shapes = _Shapes(_all_shapes(each.operation for each in found))
    paths: dict[str, Any] = {}
    for each in found:
        path = paths.setdefault(each.path, {})
        if each.variables:
            path["parameters"] = [_segment(*variable) for variable in each.variables]
        path[each.method] = _operation(each, shapes)
    tags = {tag: None for each in found for tag in [_tag(each)]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pexschedd management API",
            "version": version,
            "summary": "Meeting rooms for Microsoft Exchange: configuration, status "
            "and commands.",
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The admin endpoint."}],
        "security": [{"password": []}, {"token": []}, {"oauth2": []}],
        "tags": [{"name": tag, "description": _tag_help(tag)} for tag in sorted(tags)],
        "paths": paths,
        "components": {
            "schemas": dict(
                sorted(
                    {
                        **errors.SCHEMAS,
                        **records.components(),
                        **shapes.components,
                    }.items()
                )
            ),
            "responses": errors.components(_headers((REQUEST_ID,))),
            "headers": HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


_INTRODUCTION = """\
Resources, fields and filters are those of the video platform's own management API, so
its clients work here, too.

What is sent may be looser than the schemas say: numbers and truth values may be texts
(`"25"`, `"true"`), an empty text takes a value away as null does, and times may have a
zone. Fields that only the server sets are ignored. Answers are always as the schemas
say, but a role that only reads gets no confidential fields, such as PINs.

A `PUT` or `PATCH` changes the fields that are sent, and no others.
"""

_SECURITY = {
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "An administrator's name and password.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An `api_token`.",
    },
    "oauth2": {
        "type": "oauth2",
        "description": "An `oauth2_client`, which proves itself by a signed assertion.",
        "flows": {
            "clientCredentials": {"tokenUrl": f"{SERVER}/oauth/token/", "scopes": {}}
        },
    },
}
_PATH_SCHEMAS: Mapping[str, Any] = {
    "int": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    "string": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
}
_PATH_HELP = {
    "id": "The record's number.",
    "connector_id": "The integration's number.",
    "record_id": "The record's number.",
    "deployment_id": "The deployment's number.",
    "profile_id": "The number of the profile.",
    "group": "The group of commands.",
    "version": "The version of the file, as the pages name it.",
    "name": "The name of the file.",
}


def _described(routes: Iterable[Route]) -> Iterator[_Described]:
    for route in routes:
        for method, handler in route.handlers.items():
            expansion = expansion_of(handler)
            for segments, operation in expansion(method) if expansion else ():
                yield _Described(
                    path=_path(route.url, segments),
                    variables=tuple(
                        (kind, name)
                        for kind, name in _VARIABLE.findall(route.url)
                        if name not in segments
                    ),
                    method=method,
                    operation=operation,
                    subject=subject_of(route.url, segments),
                    is_public=route.is_public,
                )


def _path(rule: str, segments: Segments) -> str:
    return _VARIABLE.sub(lambda v: segments.get(v[2], f"{{{v[2]}}}"), rule)


def _segment(kind: str, name: str) -> dict[str, Any]:
    """The parameter that a variable of a path is."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _PATH_HELP.get(name, ""),
        "schema": _PATH_SCHEMAS[kind or "string"],
    }


def _order(path: str) -> int:
    """Overviews come first, then the kinds as people need them."""
    kinds = ("configuration", "command", "status", "history")
    for number, kind in enumerate(kinds, 1):
        if path.startswith(f"{PREFIX}/{kind}/"):
            return number
    return 0 if path.startswith(f"{PREFIX}/") else len(kinds) + 1


def _tag(each: _Described) -> str:
    if each.operation.tag:
        return each.operation.tag
    parts = each.subject.split("/")
    if each.path.startswith(f"{PREFIX}/"):
        if parts[0] == "configuration" and len(parts) > 1:
            return parts[1]
        return parts[0] if len(parts) > 1 else "overview"
    return "pages"


_TAGS = {
    "overview": "The ways to everything there is.",
    "command": "Commands, each for one record.",
    "status": "The present state: to be read.",
    "history": "Things that have happened.",
    "pages": "Pages for browsers.",
    "oauth": "Access tokens for programs.",
}


def _tag_help(tag: str) -> str:
    for resource in all_resources():
        if resource.kind == "configuration" and resource.name == tag:
            return about(resource)
    return _TAGS.get(tag, "")


def _all_shapes(operations: Iterable[ApiOperation]) -> Iterator[Shape]:
    for operation in operations:
        for answer in operation.answers.values():
            yield answer.body
            yield from answer.others.values()
        if operation.body:
            yield operation.body.shape
            yield from operation.body.others.values()
        for parameter in operation.parameters:
            yield parameter.shape


class _Shapes:
    """The schemas of all shapes: types are worked out together, once."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        types = {repr(s): s for s in shapes if not isinstance(s, Mapping | None)}
        schemas, self.components = schemas_of(types.values())
        self._schemas = dict(zip(types, schemas, strict=True))

    def schema(self, shape: Shape) -> Mapping[str, Any]:
        return shape if isinstance(shape, Mapping) else self._schemas[repr(shape)]

    def content(self, kind: str, shape: Shape, others: Mapping[str, Shape]) -> Any:
        bodies = {**({} if shape is None else {kind: shape}), **others}
        return {kind: {"schema": self.schema(s)} for kind, s in bodies.items()}


def _operation(each: _Described, shapes: _Shapes) -> dict[str, Any]:
    operation = each.operation
    found: dict[str, Any] = {
        "operationId": each.id,
        "tags": [_tag(each)],
        "summary": operation.summary,
        "description": " ".join(filter(None, (operation.description, _who(each)))),
    }
    if operation.parameters:
        found["parameters"] = [_parameter(p, shapes) for p in operation.parameters]
    if operation.body:
        body = operation.body
        found["requestBody"] = {
            "required": body.required,
            "content": shapes.content(body.media_type, body.shape, body.others),
        }
    found["responses"] = {
        str(status): _answer(answer, shapes)
        for status, answer in sorted(operation.answers.items())
    } | {
        str(status): errors.reference(status)
        for status in errors.statuses(
            operation, public=each.is_public, has_variables="{" in each.path
        )
    }
    if each.is_public:
        found["security"] = []
    elif needs_password(each.method.upper(), each.subject):
        found["security"] = [{"password": []}]
    return found


def _who(each: _Described) -> str:
    """The sentence that says what the operation takes."""
    if each.is_public:
        return "Takes no credentials."
    method = each.method.upper()
    told = f"Takes the role {role_name(needed_role(method, each.subject))}"
    if needs_password(method, each.subject):
        return f"{told}, and a password: a token will not do."
    return f"{told}."


def _parameter(parameter: Parameter, shapes: _Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": shapes.schema(parameter.shape),
    }
    if parameter.name == "filters":
        found |= {"style": "form", "explode": True}
    return found


def _answer(answer: ApiAnswer, shapes: _Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": answer.description,
        "headers": _headers((REQUEST_ID, *answer.headers)),
    }
    content = shapes.content(answer.media_type, answer.body, answer.others)
    if content:
        found["content"] = content
    return found


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
