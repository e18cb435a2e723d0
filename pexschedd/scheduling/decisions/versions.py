"""Which of two messages about a meeting is the newer one. Pure.

Exchange's own rule (MS-OXOCAL): the higher sequence number; at the same number the
later critical change of the organizer. That is known in whole seconds only, and a
change of the body alone does not raise the number: the same version of both is not
yet the same message.
"""

from datetime import datetime

import msgspec

from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import RecurringConference, ScheduledConference


class Version(msgspec.Struct, frozen=True):
    sequence: int
    changed: datetime | None
    answer: str = ""
    """The text that was answered; empty for a message itself."""

    @classmethod
    def of(cls, message: MeetingMessage) -> "Version":
        return cls(message.sequence, message.changed)

    @classmethod
    def scheduled(cls, meeting: ScheduledConference | RecurringConference) -> "Version":
        return cls(meeting.sequence, meeting.changed, meeting.answer)

    def is_newer_than(self, other: "Version") -> bool:
        if self.sequence != other.sequence:
            return self.sequence > other.sequence
        return (
            self.changed is not None
            and other.changed is not None
            and self.changed > other.changed
        )

    def equals(self, other: "Version") -> bool:
        """Known to be the same, not just not known to differ."""
        return (
            self.sequence == other.sequence
            and self.changed is not None
            and self.changed == other.changed
        )


def newest(series: RecurringConference, original: datetime) -> Version:
    """What is known of one occurrence: its own last message, or only that its series
    has been sent with this sequence number."""
    for version in series.versions:
        if version.original == original and version.sequence >= series.sequence:
            return Version(version.sequence, version.changed, version.answer)
    return Version(series.sequence, None)
