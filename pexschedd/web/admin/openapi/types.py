"""JSON schemas of the types that answers are made of. Pure."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

TEMPLATE = "#/components/schemas/{name}"


@cache
def attribute_docs(kind: type) -> Mapping[str, str]:
    """Return the docstrings of a class's attributes and of those that it inherits, by
    name, each as one line; none where the source is not at hand."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        found |= _own_docs(each)
    return found


def _own_docs(kind: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return {}
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - it is a class's source
    found = {}
    for before, after in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[before.target.id] = one_line(after.value.value)
    return found


def one_line(text: str) -> str:
    """Return a docstring without its line ends."""
    return " ".join(text.split())


def schemas_of(
    kinds: Iterable[Any],
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the schema of each type, and the component schemas they refer to."""
    schemas, components = msgspec.json.schema_components(
        kinds, ref_template=TEMPLATE, schema_hook=_any_value
    )
    structs = {kind.__name__: kind for kind in _structs(kinds)}
    for name, schema in components.items():
        schema.pop("title", None)
        schema["description"] = one_line(schema.get("description", ""))
        kind = structs.get(name)
        if kind is None:
            continue
        is_read = _is_read(kind)
        if not is_read:
            # Fields with a default are always in an answer, too.
            schema["required"] = list(schema.get("properties", {}))
        docs = attribute_docs(kind)
        for field, value in schema.get("properties", {}).items():
            if not is_read:
                value.pop("default", None)
            if field in docs:
                value.setdefault("description", docs[field])
    return list(schemas), components


def _any_value(kind: type) -> dict[str, Any]:
    """The schema of a type that msgspec does not know: `object` alone is such a one."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"description": "Any value."}


def _is_read(kind: type[msgspec.Struct]) -> bool:
    """Return True for a request's struct: those refuse fields that they do not have."""
    return kind.__struct_config__.forbid_unknown_fields


def _structs(kinds: Iterable[Any]) -> Iterable[type[msgspec.Struct]]:
    """The structs that types are made of, at any depth."""
    waiting = [msgspec.inspect.type_info(kind) for kind in kinds]
    seen = set()
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [field.type for field in info.fields]
        for name in ("item_type", "key_type", "value_type"):
            if hasattr(info, name):
                waiting.append(getattr(info, name))
        for name in ("item_types", "types"):
            waiting += getattr(info, name, ())
