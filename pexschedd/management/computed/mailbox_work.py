"""Status of what is done with an integration's mailbox: audits, recoveries,
maintenances and migrations. Pure."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pexschedd.model.fields.declaration import Record


class AuditedTimes(msgspec.Struct, frozen=True):
    """The times of a meeting, in UTC."""

    start_time: str
    end_time: str


class AuditedMeeting(msgspec.Struct, frozen=True):
    """A difference between calendar and rooms that an audit has found."""

    kind: str
    """A stable word for the difference."""
    uid: str
    """The meeting's UID, the same in all calendars."""
    calendar: AuditedTimes | None
    """The times in the equipment mailbox's calendar, if it is there."""
    record: AuditedTimes | None
    """The times as they are scheduled here, if they are."""
    healed: bool
    """True if the audit has put it right."""
    note: str


class AuditStatus(Record, frozen=True, kw_only=True):
    """The last audit of an integration, which may still be running."""

    exchange_connector_id: int
    start_time: datetime
    """The beginning."""
    end_time: datetime | None
    """The end; null while it is running."""
    running: bool
    error: str
    """The reason why it did not come to its end; empty if it did."""
    meetings: int | None
    """Meetings that were looked at."""
    rooms: int | None
    """Rooms that were looked at."""
    findings_count: int
    findings: list[AuditedMeeting]
    """The first findings: `findings_count` counts all."""


class MailboxProgress(msgspec.Struct, frozen=True):
    """The progress of a recovery, maintenance or migration in its present stage."""

    what: str
    """The stage, in words; empty before the work has begun."""
    done: int
    total: int | None
    """The items of the stage, if that is known."""


class MailboxRunStatus(Record, frozen=True, kw_only=True):
    """A recovery, maintenance or migration, and what has become of it."""

    exchange_connector_id: int
    administrator: str
    """The one who began it."""
    correlation_id: str
    dry_run: bool
    """True if it only says what would be done."""
    start_time: datetime
    """The beginning."""
    end_time: datetime | None
    """The end; null while it is running."""
    running: bool
    stopped: bool
    """True if it was to end before everything was done."""
    progress: MailboxProgress
    notes: list[str]
    """The last lines about it."""
    counts: Mapping[str, int] | None
    """The items that were done, by what was done with them; null before the end."""
    failures: int | None
    """The items that failed; null before the end."""
    reasons: list[str]
    """The reasons for which items failed."""
    error: str
    """The reason why it did not come to its end; empty if it did."""


class RecoveryStatus(MailboxRunStatus, frozen=True, kw_only=True):
    """The last recovery of an integration, with its settings."""

    time_limit: datetime
    """The time until which meetings were looked for."""
    update_message: str
    """The text that organizers get."""


class MaintenanceStatus(MailboxRunStatus, frozen=True, kw_only=True):
    """The last maintenance of an integration, with its settings."""

    inbox_time_limit: datetime
    """The time until which messages were deleted."""
    calendar_time_limit: datetime
    """The time until which meetings were deleted."""


class MigrationStatus(MailboxRunStatus, frozen=True, kw_only=True):
    """The last migration of an integration from one interface to the other."""

    to: str
    """The mailbox protocol that it was to have."""
