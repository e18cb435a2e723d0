"""What the management API offers: resources, described from the declared fields."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic

import msgspec

from pexschedd.model.fields.declaration import (
    Declared,
    Field,
    Record,
    fields_of,
)
from pexschedd.model.fields.validation import is_exposed
from pexschedd.model.table import Index, R, Table

PREFIX = "/api/admin"
KINDS = ("configuration", "status", "history")

AnyTable = Table[Any]
AnyIndex = Index[Any]
Sent = Mapping[str, object]


class Column(msgspec.Struct, frozen=True):
    """A value that a resource shows, and that lists are filtered and ordered by."""

    name: str
    type: type
    get: Callable[[Any], Any]
    """From the record, as Python has it; a relation gives the other record's id."""
    related: str = ""
    nullable: bool = False


class Children(msgspec.Struct, frozen=True):
    """Records of another resource that belong to this one."""

    name: str
    resource: str
    parent: str
    """Which of their fields holds our id."""
    index: AnyIndex
    """Finds them by our id."""
    nested: bool = True
    """Shown in full; otherwise as URIs."""
    count: str = ""
    """The name under which their number is shown."""


class Resource(Generic[R]):
    """One resource: a table, or a view of one.

    A `deletable` one lets administrators take note of what only the daemon writes.

    `apart` takes what is sent for new records apart, if it may stand for several.
    `finders` answer an equality filter from an index: the index and what makes its
    key of the filter's value. What they find is still filtered: a key may be coarser.
    """

    def __init__(
        self,
        table: Table[R],
        *,
        name: str = "",
        kind: str = "configuration",
        children: tuple[Children, ...] = (),
        finders: Mapping[str, tuple[AnyIndex, Callable[[Any], Hashable]]] | None = None,
        columns: tuple[Column, ...] = (),
        shows: Callable[[R], bool] | None = None,
        read_only: bool = False,
        deletable: bool = False,
        sealed_by: Callable[[R], object] = lambda record: record.id,
        apart: Callable[[Sent], Sequence[Sent]] = lambda payload: (payload,),
    ) -> None:
        self.table = table
        self.name = name or table.name
        self.kind = kind
        self.children = {child.name: child for child in children}
        self.finders = dict(finders or {})
        self.shows = shows
        self.writable = kind == "configuration" and not read_only
        self.deletable = self.writable or deletable
        self.sealed_by = sealed_by
        self.apart = apart
        declared = fields_of(table.record)
        self.columns: Mapping[str, Column] = {
            column.name: column
            for column in columns or map(_column, filter(is_exposed, declared.values()))
        }
        self.fields: Mapping[str, Declared] = {
            name: _declared(column, declared.get(name))
            for name, column in self.columns.items()
        }
        """What `schema/` describes: with the secrets, which are not columns."""
        if not columns:
            self.fields |= {n: d for n, d in declared.items() if d.field.secret}

    def methods(self, *, one: bool) -> tuple[str, ...]:
        """What can be done with one of its records, or else with the list."""
        changing = ("put" if one else "post", "patch") if self.writable else ()
        return ("get", *changing, *(("delete",) if self.deletable else ()))

    @property
    def uri(self) -> str:
        return f"{PREFIX}/{self.kind}/v1/{self.name}/"

    def uri_of(self, id: int) -> str:
        return f"{self.uri}{id}/"


def _column(declared: Declared) -> Column:
    name = declared.name
    return Column(
        name=name,
        type=declared.type,
        get=lambda record: getattr(record, name),
        related=declared.field.related,
        nullable=declared.nullable,
    )


def _declared(column: Column, declared: Declared | None) -> Declared:
    return declared or Declared(
        name=column.name,
        type=column.type,
        nullable=column.nullable,
        required=False,
        default=None,
        field=Field(readonly=True, related=column.related),
    )


def uri_of(resource: str, id: int) -> str:
    """The URI of a configuration record; also of resources that other systems have."""
    return f"{PREFIX}/configuration/v1/{resource}/{id}/"


def attribute(name: str) -> Callable[[Record], Any]:
    return lambda record: getattr(record, name)


SHOWN_TYPES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    datetime: "datetime",
}
