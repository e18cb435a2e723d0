"""The decision about one message in the equipment mailbox. Pure.

`decide` looks at a message, at what is known and at the time, and returns a
`Decision`: the records to write and the answer to give. It performs nothing, so every
story can be told as a table of cases, and a crash can be replayed.

| message               | known                     | answer                       |
|-----------------------|---------------------------|------------------------------|
| request, valid tag    | meeting unknown           | accept, new single or series |
| request, valid tag    | meeting scheduled         | accept, edited               |
| request of one date   | series scheduled          | accept, edited occurrence    |
| request               | the same message before   | the same answer again        |
| request               | a newer version           | discard                      |
| request, marked old   | - (Exchange says so)      | discard                      |
| request, no valid tag | -                         | decline, invalid alias id    |
| request, valid tag    | tag is another meeting's  | wait, then decline as above  |
| request, valid tag    | ... which has left it     | accept, see `succession`     |
| request, valid tag    | its room was deleted      | decline, alias deleted       |
| request, valid tag    | alias leads elsewhere     | decline, alias conflict      |
| request, valid tag    | all of it is over already | decline, in the past         |
| request, token only   | -                         | see `inbox/offline_rewrite`  |
| request of one date   | series has no such date   | decline, its own words       |
| cancellation          | meeting scheduled         | remove, the room goes        |
| cancellation          | a newer version           | discard                      |
| cancellation          | meeting unknown           | remove, the tag is spent     |
| cancellation of one   | series scheduled          | remove, that date goes       |
| cancellation of one   | only that date scheduled  | remove, its room goes        |
| cancellation of one   | meeting unknown           | remove, kept for the series  |
| any of these          | another organizer's       | reply, nothing changes       |
| any of these, hidden  | meeting scheduled         | as if it were in the inbox   |
| any of these, hidden  | unknown, with a valid tag | as if it were in the inbox   |
| any of these, hidden  | unknown, no valid tag     | none, it stays where it is   |
| any, contradictory    | -                         | raises `Undecidable`         |
| anything else         | -                         | none, it stays in the inbox  |

The answers are those of `ports.mailbox.Action`: only accept, decline and reply send
mail. A request in the past is declined, but a meeting that it moves is moved all the
same. A hidden message lies among the deleted items: Exchange has put it there, or a
person has, and of what lies there only the meetings with a room here concern us. The
caller turns `Undecidable`, and every other error, into the general error text with a
correlation id.
"""

from datetime import datetime

import msgspec

from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR
from pexschedd.model.schedule import CancelledOccurrence
from pexschedd.scheduling.decisions import organizer, succession
from pexschedd.scheduling.decisions.completion import completed
from pexschedd.scheduling.decisions.context import (
    IdSource,
    KnownMeetings,
    RoomTexts,
    tagged_aliases,
)
from pexschedd.scheduling.decisions.decision import (
    Decision,
    Put,
    RecordChange,
    RemoveRoom,
    Undecidable,
)
from pexschedd.scheduling.decisions.early_cancellation import (
    early_cancellation,
    remembered,
)
from pexschedd.scheduling.decisions.meeting_request import MeetingRequest
from pexschedd.scheduling.decisions.own_records import OwnRecords, own_records
from pexschedd.scheduling.decisions.series_edit import (
    why_not_changed,
    without_occurrence,
)
from pexschedd.scheduling.decisions.versions import Version, version_of_occurrence
from pexschedd.scheduling.ports.mailbox import Action


def decide(
    message: MeetingMessage,
    known: KnownMeetings,
    connector: Connector,
    texts: RoomTexts,
    now: datetime,
    ids: IdSource,
    *,
    may_wait: bool = False,
) -> Decision:
    """Decide about a message, given the records and the time `now` (aware UTC).

    A message may come before the one that makes room for it. With `may_wait` the
    decision is then to wait; the caller tries again later.

    Raises `Undecidable` for a request that contradicts itself, `TemplateError` for a
    template that fails.
    """
    if message.kind is MessageKind.OTHER:
        return Decision("not about a meeting")
    if message.hidden and not _is_ours(message, known, connector):
        return Decision("hidden, and about no meeting of ours")
    own = own_records(message, known, connector)
    if own is None:
        # Before all else: a colleague's message must not be declined as nonsense
        # either, as that takes the organizer's meeting out of the calendar.
        return organizer.refused(f"the {message.kind}")
    message = completed(message, own)
    if message.kind is MessageKind.CANCELLATION:
        return _cancelled(message, own, known, connector, now, ids, may_wait)
    return MeetingRequest(
        message, own, known, connector, texts, now, ids, may_wait=may_wait
    ).decide()


def _is_ours(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> bool:
    """Return whether a message's meeting is scheduled here, or may become so."""
    scheduled = message.uid and known.records(connector.id, message.uid)
    return bool(scheduled or tagged_aliases(message, known, connector))


def _cancelled(
    message: MeetingMessage,
    own: OwnRecords,
    known: KnownMeetings,
    connector: Connector,
    now: datetime,
    ids: IdSource,
    may_wait: bool,
) -> Decision:
    if message.recurrence_id is not None:
        if not FIRST_YEAR <= message.recurrence_id.year <= LAST_YEAR:
            raise Undecidable("the occurrence is in a year that calendars do not have")
        early = early_cancellation(message, message.recurrence_id, connector, now, ids)
        return _occurrence_cancelled(message, early, own, known, now, ids)
    meetings = own.all
    if not meetings:
        return _cancelled_before_request(message, known, connector, now, may_wait)
    if message.sequence < max(each.sequence for each in meetings):
        return Decision("cancels what has been sent again since", Action.DISCARD)
    ids_of_aliases = dict.fromkeys(each.scheduled_alias for each in meetings)
    vacated = (
        Put(
            tables.SCHEDULED_ALIAS,
            succession.vacated(
                alias, message, now, succession.sharing(alias, meetings, known)
            ),
        )
        for alias in map(known.alias_by_id, ids_of_aliases)
        if alias is not None and alias.ews_item_uid == message.uid
    )
    changes = (*succession.removal(meetings, known), *vacated)
    return Decision("cancelled", Action.REMOVE, changes=changes)


def _occurrence_cancelled(
    message: MeetingMessage,
    early: CancelledOccurrence,
    own: OwnRecords,
    known: KnownMeetings,
    now: datetime,
    ids: IdSource,
) -> Decision:
    original = early.recurrence_id
    series = own.series
    if series is not None:
        if version_of_occurrence(series, original).is_newer_than(
            Version.of_message(message)
        ):
            return Decision("cancels what has been sent again since", Action.DISCARD)
        reason = why_not_changed(series, original)
        if reason:
            # The series as it will be sent next may have it.
            is_newer = message.sequence > series.sequence
            note = f"occurrence not cancelled: {reason}"
            kept = remembered(early, known) if is_newer else ()
            return Decision(note, Action.REMOVE, changes=kept)
        edited = without_occurrence(series, original, Version.of_message(message))
        return Decision(
            "occurrence cancelled",
            Action.REMOVE,
            changes=(Put(tables.RECURRING_CONFERENCE, edited),),
        )
    orphan = next((m for m in own.meetings if m.recurrence_id == original), None)
    if orphan is None:
        # Its request, or that of its series, may still be on the way.
        note = "occurrence cancelled before it was scheduled"
        return Decision(note, Action.REMOVE, changes=remembered(early, known))
    if Version.of_record(orphan).is_newer_than(Version.of_message(message)):
        return Decision("cancels what has been sent again since", Action.DISCARD)
    closed_before = [
        each
        for each in own.meetings
        if each.start_time == each.end_time and each.conference == orphan.conference
    ]
    changes: list[RecordChange] = [RemoveRoom(orphan.conference)]
    if succession.shared_with_another(
        orphan.conference, [orphan, *closed_before], known
    ):
        # A window that never opens keeps the version: an older request may still come.
        closed = msgspec.structs.replace(
            orphan,
            start_time=orphan.end_time,
            sequence=message.sequence,
            changed=message.changed,
        )
        changes = [Put(tables.SCHEDULED_CONFERENCE, closed)]
    elif alias := known.alias_by_id(orphan.scheduled_alias):
        # The series may still be on the way, with the same alias and an older version
        # of this occurrence.
        left = msgspec.structs.replace(
            alias, conference_deletion_time=now, room_end=orphan.end_time
        )
        changes += [
            Put(tables.SCHEDULED_ALIAS, left),
            Put(tables.CANCELLED_OCCURRENCE, early),
        ]
        # The room goes with the last occurrence that takes place; what is known of the
        # others does not go with it.
        changes += [
            Put(
                tables.CANCELLED_OCCURRENCE,
                msgspec.structs.replace(
                    early,
                    id=ids.new_id(tables.CANCELLED_OCCURRENCE),
                    recurrence_id=each.recurrence_id,
                    sequence=each.sequence,
                    changed=each.changed,
                ),
            )
            for each in closed_before
            if each is not orphan and each.recurrence_id is not None
        ]
    return Decision("occurrence cancelled", Action.REMOVE, changes=tuple(changes))


def _cancelled_before_request(
    message: MeetingMessage,
    known: KnownMeetings,
    connector: Connector,
    now: datetime,
    may_wait: bool,
) -> Decision:
    """Spend the tag: the request may still arrive, and must not schedule a meeting that
    has been cancelled. While that request may be waiting, so does its cancellation.

    One whose body could not be read tells no tag: it waits as well, since its request
    may be among those that are read again.
    """
    if may_wait and not (message.html or message.text):
        return Decision("waits: its request may be on the way", waits=True)
    aliases = tagged_aliases(message, known, connector)
    if may_wait and any(succession.is_occupied(a, message.uid) for a in aliases):
        return Decision("waits: the tag is another meeting's", waits=True)
    spent = tuple(
        Put(
            tables.SCHEDULED_ALIAS,
            msgspec.structs.replace(
                alias, ews_item_uid=message.uid, conference_deletion_time=now
            ),
        )
        for alias in aliases
        if not alias.is_used and alias.conference_deletion_time is None
    )
    return Decision("cancelled before it was scheduled", Action.REMOVE, changes=spent)
