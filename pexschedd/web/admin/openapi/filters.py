"""JSON schemas of the filters of lists, as arguments of the address. Pure.

They are one parameter, an object with an argument for each property: a resource has up
to two thousand of them. A name alone is a property; with an operator it is found by a
pattern.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pexschedd.management.filters import filterable
from pexschedd.management.resource import Column, uri_of
from pexschedd.management.resources import AnyResource
from pexschedd.web.admin.openapi.fields import component_name
from pexschedd.web.admin.openapi.patterns import TIME

_NUMBER = "-?[0-9]{1,18}"
_TRUTH = "([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)"
_MOMENT = TIME.removeprefix("^").removesuffix("$")
_ONE_OF = "Several, separated by commas: one of them has to fit."


def _schema(pattern: str, text: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{pattern}$", "description": text}


def _list(pattern: str) -> dict[str, Any]:
    return _schema(f"{pattern}(,{pattern})*", _ONE_OF)


FILTERS: Mapping[str, Any] = {
    "TextFilter": {"type": "string", "description": "A text."},
    "TextFilterList": {"type": "string", "description": _ONE_OF},
    "NumberFilter": _schema(_NUMBER, "A whole number."),
    "NumberFilterList": _list(_NUMBER),
    "TruthFilter": _schema(_TRUTH, "`true` or `false`."),
    "TruthFilterList": _list(_TRUTH),
    "TimeFilter": _schema(_MOMENT, "A time in UTC: 2026-11-21T09:30:00."),
    "TimeFilterList": _list(_MOMENT),
}
"""The schemas of what is compared with, by name."""


def record_filters(resource: str) -> dict[str, Any]:
    """Return the schemas of what references to a resource are compared with, by
    name."""
    beginning = uri_of(resource, 0).removesuffix("0/")
    pattern = f"({beginning})?[1-9][0-9]{{0,17}}/?"
    return {
        _record_filter(resource): _schema(
            pattern, "The address or the id of a record."
        ),
        f"{_record_filter(resource)}List": _list(pattern),
    }


_NAMES: Mapping[type, str] = {
    str: "TextFilter",
    int: "NumberFilter",
    bool: "TruthFilter",
    datetime: "TimeFilter",
}


def filters_of(resource: AnyResource) -> dict[str, Any]:
    """Return the schema of all filters of a resource."""
    properties = {}
    patterns: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, each in filterable(resource).items():
        kind = _kind(each.column)
        properties[name] = _refer(kind)
        plain = [op for op in each.operators if op not in ("in", "isnull")]
        patterns[kind, f"({'|'.join(plain)})"].append(name)
        patterns[f"{kind}List", "in"].append(name)
        if "isnull" in each.operators:
            patterns["TruthFilter", "isnull"].append(name)
    return {
        "type": "object",
        "description": "Records that pass all of these. `name=x` compares exactly, "
        "`name__contains=x` in another way.",
        "properties": properties,
        "patternProperties": {
            f"^({'|'.join(names)})__{operators}$": _refer(kind)
            for (kind, operators), names in patterns.items()
        },
        "additionalProperties": False,
    }


def _kind(column: Column) -> str:
    return _record_filter(column.related) if column.related else _NAMES[column.type]


def _record_filter(resource: str) -> str:
    return f"{component_name(resource)}Filter"


def _refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
