"""The records of a meeting that are its organizer's. Pure.

Everybody who was invited knows a meeting's id, so that there can be meetings of several
organizers with one id. Records of the time when organizers were not kept are anybody's.
"""

import msgspec

from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.schedule import (
    MeetingRecord,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.context import KnownMeetings, tagged_aliases


class OwnRecords(msgspec.Struct, frozen=True):
    """A single meeting, lone occurrences, or a series: all that one organizer has of
    the meeting that a message is about."""

    meetings: tuple[ScheduledConference, ...] = ()
    series: RecurringConference | None = None

    @property
    def all(self) -> tuple[MeetingRecord, ...]:
        """All of them, the series last."""
        return (*self.meetings, *((self.series,) if self.series else ()))


def own_records(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> OwnRecords | None:
    """Return the records of the organizer who sends `message`; None if the meeting is
    somebody else's and nothing that the message asks for can be done.

    A request with an alias that nobody has used gives its sender a meeting of their
    own, even if others have one with the same id: who came first proves nothing.
    """
    if not message.uid:
        return OwnRecords()
    records = known.records(connector.id, message.uid)
    own = [each for each in records if _is_own(each, message, connector.id, known)]
    if records and not own and not _has_new_alias(message, known, connector):
        return None
    return OwnRecords(
        tuple(each for each in own if isinstance(each, ScheduledConference)),
        next((each for each in own if isinstance(each, RecurringConference)), None),
    )


def is_somebody_elses(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> bool:
    """Return whether a message is about a meeting of which its organizer has nothing.

    This looks at no body: it holds for messages that could not be decided about.
    """
    records = known.records(connector.id, message.uid) if message.uid else []
    return bool(records) and not any(
        _is_own(each, message, connector.id, known) for each in records
    )


def _is_own(
    record: MeetingRecord,
    message: MeetingMessage,
    connector_id: int,
    known: KnownMeetings,
) -> bool:
    return not record.organizer or organizer.is_from(
        record.organizer, message, connector_id, known
    )


def _has_new_alias(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> bool:
    if message.kind is not MessageKind.REQUEST:
        return False
    first = next(iter(tagged_aliases(message, known, connector)), None)
    return (
        first is not None
        and not first.is_used
        and first.ews_item_uid in ("", message.uid)
        and first.conference_deletion_time is None
    )
