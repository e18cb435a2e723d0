"""The times at which a conference may be joined: single meetings and series.

Fields have the management API's names. A field that refers to another record holds
its id. Times are aware UTC.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from pexschedd.model.fields.declaration import Field, Record
from pexschedd.model.recurrence import Recurrence


class ScheduledConference(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting that takes place in a conference, and when people may join.

    `start_time` and `end_time` are the join window: the meeting's times widened by
    the integration's buffers, as administrators see them.
    """

    conference: Annotated[
        int, Field(help="The room the meeting takes place in.", related="conference")
    ]
    start_time: Annotated[
        datetime, Field(help="When people may join from: join-before included.")
    ]
    end_time: Annotated[
        datetime, Field(help="When people may join until: join-after included.")
    ]
    ews_item_id: Annotated[
        str, Field(help="Exchange's id of the item; it changes.", max_length=255)
    ] = ""
    ews_item_uid: Annotated[
        str, Field(help="The meeting's id in all calendars.", max_length=255)
    ] = ""
    scheduled_alias: Annotated[
        int | None,
        Field(help="The alias that was handed out.", related="scheduled_alias"),
    ] = None
    recurring_conference: Annotated[
        int | None,
        Field(help="The series it is part of.", related="recurring_conference"),
    ] = None
    subject: Annotated[str, Field(help="The subject.", max_length=255)] = ""
    exchange_connector: Annotated[int | None, Field(internal=True)] = None
    meeting_start: Annotated[datetime | None, Field(internal=True)] = None
    meeting_end: Annotated[datetime | None, Field(internal=True)] = None
    sequence: Annotated[int, Field(internal=True)] = 0
    changed: Annotated[datetime | None, Field(internal=True)] = None
    answer: Annotated[str, Field(internal=True)] = ""
    """The text the organizer got last; a repeated message gets the same."""
    organizer: Annotated[str, Field(internal=True)] = ""
    """The organizer's address in lower case; empty where it was never known."""
    recurrence_id: Annotated[datetime | None, Field(internal=True)] = None
    """Of an occurrence whose series is not ours: its original start."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield `end_time` if it is not after `start_time`."""
        if self.end_time <= self.start_time:
            yield "end_time", "This must be after start_time."


class OccurrenceVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """The version of an occurrence that its latest message brought."""

    original: datetime
    sequence: int = 0
    changed: datetime | None = None
    answer: str = ""


class RecurringConference(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A series of meetings that takes place in one conference.

    When it may be joined is computed from the recurrence. The `scheduled_conference`
    records of a series are for administrators to look at: the occurrences from 24
    hours back until 48 hours ahead.
    """

    conference: Annotated[
        int, Field(help="The room the series takes place in.", related="conference")
    ]
    current_index: Annotated[
        int,
        Field(
            help="The position in the series, from 0 on, of the occurrence that takes "
            "place now or next.",
            minimum=0,
            readonly=True,
        ),
    ] = 0
    ews_item_id: Annotated[
        str, Field(help="Exchange's id of the item; it changes.", max_length=255)
    ] = ""
    is_depleted: Annotated[
        bool, Field(help="Whether no further occurrence will take place.")
    ] = False
    scheduled_alias: Annotated[
        int | None,
        Field(help="The alias that was handed out.", related="scheduled_alias"),
    ] = None
    subject: Annotated[str, Field(help="The subject.", max_length=255)] = ""
    exchange_connector: Annotated[int, Field(internal=True)]
    ews_item_uid: Annotated[str, Field(internal=True)]
    recurrence: Annotated[Recurrence, Field(internal=True)]
    join_before: Annotated[int, Field(internal=True, unit="minutes")] = 0
    join_after: Annotated[int, Field(internal=True, unit="minutes")] = 0
    sequence: Annotated[int, Field(internal=True)] = 0
    changed: Annotated[datetime | None, Field(internal=True)] = None
    answer: Annotated[str, Field(internal=True)] = ""
    versions: Annotated[tuple[OccurrenceVersion, ...], Field(internal=True)] = ()
    organizer: Annotated[str, Field(internal=True)] = ""
    """The organizer's address in lower case; empty where it was never known."""


MeetingRecord = ScheduledConference | RecurringConference
"""A single meeting, a lone occurrence or a series."""


class CancelledOccurrence(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An occurrence that was cancelled before its meeting was known: the request for
    it, or for its series, may still be on the way."""

    exchange_connector: int
    ews_item_uid: str
    recurrence_id: datetime
    sequence: int = 0
    changed: datetime | None = None
    organizer: str = ""
    created: datetime
