"""The JSON of records, spliced: what most of them have in common is put together once.

Of the fifty fields of a room all but a few have their default. Records that differ from
it in the same fields, and have as many others that belong to them, share a form: their
JSON with places for what is each one's own. What fills the places is all that has to be
encoded, and kept, of a record: a tenth of its JSON. The result is what `representation`
shows, byte by byte.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from pexschedd.management.representation import (
    RecordReads,
    referred,
    referring,
    represent,
)
from pexschedd.management.resource import Column, uri_of
from pexschedd.management.resources import AnyResource
from pexschedd.model.fields.declaration import Declared, Record, fields_of
from pexschedd.model.fields.times import format_time

_MOST_FORMS = 500
"""Forms of a resource that are kept; one has as many bytes as a record."""
_MOST_CHILDREN = 8
"""Records that may belong to one that is spliced; rarely there are more."""
_BETWEEN = b"\0"
"""A byte that is not in JSON."""

_encode = msgspec.json.Encoder().encode
_differing = partial(msgspec.to_builtins, builtin_types=(datetime,))
"""Returns the fields of a record that do not have their default, by name, in the order
of declaration, if the record's type is stored without its defaults."""
_PLAIN = (str, int, bool, datetime)
"""Types of fields that cost nothing to return so; others may hold very much."""

T = TypeVar("T")
Encode = Callable[[Any], bytes]


Spliced = tuple[bytes, bytes]
"""The JSON of a record: the form, the same object for all that have it, and the content
of its places. A plain tuple, which the garbage collector soon stops tracking."""

_WHOLE = b"%b"
"""The form of a record that has nothing in common with others."""


def joined(spliced: Spliced) -> bytes:
    """Return the JSON of a record in one piece."""
    form, own = spliced
    return form % tuple(own.split(_BETWEEN))


class RecordForms:
    """Encodes records of a resource of the configuration, with what belongs to them."""

    def __init__(self, store: RecordReads, resource: AnyResource) -> None:
        self._store = store
        self._resource = resource
        kind: type[Record] = resource.table.record
        declared = fields_of(kind)
        self._is_spliced = all(
            column.is_plain and column.name in declared
            for column in resource.columns.values()
        )
        """False for a resource that shows fields under other names, or otherwise than
        they are."""
        self._own = _OwnFields(store, resource)
        self._children = [
            (each, _OwnFields(store, resource.others[each.resource]))
            for each in resource.children.values()
        ]
        self._referrers = [each for each in resource.referrers if each.shown]
        self._forms: dict[Hashable, bytes] = {}

    def splice(self, record: Any) -> Spliced:
        """Return the JSON of a record that the resource has."""
        if not self._is_spliced:
            return _WHOLE, _encode(represent(self._store, self._resource, record))
        form, values = self._own.parts(record)
        key: list[Hashable] = [form]
        for child, own in self._children:
            found = self._store.find_all(child.index, record.id)
            key.append(len(found))
            if len(key) > _MOST_CHILDREN or len(found) > _MOST_CHILDREN:
                shown = represent(self._store, self._resource, record)
                return _WHOLE, _encode(shown)
            if child.nested:
                for each in found:
                    form, more = own.parts(each)
                    key.append(form)
                    values += more
            else:
                values += [b"%d" % each.id for each in found]
        for each in self._referrers:
            values.append(_encode(referring(self._store, self._resource, each, record)))
        shared = self._forms.get(tuple(key))
        if shared is None:
            shared = _kept(self._forms, tuple(key), self._made(iter(key)))
        return shared, _BETWEEN.join(values)

    def _made(self, key: Iterator[Any]) -> bytes:
        """Return the form for what `splice` has found."""
        parts = [next(key).text]
        for child, own in self._children:
            count = next(key)
            if child.nested:
                shown = [next(key).text + b"}" for _ in range(count)]
            else:
                shown = [b'"%b%%b/"' % own.uri] * count
            parts.append(b'"%b":[%b]' % (child.name.encode(), b",".join(shown)))
            if child.count:
                parts.append(b'"%b":%d' % (child.count.encode(), count))
        parts += [b'"%b":%%b' % each.shown.encode() for each in self._referrers]
        parts += [b'"%b":[]' % name.encode() for name in self._resource.missing]
        return b",".join(parts) + b"}"


class _Form:
    """A part of a record's JSON; there is one for all with the same differences."""

    __slots__ = ("encoders", "text")

    def __init__(self, text: bytes, encoders: Sequence[Encode | None]) -> None:
        self.text = text
        """A record without its last brace, with a `%b` in each place."""
        self.encoders = encoders
        """The encoder of each field that differs; None for one that is not shown."""


class _OwnFields:
    """Splices what a record has itself."""

    def __init__(self, store: RecordReads, resource: AnyResource) -> None:
        self._store = store
        self._resource = resource
        self.uri = resource.uri.encode()
        kind: type[Record] = resource.table.record
        are_plain = all(each.type in _PLAIN for each in fields_of(kind).values())
        self._has_differing = are_plain and bool(kind.__struct_config__.omit_defaults)
        """Only fields that differ from their default are looked at, and so none that
        may be null is null; otherwise all that are shown."""
        self._names = tuple(resource.columns)
        self._values = attrgetter(*self._names)
        self._forms: dict[Hashable, _Form] = {}

    def parts(self, record: Any) -> tuple[_Form, list[bytes]]:
        """Return the form of a record, and what fills its places."""
        if self._has_differing:
            fields = _differing(record)
            names, found = tuple(fields), fields.values()
        else:
            names, found = self._names, self._values(record)
        form = self._forms.get(names)
        if form is None:
            form = _kept(self._forms, names, self._made(names))
        values = [
            encode(value)
            for encode, value in zip(form.encoders, found, strict=True)
            if encode is not None
        ]
        values.append(b"%d" % record.id)
        return form, values

    def _made(self, names: Sequence[str]) -> _Form:
        """Return the form of records that differ in these fields."""
        columns = self._resource.columns
        kind: type[Record] = self._resource.table.record
        declared = fields_of(kind)
        encoders: dict[str, Encode] = {}
        fields = []
        for name, column in columns.items():
            begin, encode, end = self._place(column, declared[name])
            if name in names:
                encoders[name] = encode
                shown = b"%b%%b%b" % (begin, end)
            else:
                shown = _encode(_shown(declared[name])).replace(b"%", b"%%")
            fields.append(b'"%b":%b' % (name.encode(), shown))
        fields.append(b'"resource_uri":"%b%%b/"' % self.uri)
        return _Form(b"{" + b",".join(fields), [encoders.get(name) for name in names])

    def _place(self, column: Column, declared: Declared) -> tuple[bytes, Encode, bytes]:
        """Return what a value of a column stands between, and what encodes it."""
        if column.nested:
            return b"", partial(self._referred, column.related), b""
        if column.type is datetime:
            return b"", _time, b""
        if column.related:
            uri = uri_of(column.related, 0).removesuffix("0/")
            if column.nullable and not self._has_differing:
                return b"", partial(_uri, uri), b""
            return f'"{uri}'.encode(), b"%d".__mod__, b'/"'
        return b"", _encode, b""

    def _referred(self, resource: str, id: int | None) -> bytes:
        if id is None:
            return b"null"
        return _encode(referred(self._store, self._resource, resource, id))


def _shown(declared: Declared) -> object:
    """The default of a field as the API shows it."""
    default = declared.default
    return format_time(default) if isinstance(default, datetime) else default


def _kept(forms: dict[Hashable, T], key: Hashable, form: T) -> T:
    if len(forms) >= _MOST_FORMS:
        forms.clear()
    forms[key] = form
    return form


def _uri(begin: str, id: int | None) -> bytes:
    return b"null" if id is None else f'"{begin}{id}/"'.encode()


def _time(moment: datetime | None) -> bytes:
    return b"null" if moment is None else _encode(format_time(moment))
