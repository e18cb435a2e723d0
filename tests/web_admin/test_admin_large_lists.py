"""Lists of many records: looked through in turns, and with little kept."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pexschedd.model import tables
from pexschedd.util.cooperate import AT_ONCE
from tests.management.test_large_lists import MANY, delete, put, room
from tests.util.cooperate_support import Turns
from tests.web_admin import web_admin_support
from tests.web_admin.web_admin_support import (
    Server,
    reactor,
    serving,
)

URL = f"{web_admin_support.CONFERENCE}?tag=b&limit=0"


async def rest() -> None:
    """Lets the disk and the network have the processor."""
    await deferLater(reactor, 0.001)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await rest()


@pytest_twisted.async_yield_fixture()
async def slow(tmp_path: Path) -> AsyncIterator[tuple[Server, Turns]]:
    """A server with many records that goes on with a list when it is told to."""
    turns = Turns()
    async with serving(tmp_path / "state", turns) as server:
        await put(server.store, *map(room, range(1, MANY + 1)))
        yield server, turns


@pytest_twisted.ensureDeferred
async def test_a_page_shows_what_is_there(slow: tuple[Server, Turns]) -> None:
    """A record that goes, or does not fit any more, after it was chosen is not shown;
    all others are, and the answer is whole."""
    server, turns = slow
    asking = Deferred.fromCoroutine(server.client.get(URL))
    await until(lambda: bool(turns.getDelayedCalls()))
    for _ in range(2 * MANY // AT_ONCE):
        turns.turn()
    # All have been read and looked at, and the first are being shown.
    await delete(server.store, MANY - 2, 1)
    await put(server.store, replace(room(MANY - 5), tag="a"))
    while not asking.called:
        turns.turn()
        await rest()
    page = await asking
    expected = [n for n in range(1, MANY + 1) if n % 3 == 1][:-2]
    assert [each["id"] for each in page["objects"]] == expected
    assert page["meta"]["total_count"] == MANY // 3


@pytest_twisted.ensureDeferred
async def test_who_goes_away_stops_the_list(slow: tuple[Server, Turns]) -> None:
    """No more is read for a client that has disconnected; others are answered."""
    server, turns = slow
    asking = Deferred.fromCoroutine(server.client.get(URL))
    await until(lambda: bool(turns.getDelayedCalls()))
    turns.turn()
    assert turns.getDelayedCalls()
    asking.addErrback(lambda failure: None)
    asking.cancel()
    await until(lambda: not turns.getDelayedCalls())
    assert len(await server.client.objects(web_admin_support.CONFERENCE)) == 20


@pytest_twisted.ensureDeferred
async def test_deleting_many_gives_way(slow: tuple[Server, Turns]) -> None:
    """DELETE of a list goes on bit by bit, spares what does not fit any more when its
    turn comes, and takes all the rest."""
    server, turns = slow
    store = server.store
    asking = Deferred.fromCoroutine(server.client.ask("DELETE", URL))
    counts = [MANY]
    await until(lambda: bool(turns.getDelayedCalls()))
    while store.count(tables.CONFERENCE) == MANY:
        # It goes through all records first, and then deletes.
        turns.turn()
        await rest()
    await put(store, replace(room(MANY - 2), tag="a"))
    while not asking.called:
        turns.turn()
        counts.append(store.count(tables.CONFERENCE))
        await rest()
    assert (await asking).status == 204
    assert max(a - b for a, b in pairwise(counts)) <= AT_ONCE
    left = {n for n in range(1, MANY + 1) if n % 3 != 1} | {MANY - 2}
    assert set(store.ids(tables.CONFERENCE)) == left
