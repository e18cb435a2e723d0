"""Reported changes and the reading of rooms, with a clock that is moved."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxRefused, MailboxUnreachable, SignInRefused
from pexschedd.onetouch.calendars.pace import FLOOR, SAFETY
from pexschedd.onetouch.ports.room_notifications import RoomServer, TooManyStreams
from pexschedd.scheduling.alarms import names
from tests.onetouch.calendars.memory_rooms import MemoryNotifications, MemoryStream
from tests.onetouch.calendars.reading_support import ELM, OAK, Reading, item

FOLLOW = 2.0
"""Seconds until the configuration is followed."""


class Reported(Reading):
    """A reading of rooms whose changes are reported."""

    notifications: MemoryNotifications

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, notifications=MemoryNotifications())

    @property
    def stream(self) -> MemoryStream:
        (stream,) = self.notifications.streams
        return stream

    def is_reported(self, room: str = OAK) -> bool:
        return self.reader.rooms[room].is_reported

    async def begin(self, *rooms: str) -> None:
        """Read all rooms once, and have their changes reported."""
        await self.configure(*rooms)
        await self.start()
        await self.pass_time(FLOOR + FOLLOW)
        # What happened before the stream began is read within an interval.
        await self.pass_time(FLOOR)
        self.rooms.listed.clear()


@pytest_twisted.async_yield_fixture()
async def r(tmp_path: Path) -> AsyncIterator[Reported]:
    reading = Reported(tmp_path)
    yield reading
    await reading.stop()


@pytest_twisted.ensureDeferred
async def test_a_change_is_read_within_two_seconds(r: Reported) -> None:
    """The changed room alone is read, soon; nobody waits for the interval."""
    await r.begin(OAK, ELM)
    r.rooms.put(OAK, item())
    r.stream.tell(OAK)
    await r.pass_time(2)
    assert r.rooms.listed == [OAK]
    assert r.titles() == ["Plan"]


@pytest_twisted.ensureDeferred
async def test_a_burst_is_read_once(r: Reported) -> None:
    """A hundred events within a second lead to one reading, and those that go on to one
    every three seconds."""
    await r.begin(OAK)
    for _ in range(100):
        r.stream.tell(OAK)
        r.clock.advance(0.009)
    await r.pass_time(30)
    assert r.rooms.listed == [OAK]
    for _ in range(12):
        r.stream.tell(OAK)
        await r.pass_time(0.5, 0.1)
    await r.pass_time(20)
    assert len(r.rooms.listed) in (3, 4)


@pytest_twisted.ensureDeferred
async def test_polling_is_a_safety_net(r: Reported) -> None:
    """While changes are reported a room is read every five minutes besides, and every
    half minute when they are not any more."""
    await r.begin(OAK)
    await r.pass_time(10 * SAFETY, 5)
    assert len(r.rooms.listed) in (9, 10, 11)
    r.rooms.listed.clear()
    r.notifications.refusals[OAK] = MailboxRefused("Not here.")
    r.stream.end(MailboxUnreachable("Gone."))
    await r.pass_time(10 * FLOOR)
    assert not r.is_reported()
    assert len(r.rooms.listed) in (10, 11)


@pytest_twisted.ensureDeferred
async def test_a_lost_stream_is_followed_by_a_reading(r: Reported) -> None:
    """It is opened again within seconds, and every room of it is read within an
    interval: what happened in between was not told."""
    await r.begin(OAK, ELM)
    r.rooms.put(OAK, item())
    r.stream.end(MailboxUnreachable("Gone."))
    await r.pass_time(FLOOR)
    assert r.is_reported()
    assert r.stream.listened == 2
    assert set(r.rooms.listed) == {OAK, ELM}
    assert r.titles() == ["Plan"]


@pytest_twisted.ensureDeferred
async def test_the_agreed_end_of_a_stream(r: Reported) -> None:
    """It goes on at once, with a reading within an interval."""
    await r.begin(OAK)
    await r.pass_time(60)
    r.rooms.listed.clear()
    r.stream.end()
    await r.settle()
    assert r.stream.is_open
    await r.pass_time(FLOOR)
    assert r.rooms.listed == [OAK]


@pytest_twisted.ensureDeferred
async def test_a_server_that_ends_streams_at_once(r: Reported) -> None:
    """It is left alone for longer and longer."""
    await r.begin(OAK)
    await r.pass_time(60)
    for _ in range(1200):
        if r.stream.is_open:
            r.stream.end()
        await r.pass_time(1)
    assert r.stream.listened < 15


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_refused_is_polled(r: Reported) -> None:
    """The others are reported, and after an hour an alarm names it, which goes when it
    is reported."""
    r.notifications.refusals[ELM] = MailboxRefused("It is elsewhere.")
    await r.begin(OAK, ELM)
    assert (r.is_reported(OAK), r.is_reported(ELM)) == (True, False)
    await r.pass_time(10 * FLOOR, 5)
    assert r.rooms.listed.count(ELM) in (9, 10, 11)
    assert names.ONE_TOUCH_NOTIFICATIONS not in r.raised()
    await r.pass_time(3600, 10)
    details = r.raised()[names.ONE_TOUCH_NOTIFICATIONS]
    assert "1 of 2 rooms" in details
    assert f"{ELM}: It is elsewhere." in details
    r.notifications.refusals.clear()
    r.stream.end()
    await r.pass_time(120, 10)
    assert r.is_reported(ELM)
    assert names.ONE_TOUCH_NOTIFICATIONS not in r.raised()


@pytest_twisted.ensureDeferred
async def test_one_stream_too_many(r: Reported) -> None:
    """Its rooms are polled, and it is tried again after half an hour or so."""
    await r.begin(OAK)
    r.notifications.refusals[OAK] = TooManyStreams("There are ten.")
    r.stream.end(MailboxUnreachable("Gone."))
    await r.pass_time(600, 5)
    assert r.stream.listened == 2
    r.notifications.refusals.clear()
    await r.pass_time(1300, 5)
    assert r.is_reported()


@pytest_twisted.ensureDeferred
async def test_a_refused_account_is_not_tried_twice(r: Reported) -> None:
    """Streams wait until a reading has shown that the account is let in."""
    refused = SignInRefused("Wrong password.")
    r.rooms.errors[OAK] = [refused, refused]
    await r.configure(OAK)
    await r.start()
    await r.pass_time(FLOOR + FOLLOW)
    assert r.notifications.streams == []
    await r.pass_time(180, 5)
    assert r.is_reported()
    r.notifications.refusals[OAK] = refused
    r.rooms.errors[OAK] = [refused] * 3
    r.stream.end(refused)
    before = r.stream.listened
    await r.pass_time(60)
    assert r.stream.listened - before <= 1


@pytest_twisted.ensureDeferred
async def test_rooms_come_and_go(r: Reported) -> None:
    """The stream gets new rooms and loses old ones, without a restart."""
    await r.begin(OAK)
    await r.put_endpoint(2, ELM)
    await r.pass_time(FOLLOW)
    assert list(r.stream.rooms) == [ELM, OAK]
    await r.put_endpoint(1, ELM)
    await r.pass_time(FOLLOW)
    assert list(r.stream.rooms) == [ELM]


@pytest_twisted.ensureDeferred
async def test_rooms_of_several_servers(r: Reported) -> None:
    """Each server has a stream of its own; a room whose server is not found is
    polled."""
    r.notifications.servers[ELM] = RoomServer("https://mail.example.test/", "B")
    r.notifications.servers["ash@example.test"] = MailboxRefused("Unknown.")
    await r.begin(OAK, ELM, "ash@example.test")
    assert [s.rooms for s in r.notifications.streams] == [(ELM,), (OAK,)]
    assert not r.is_reported("ash@example.test")


@pytest_twisted.ensureDeferred
async def test_changes_do_not_exceed_the_quota(r: Reported) -> None:
    """A room that changes all the time is read as often as its part of the quota
    allows; a spent quota ends that, too."""
    await r.configure(OAK, ELM, find_items_request_quota=10_000)
    await r.start()
    await r.pass_time(FLOOR + FOLLOW)
    used = r.reader.counter.used()
    for _ in range(1200):
        r.stream.tell(OAK)
        await r.pass_time(3, 3)
    # An hour: 104 for a room's part of half of it, ten at once, and some for safety.
    assert 90 < r.reader.counter.used() - used < 104 + 10 + 2 * 12 + 4


@pytest_twisted.ensureDeferred
async def test_stopping_closes_streams(tmp_path: Path) -> None:
    """A stopped reader leaves no stream open."""
    r = Reported(tmp_path)
    await r.begin(OAK)
    stream = r.stream
    await r.stop()
    assert stream.is_closed
    assert not r.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_stopping_ends_a_search(tmp_path: Path) -> None:
    """A search for a room's server that gets no answer does not hold up the end."""
    r = Reported(tmp_path)
    r.notifications.hanging = Deferred()
    await r.configure(OAK)
    await r.start()
    await r.pass_time(FLOOR + FOLLOW)
    assert r.titles() == []
    began = r.clock.seconds()
    await r.stop()
    assert r.clock.seconds() - began < 1
    assert r.notifications.streams == []
