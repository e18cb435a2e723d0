"""Occurrences that do not take place, remembered before their series is known. Pure.

Messages overtake each other: the request for such an occurrence, or for its series, may
still be on the way, and must not open a room at that date.
"""

from datetime import datetime

import msgspec

from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR
from pexschedd.model.schedule import CancelledOccurrence
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.context import IdSource, KnownMeetings
from pexschedd.scheduling.decisions.decision import Put, RecordChange
from pexschedd.scheduling.decisions.versions import Version

MOST_EARLY = 500
"""Cancellations of occurrences of one meeting that are kept for its request; over a
year of working days."""


def early_cancellation(
    message: MeetingMessage,
    original: datetime,
    connector: Connector,
    now: datetime,
    ids: IdSource,
) -> CancelledOccurrence:
    """Return the record of an occurrence that takes place no more, by `message`."""
    return CancelledOccurrence(
        id=ids.new_id(tables.CANCELLED_OCCURRENCE),
        exchange_connector=connector.id,
        ews_item_uid=message.uid,
        recurrence_id=original,
        sequence=message.sequence,
        changed=message.changed,
        organizer=organizer.address_of(message),
        created=now,
    )


def remembered(
    early: CancelledOccurrence, known: KnownMeetings
) -> tuple[RecordChange, ...]:
    """Return the change that remembers an early cancellation, if there is any.

    Each occurrence has one of each organizer, and each organizer so many of a meeting:
    nobody fills the store with cancellations of what never was.
    """
    theirs = [
        each
        for each in known.early_cancellations(
            early.exchange_connector, early.ews_item_uid
        )
        if each.organizer == early.organizer
    ]
    for each in theirs:
        if each.recurrence_id == early.recurrence_id:
            older = Version(early.sequence, early.changed)
            if Version(each.sequence, each.changed).is_newer_than(older):
                return ()
            early = msgspec.structs.replace(early, id=each.id)
            return (Put(tables.CANCELLED_OCCURRENCE, early),)
    if len(theirs) >= MOST_EARLY:
        return ()
    return (Put(tables.CANCELLED_OCCURRENCE, early),)


def missed(
    message: MeetingMessage,
    known: KnownMeetings,
    connector: Connector,
    now: datetime,
    ids: IdSource,
) -> tuple[RecordChange, ...]:
    """Return the change that remembers an occurrence which was moved into the past.

    There is none for a message about a whole meeting.
    """
    original = message.recurrence_id
    if original is None or not FIRST_YEAR <= original.year <= LAST_YEAR:
        return ()
    return remembered(early_cancellation(message, original, connector, now, ids), known)
