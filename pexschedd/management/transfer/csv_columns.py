"""The columns of personal rooms and of users as CSV. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pexschedd.management.resources import (
    CONFERENCE,
    CONFIGURATION,
    END_USER,
    AnyResource,
)
from pexschedd.management.transfer.configuration import ConfigurationReads, existing
from pexschedd.management.transfer.room_aliases import ALIASES, AliasTexts
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.validation import is_writable

_TRUTH = {"true": True, "false": False}
_NUMBER = re.compile(r"[0-9]{1,15}")
_SEPARATED = re.compile(r"(?:\\.|[^|\\])+", re.DOTALL)


class CsvTable(msgspec.Struct, frozen=True):
    """A kind of table: which records, and which columns."""

    name: str
    resource: AnyResource
    written: tuple[str, ...]
    """The columns of an export, in order."""
    key: str
    """The column by which a record is found."""

    @property
    def readable(self) -> tuple[str, ...]:
        """The columns that an import may have: those written, and all other fields."""
        fields = self.resource.fields.values()
        own = [d.name for d in fields if is_writable(d) and not d.field.secret]
        return (*self.written, *(name for name in own if name not in self.written))


ROOMS = CsvTable(
    "personal_rooms",
    CONFERENCE,
    (
        "name",
        "description",
        "primary_owner_email_address",
        ALIASES,
        "service_type",
        "pin",
        "allow_guests",
        "guest_pin",
        "participant_limit",
        "ivr_theme",
        "host_identity_provider_group",
        "guest_identity_provider_group",
        "tag",
    ),
    key="name",
)
USERS = CsvTable(
    "users",
    END_USER,
    tuple(
        d.name
        for d in END_USER.fields.values()
        if is_writable(d) and not d.field.unsupported
    ),
    key="primary_email_address",
)
TABLES: Mapping[str, CsvTable] = {each.name: each for each in (ROOMS, USERS)}


def cells_of(table: CsvTable, store: ConfigurationReads, record: Any) -> list[str]:
    """Return the cells of a record."""
    return [_cell(table, store, record, name) for name in table.written]


def _cell(table: CsvTable, store: ConfigurationReads, record: Any, name: str) -> str:
    if name == ALIASES:
        found = store.find_all(tables.ALIAS_BY_CONFERENCE, record.id)
        texts = (re.sub(r"([|\\])", r"\\\1", each.alias) for each in found)
        return "|".join(texts)
    value = getattr(record, name)
    related = table.resource.fields[name].field.related
    if value is not None and related:
        other: Any = store.get(CONFIGURATION[related].table, value)
        return "" if other is None else str(other.name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def values_of(
    table: CsvTable, store: ConfigurationReads, cells: Mapping[str, str]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the fields of a row, and the problems with columns that name what is not
    there. An empty cell takes the value away.
    """
    values: dict[str, object] = {table.key: cells[table.key]}
    current = existing(store, table.resource, values)
    problems: dict[str, str] = {}
    for name, cell in cells.items():
        if name == ALIASES:
            values[name] = separated(cell)
            continue
        declared = table.resource.fields[name]
        if cell == "" and current is not None and getattr(current, name) in (None, ""):
            continue
        if declared.field.related and cell:
            uri = _named(store, declared.field.related, cell)
            if uri:
                values[name] = uri
            else:
                problems[name] = f"There is no {declared.field.related} of this name."
        else:
            values[name] = _value(declared, cell)
    return values, problems


def _value(declared: Declared, cell: str) -> object:
    """A cell as JSON would have it; what cannot be read stays a text, for the check to
    name."""
    if declared.type is str:
        return cell if cell or not declared.nullable else None
    if declared.type is bool:
        return _TRUTH.get(cell.lower(), cell) if cell else None
    return int(cell) if _NUMBER.fullmatch(cell) else cell or None


def separated(cell: str) -> AliasTexts:
    """Return the aliases in a cell: between them is |, and a \\ before one that is
    part of an alias."""
    found = (re.sub(r"\\(.)", r"\1", each) for each in _SEPARATED.findall(cell))
    return AliasTexts(text for each in found if (text := each.strip()))


def _named(store: ConfigurationReads, resource: str, name: str) -> str:
    """The URI of the record with a name; empty if there is none."""
    other = CONFIGURATION.get(resource)
    if other is None:
        return ""
    found: Sequence[Any] = [
        each for each in store.all(other.table) if each.name == name
    ]
    return other.uri_of(found[0].id) if found else ""


_PLACE = re.compile(r"\w+\[(\d+)\](?: \".*?\")?(: )?(.*)", re.DOTALL)


def located(
    problems: Mapping[str, Sequence[str]], lines: Sequence[int]
) -> dict[str, list[str]]:
    """Return the problems of an import with lines and columns for their places."""
    found: dict[str, list[str]] = {}
    for place, texts in problems.items():
        match = _PLACE.fullmatch(place)
        if match is not None and int(match[1]) < len(lines):
            place = f"line {lines[int(match[1])]}"
            place += f", column {match[3]}" if match[3] else ""
        found.setdefault(place, []).extend(texts)
    return found
