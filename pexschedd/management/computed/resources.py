"""The resources whose records are worked out. Pure.

A status list is declared once: a `Record`, whose attributes' docstrings explain them,
and its line in `_ALL`. Its pages, filters, `schema/`, place in the overview and part
of the OpenAPI document follow from that. Its permission is in `access.permissions`;
records that only the running daemon knows are handed in as `LiveRecords`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pexschedd.management.computed.installed import (
    AddinStatus,
    DeploymentAccountStatus,
    ServiceAccountStatus,
)
from pexschedd.management.computed.licensing import Licensing, licensing
from pexschedd.management.computed.live import (
    CertificateStatus,
    IntegrationStatus,
    MessageCount,
)
from pexschedd.management.computed.mailbox_work import (
    AuditStatus,
    MaintenanceStatus,
    MigrationStatus,
    RecoveryStatus,
)
from pexschedd.management.computed.open_rooms import OpenRoom, open_rooms
from pexschedd.management.computed.principal import OwnPermissions, own_permissions
from pexschedd.management.computed.source import RecordSource
from pexschedd.management.onetouch.statuses import EndpointStatus, RoomMeetingStatus
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
    records: Callable[[RecordSource, datetime], Iterable[Any]] | None = None
    """Takes the store and the time now; None is no record. Without it they are what
    the running daemon has as `LiveRecords` under the resource's name."""
    absent: str = ""
    """The text for an id that no record has, with `{id}`; empty for the usual one."""

    def absence_of(self, id: int) -> str:
        """Return the sentence that says that there is no such record."""
        text = self.absent or f"There is no {self.resource.name} {{id}}."
        return text.format(id=id)


_PLAIN = (str, int, bool, datetime)


def _of(
    name: str, record: type[Record], *columns: Column, named_by: str = ""
) -> AnyResource:
    """Return the resource with a record's fields as columns, some of them replaced.

    Lists of records without a name can be searched by the field `named_by` as if that
    were it.
    """
    replaced = {column.name: column for column in columns}
    declared = fields_of(record)
    return Resource(
        Table(name, record),
        kind="status",
        filter_names={"name": named_by} if named_by else {},
        columns=tuple(
            replaced.get(field.name)
            or Column(
                field.name,
                field.type,
                attribute(field.name),
                nullable=field.nullable,
                is_plain=field.type in _PLAIN,
            )
            for field in declared.values()
        ),
    )


def _id_as_text(record: Record) -> str:
    return str(record.id)


_ALL = (
    ComputedResource(
        # A conference's id is a text on the platform.
        _of("conference", OpenRoom, Column("id", str, _id_as_text)),
        open_rooms,
    ),
    ComputedResource(_of("licensing", Licensing), licensing),
    ComputedResource(
        _of("scheduling_operation", SchedulingOperation),
        lambda store, now: (),
    ),
    ComputedResource(_of("exchange_integration", IntegrationStatus)),
    ComputedResource(_of("message_count", MessageCount)),
    ComputedResource(_of("certificate", CertificateStatus)),
    ComputedResource(
        _of("exchange_scheduler_audit", AuditStatus),
        absent="There was no audit of integration {id} since the start.",
    ),
    ComputedResource(
        _of("exchange_scheduler_recovery", RecoveryStatus),
        absent="There was no recovery of integration {id}.",
    ),
    ComputedResource(
        _of("exchange_scheduler_maintenance", MaintenanceStatus),
        absent="There was no maintenance of integration {id}.",
    ),
    ComputedResource(
        _of("exchange_scheduler_migration", MigrationStatus),
        absent="There was no migration of integration {id}.",
    ),
    ComputedResource(
        _of("exchange_scheduler_addin", AddinStatus),
        absent="There is no integration {id}.",
    ),
    ComputedResource(
        _of("exchange_service_account", ServiceAccountStatus),
        absent="There is no integration {id} to whose service account a person signs "
        "in: only those with OAUTH have one.",
    ),
    ComputedResource(
        _of("mjx_service_account", DeploymentAccountStatus, named_by="deployment_name"),
        absent="There is no deployment {id} to whose service account a person signs "
        "in: only those with OAUTH have one.",
    ),
    ComputedResource(_of("mjx_endpoint", EndpointStatus, named_by="endpoint_name")),
    ComputedResource(_of("mjx_meeting", RoomMeetingStatus, named_by="subject")),
    ComputedResource(
        _of("principal", OwnPermissions), lambda store, now: own_permissions()
    ),
)

COMPUTED: Mapping[str, ComputedResource] = {each.resource.name: each for each in _ALL}
"""By their names."""
