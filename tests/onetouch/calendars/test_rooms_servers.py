"""Rooms' calendars over real sockets, from the sandbox Exchange: over Exchange Web
Services and over Graph."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy
from pexschedd.exchange.throttle import Throttles
from pexschedd.model.meeting import Person
from pexschedd.onetouch.invitation.invitation import LONGEST_BODY
from pexschedd.onetouch.ports.room_mailboxes import (
    CalendarListing,
    RoomItem,
    RoomMailboxes,
)
from pexschedd.sandbox import SeriesRecurrence
from tests.ews.ews_rooms_support import (
    ALICE,
    DAY,
    ELM,
    HOUR,
    OAK,
    START,
    RoomExchange,
    reactor,
)
from tests.graph.msgraph_rooms_support import RoomTenant

WEEK = timedelta(days=7)
BERLIN = "W. Europe Standard Time"


class OverEws(RoomExchange):
    """The rooms over Exchange Web Services."""

    operation = "FindItem"
    pause: Mapping[str, Any] = {"kind": "ErrorServerBusy", "back_off_ms": 120_000}
    damage: Mapping[str, Any] = {
        "kind": "ErrorItemCorrupt",
        "operation": "GetItem",
        "item": True,
        "index": 0,
    }
    too_few = 2

    def reader(self, at_once: int = 0, **options: Any) -> RoomMailboxes:
        rooms = self.rooms(**options)
        rooms._listed.size = at_once or rooms._listed.size
        return rooms


class OverGraph(RoomTenant):
    """The same over Graph."""

    operation = "GraphListCalendarView"
    pause: Mapping[str, Any] = {"kind": "http-429", "retry_after_s": 120}
    damage: Mapping[str, Any] = {
        "kind": "ErrorItemCorrupt",
        "operation": "GraphGetEvent",
    }
    too_few = 1

    def reader(self, at_once: int = 0, **options: Any) -> RoomMailboxes:
        rooms = self.graph_rooms(**options)
        rooms._listed.size = at_once or rooms._listed.size
        return rooms


RoomServer = OverEws | OverGraph


@pytest_twisted.async_yield_fixture(params=[OverEws, OverGraph])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RoomServer]:
    made = request.param()
    yield made
    await made.close()


async def listed(
    rooms: RoomMailboxes, room: str = OAK, until: datetime = START + WEEK
) -> CalendarListing:
    return await rooms.listing(room, START - DAY, until)


async def read(rooms: RoomMailboxes, room: str = OAK) -> list[RoomItem]:
    """All meetings of a week, in the order of their starts."""
    refs = [each.ref for each in (await listed(rooms, room)).meetings]
    items = await rooms.fetch(room, refs)
    return sorted(items, key=lambda item: item.start)


@pytest_twisted.ensureDeferred
async def test_a_meeting_is_read_as_it_is(server: RoomServer) -> None:
    """Its list entry and the item agree, and it has all that rules and screens ask
    for."""
    server.book("Plan", body="<p>https://zoom.us/j/1</p>", location="Oak")
    rooms = server.reader()
    (entry,) = (await listed(rooms)).meetings
    (item,) = await read(rooms)
    assert (item.ref, item.uid) == (entry.ref, entry.uid)
    assert (item.start, item.end) == (entry.start, entry.end)
    assert (item.start, item.end) == (START + DAY, START + DAY + HOUR)
    assert (item.subject, item.location) == ("Plan", "Oak")
    assert item.organizer == Person("Alice Archer", ALICE)
    assert "zoom.us/j/1" in item.html
    assert item.uid
    assert item.recurrence_id is None
    assert item.changed is not None
    flags = (item.is_private, item.is_all_day, item.is_cancelled)
    assert not any(flags)
    assert not entry.is_plain


@pytest_twisted.ensureDeferred
async def test_only_the_window_is_listed(server: RoomServer) -> None:
    """A meeting that reaches into the span is listed, others are not."""
    server.book("past", start=START - 2 * DAY)
    server.book("reaches in", start=START - DAY - HOUR / 2)
    server.book("inside", start=START)
    server.book("after", start=START + 8 * DAY)
    found = [item.subject for item in await read(server.reader())]
    assert found == ["reaches in", "inside"]


@pytest_twisted.ensureDeferred
async def test_a_change_shows_in_the_key(server: RoomServer) -> None:
    """After a change of its time or its text a meeting has another key, and only
    that one."""
    meeting = server.book("a")
    server.book("b", start=START + 2 * DAY)
    rooms = server.reader()
    before = (await listed(rooms)).meetings
    assert (await listed(rooms)).meetings == before
    for change in ({"start": START + 3 * DAY}, {"body": "<p>Other</p>"}):
        changes: dict[str, Any] = dict(change)
        if "start" in changes:
            changes["end"] = changes["start"] + HOUR
        server.sandbox.exchange.update(meeting, **changes)
        after = (await listed(rooms)).meetings
        assert len(set(before) - set(after)) == 1
        before = after
    server.sandbox.exchange.cancel(meeting)
    assert [each.start for each in (await listed(rooms)).meetings] == [START + 2 * DAY]


@pytest_twisted.ensureDeferred
async def test_a_series_over_a_change_of_clocks(server: RoomServer) -> None:
    """Occurrences are listed one by one at the local time, each plain one with the
    same key; a moved one has its original start."""
    first = datetime(2027, 3, 22, 8, tzinfo=START.tzinfo)
    series = server.book(
        "Weekly",
        start=first,
        zone="W. Europe Standard Time",
        recurrence=SeriesRecurrence.weekly("Monday", count=4),
    )
    moved = first + 2 * WEEK - HOUR
    server.sandbox.exchange.update(
        series, occurrence=moved, start=moved + DAY, end=moved + DAY + HOUR
    )
    rooms = server.reader()
    found = await rooms.listing(OAK, first - DAY, first + 5 * WEEK)
    assert [each.start for each in found.meetings] == [
        first,
        first + WEEK - HOUR,  # summer time has begun
        moved + DAY,
        first + 3 * WEEK - HOUR,
    ]
    assert [each.is_plain for each in found.meetings] == [True, True, False, True]
    assert len({each.uid for each in found.meetings}) == 1
    plain = [each.ref.change_key for each in found.meetings if each.is_plain]
    assert len(set(plain)) == 1
    items = await rooms.fetch(OAK, [each.ref for each in found.meetings])
    originals = sorted(i.recurrence_id for i in items if i.recurrence_id is not None)
    expected = [first, first + WEEK - HOUR, moved, first + 3 * WEEK - HOUR]
    assert originals == expected


@pytest_twisted.ensureDeferred
async def test_a_long_list_is_read_in_parts(server: RoomServer) -> None:
    """More meetings than one view gives are all found; the longest lists are cut, and
    say so."""
    for day in range(1, 7):
        for hour in range(4):
            server.book("x", start=START + day * DAY + hour * HOUR + HOUR / 2)
    size = len((await listed(server.reader())).meetings)
    found = await listed(server.reader(at_once=8))
    assert (len(found.meetings), found.is_complete) == (size, True)
    few = server.reader(at_once=server.too_few)
    assert not (await listed(few)).is_complete


@pytest_twisted.ensureDeferred
async def test_private_and_all_day(server: RoomServer) -> None:
    """The flags arrive as the organizer set them."""
    item = server.book("Talk", all_day=True, end=START + 2 * DAY)
    item.sensitivity = "Confidential"
    server.sandbox.exchange.update(item, subject="Talk 2")
    (found,) = await read(server.reader())
    assert (found.is_private, found.is_all_day) == (True, True)


@pytest_twisted.ensureDeferred
async def test_calendar_processing_takes_texts(server: RoomServer) -> None:
    """In a room with Exchange's defaults, the copy has neither subject nor body."""
    server.book("Secret plan", room=ELM)
    (found,) = await read(server.reader(), ELM)
    assert found.subject == "Alice Archer"
    assert "Agenda" not in found.html


@pytest_twisted.ensureDeferred
async def test_items_that_are_gone_are_left_out(server: RoomServer) -> None:
    """A meeting that was deleted between the two requests is no error."""
    meeting = server.book("a")
    server.book("b", start=START + 2 * DAY)
    rooms = server.reader()
    refs = [each.ref for each in (await listed(rooms)).meetings]
    server.sandbox.exchange.cancel(meeting)
    assert [item.subject for item in await rooms.fetch(OAK, refs)] == ["b"]


@pytest_twisted.ensureDeferred
async def test_a_damaged_item_comes_without_its_body(server: RoomServer) -> None:
    """It does not hold up the others, and is read again next time: it has no key."""
    server.book("a")
    server.book("b", start=START + 2 * DAY)
    server.misbehave(**server.damage)
    items = {item.subject: item for item in await read(server.reader())}
    assert set(items) == {"a", "b"}
    assert (items["a"].ref.change_key, items["a"].html) == ("", "")
    assert items["b"].ref.change_key


@pytest_twisted.ensureDeferred
async def test_a_body_is_bounded(server: RoomServer) -> None:
    """Of a very long body the beginning and the end are handed on."""
    server.book("long", body="<p>first</p>" + "x" * 2_000_000 + "<p>last</p>")
    (item,) = await read(server.reader())
    assert len(item.html) <= LONGEST_BODY + 1
    assert "first" in item.html
    assert "last" in item.html


@pytest_twisted.ensureDeferred
async def test_a_busy_server_is_left_alone(server: RoomServer) -> None:
    """The pause that a server asks for in one room is kept for it, and for no other
    room, by all who share the throttle."""
    throttles = Throttles(reactor, lambda: 0.0)
    rooms = server.reader(throttles=throttles)
    server.misbehave(**server.pause, operation=server.operation, mailbox=OAK)
    for _ in range(2):
        with pytest.raises(MailboxBusy) as busy:
            await listed(rooms)
        assert busy.value.retry_after == pytest.approx(120, abs=2)
    assert server.sandbox.calls[server.operation] == 1
    assert (await listed(server.reader(throttles=throttles), ELM)).meetings == ()


@pytest_twisted.ensureDeferred
async def test_answers_can_be_parsed_elsewhere(server: RoomServer) -> None:
    """All that an item is made of can be handed to another process and back."""
    server.book("Plan")
    (item,) = await read(server.reader())
    assert msgspec.json.decode(msgspec.json.encode(item), type=RoomItem) == item


@pytest.mark.parametrize("is_series", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_all_day_meeting_is_one_in_its_own_zone(
    server: RoomServer, is_series: bool
) -> None:
    """It lasts from midnight to midnight where its organizer is, also over a change of
    clocks."""
    server.moment = datetime(2027, 3, 20, 8, tzinfo=START.tzinfo)
    midnight = datetime(2027, 3, 21, 23, tzinfo=START.tzinfo)
    more: dict[str, Any] = {}
    if is_series:
        more["recurrence"] = SeriesRecurrence.weekly("Monday", count=2)
    server.book(
        "Fair",
        start=midnight,
        end=midnight + DAY,
        all_day=True,
        zone=BERLIN,
        **more,
    )
    rooms = server.reader()
    found = await rooms.listing(OAK, midnight - DAY, midnight + 2 * WEEK)
    spans = [(each.start, each.end) for each in found.meetings]
    summer = midnight + WEEK - HOUR
    expected = [(midnight, midnight + DAY), (summer, summer + DAY)]
    assert spans == expected[: 2 if is_series else 1]
    items = await rooms.fetch(OAK, [each.ref for each in found.meetings])
    assert sorted((item.start, item.end) for item in items) == spans
    assert all(item.is_all_day for item in items)


@pytest_twisted.ensureDeferred
async def test_a_cancelled_meeting_that_is_kept_says_so(server: RoomServer) -> None:
    """Some calendars keep what was cancelled: the flag says so, not the subject."""
    server.book("Plan")
    (copy,) = server.sandbox.exchange.mailbox(OAK).folders["calendar"].items.values()
    assert copy.meeting is not None
    copy.meeting = msgspec.structs.replace(copy.meeting, cancelled=True)
    (item,) = await read(server.reader())
    assert item.is_cancelled
    assert item.subject == "Plan"
