"""The order of the messages about a meeting. Pure.

Exchange's own rule (MS-OXOCAL): the message with the higher sequence number is the
newer one; at the same number, the one with the later critical change of the organizer.
That time is known in whole seconds only, and a change of the body alone does not raise
the number: two messages of the same version may still differ.
"""

from datetime import datetime

import msgspec

from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import (
    MeetingRecord,
    RecurringConference,
)


class Version(msgspec.Struct, frozen=True):
    """The age of a message, or of the record that it led to."""

    sequence: int
    changed: datetime | None
    answer: str = ""
    """The `AnswerTemplate` of the answer that the record's message got; empty for a
    message itself."""

    @classmethod
    def of_message(cls, message: MeetingMessage) -> "Version":
        """The version of a message."""
        return cls(message.sequence, message.changed)

    @classmethod
    def of_record(cls, meeting: MeetingRecord) -> "Version":
        """The version of the message that a record was last changed by."""
        return cls(meeting.sequence, meeting.changed, meeting.answer)

    def is_newer_than(self, other: "Version") -> bool:
        """Return whether this one is known to be newer."""
        if self.sequence != other.sequence:
            return self.sequence > other.sequence
        return (
            self.changed is not None
            and other.changed is not None
            and self.changed > other.changed
        )

    def equals(self, other: "Version") -> bool:
        """Return whether both are known to be the same; unknown times are not."""
        return (
            self.sequence == other.sequence
            and self.changed is not None
            and self.changed == other.changed
        )


def version_of_occurrence(series: RecurringConference, original: datetime) -> Version:
    """The version of one occurrence.

    That is its own last message, or, if the series was sent again since, only the
    series' sequence number.
    """
    for version in series.versions:
        if version.original == original and version.sequence >= series.sequence:
            return Version(version.sequence, version.changed, version.answer)
    return Version(series.sequence, None)
