"""Records as the management API shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from pexschedd.management.resource import SHOWN_TYPES, Column, Resource, uri_of
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.times import format_time
from pexschedd.model.table import Index, R, Table


class RecordReads(Protocol):
    """The part of the store that reading needs."""

    def get(self, table: Table[R], id: int) -> R | None: ...
    def find_all(self, index: Index[R], key: Any) -> list[R]: ...


def shown(store: RecordReads, resource: Resource[R], record: R) -> dict[str, Any]:
    """Everything of a record but its secrets."""
    result = _own(resource, record)
    for child in resource.children.values():
        records = store.find_all(child.index, record.id)
        other = CONFIGURATION[child.resource]
        result[child.name] = [
            _own(other, each) if child.nested else other.uri_of(each.id)
            for each in records
        ]
        if child.count:
            result[child.count] = len(records)
    return result


def _own(resource: AnyResource, record: Any) -> dict[str, Any]:
    result = {
        column.name: _value(column, column.get(record))
        for column in resource.columns.values()
    }
    result["resource_uri"] = resource.uri_of(record.id)
    return result


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.related:
        return uri_of(column.related, value)
    return format_time(value) if isinstance(value, datetime) else value


def schema(resource: AnyResource, default_limit: int) -> dict[str, Any]:
    """What `schema/` answers: enough for a client that knows nothing else."""
    fields = {name: _described(field) for name, field in resource.fields.items()}
    for child in resource.children.values():
        fields[child.name] = _related("to_many", child.resource)
        if child.count:
            fields[child.count] = _computed("integer", f"How many {child.name}.")
    fields["resource_uri"] = _computed("string", "Where this record is.")
    return {
        "allowed_detail_http_methods": resource.methods(one=True),
        "allowed_list_http_methods": resource.methods(one=False),
        "default_format": "application/json",
        "default_limit": default_limit,
        "fields": fields,
        "filtering": {
            **{name: 2 if c.related else 1 for name, c in resource.columns.items()},
            **dict.fromkeys(resource.children, 2),
        },
        "ordering": list(resource.columns),
    }


def _described(declared: Declared) -> dict[str, Any]:
    field = declared.field
    default = declared.default
    if isinstance(default, datetime):
        default = format_time(default)
    result = {
        "type": "related" if field.related else SHOWN_TYPES[declared.type],
        "default": "No default provided." if declared.required else default,
        "nullable": declared.nullable,
        "blank": not declared.required and not field.min_length,
        "readonly": field.readonly,
        "unique": field.unique or declared.name == "id",
        "help_text": help_text(declared),
    }
    if field.related:
        result["related_type"] = "to_one"
    if field.choices:
        result["valid_choices"] = list(field.choices)
    return result


def help_text(declared: Declared) -> str:
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
    return " ".join(part for part in parts if part)


def _related(kind: str, resource: str) -> dict[str, Any]:
    result = _computed("related", f"Records of {resource}: URIs, or nested.")
    return {**result, "readonly": False, "blank": True, "related_type": kind}


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
