"""The parts that a message leaves out, taken from what is known of its meeting. Pure.

Not every server says everything: a cancellation may come without a sequence number,
and one occurrence may be named by its local date alone (MS-OXCICAL, MS-OXOCAL section
2.2.1.27) or not at all.
"""

import msgspec

from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import (
    MeetingRecord,
    ScheduledConference,
)
from pexschedd.scheduling.decisions.decision import Undecidable
from pexschedd.scheduling.decisions.own_records import OwnRecords
from pexschedd.scheduling.recurrence.series_dates import original_on
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone


def completed(message: MeetingMessage, own: OwnRecords) -> MeetingMessage:
    """Return the message with the occurrence and the sequence number that are meant.

    A message without a number is taken for one of the newest number: its time decides.
    Raises `Undecidable` for a message about a known series that says neither that it is
    about all of it nor which occurrence it is about.
    """
    if not own.all:
        return message
    if not message.has_sequence:
        latest = max(map(_sequence, own.all))
        message = msgspec.structs.replace(message, sequence=latest)
    series = own.series
    if series is None or message.is_series:
        return message
    if message.occurrence_day is not None:
        try:
            original = original_on(series.recurrence, message.occurrence_day)
        except UnknownZone:
            original = None
        if original is not None:
            return msgspec.structs.replace(message, recurrence_id=original)
    if message.recurrence_id is None and not message.names_its_part:
        raise Undecidable("the message does not say which part of the series it is for")
    return message


def _sequence(meeting: MeetingRecord) -> int:
    if isinstance(meeting, ScheduledConference):
        return meeting.sequence
    return max([meeting.sequence, *(each.sequence for each in meeting.versions)])
