"""The lists of screens, made of stored calendars."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest_twisted
from twisted.internet import reactor

from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    MeetingKey,
    RememberedMeeting,
    RoomCalendar,
    RoomMeeting,
)
from pexschedd.model.schedule import ScheduledConference
from pexschedd.onetouch.room_lists import OWN_ROOM, RoomLists
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


async def configured(store: Store) -> RoomLists:
    """Lists of three endpoints: 1 in the room, 2 in one that is never read, 3 without a
    profile."""
    change = store.transaction()
    change.put(tables.MJX_INTEGRATION, JoinProfile(id=1, name="Offices"))
    change.put(
        tables.MJX_ENDPOINT_GROUP, EndpointGroup(id=1, name="All", mjx_integration=1)
    )
    await change.commit()
    change = store.transaction()
    for id, room, group in (
        (1, "Oak@Example.test", 1),
        (2, "elm@a", 1),
        (3, ROOM, None),
    ):
        endpoint = Endpoint(
            id=id, name=room, room_resource_email=room, mjx_endpoint_group=group
        )
        change.put(tables.MJX_ENDPOINT, endpoint)
    await change.commit()
    return RoomLists(store, lambda: NOW, templates())


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
    """The list is that of the room's stored calendar; a room that was never read, an
    endpoint without a profile and one that is gone have none."""
    await stored(store, meeting("u", subject="Plan", details=ZOOM))
    lists = await configured(store)
    (line,) = lists.of(1)
    assert (line.title, line.details) == ("Plan", ZOOM)
    assert lists.of(2) == lists.of(3) == lists.of(4) == ()


@pytest_twisted.ensureDeferred
async def test_details_of_a_lost_text_come_from_memory(store: Store) -> None:
    """What was found before the copy lost its text is shown; a text without a meeting
    is believed."""
    known = [RememberedMeeting(MeetingKey(u), ZOOM, NOW + HOUR) for u in ("a", "b")]
    await stored(store, meeting("a", has_text=False), meeting("b"), memory=tuple(known))
    assert [line.details for line in (await configured(store)).of(1)] == [ZOOM, None]


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
    lists = await configured(store)
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
    (await configured(store)).subscribe(told.append)
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
    lists = await configured(store)
    assert lists.stale(1) == NOW - HOUR
    lists.was_read(ROOM, NOW)
    assert lists.stale(1) == NOW
    assert lists.stale(2) is None


def scheduled(**fields: Any) -> ScheduledConference:
    """A meeting that our own scheduling side gave a room."""
    given: dict[str, Any] = {
        "id": 1,
        "conference": 1,
        "start_time": NOW,
        "end_time": NOW + HOUR,
        "scheduled_alias": 1,
        "ews_item_uid": "own",
        "exchange_connector": 1,
    }
    return ScheduledConference(**given | fields)


@pytest_twisted.ensureDeferred
async def test_our_own_rooms_are_told(store: Store) -> None:
    """A room is told when one of its meetings without a text gets a room of our own
    scheduling side, another one, or loses it: also if it was stored before the start.
    Of other meetings, and of other changes, it is not told."""
    await stored(store, meeting("own", has_text=False), meeting("text"))
    lists = await configured(store)
    lists.was_read(ROOM, NOW)
    told: list[str] = []
    lists.subscribe(told.append)

    async def put(record: ScheduledConference) -> list[str]:
        change = store.transaction()
        change.put(tables.SCHEDULED_CONFERENCE, record)
        await change.commit()
        heard, told[:] = list(told), []
        return heard

    assert await put(scheduled(id=2, ews_item_uid="text")) == []
    assert await put(scheduled()) == [ROOM]
    assert await put(scheduled(end_time=NOW + 2 * HOUR)) == []
    assert await put(scheduled(scheduled_alias=2)) == [ROOM]
    change = store.transaction()
    change.delete(tables.SCHEDULED_CONFERENCE, 1)
    await change.commit()
    assert told == [ROOM]
    await stored(store, meeting("own"), meeting("text", has_text=False))
    told.clear()
    assert await put(scheduled()) == []
