"""The description of a resource that clients of the management API can read. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from pexschedd.management.filters import filter_operators
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields import secret_destinations, unsupported
from pexschedd.model.fields.declaration import Declared, Record
from pexschedd.model.fields.times import format_time
from pexschedd.web.admin.openapi.types import attribute_docs

_VERSION_DIGITS = 12

# Clients know no word for objects either: to them all that is composed is a list.
_TYPE_NAMES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    datetime: "datetime",
}


def list_methods(resource: AnyResource) -> tuple[str, ...]:
    """Return the HTTP methods, in lower case, that the resource's list has."""
    return _methods(resource, ("post",) if resource.fixed else ("post", "patch"))


def record_methods(resource: AnyResource) -> tuple[str, ...]:
    """Return the HTTP methods, in lower case, that each of its records has."""
    return _methods(resource, () if resource.fixed else ("put", "patch"))


def _methods(resource: AnyResource, changing: tuple[str, ...]) -> tuple[str, ...]:
    writing = changing if resource.writable else ()
    return ("get", *writing, *(("delete",) if resource.deletable else ()))


def schema(resource: AnyResource, default_limit: int) -> dict[str, Any]:
    """Return the answer to `schema/`: enough for a client that knows nothing else."""
    record: type[Record] = resource.table.record
    docs = attribute_docs(record)
    fields = {
        name: _described(field, docs.get(name, ""))
        for name, field in resource.fields.items()
    }
    if resource.kind != "configuration":
        for field in fields.values():
            field["readonly"] = True
    for child in resource.children.values():
        fields[child.name] = _related("to_many", child.resource)
        if child.count:
            fields[child.count] = _computed("integer", f"How many {child.name}.")
    for missing in resource.missing.values():
        relation = _related("to_many", missing.resource)
        text = f"{missing.reason} Only an empty list is accepted."
        fields[missing.name] = {**relation, "help_text": text}
    for referrer in resource.referrers:
        if referrer.shown:
            form = "in full" if referrer.nested else "as URIs"
            text = f"Records of {referrer.resource} that refer to this one, {form}."
            fields[referrer.shown] = {
                **_computed("related", text),
                "related_type": "to_many",
            }
    for name, file in resource.files.items():
        megabytes = file.largest // 1024**2
        text = f"{file.help} multipart/form-data, {megabytes} MiB at most."
        fields[name] = {
            **_computed("file", text),
            "readonly": False,
            "nullable": True,
            "blank": True,
        }
    fields["resource_uri"] = _computed("string", "Where this record is.")
    description = {
        "allowed_detail_http_methods": _advertised_methods(resource),
        "allowed_list_http_methods": list_methods(resource),
        "default_format": "application/json",
        "default_limit": default_limit,
        "fields": fields,
        "filtering": filter_operators(resource),
        "ordering": [c.name for c in resource.columns.values() if c.is_plain],
    }
    return {**description, "version": _version_of(description)}


def _version_of(description: Mapping[str, Any]) -> str:
    """The version of a description: another one if anything of it but its words is."""
    fields = {
        name: {key: value for key, value in field.items() if key != "help_text"}
        for name, field in description["fields"].items()
    }
    told = msgspec.json.encode({**description, "fields": fields}, order="deterministic")
    return sha256(told).hexdigest()[:_VERSION_DIGITS]


def _advertised_methods(resource: AnyResource) -> tuple[str, ...]:
    """The methods of records, with the one that makes them: clients look for it here,
    although it is the list's."""
    post = ("post",) if resource.writable else ()
    return (*post, *record_methods(resource))


def _described(declared: Declared, doc: str) -> dict[str, Any]:
    """A field; `doc` explains it if its declaration does not."""
    field = declared.field
    default = declared.default
    if isinstance(default, datetime):
        default = format_time(default)
    result = {
        "type": "related" if field.related else _TYPE_NAMES.get(declared.type, "list"),
        "default": "No default provided." if declared.required else default,
        "nullable": declared.nullable,
        "blank": not declared.required and not field.min_length,
        "readonly": field.readonly,
        "unique": field.unique or declared.name == "id",
        "help_text": _help_text(declared) or doc,
    }
    if field.related:
        result |= {"related_type": "to_one", **_related_schema(field.related)}
    if field.choices:
        result["valid_choices"] = list(field.choices)
    return result


def _help_text(declared: Declared) -> str:
    """The explanation with the limits, as one paragraph."""
    field = declared.field
    parts = [field.help]
    if field.minimum is not None and field.maximum is not None:
        unit = f" {field.unit}" if field.unit else ""
        parts.append(f"Range: {field.minimum} to {field.maximum}{unit}.")
    if field.max_length is not None:
        parts.append(f"Maximum length: {field.max_length} characters.")
    if field.template is not None:
        names: Sequence[str] = sorted(field.template)
        parts.append(f"Variables: {', '.join(names) or 'none'}.")
    if field.secret:
        parts.append("Never returned.")
    parts.append(secret_destinations.told(field).replace("`", ""))
    parts.append(unsupported.told(declared).replace("`", ""))
    return " ".join(part for part in parts if part)


def _related(kind: str, resource: str) -> dict[str, Any]:
    result = _computed("related", f"Records of {resource}: URIs, or nested.")
    result |= {"readonly": False, "blank": True, "related_type": kind}
    return result | _related_schema(resource)


def _related_schema(resource: str) -> dict[str, str]:
    """The address of a related resource's schema, unless only other systems have it."""
    other = CONFIGURATION.get(resource)
    return {} if other is None else {"related_schema": f"{other.uri}schema/"}


def _computed(kind: str, text: str) -> dict[str, Any]:
    return {
        "type": kind,
        "default": "No default provided.",
        "nullable": False,
        "blank": False,
        "readonly": True,
        "unique": False,
        "help_text": text,
    }
