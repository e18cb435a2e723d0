"""Discovered servers of rooms: found in the sandbox, remembered, and searched again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.errors import ImpersonationRefused, MailboxRefused, MailboxUnreachable
from pexschedd.ews.autodiscover.discovered_rooms import (
    DOUBTED_AFTER,
    FAILED_FOR,
    DiscoveredRooms,
)
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing
from tests.ews.autodiscover_support import searcher
from tests.ews.ews_rooms_support import DAY, ELM, OAK, START, RoomExchange


@pytest_twisted.async_yield_fixture()
async def exchange() -> AsyncIterator[RoomExchange]:
    exchange = RoomExchange()
    yield exchange
    await exchange.close()


@pytest.mark.parametrize("kind", ["xml", "svc"])
@pytest_twisted.ensureDeferred
async def test_the_sandbox_is_found(exchange: RoomExchange, kind: str) -> None:
    """By both forms; rooms are then read where it says."""
    url = f"{exchange.base}/autodiscover/autodiscover.{kind}"
    assert await searcher(url).find(OAK) == exchange.url
    with pytest.raises(MailboxRefused, match="nobody@nowhere"):
        await searcher(url).find("nobody@nowhere.invalid")


class Searches:
    """Finds what it is told to."""

    def __init__(self, *results: str | Exception) -> None:
        self.results = list(results)
        self.asked: list[str] = []

    async def find(self, email: str) -> str:
        self.asked.append(email)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


class Rooms:
    """Rooms at one server, which works until it has an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_closed = False

    async def listing(self, room: str, since: Any, until: Any) -> CalendarListing:
        if self.error is not None:
            raise self.error
        return CalendarListing(())

    async def close(self) -> None:
        self.is_closed = True


@pytest_twisted.ensureDeferred
async def test_a_server_is_remembered() -> None:
    """One search serves all rooms of a domain, until the server stops answering as
    one; then it is searched again, though not for a room's own trouble, and the old
    connections are given up when it is another one."""
    clock, opened = Clock(), dict[str, Rooms]()
    searches = Searches("https://old.test/", "https://old.test/", "https://new.test/")

    def open_rooms(url: str) -> Any:
        opened[url] = Rooms()
        return opened[url]

    rooms = DiscoveredRooms(searches.find, open_rooms, clock)

    async def listed(room: str = OAK) -> None:
        await rooms.listing(room, START, START + DAY)

    for room in (OAK, ELM):
        await listed(room)
    assert searches.asked == [OAK]
    old = opened["https://old.test/"]
    clock.advance(DOUBTED_AFTER)
    old.error = ImpersonationRefused("Not in the scope.")
    for _ in range(2):
        with pytest.raises(ImpersonationRefused):
            await listed()
    assert searches.asked == [OAK]
    old.error = MailboxUnreachable("Nothing answers.")
    for expected in (1, 2, 2):  # what was found a moment ago is not doubted
        with pytest.raises(MailboxUnreachable):
            await listed()
        assert len(searches.asked) == expected
    clock.advance(DOUBTED_AFTER)
    with pytest.raises(MailboxUnreachable):
        await listed()
    await listed()
    assert set(opened) == {"https://old.test/", "https://new.test/"}
    assert old.is_closed
    await rooms.close()
    assert opened["https://new.test/"].is_closed


@pytest_twisted.ensureDeferred
async def test_a_vain_search_is_not_repeated_at_once(exchange: RoomExchange) -> None:
    """All rooms get its error until it is tried again."""
    clock = Clock()
    searches = Searches(MailboxRefused("Nothing found."), exchange.url)
    rooms = DiscoveredRooms(searches.find, lambda _: exchange.rooms(), clock)
    for _ in range(5):
        with pytest.raises(MailboxRefused, match="Nothing found"):
            await rooms.listing(OAK, START, START + DAY)
    assert len(searches.asked) == 1
    clock.advance(FAILED_FOR)
    await rooms.listing(OAK, START, START + DAY)
    assert len(searches.asked) == 2
    await rooms.close()
