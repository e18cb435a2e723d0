"""The resources whose records are worked out. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pexschedd.management.computed.licensing import Licensing, licensing
from pexschedd.management.computed.live import (
    CertificateStatus,
    IntegrationStatus,
    MessageCount,
)
from pexschedd.management.computed.open_rooms import OpenRoom, open_rooms
from pexschedd.management.computed.source import RecordSource
from pexschedd.management.resource import Column, Resource, attribute
from pexschedd.management.resources import AnyResource
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.table import Table


class SchedulingOperation(Record, frozen=True, kw_only=True):
    """An operation of scheduling whose outcome is still to be asked for.

    There never is one: what is written here is done when the answer comes.
    """

    creation_time: datetime
    error_code: str
    error_description: str
    resource_id: int
    success: bool
    transaction_uuid: str


class ComputedResource(msgspec.Struct, frozen=True):
    """A resource of the kind `status`, and where its records come from."""

    resource: AnyResource
    records: Callable[[RecordSource, datetime], Iterable[Any]] | None
    """Takes the store and the time now; None is no record. Without it they are what
    `LiveStatus` has under the resource's name."""


def _described(name: str, record: type[Record], *columns: Column) -> AnyResource:
    """Return the resource with a record's fields as columns, some of them replaced."""
    replaced = {column.name: column for column in columns}
    declared = fields_of(record)
    return Resource(
        Table(name, record),
        kind="status",
        columns=tuple(
            replaced.get(field.name)
            or Column(
                field.name, field.type, attribute(field.name), nullable=field.nullable
            )
            for field in declared.values()
        ),
    )


def _id_as_text(record: Record) -> str:
    return str(record.id)


_ALL = (
    ComputedResource(
        # A conference's id is a text on the platform.
        _described("conference", OpenRoom, Column("id", str, _id_as_text)),
        open_rooms,
    ),
    ComputedResource(_described("licensing", Licensing), licensing),
    ComputedResource(
        _described("scheduling_operation", SchedulingOperation),
        lambda store, now: (),
    ),
    ComputedResource(_described("exchange_integration", IntegrationStatus), None),
    ComputedResource(_described("message_count", MessageCount), None),
    ComputedResource(_described("certificate", CertificateStatus), None),
)

COMPUTED: Mapping[str, ComputedResource] = {each.resource.name: each for each in _ALL}
"""By their names."""
