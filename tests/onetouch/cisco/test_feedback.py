"""Endpoints that tell when they have lost their bookings."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor as _reactor
from twisted.web.client import Agent, HTTPConnectionPool

from pexschedd.model import tables
from pexschedd.onetouch.cisco.feedback import slot_for
from pexschedd.onetouch.pushing.pace import LOOK_EVERY
from pexschedd.web.path_router import PathRouter
from pexschedd.web.rooms.feedback import FeedbackApi
from pexschedd.web.site import HttpSite
from tests.onetouch.cisco.rooms import Rooms

reactor: Any = _reactor
BASE = "https://rooms.example.test"
OTHERS = ("http://control.example.test/codec", ["/Event"])
SYNC, BOOT = "/Event/Bookings/SyncRequired", "/Event/BootEvent"


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """Two rooms with a meeting each, and a daemon that endpoints can reach."""
    rooms = Rooms(tmp_path, 2, BASE)
    await rooms.configure()
    for number in (1, 2):
        await rooms.meetings(number, "Plan", "Review")
    yield rooms
    await rooms.close()


def key_of(rooms: Rooms, number: int = 1) -> str:
    """The key in the URL that an endpoint has, wherever it has it."""
    urls = [url for url, _ in rooms.endpoints[number].feedback.values()]
    (ours,) = [url for url in urls if url.startswith(BASE)]
    assert ours.startswith(f"{BASE}/feedback/{number}/")
    return ours.rpartition("/")[2]


def registrations(rooms: Rooms) -> int:
    return rooms.endpoints[1].requests.count(("POST", "/putxml feedback"))


@pytest.mark.parametrize(
    ("version", "events"),
    [("RoomOS 11.24.4.1", [SYNC, BOOT]), ("RoomOS 11.14.4.0", [BOOT])],
)
@pytest_twisted.ensureDeferred
async def test_registered(rooms: Rooms, version: str, events: list[str]) -> None:
    """Each endpoint has an URL with a key of its own, in a slot that nobody has and not
    in the management suite's, for the events that its software knows; no session stays,
    and a changed list does not register again."""
    endpoint = rooms.endpoints[1]
    endpoint.version = version
    endpoint.feedback = {4: OTHERS, 2: ("", [])}
    await rooms.start()
    assert endpoint.feedback[4] == OTHERS
    assert endpoint.feedback[2][1] == events
    assert len(key_of(rooms)) == 48
    assert key_of(rooms) != key_of(rooms, 2)
    assert not endpoint.sessions
    assert rooms.state().feedback_slot == 2
    await rooms.meetings(1, "Plan")
    await rooms.settle()
    assert endpoint.titles == ["Plan"]
    assert registrations(rooms) == 1


@pytest_twisted.ensureDeferred
async def test_told_and_looked_at(rooms: Rooms) -> None:
    """An endpoint that says that it has lost its bookings has them again at once; one
    that says so all the time is looked at later; another's key does nothing."""
    await rooms.start()
    endpoint, key = rooms.endpoints[1], key_of(rooms)
    endpoint.bookings, endpoint.titles = [], []
    assert not rooms.pusher.told(1, key_of(rooms, 2))
    assert not rooms.pusher.told(3, key)
    assert not rooms.pusher.told(1, "")
    assert not rooms.pusher.told(1, "é")
    await rooms.settle()
    assert endpoint.titles == []
    assert rooms.pusher.told(1, key)
    await rooms.settle()
    assert endpoint.titles == ["Plan", "Review"]
    looks = len(endpoint.requests)
    for _ in range(50):
        assert rooms.pusher.told(1, key)
        await rooms.settle()
    two_looks = 2 * 2
    assert len(endpoint.requests) - looks <= two_looks
    looks = len(endpoint.requests)
    await rooms.turn(60)
    assert len(endpoint.requests) > looks


@pytest_twisted.ensureDeferred
async def test_renewed_after_a_restart(rooms: Rooms) -> None:
    """A restarted endpoint that has forgotten the URL is given it again, and one that
    has another address one with another key."""
    await rooms.start()
    endpoint, key = rooms.endpoints[1], key_of(rooms)
    endpoint.reboot()
    endpoint.feedback.clear()
    await rooms.turn(2 * LOOK_EVERY)
    assert key_of(rooms) == key
    rooms.endpoints[2].feedback.clear()
    await rooms.delete(tables.MJX_ENDPOINT, 2)
    await rooms.put_endpoint(1, api_address="10.0.0.2")
    await rooms.turn(30)
    (other,) = [url for url, _ in rooms.endpoints[2].feedback.values()]
    assert not other.endswith(key)
    assert not rooms.pusher.told(1, key)
    assert rooms.pusher.told(1, other.rpartition("/")[2])


@pytest_twisted.ensureDeferred
async def test_taken_back_with_the_endpoint(rooms: Rooms) -> None:
    """A deleted endpoint has the URL no more, and its key does nothing; one that others
    have registered in that slot meanwhile stays."""
    await rooms.start()
    key = key_of(rooms)
    await rooms.delete(tables.MJX_ENDPOINT, 1)
    await rooms.settle()
    assert rooms.endpoints[1].feedback == {}
    assert not rooms.endpoints[1].sessions
    assert not rooms.pusher.told(1, key)
    rooms.endpoints[2].feedback = {4: OTHERS}
    await rooms.delete(tables.MJX_ENDPOINT, 2)
    await rooms.settle()
    assert rooms.endpoints[2].feedback == {4: OTHERS}


@pytest_twisted.ensureDeferred
async def test_no_longer_reachable(rooms: Rooms) -> None:
    """Without a URL nothing is registered, and what was is taken back within a day."""
    await rooms.start()
    key = key_of(rooms)
    await rooms.close()
    rooms.rooms_url = ""
    rooms.open()
    await rooms.start()
    assert not rooms.pusher.told(1, key)
    await rooms.pusher.check(1)
    assert rooms.endpoints[1].feedback == {}
    assert rooms.state().feedback_slot == 0


@pytest.mark.parametrize("slots", ["taken", "unknown"])
@pytest_twisted.ensureDeferred
async def test_it_cannot(rooms: Rooms, slots: str) -> None:
    """An endpoint without a free slot, or without the command, has its list all the
    same, and no alarm; what others have registered is left alone."""
    endpoint = rooms.endpoints[1]
    endpoint.knows_feedback = slots == "taken"
    if slots == "taken":
        endpoint.feedback = dict.fromkeys((1, 2, 4), OTHERS)
    before = dict(endpoint.feedback)
    await rooms.start()
    assert endpoint.titles == ["Plan", "Review"]
    assert endpoint.feedback == before
    assert rooms.state().problem == ""
    assert rooms.raised() == {}
    requests = len(endpoint.requests)
    await rooms.turn(LOOK_EVERY * 1.5)
    assert "/putxml feedback" not in {p for _, p in endpoint.requests[requests:]}


def test_slots() -> None:
    """Our own slot first, then a free one, the management suite's never."""
    assert slot_for({}, BASE) == 4
    assert slot_for({4: "x"}, BASE) == 2
    assert slot_for({4: "x", 2: "y"}, BASE) == 1
    assert slot_for({4: "x", 2: "y", 1: "z"}, BASE) is None
    assert slot_for({4: "", 1: f"{BASE}/feedback/1/k"}, f"{BASE}/feedback/") == 1


@pytest_twisted.ensureDeferred
async def test_the_address(tmp_path: Path) -> None:
    """A body is not read, or refused if it is too long, and anything but an endpoint's
    own address is not there. The access log tells of which endpoint it is,
    and not the key."""
    told: list[tuple[int, str]] = []
    lines: list[str] = []

    def tell(id: int, key: str) -> bool:
        told.append((id, key))
        return key == "right"

    parts: Any = {b"feedback": FeedbackApi(tell).app.resource()}
    site = HttpSite(PathRouter(None, parts), reactor, lines.append)  # type: ignore[arg-type]
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    pool = HTTPConnectionPool(reactor, persistent=False)
    client = treq.client.HTTPClient(Agent(reactor, pool=pool))
    base = f"http://127.0.0.1:{port.getHost().port}/feedback"

    async def post(path: str, body: bytes = b"<Event/>") -> int:
        answer = await client.post(f"{base}{path}", data=body)
        await treq.content(answer)
        return int(answer.code)

    try:
        assert await post("/1/right", b"\xff<not xml") == 204
        assert await post("/1/wrong") == 404
        assert told == [(1, "right"), (1, "wrong")]
        assert all('"path":"/feedback/1/..."' in line for line in lines)
        assert len(lines) == 2
        told.clear()
        for path in ("/x/right", f"/{'9' * 5000}/right", "/1/right/more", "/1", ""):
            assert await post(path) in (404, 405)
        assert await post("/1/right", b"x" * (20 << 20)) == 413
        assert told == []
        assert not any("right" in line for line in lines)
    finally:
        await port.stopListening()
