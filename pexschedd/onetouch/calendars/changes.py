"""The part of a calendar that has to be read again, and the differences between two
readings. Pure.

Exchange gives each item a change key, which is another one after every change. The
occurrences of a series have the key of their series, and its text: one of them is read
for all that are as the series has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from pexschedd.model.meeting import MessageRef
from pexschedd.model.onetouch.room_calendar import RoomCalendar, RoomMeeting
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing, ListedMeeting


class FetchPlan(msgspec.Struct, frozen=True):
    """The work that a listing leads to."""

    kept: tuple[RoomMeeting, ...]
    """Meetings that are as they were."""
    fetched: tuple[MessageRef, ...]
    """Meetings that have to be read."""
    alike: Mapping[str, tuple[ListedMeeting, ...]]
    """Occurrences that are like another one of their series, by the other one's item
    id."""


def plan_of(
    listing: CalendarListing, calendar: RoomCalendar | None, rules: str
) -> FetchPlan:
    """Return what of a listing is known, and what has to be read.

    rules: the fingerprint of the rules. If the stored results are another set's, all
    is read again: texts are not stored.
    """
    known: dict[str, RoomMeeting] = {}
    if calendar is not None and calendar.rules == rules:
        known = {m.item_id: m for m in calendar.meetings if m.change_key}
    kept: list[RoomMeeting] = []
    fetched: list[MessageRef] = []
    alike: dict[str, list[ListedMeeting]] = {}
    examples: dict[tuple[str, str], str] = {}
    for listed in listing.meetings:
        meeting = known.get(listed.ref.item_id)
        if meeting is not None and _is_same(listed, meeting):
            kept.append(meeting)
            if listed.is_plain:
                examples.setdefault(_series(listed), listed.ref.item_id)
    seen = {meeting.item_id for meeting in kept}
    for listed in listing.meetings:
        if listed.ref.item_id in seen:
            continue
        seen.add(listed.ref.item_id)
        if listed.is_plain and listed.uid:
            example = examples.setdefault(_series(listed), listed.ref.item_id)
            if example != listed.ref.item_id:
                alike.setdefault(example, []).append(listed)
                continue
        fetched.append(listed.ref)
    return FetchPlan(
        tuple(kept),
        tuple(fetched),
        {item: tuple(others) for item, others in alike.items()},
    )


def _series(listed: ListedMeeting) -> tuple[str, str]:
    return listed.uid, listed.ref.change_key


def _is_same(listed: ListedMeeting, meeting: RoomMeeting) -> bool:
    return (
        bool(listed.ref.change_key)
        and listed.ref.change_key == meeting.change_key
        and (listed.start, listed.end) == (meeting.start, meeting.end)
    )


def merged(plan: FetchPlan, read: Iterable[RoomMeeting]) -> tuple[RoomMeeting, ...]:
    """Return the meetings of a calendar, in the order of their starts, once the
    fetched ones were read. Those that could not be read are left out."""
    meetings = [*plan.kept, *read]
    meetings += [
        _like(meeting, listed)
        for meeting in meetings
        for listed in plan.alike.get(meeting.item_id, ())
    ]
    meetings.sort(key=lambda m: (m.start, m.end, m.uid, m.item_id))
    return tuple(meetings)


def _like(meeting: RoomMeeting, listed: ListedMeeting) -> RoomMeeting:
    """Return an occurrence that differs from another one in its times only."""
    return msgspec.structs.replace(
        meeting,
        item_id=listed.ref.item_id,
        change_key=listed.ref.change_key,
        start=listed.start,
        end=listed.end,
        recurrence_id=listed.start,
    )


class ChangeKind(StrEnum):
    """The kinds of differences between two readings."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


class MeetingChange(msgspec.Struct, frozen=True):
    """A difference between two readings of a calendar."""

    kind: ChangeKind
    meeting: RoomMeeting
    """As it is now; of a deleted one, as it was."""


def changes_between(
    before: Sequence[RoomMeeting], after: Sequence[RoomMeeting], since: datetime
) -> list[MeetingChange]:
    """Return the differences that matter to people. Meetings that have passed out of
    the window, which begins at `since`, were not deleted; a cancelled one was."""
    old = {m.key: m for m in before if not m.is_cancelled}
    new = {m.key: m for m in after if not m.is_cancelled}
    changes = []
    for key, meeting in new.items():
        known = old.get(key)
        if known is None:
            changes.append(MeetingChange(ChangeKind.CREATED, meeting))
        elif _shown(known) != _shown(meeting):
            changes.append(MeetingChange(ChangeKind.CHANGED, meeting))
    changes += [
        MeetingChange(ChangeKind.DELETED, meeting)
        for key, meeting in old.items()
        if key not in new and meeting.end >= since
    ]
    return changes


def _shown(meeting: RoomMeeting) -> RoomMeeting:
    return msgspec.structs.replace(meeting, item_id="", change_key="", changed=None)
