"""What rooms' mailboxes promise: over Exchange Web Services, over Graph, and in memory
alike."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest
import pytest_twisted

from pexschedd.model.meeting import MessageRef, Person
from pexschedd.onetouch.ports.room_mailboxes import RoomItem, RoomMailboxes
from tests.ews.ews_rooms_support import ALICE, DAY, HOUR, OAK, START, RoomExchange
from tests.graph.msgraph_rooms_support import RoomTenant
from tests.onetouch.calendars.memory_rooms import MemoryRooms


class Organizer(Protocol):
    """Somebody who books the room."""

    rooms: RoomMailboxes

    def book(self, start: Any) -> Any: ...
    def move(self, meeting: Any, start: Any) -> None: ...
    def cancel(self, meeting: Any) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self._memory = MemoryRooms()
        self.rooms: RoomMailboxes = self._memory
        self._count = 0

    def book(self, start: Any) -> str:
        self._count += 1
        name = f"item{self._count}"
        self._put(name, start)
        return name

    def _put(self, name: str, start: Any) -> None:
        item = RoomItem(
            ref=MessageRef(name),
            uid=f"uid-{name}",
            start=start,
            end=start + HOUR,
            subject="Plan",
            html="<p>Agenda</p>",
            organizer=Person("Alice Archer", ALICE),
        )
        self._memory.put(OAK, item)

    def move(self, meeting: str, start: Any) -> None:
        self._put(meeting, start)

    def cancel(self, meeting: str) -> None:
        self._memory.remove(OAK, meeting)

    async def close(self) -> None:
        await self._memory.close()


class OverExchange:
    def __init__(self) -> None:
        self._exchange: RoomExchange = RoomExchange()
        self.rooms: RoomMailboxes = self._exchange.rooms()

    def book(self, start: Any) -> Any:
        return self._exchange.book(start=start)

    def move(self, meeting: Any, start: Any) -> None:
        self._exchange.sandbox.exchange.update(meeting, start=start, end=start + HOUR)

    def cancel(self, meeting: Any) -> None:
        self._exchange.sandbox.exchange.cancel(meeting)

    async def close(self) -> None:
        await self._exchange.close()


class OverGraph(OverExchange):
    def __init__(self) -> None:
        tenant = RoomTenant()
        self._exchange = tenant
        self.rooms = tenant.graph_rooms()


@pytest_twisted.async_yield_fixture(params=[InMemory, OverExchange, OverGraph])
async def organizer(request: pytest.FixtureRequest) -> AsyncIterator[Organizer]:
    made = request.param()
    yield made
    await made.close()


@pytest_twisted.ensureDeferred
async def test_the_list_and_its_items(organizer: Organizer) -> None:
    """The meetings of a span come in the order of their starts, and each can be had
    whole, with the same id, key, UID and times."""
    for days in (3, 1, 9):
        organizer.book(START + days * DAY)
    found = await organizer.rooms.listing(OAK, START, START + 7 * DAY)
    assert [m.start for m in found.meetings] == [START + DAY, START + 3 * DAY]
    assert found.is_complete
    refs = [m.ref for m in found.meetings]
    items = {i.ref: i for i in await organizer.rooms.fetch(OAK, refs)}
    for listed in found.meetings:
        item = items[listed.ref]
        assert (item.uid, item.start, item.end) == (
            listed.uid,
            listed.start,
            listed.end,
        )
        assert item.subject == "Plan"
        assert item.organizer == Person("Alice Archer", ALICE)
        assert "Agenda" in item.html


@pytest_twisted.ensureDeferred
async def test_a_new_version_has_a_new_key(organizer: Organizer) -> None:
    """A moved meeting has its id and another key; the other one's stays."""
    meeting = organizer.book(START + DAY)
    organizer.book(START + 2 * DAY)
    before = (await organizer.rooms.listing(OAK, START, START + 7 * DAY)).meetings
    organizer.move(meeting, START + 5 * DAY)
    after = (await organizer.rooms.listing(OAK, START, START + 7 * DAY)).meetings
    assert after[0] == before[1]
    assert after[1].ref.item_id == before[0].ref.item_id
    assert after[1].ref.change_key != before[0].ref.change_key
    assert after[1].uid == before[0].uid


@pytest_twisted.ensureDeferred
async def test_what_is_gone_is_left_out(organizer: Organizer) -> None:
    """A cancelled meeting is in no list, and cannot be had."""
    meeting = organizer.book(START + DAY)
    listed = await organizer.rooms.listing(OAK, START, START + 7 * DAY)
    organizer.cancel(meeting)
    refs = [m.ref for m in listed.meetings]
    assert list(await organizer.rooms.fetch(OAK, refs)) == []
    empty = await organizer.rooms.listing(OAK, START, START + 7 * DAY)
    assert empty.meetings == ()
