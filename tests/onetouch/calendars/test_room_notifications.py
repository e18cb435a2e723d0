"""The time until a changed meeting is in its room's list, in the whole daemon on real
sockets."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.sandbox.notifications.subscriptions import SubscriptionLimits
from tests.onetouch.calendars.room_world import ASH, OAK, ZOOM, RoomWorld
from tests.stories.story_clock import reactor
from tests.stories.story_terms import AT_TEN, HOUR
from tests.turns import until

SOON = 5.0
"""Seconds of the real clock in which a change has to be listed."""


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(tmp_path)
    await world.start()
    yield world
    await world.stop()


async def reported(world: RoomWorld, **deployment: object) -> ReadingSchedule:
    """Two rooms that were read, and whose changes are reported."""
    await world.configure(OAK, ASH, **deployment)
    await world.read()
    (reader,) = world.daemon.one_touch.reading.readers.values()
    await until(lambda: all(r.is_reported for r in reader.rooms.values()))
    await world.read()
    return reader


async def soon(holds: Callable[[], bool]) -> None:
    """Wait until something holds, which has to be soon."""
    began = reactor.seconds()
    await until(holds)
    assert reactor.seconds() - began < SOON


def starts(world: RoomWorld) -> list[object]:
    return [line.start for line in world.screen()]


@pytest_twisted.ensureDeferred
async def test_a_changed_meeting_is_listed_within_five_seconds(
    world: RoomWorld,
) -> None:
    """So it is with a meeting that is booked, moved and cancelled, while rooms are read
    every half minute; the other room is left alone."""
    reader = await reported(world)
    other = reader.rooms[ASH].started
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await soon(lambda: starts(world) == [AT_TEN])
    await world.alice.move(meeting, AT_TEN + HOUR)
    await soon(lambda: starts(world) == [AT_TEN + HOUR])
    await world.alice.cancel(meeting)
    await soon(lambda: starts(world) == [])
    assert reader.rooms[ASH].started == other


@pytest_twisted.ensureDeferred
async def test_a_hundred_events(world: RoomWorld) -> None:
    """A burst is read in a few goes."""
    reader = await reported(world)
    before = reader.readings
    for number in range(40):
        world.sandbox.exchange.schedule(
            "alice@example.test",
            subject=f"Plan {number}",
            start=AT_TEN + number * HOUR,
            end=AT_TEN + number * HOUR + HOUR / 2,
            resources=[OAK],
        )
    await soon(lambda: len(world.screen()) == 40)
    assert reader.readings - before <= 2


@pytest_twisted.ensureDeferred
async def test_the_connection_is_lost(world: RoomWorld) -> None:
    """It is made again by itself, whether the server still knows the subscriptions or
    has restarted."""
    reader = await reported(world)
    for lose in (
        lambda: world.sandbox.streams()[0].misbehave("abort"),
        world.sandbox.subscriptions.forget,
    ):
        lose()
        await until(lambda: not reader.rooms[OAK].is_reported)
        await until(lambda: reader.rooms[OAK].is_reported)
        before = len(world.screen())
        await world.alice.invite(
            "Plan", AT_TEN + before * HOUR, body=ZOOM, resources=[OAK]
        )
        await soon(lambda: len(world.screen()) == before + 1)  # noqa: B023 - at once


@pytest_twisted.ensureDeferred
async def test_without_notifications(world: RoomWorld) -> None:
    """Rooms are read all the same when the server takes no stream, or when none is
    wanted."""
    world.sandbox.subscriptions.limits = SubscriptionLimits(streams=0)
    await world.configure(OAK, ASH)
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await world.read()
    (reader,) = world.daemon.one_touch.reading.readers.values()
    listener = reader.listener
    assert listener is not None
    await until(lambda: "connect" in listener.without[OAK].reason.lower())
    assert starts(world) == [AT_TEN]
    deployment = world.store.get(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
    assert deployment is not None
    await world.configure(OAK, ASH, notification_method="POLL")
    await until(
        lambda: (
            [r.listener for r in world.daemon.one_touch.reading.readers.values()]
            == [None]
        )
    )


@pytest_twisted.ensureDeferred
async def test_groups_of_autodiscover(world: RoomWorld) -> None:
    """Rooms whose servers do not know each other have a stream each."""
    oak = world.sandbox.exchange.mailbox(OAK)
    oak.account = type(oak.account)(
        **{f: getattr(oak.account, f) for f in oak.account.__struct_fields__}
        | {"server_group": "SITE02"}
    )
    with world.store.transaction() as change:
        address = AutodiscoverUrl(
            id=1,
            name="Here",
            url=f"{world.url}/autodiscover/autodiscover.svc",
            exchange_deployment=1,
        )
        change.put(tables.MJX_AUTODISCOVER_URL, address)
        durable = change.commit()
    await durable
    await reported(world, ews_url="")
    assert sorted(s.mailboxes for s in world.sandbox.streams()) == [[ASH], [OAK]]
