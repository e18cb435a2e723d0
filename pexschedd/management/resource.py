"""Resources of the management API, described from the declared fields. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

import msgspec

from pexschedd.model.fields.declaration import (
    Declared,
    Field,
    Record,
    fields_of,
)
from pexschedd.model.fields.validation import is_exposed
from pexschedd.model.table import Index, R, Table

T = TypeVar("T")

PREFIX = "/api/admin"
KINDS = ("configuration", "status", "history")

AnyTable = Table[Any]
AnyIndex = Index[Any]
Payload = Mapping[str, object]
"""A record, or a part of one, as it is sent: values by the names of fields."""


class Column(msgspec.Struct, frozen=True):
    """A value that a resource shows, and that lists are filtered and ordered by."""

    name: str
    type: type
    get: Callable[[Any], Any]
    """Returns the value of a record, as Python has it; a relation gives the other
    record's id."""
    related: str = ""
    """The resource that the value refers to; empty if it is no reference."""
    nested: bool = False
    """The record that is referred to is shown, not its URI."""
    nullable: bool = False
    is_plain: bool = True
    """False for a list: no filter compares it, and no list is ordered by it."""


class Children(msgspec.Struct, frozen=True):
    """Records of another resource that belong to this one."""

    name: str
    resource: str
    parent: str
    """The name of their field that holds our id."""
    index: AnyIndex
    """Finds them by our id."""
    nested: bool = True
    """Shown in full; otherwise as URIs."""
    count: str = ""
    """The name under which their number is shown; empty if it is not."""


class Referrer(msgspec.Struct, frozen=True):
    """Records of another resource that refer to this one, which cannot be deleted
    while there are any."""

    resource: str
    field: str
    """The name of their field that holds our id."""
    index: AnyIndex
    """Finds them by our id."""
    shown: str = ""
    """The name under which the first `MOST_REFERRERS` of them are shown; empty if they
    are not."""
    nested: bool = False
    """Shown in full; otherwise as URIs."""


MOST_REFERRERS = 100
MOST_RECORDS = 1_000
"""Records that one request puts or deletes: they are changed in one go."""


class Upload(msgspec.Struct, frozen=True):
    """A file as a client has sent it: a value of a payload."""

    name: str
    """The file's name as the client gave it; it is used for nothing."""
    content: bytes


class FileField(msgspec.Struct, frozen=True):
    """A field of a resource that takes a file. It is checked, and not kept."""

    check: Callable[[bytes], str | None]
    """Returns what is wrong with the file, or None."""
    note: str
    """The text for a client whose file was taken: what has become of it."""
    help: str
    largest: int
    """Bytes."""


class MissingRelation(msgspec.Struct, frozen=True):
    """A list of records of a resource that only other systems have.

    Clients send whole records: it is shown empty, and only an empty one is accepted.
    """

    name: str
    resource: str
    reason: str
    """A sentence that says what there is not."""


class Resource(Generic[R]):
    """One resource: a table, or a view of one.

    `finders` answer an equality filter from an index: the index, and the function that
    makes its key of the filter's value, or None of one that is not in the index. What
    they find is still filtered: a key may be coarser. `filter_names` are names that
    only filters have, with the fields they stand for: clients search every list by
    `name`. `missing` are the relations that
    are always empty. `referrers` are shown, and keep records from being deleted.
    `files` are taken with a record, and not kept. `is_visible` selects the records of
    the table that the resource has; None is all. A `deletable` resource lets
    administrators remove records that only the daemon writes. `secret_owner` gives the
    part of a secret's context that identifies the record. `split_payload` takes apart
    what is sent for new records, if it may stand for several. The records of a `fixed`
    one are made and deleted, but never changed; those that are `issued` get a secret
    that is shown once. A list that is `newest_first` begins with the highest ids,
    unless another order is asked for.
    """

    def __init__(
        self,
        table: Table[R],
        *,
        name: str = "",
        kind: str = "configuration",
        children: tuple[Children, ...] = (),
        missing: tuple[MissingRelation, ...] = (),
        referrers: tuple[Referrer, ...] = (),
        files: Mapping[str, FileField] | None = None,
        finders: Mapping[str, tuple[AnyIndex, Callable[[Any], Hashable]]] | None = None,
        filter_names: Mapping[str, str] | None = None,
        columns: tuple[Column, ...] = (),
        is_visible: Callable[[R], bool] | None = None,
        read_only: bool = False,
        deletable: bool = False,
        fixed: bool = False,
        issued: bool = False,
        newest_first: bool = False,
        owner: str = "",
        secret_owner: Callable[[R], object] = lambda record: record.id,
        split_payload: Callable[[Payload], Sequence[Payload]] = lambda payload: (
            payload,
        ),
    ) -> None:
        self.table = table
        self.name = name or table.name
        self.kind = kind
        self.children = {child.name: child for child in children}
        self.missing = {each.name: each for each in missing}
        self.referrers = referrers
        self.files = dict(files or {})
        self.finders = dict(finders or {})
        self.filter_names = dict(filter_names or {})
        self.is_visible = is_visible
        self.writable = kind == "configuration" and not read_only
        self.deletable = self.writable or deletable
        self.fixed = fixed
        self.issued = issued
        self.newest_first = newest_first
        self.owner = owner
        """The field with the account that a record belongs to; empty if all see it."""
        self.others: Mapping[str, Resource[Any]] = {}
        """The resources that relations lead to, by name."""
        self.secret_owner = secret_owner
        self.split_payload = split_payload
        declared = fields_of(table.record)
        self.columns: Mapping[str, Column] = {
            column.name: column
            for column in columns or map(_column, filter(is_exposed, declared.values()))
        }
        self.fields: Mapping[str, Declared] = {
            name: _declared(column, declared.get(name))
            for name, column in self.columns.items()
        }
        """The declared fields, with the secrets, which are not columns."""
        if not columns:
            self.fields |= {n: d for n, d in declared.items() if d.field.secret}

    @property
    def uri(self) -> str:
        """The path of the list."""
        return f"{PREFIX}/{self.kind}/v1/{self.name}/"

    def uri_of(self, id: int) -> str:
        """Return the path of one record."""
        return f"{self.uri}{id}/"

    def restricted(
        self,
        others: "Mapping[str, Resource[Any]]",
        *,
        writable: bool,
        confidential: bool,
    ) -> Self:
        """Return the resource for those who may do less.

        `others` are the resources that its relations lead to. Without `confidential`
        its confidential fields do not exist: they are neither shown nor found by.
        """
        found = copy(self)
        found.others = others
        found.writable = self.writable and writable
        found.deletable = self.deletable and writable
        found.children = {
            name: each
            for name, each in self.children.items()
            if each.resource in others
        }
        if not confidential:
            hidden = {n for n, d in self.fields.items() if d.field.confidential}
            found.columns = _without(self.columns, hidden)
            found.fields = _without(self.fields, hidden)
            found.finders = dict(_without(self.finders, hidden))
            found.filter_names = {
                name: field
                for name, field in self.filter_names.items()
                if field not in hidden
            }
        return found

    def of_owner(self, id: int) -> Self:
        """Return the resource with the records alone that belong to an account."""
        found = copy(self)
        get = self.columns[self.owner].get
        found.is_visible = lambda record: bool(get(record) == id)
        return found

    def missing_problems(self, payload: Payload) -> dict[str, list[str]]:
        """Return the problem of each missing relation that is set all the same."""
        return {
            name: [f"{each.reason} This must be empty."]
            for name, each in self.missing.items()
            if payload.get(name) not in (None, "", [])
        }


def _without(values: Mapping[str, T], names: set[str]) -> Mapping[str, T]:
    return {name: value for name, value in values.items() if name not in names}


def _column(declared: Declared) -> Column:
    name = declared.name
    return Column(
        name=name,
        type=declared.type,
        get=attribute(name),
        related=declared.field.related,
        nested=declared.field.nested,
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
    """Return the path of a configuration record.

    `resource` may be one that only other systems have, such as `ivr_theme`.
    """
    return f"{PREFIX}/configuration/v1/{resource}/{id}/"


def attribute(name: str) -> Callable[[Record], Any]:
    """Return a function that reads the attribute `name` of a record."""
    return attrgetter(name)
