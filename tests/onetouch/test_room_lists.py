"""The lists of screens, made of stored calendars."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest_twisted
from twisted.internet import reactor

from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    MeetingKey,
    RememberedMeeting,
    RoomCalendar,
    RoomMeeting,
)
from pexschedd.model.schedule import ScheduledConference
from pexschedd.onetouch.room_lists import OWN_ROOM, RoomLists, RoomScreen
from pexschedd.onetouch.screen.screen_meeting import ScreenProfile
from pexschedd.store.store import Store
from tests.onetouch.onetouch_support import templates
from tests.scheduling.process_support import CONNECTOR, unexpected

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROOM = "oak@example.test"
ZOOM = JoinDetails("1@zoomcrc.com", "SIP", "Zoom", "Zoom")


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(
        tmp_path, tables.TABLES, reactor=cast(Any, reactor), failed=unexpected
    )
    yield store
    await store.close()


def lists_of(store: Store) -> RoomLists:
    """Lists of two endpoints: 1 in the room, 2 in one that is never read."""
    screens = {
        1: RoomScreen("Oak@Example.test", ScreenProfile()),
        2: RoomScreen("elm@example.test", ScreenProfile()),
    }
    return RoomLists(store, lambda: NOW, templates(), screens.get)


def meeting(uid: str, **fields: Any) -> RoomMeeting:
    start = NOW + HOUR
    given: dict[str, Any] = {"item_id": uid, "start": start, "end": start + HOUR}
    return RoomMeeting(uid=uid, **given | fields)


async def stored(store: Store, *meetings: RoomMeeting, **fields: Any) -> None:
    given: dict[str, Any] = {"deployment": 1, "read_at": NOW - HOUR}
    calendar = RoomCalendar(id=1, room_email=ROOM, meetings=meetings, **given | fields)
    change = store.transaction()
    change.put(tables.ROOM_CALENDAR, calendar)
    await change.commit()


@pytest_twisted.ensureDeferred
async def test_an_endpoint_shows_its_room(store: Store) -> None:
    """The list is that of the room's stored calendar; a room that was never read, and
    an endpoint that is gone, have none."""
    await stored(store, meeting("u", subject="Plan", details=ZOOM))
    lists = lists_of(store)
    (line,) = lists.of(1)
    assert (line.title, line.details) == ("Plan", ZOOM)
    assert lists.of(2) == lists.of(3) == ()


@pytest_twisted.ensureDeferred
async def test_details_of_a_lost_text_come_from_memory(store: Store) -> None:
    """What was found before the copy lost its text is shown; a text without a meeting
    is believed."""
    known = [RememberedMeeting(MeetingKey(u), ZOOM, NOW + HOUR) for u in ("a", "b")]
    await stored(store, meeting("a", has_text=False), meeting("b"), memory=tuple(known))
    assert [line.details for line in lists_of(store).of(1)] == [ZOOM, None]


@pytest_twisted.ensureDeferred
async def test_our_own_meetings_need_no_text(store: Store) -> None:
    """A meeting that our scheduling side answered is joined by its alias, as long as it
    is scheduled."""
    alias = ScheduledAlias(
        id=1,
        uuid="1",
        alias="5551@example.test",
        numeric_alias="5551",
        alias_number=1,
        exchange_connector=1,
        creation_time=NOW,
    )
    scheduled = ScheduledConference(
        id=1,
        conference=1,
        start_time=NOW,
        end_time=NOW + HOUR,
        scheduled_alias=1,
        ews_item_uid="own",
        exchange_connector=1,
    )
    change = store.transaction()
    change.put(tables.SCHEDULED_ALIAS, alias)
    change.put(tables.SCHEDULED_CONFERENCE, scheduled)
    await change.commit()
    change = store.transaction()
    change.put(tables.CONNECTOR, CONNECTOR)
    await change.commit()
    await stored(store, meeting("own", has_text=False))
    lists = lists_of(store)
    (line,) = lists.of(1)
    assert line.details == JoinDetails("5551@example.test", "SIP", "Other", OWN_ROOM)
    change = store.transaction()
    change.delete(tables.SCHEDULED_CONFERENCE, 1)
    await change.commit()
    assert lists.of(1)[0].details is None


@pytest_twisted.ensureDeferred
async def test_changes_are_told_once(store: Store) -> None:
    """A subscriber hears of a calendar that differs, and not of a reading that found
    the same."""
    told: list[str] = []
    lists_of(store).subscribe(told.append)
    await stored(store, meeting("u"))
    await stored(store, meeting("u"), read_at=NOW)
    assert told == [ROOM]
    await stored(store)
    change = store.transaction()
    change.delete(tables.ROOM_CALENDAR, 1)
    await change.commit()
    assert told == [ROOM] * 3


@pytest_twisted.ensureDeferred
async def test_the_age_of_a_list(store: Store) -> None:
    """It is the time of the last reading, stored or not; unknown for a room that was
    never read."""
    await stored(store, meeting("u"))
    lists = lists_of(store)
    assert lists.stale(1) == NOW - HOUR
    lists.was_read(ROOM, NOW)
    assert lists.stale(1) == NOW
    assert lists.stale(2) is None
