"""The rooms of meetings that may be joined now. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from pexschedd.management.computed.source import RecordSource
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record
from pexschedd.model.schedule import ScheduledConference


class OpenRoom(Record, frozen=True, kw_only=True):
    """A room and the beginning of its join window. Its id is the room's.

    What only conferencing nodes know of a conference is None.
    """

    name: str
    service_type: str
    start_time: datetime
    tag: str
    is_started: bool | None = None
    is_locked: bool | None = None
    guests_muted: bool | None = None
    direct_media_available: bool | None = None


def open_rooms(store: RecordSource, now: datetime) -> Iterator[OpenRoom | None]:
    """Yield each room in whose join window `now` is, once, and None for each meeting
    that was looked at in vain: there may be many, and other work has its turn.

    Personal rooms have no window and are always open; they are not among these.
    """
    seen = set()
    for meeting in _meetings_about(store, now):
        is_open = meeting.start_time <= now < meeting.end_time
        if not is_open or meeting.conference in seen:
            yield None
            continue
        seen.add(meeting.conference)
        room = store.get(tables.CONFERENCE, meeting.conference)
        if room is not None:
            yield OpenRoom(
                id=room.id,
                name=room.name,
                service_type=room.service_type,
                start_time=meeting.start_time,
                tag=room.tag,
            )


def _meetings_about(
    store: RecordSource, now: datetime
) -> Iterator[ScheduledConference]:
    """The meetings that may be open: those that end today or tomorrow, and longer ones
    whenever they end."""
    today = tables.day_of(now)
    by_day = tables.SCHEDULED_BY_DAY
    yield from chain(
        store.find_each(by_day, today),
        store.find_each(by_day, today + 1),
        store.find_each(tables.SCHEDULED_LONG, tables.LONG),
    )
