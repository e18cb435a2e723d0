"""The declaration of fields, each declared once.

A record's attribute carries its `Field` in its annotation. From that one declaration
come the static type, validation, the API's `schema/`, the generated documentation,
what is sealed at rest and what makes the add-in manifest change.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin, get_type_hints

import msgspec

Check = Callable[[Any], str | None]
"""Looks at a value of the right type; returns what is wrong with it, or None."""


class TextPattern(msgspec.Struct, frozen=True):
    """A check of whole texts by a regular expression, which documents can show.

    It has nothing that the dialect of JSON schemas (ECMA-262) does not have.
    """

    pattern: str
    problem: str | Callable[[str], str]
    """The text for a value that does not match, or a function that returns it."""

    def __call__(self, value: str) -> str | None:
        """Return what is wrong with a text, or None."""
        if re.fullmatch(self.pattern, value):
            return None
        return self.problem if isinstance(self.problem, str) else self.problem(value)


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False
):
    """A stored record. Frozen: changing one is `msgspec.structs.replace`.

    It is made of values and cannot be part of a cycle, so the garbage collector need
    not know it: there may be millions.
    """

    id: int

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that contradict others, each with the problem.

        Secrets may be plain or sealed here: only whether they are empty counts.
        """
        yield from ()

    def omissions(
        self, before: Self | None, given: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield the fields that may be empty only where a request says so, each with
        the problem.

        `given` are the names of the request's values, `before` the record that it
        changes; None for a new one.
        """
        yield from ()


class Destination(msgspec.Struct, frozen=True):
    """A field that decides where a secret of the same record is sent, or how openly.

    `moved` takes the field's old and new value, and returns True if a secret that was
    entered for the old one may not be sent by the new one.
    """

    field: str
    moved: Callable[[Any, Any], bool]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of a field, apart from its static type and default."""

    help: str = ""
    label: str = ""
    """The name that administrators know the field by."""
    begins: str = ""
    """The title of the group of fields that starts with this one."""
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    secret: bool = False
    """Sealed at rest, accepted by the API, never returned by it."""
    hashed: bool = False
    """Of a secret: kept as a hash, from which nobody can tell it."""
    received: bool = False
    """Of a secret: compared with what a client of ours sends, and sent nowhere."""
    confidential: bool = False
    """Not for administrators who may only read: they neither see nor find by it."""
    sent_by: tuple[Destination, ...] = ()
    """The fields that decide where this secret goes: see `secret_destinations`."""
    readonly: bool = False
    """Set by the server; a client's value is ignored."""
    internal: bool = False
    """Not part of the API."""
    unique: bool = False
    manifest: bool = False
    """A change makes the add-in manifest change: download and deploy it again."""
    unsupported: str = ""
    """The reason why only the default, and what is `honoured`, is accepted: nothing
    acts on other values."""
    honoured: tuple[str, ...] = ()
    """The values that an unsupported field may have beside its default."""
    only_with: str = ""
    """The unsupported field without which this one has no meaning: any value is
    accepted, and kept."""
    related: str = ""
    """The resource that the value is the id of."""
    nested: bool = False
    """Shown as the record that is referred to, not as its URI: clients decode it so."""
    template: frozenset[str] | None = None
    """The variables a jinja2 template may use; None if this is not a template."""
    multiline: bool = False
    """Line ends and tabs are allowed; a template always may have them."""
    must_use: str = ""
    """The variable that the template must use."""
    checks: tuple[Check, ...] = ()


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A field as found in a record: its declaration, name and type."""

    name: str
    type: Any
    """str, int, bool, datetime, ...: without None."""
    nullable: bool
    required: bool
    default: Any
    field: Field


@cache
def fields_of(record: type[Record]) -> Mapping[str, Declared]:
    """Return a record's fields in the order of declaration, `id` first."""
    hints = get_type_hints(record, include_extras=True)
    result = {}
    for info in msgspec.structs.fields(record):
        hint = hints[info.name]
        field = Field(readonly=True) if info.name == "id" else Field()
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            field = next((e for e in extras if isinstance(e, Field)), field)
        nullable = False
        if get_origin(hint) in (Union, UnionType):
            options = [o for o in get_args(hint) if o is not type(None)]
            nullable = len(options) < len(get_args(hint))
            hint = options[0]
        default = info.default
        if info.default_factory is not msgspec.NODEFAULT:
            default = info.default_factory()
        result[info.name] = Declared(
            name=info.name,
            type=hint,
            nullable=nullable,
            required=info.required,
            default=None if default is msgspec.NODEFAULT else default,
            field=field,
        )
    return result
