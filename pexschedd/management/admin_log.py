"""The administrator log of the changes that administrators make."""

from collections.abc import Iterable
from contextvars import ContextVar

from twisted.logger import Logger

from pexschedd.logs import acting
from pexschedd.model.fields.declaration import Record
from pexschedd.model.integration.connector import Connector

_log = Logger(namespace="administrator.configuration")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being carried out: the lines' correlation id."""


def note(
    event: str,
    integration: int | None = None,
    *,
    is_warning: bool = False,
    **values: object,
) -> None:
    """Log an event in the name of the administrator whose request is carried out.

    `event` is a format for `values`, which name records and fields, never what is in
    the fields. `integration` is the id of the one concerned, if it is one.
    """
    if integration is not None:
        values["integration"] = integration
    if request_id.get():
        values["correlation_id"] = request_id.get()
    emit = _log.warn if is_warning else _log.info
    emit(event, user=acting.get(), **values)


def note_creation(resource: str, record: Record) -> None:
    """Log that a record was created."""
    note(
        "record created resource={resource} id={id}",
        _integration_of(record),
        resource=resource,
        id=record.id,
    )


def note_change(resource: str, record: Record, fields: Iterable[str]) -> None:
    """Log that fields of a record were changed."""
    note(
        "record changed resource={resource} id={id} fields={fields}",
        _integration_of(record),
        resource=resource,
        id=record.id,
        fields=",".join(fields),
    )


def note_deletion(resource: str, record: Record) -> None:
    """Log that a record was deleted."""
    note(
        "record deleted resource={resource} id={id}",
        _integration_of(record),
        resource=resource,
        id=record.id,
    )


def note_warning(resource: str, record: Record, text: str) -> None:
    """Log what a record that was saved lacks to work as it was meant."""
    note(
        "record saved with a warning resource={resource} id={id} warning={warning}",
        _integration_of(record),
        is_warning=True,
        resource=resource,
        id=record.id,
        warning=text,
    )


def _integration_of(record: Record) -> int | None:
    """The id of the integration that a record is, or belongs to."""
    if isinstance(record, Connector):
        return record.id
    id_: int | None = getattr(record, "exchange_connector", None)
    return id_
