"""Rooms' calendars over real sockets, from the sandbox Exchange."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted
from hypothesis import given
from lxml import etree

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxBusy,
    MailboxRefused,
    SignInRefused,
)
from pexschedd.ews.rooms.calendar_items import (
    LONGEST_BODY,
    build_get_items,
    build_get_without_body,
    build_listing,
)
from pexschedd.ews.rooms.rooms import EwsRooms
from pexschedd.exchange.throttle import Throttles
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing, RoomItem
from pexschedd.sandbox import SeriesRecurrence
from tests.ews.ews_rooms_support import (
    ALICE,
    DAY,
    ELM,
    HOUR,
    OAK,
    SECRET,
    START,
    RoomExchange,
    reactor,
)
from tests.ews.test_ews_requests import MAILBOXES, REFS

WEEK = timedelta(days=7)


@pytest_twisted.async_yield_fixture()
async def exchange() -> AsyncIterator[RoomExchange]:
    exchange = RoomExchange()
    yield exchange
    await exchange.close()


@given(MAILBOXES, REFS)
def test_requests_are_valid(
    schema: etree.XMLSchema, room: str, refs: Sequence[MessageRef]
) -> None:
    """Exchange's own schema allows all that is sent, whatever the room is called."""
    for request in (
        build_listing(room, START, START + DAY, 500),
        build_get_items(room, refs),
        build_get_without_body(room, refs),
    ):
        schema.assertValid(etree.fromstring(request))


async def listed(
    rooms: EwsRooms, room: str = OAK, until: datetime = START + WEEK
) -> CalendarListing:
    return await rooms.listing(room, START - DAY, until)


async def read(rooms: EwsRooms, room: str = OAK) -> list[RoomItem]:
    """All meetings of a week, in the order of their starts."""
    refs = [each.ref for each in (await listed(rooms, room)).meetings]
    items = await rooms.fetch(room, refs)
    return sorted(items, key=lambda item: item.start)


@pytest_twisted.ensureDeferred
async def test_a_meeting_is_read_as_it_is(exchange: RoomExchange) -> None:
    """Its list entry and the item agree, and it has all that rules and screens ask
    for."""
    exchange.book("Plan", body="<p>https://zoom.us/j/1</p>", location="Oak")
    rooms = exchange.rooms()
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
async def test_only_the_window_is_listed(exchange: RoomExchange) -> None:
    """A meeting that reaches into the span is listed, others are not."""
    exchange.book("past", start=START - 2 * DAY)
    exchange.book("reaches in", start=START - DAY - HOUR / 2)
    exchange.book("inside", start=START)
    exchange.book("after", start=START + 8 * DAY)
    found = [item.subject for item in await read(exchange.rooms())]
    assert found == ["reaches in", "inside"]


@pytest_twisted.ensureDeferred
async def test_a_change_shows_in_the_key(exchange: RoomExchange) -> None:
    """After a change of its time or its text a meeting has another key, and only
    that one."""
    meeting = exchange.book("a")
    exchange.book("b", start=START + 2 * DAY)
    rooms = exchange.rooms()
    before = (await listed(rooms)).meetings
    assert (await listed(rooms)).meetings == before
    for change in ({"start": START + 3 * DAY}, {"body": "<p>Other</p>"}):
        changes: dict[str, Any] = dict(change)
        if "start" in changes:
            changes["end"] = changes["start"] + HOUR
        exchange.sandbox.exchange.update(meeting, **changes)
        after = (await listed(rooms)).meetings
        assert len(set(before) - set(after)) == 1
        before = after
    exchange.sandbox.exchange.cancel(meeting)
    assert [each.start for each in (await listed(rooms)).meetings] == [START + 2 * DAY]


@pytest_twisted.ensureDeferred
async def test_a_series_over_a_change_of_clocks(exchange: RoomExchange) -> None:
    """Occurrences are listed one by one at the local time, each plain one with the
    same key; a moved one has its original start."""
    first = datetime(2027, 3, 22, 8, tzinfo=START.tzinfo)
    series = exchange.book(
        "Weekly",
        start=first,
        zone="W. Europe Standard Time",
        recurrence=SeriesRecurrence.weekly("Monday", count=4),
    )
    moved = first + 2 * WEEK - HOUR
    exchange.sandbox.exchange.update(
        series, occurrence=moved, start=moved + DAY, end=moved + DAY + HOUR
    )
    rooms = exchange.rooms()
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
async def test_a_long_list_is_read_in_parts(exchange: RoomExchange) -> None:
    """More meetings than one view gives are all found; the longest lists are cut, and
    say so."""
    for day in range(1, 6):
        for hour in range(4):
            exchange.book("x", start=START + day * DAY + hour * HOUR + HOUR / 2)
    size = len((await listed(exchange.rooms())).meetings)
    few = exchange.rooms()
    few._listed.size = 8
    found = await listed(few)
    assert (len(found.meetings), found.is_complete) == (size, True)
    few._listed.size = 2
    assert not (await listed(few)).is_complete


@pytest_twisted.ensureDeferred
async def test_private_and_all_day(exchange: RoomExchange) -> None:
    """The flags arrive as the organizer set them."""
    item = exchange.book("Talk", all_day=True, end=START + 2 * DAY)
    item.sensitivity = "Confidential"
    exchange.sandbox.exchange.update(item, subject="Talk 2")
    (found,) = await read(exchange.rooms())
    assert (found.is_private, found.is_all_day) == (True, True)


@pytest_twisted.ensureDeferred
async def test_calendar_processing_takes_texts(exchange: RoomExchange) -> None:
    """In a room with Exchange's defaults, the copy has neither subject nor body."""
    exchange.book("Secret plan", room=ELM)
    (found,) = await read(exchange.rooms(), ELM)
    assert found.subject == "Alice Archer"
    assert "Agenda" not in found.html


@pytest_twisted.ensureDeferred
async def test_a_room_by_another_address(exchange: RoomExchange) -> None:
    """An alias of the mailbox does as well."""
    exchange.book("Plan")
    (found,) = await read(exchange.rooms(), f"alias-{OAK}")
    assert found.subject == "Plan"


@pytest_twisted.ensureDeferred
async def test_items_that_are_gone_are_left_out(exchange: RoomExchange) -> None:
    """A meeting that was deleted between the two requests is no error."""
    meeting = exchange.book("a")
    exchange.book("b", start=START + 2 * DAY)
    rooms = exchange.rooms()
    refs = [each.ref for each in (await listed(rooms)).meetings]
    exchange.sandbox.exchange.cancel(meeting)
    assert [item.subject for item in await rooms.fetch(OAK, refs)] == ["b"]


@pytest_twisted.ensureDeferred
async def test_a_damaged_item_comes_without_its_body(exchange: RoomExchange) -> None:
    """It does not hold up the others, and is read again next time: it has no key."""
    exchange.book("a")
    exchange.book("b", start=START + 2 * DAY)
    exchange.misbehave(kind="ErrorItemCorrupt", operation="GetItem", item=True, index=0)
    items = {item.subject: item for item in await read(exchange.rooms())}
    assert set(items) == {"a", "b"}
    assert (items["a"].ref.change_key, items["a"].html) == ("", "")
    assert items["b"].ref.change_key


@pytest_twisted.ensureDeferred
async def test_a_body_is_bounded(exchange: RoomExchange) -> None:
    """Of a very long body the beginning and the end are handed on."""
    exchange.book("long", body="<p>first</p>" + "x" * 2_000_000 + "<p>last</p>")
    (item,) = await read(exchange.rooms())
    assert len(item.html) <= LONGEST_BODY + 1
    assert "first" in item.html
    assert "last" in item.html


@pytest_twisted.ensureDeferred
async def test_a_room_outside_the_scope(exchange: RoomExchange) -> None:
    """The refusal names the room; other rooms can be read."""
    rooms = exchange.rooms()
    with pytest.raises(ImpersonationRefused, match=SECRET):
        await listed(rooms, SECRET)
    with pytest.raises(MailboxRefused, match="gone@"):
        await listed(rooms, "gone@example.test")
    with pytest.raises(MailboxRefused, match="no email address"):
        await listed(rooms, "oak")
    assert (await listed(rooms)).meetings == ()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_no_rooms_fault(exchange: RoomExchange) -> None:
    """The account is refused, and the error does not name a room."""
    with pytest.raises(SignInRefused) as refused:
        await listed(exchange.rooms(password="wrong"))
    assert "calendar of the room" not in refused.value.message


@pytest_twisted.ensureDeferred
async def test_a_busy_server_is_left_alone(exchange: RoomExchange) -> None:
    """The pause that a server asks for in one room is kept for it, and for no other
    room, by all who share the throttle."""
    throttles = Throttles(reactor, lambda: 0.0)
    rooms = exchange.rooms(throttles=throttles)
    exchange.misbehave(
        kind="ErrorServerBusy", operation="FindItem", back_off_ms=120_000, mailbox=OAK
    )
    for _ in range(2):
        with pytest.raises(MailboxBusy) as busy:
            await listed(rooms)
        assert busy.value.retry_after == pytest.approx(120, abs=2)
    assert exchange.sandbox.calls["FindItem"] == 1
    assert (await listed(exchange.rooms(throttles=throttles), ELM)).meetings == ()


@pytest_twisted.ensureDeferred
async def test_answers_can_be_parsed_elsewhere(exchange: RoomExchange) -> None:
    """All that an item is made of can be handed to another process and back."""
    exchange.book("Plan")
    (item,) = await read(exchange.rooms())
    assert msgspec.json.decode(msgspec.json.encode(item), type=RoomItem) == item
