"""A change of several documents and the journal, which the disk takes one by one."""

from datetime import datetime

import msgspec

from pexschedd.model.fields.declaration import Record


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as the change leaves it."""

    table: str
    version: int
    """Of the table's records."""
    record: str
    """JSON."""


class UnfinishedChange(Record, frozen=True, kw_only=True):
    """A change that was decided as a whole, and is there until all of it is made."""

    time: datetime
    """The time of the change. Aware UTC."""
    administrator: str
    address: str
    correlation_id: str
    """The one who makes it, for the history."""
    records: tuple[StoredRecord, ...]
