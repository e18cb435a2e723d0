"""The lists of the screens, made of the calendars that are stored.

All that brings a list to a screen, or that a screen asks for it, begins here.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    RoomCalendar,
    RoomMeeting,
)
from pexschedd.model.schedule import MeetingRecord
from pexschedd.onetouch.configuration import screen_of
from pexschedd.onetouch.screen.meeting_list import screen_list
from pexschedd.onetouch.screen.remembered import memory_of, with_lost_details
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates

OWN_ROOM = "own room"
"""The name of the rule for rooms that our own scheduling side gave out."""

RoomChanged = Callable[[str], None]
"""Takes the address of a room, in lower case."""


class RoomLists:
    """The lists of all endpoints' screens."""

    def __init__(self, store: Store, now: Now, templates: Templates) -> None:
        self._store = store
        self._now = now
        self._templates = templates
        self._read: dict[str, datetime] = {}
        self._waiting: dict[str, set[str]] = {}
        """The rooms that have a meeting without a text, by its UID: what they dial may
        be a room of our own scheduling side."""
        self._subscribers: list[RoomChanged] = []
        store.subscribe(tables.ROOM_CALENDAR, self._changed)
        store.subscribe(tables.SCHEDULED_CONFERENCE, self._scheduled)
        store.subscribe(tables.RECURRING_CONFERENCE, self._scheduled)

    def of(self, endpoint_id: int) -> tuple[ScreenMeeting, ...]:
        """Return an endpoint's list as it is now; empty if there is no such endpoint,
        if it has no profile, or if its room was never read."""
        screen = screen_of(self._store, endpoint_id)
        if screen is None:
            return ()
        calendar = self._calendar(screen.room_email)
        if calendar is None:
            return ()
        meetings = with_lost_details(
            calendar.meetings, memory_of(calendar), self._own(calendar.meetings)
        )
        return screen_list(meetings, screen.profile, self._now(), self._templates)

    def stale(self, endpoint_id: int) -> datetime | None:
        """Return the time at which an endpoint's room was last read successfully; None
        if it never was."""
        screen = screen_of(self._store, endpoint_id)
        if screen is None:
            return None
        if screen.room_email in self._read:
            return self._read[screen.room_email]
        calendar = self._calendar(screen.room_email)
        return None if calendar is None else calendar.read_at

    def subscribe(self, changed: RoomChanged) -> None:
        """Call `changed` with the address of a room whose stored calendar has changed,
        or one of whose meetings was scheduled here.

        It is called before the change is durable, and must not raise. What a list
        depends on besides (the time, the profile) is not reported.
        """
        self._subscribers.append(changed)

    def was_read(self, room_email: str, when: datetime) -> None:
        """Note that a room was read, whether or not anything had changed."""
        if room_email not in self._read:
            self._note_waiting(None, self._calendar(room_email))
        self._read[room_email] = when

    def _calendar(self, room_email: str) -> RoomCalendar | None:
        return self._store.find(tables.ROOM_CALENDAR_BY_EMAIL, room_email)

    def _changed(self, old: RoomCalendar | None, new: RoomCalendar | None) -> None:
        record = new or old
        if record is None or (old and new and _is_same(old, new)):
            return
        if new is None:
            self._read.pop(record.room_email, None)
        self._note_waiting(old, new)
        self._tell(record.room_email)

    def _tell(self, room_email: str) -> None:
        for changed in self._subscribers:
            changed(room_email)

    def _note_waiting(self, old: RoomCalendar | None, new: RoomCalendar | None) -> None:
        before, now = _without_text(old), _without_text(new)
        for uid in before - now:
            rooms = self._waiting.get(uid)
            if rooms is not None and old is not None:
                rooms.discard(old.room_email)
                if not rooms:
                    del self._waiting[uid]
        if new is not None:
            for uid in now:
                self._waiting.setdefault(uid, set()).add(new.room_email)

    def _scheduled(self, old: MeetingRecord | None, new: MeetingRecord | None) -> None:
        """Tell the rooms of a meeting that got a room of ours, or another one."""
        before, now = _room_of(old), _room_of(new)
        if before == now:
            return
        uids = {uid for uid, alias in (before, now) if uid and alias is not None}
        for room in {room for uid in uids for room in self._waiting.get(uid, ())}:
            self._tell(room)

    def _own(self, meetings: Iterable[RoomMeeting]) -> dict[str, JoinDetails]:
        """Return the rooms of our own scheduling side, by the UIDs of meetings whose
        copies have no text."""
        uids = {m.uid for m in meetings if m.uid and not m.has_text}
        found = {}
        for uid in uids:
            alias = self._own_alias(uid)
            if alias:
                found[uid] = JoinDetails(alias, "SIP", "Other", OWN_ROOM)
        return found

    def _own_alias(self, uid: str) -> str:
        store = self._store
        for connector in store.ids(tables.CONNECTOR):
            key = connector, uid
            records: tuple[MeetingRecord | None, ...] = (
                store.find(tables.SCHEDULED_BY_UID, key),
                store.find(tables.RECURRING_BY_UID, key),
            )
            for record in records:
                if record is None or record.scheduled_alias is None:
                    continue
                alias = store.get(tables.SCHEDULED_ALIAS, record.scheduled_alias)
                if alias is not None:
                    return alias.alias
        return ""


def _is_same(old: RoomCalendar, new: RoomCalendar) -> bool:
    return (old.meetings, old.memory) == (new.meetings, new.memory)


def _without_text(calendar: RoomCalendar | None) -> set[str]:
    if calendar is None:
        return set()
    return {m.uid for m in calendar.meetings if m.uid and not m.has_text}


def _room_of(record: MeetingRecord | None) -> tuple[str, int | None]:
    """The UID of a meeting, and the alias that it was given."""
    if record is None:
        return "", None
    return record.ews_item_uid, record.scheduled_alias
