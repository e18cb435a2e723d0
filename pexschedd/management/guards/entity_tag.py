"""Entity tags: short texts that are another one as soon as a record is. Pure.

A tag is made of all that the API shows of a record, and of the secrets that it does not
show, as they are sealed: with a new password there is a new tag.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256

import msgspec

from pexschedd.management.representation import RecordReads, represent
from pexschedd.management.resource import AnyTable, Resource
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.validation import is_writable
from pexschedd.model.table import R

_DIGITS = 32

Expectation = Callable[[str], None]
"""Takes a record's tag; raises `RecordChanged` if the sender of a change expects
another one."""


def expect_nothing(tag: str) -> None:
    """Accept any tag."""


class ShownRecord(msgspec.Struct, frozen=True):
    """A record as the API shows it."""

    body: msgspec.Raw
    """JSON."""
    tag: str
    """Hexadecimal digits."""


def shown_record(store: RecordReads, resource: Resource[R], record: R) -> ShownRecord:
    """Return a record with its tag; it is put into JSON once, for both."""
    body = msgspec.json.encode(represent(store, resource, record))
    digest = sha256(body)
    for name in _secrets(resource):
        digest.update(f"\0{name}\0{getattr(record, name)}".encode())
    return ShownRecord(msgspec.Raw(body), digest.hexdigest()[:_DIGITS])


def tables_shown(resource: AnyResource) -> Iterator[AnyTable]:
    """Yield the tables that a record's tag depends on."""
    yield resource.table
    for child in resource.children.values():
        yield child.index.table
    for referrer in resource.referrers:
        if referrer.shown:
            yield referrer.index.table
    for column in resource.columns.values():
        if column.nested and column.related in CONFIGURATION:
            yield CONFIGURATION[column.related].table


def _secrets(resource: AnyResource) -> Iterator[str]:
    """The secrets that clients set; others change without anybody's doing."""
    for name, declared in resource.fields.items():
        if declared.field.secret and is_writable(declared):
            yield name
