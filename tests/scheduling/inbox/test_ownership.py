"""Another installation on the same mailbox is noticed; nobody else is."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused
from pexschedd.model import tables
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import SHARED_MAILBOX
from pexschedd.scheduling.inbox.ownership import EVERY, Installation, Ownership, _read
from pexschedd.store.installation_id import FILE, installation_id
from pexschedd.store.store import Store
from tests.scheduling.process_support import CONNECTOR, turn, unexpected

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Folder:
    """Where stamps are left."""

    def __init__(self) -> None:
        self.text = ""
        self.read_only = False
        self.calls = 0

    async def stamp(self) -> str:
        self.calls += 1
        return self.text

    async def leave_stamp(self, text: str) -> None:
        self.calls += 1
        if self.read_only:
            raise MailboxRefused("The folder cannot be changed.")
        self.text = text


class Daemon:
    """One daemon's view of the mailbox, with a clock that may be wrong."""

    def __init__(
        self,
        folder: Folder,
        store: Store,
        clock: Clock,
        *,
        instance: str = "1",
        node: str = "pex1",
        skew: timedelta = timedelta(),
    ) -> None:
        def now() -> datetime:
            return START + timedelta(seconds=clock.seconds()) + skew

        self.alarms = Alarms(store, now)
        self.ownership = Ownership(
            lambda: CONNECTOR,
            folder,
            Installation(instance, node),
            self.alarms,
            clock=clock,
            now=now,
        )

    def start(self) -> None:
        self.ownership.start()

    async def stop(self) -> None:
        await self.ownership.stop()

    @property
    def alarm(self) -> str:
        found = self.alarms.active(SHARED_MAILBOX, CONNECTOR.name)
        return found.details if found else ""


class World:
    """One mailbox, time, and a state folder for each installation."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.mailbox = Folder()
        self._folder = folder
        self._stores: list[Store] = []
        self._running: list[Daemon] = []

    def installation(self, **more: Any) -> Daemon:
        store = Store.open(
            self._folder / str(len(self._stores)),
            tables.TABLES,
            reactor=cast(Any, reactor),
            failed=unexpected,
        )
        self._stores.append(store)
        return self.again(store, **more)

    def again(self, store: Store | None = None, **more: Any) -> Daemon:
        made = Daemon(self.mailbox, store or self._stores[0], self.clock, **more)
        self._running.append(made)
        return made

    async def pass_(self, seconds: float) -> None:
        left = seconds
        while left > 0:
            self.clock.advance(min(left, 10))
            left -= 10
        for store in self._stores:
            await turn(store)

    async def end(self) -> None:
        for each in self._running:
            await each.stop()
        for store in self._stores:
            await store.close()


@pytest_twisted.async_yield_fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.end()


MINUTE = 60


@pytest.mark.parametrize("hours", [0, 5, -5, 100_000])
@pytest_twisted.ensureDeferred
async def test_two_installations_notice_each_other(world: World, hours: int) -> None:
    """Both name both, whatever their clocks say; silence for 15 minutes ends it."""
    one = world.installation()
    other = world.installation(instance="2", node="test2", skew=timedelta(hours=hours))
    one.start()
    await world.pass_(MINUTE)
    assert not one.alarm
    other.start()
    await world.pass_(10 * MINUTE)
    for side in (one, other):
        assert "pex1" in side.alarm
        assert "test2" in side.alarm
        assert CONNECTOR.mailbox_address in side.alarm
        assert "mailbox of its own" in side.alarm
    await other.stop()
    await world.pass_(13 * MINUTE)
    assert one.alarm
    await world.pass_(7 * MINUTE)
    assert not one.alarm


@pytest_twisted.ensureDeferred
async def test_a_restart_is_no_other_installation(world: World) -> None:
    """Not even with another name of the machine; and an old alarm is kept up only as
    long as there is a reason."""
    one = world.installation()
    one.start()
    await world.pass_(20 * MINUTE)
    await one.stop()
    one = world.again(node="pex1-new")
    one.start()
    await world.pass_(20 * MINUTE)
    assert not one.alarm


@pytest_twisted.ensureDeferred
async def test_an_alarm_outlives_a_restart(world: World) -> None:
    """While the other one still works there, a restart of ours does not lower it."""
    one, other = world.installation(), world.installation(instance="2", node="test2")
    one.start()
    other.start()
    await world.pass_(6 * MINUTE)
    assert one.alarm
    await one.stop()
    one = world.again()
    one.start()
    await world.pass_(MINUTE)
    assert one.alarm
    await world.pass_(20 * MINUTE)
    assert one.alarm


@pytest_twisted.ensureDeferred
async def test_a_copied_state_folder(world: World) -> None:
    """The same installation on two machines is two."""
    one, copy = world.installation(), world.installation(node="pex2")
    one.start()
    await world.pass_(MINUTE)
    copy.start()
    await world.pass_(11 * MINUTE)
    assert "pex2" in one.alarm
    assert "pex1" in copy.alarm


@pytest.mark.parametrize("node", ["pex1", "pex0"])
@pytest_twisted.ensureDeferred
async def test_an_installation_that_was_just_replaced(world: World, node: str) -> None:
    """What it left a moment ago, on this machine or another, is no sign of life."""
    world.mailbox.text = msgspec.json.encode(
        {"instance": "9", "node": node, "seen": START - timedelta(seconds=5)}
    ).decode()
    one = world.installation()
    one.start()
    for _ in range(20):
        await world.pass_(MINUTE)
        assert not one.alarm


@pytest_twisted.ensureDeferred
async def test_another_one_where_stamps_cannot_be_left(world: World) -> None:
    """It is noticed by its stamps, which change; a stamp that stays the same is no
    sign of life there either."""
    world.mailbox.read_only = True
    left = {"instance": "9", "node": "old", "seen": START}
    world.mailbox.text = msgspec.json.encode(left).decode()
    one = world.installation()
    one.start()
    await world.pass_(20 * MINUTE)
    assert not one.alarm
    left["seen"] = START + timedelta(minutes=21)
    world.mailbox.text = msgspec.json.encode(left).decode()
    await world.pass_(6 * MINUTE)
    assert "old" in one.alarm


@pytest_twisted.ensureDeferred
async def test_a_stamp_of_long_ago(world: World) -> None:
    """What another one left that was taken out of service is replaced, no more."""
    world.mailbox.text = (
        '{"instance":"9","node":"old","seen":"2026-11-20T12:00:00Z","more":1}'
    )
    one = world.installation()
    one.start()
    await world.pass_(20 * MINUTE)
    assert not one.alarm
    assert '"node":"pex1"' in world.mailbox.text


@pytest_twisted.ensureDeferred
async def test_a_server_that_keeps_no_stamps(world: World) -> None:
    """Nothing is raised, nothing is thrown; it is tried again every five minutes."""
    world.mailbox.read_only = True
    one = world.installation()
    one.start()
    await world.pass_(3600)
    assert not one.alarm
    assert world.mailbox.calls == 2 * (3600 / EVERY + 1)


@pytest.mark.parametrize(
    ("instance", "seen", "is_stamp"),
    [
        ("one", "2026-11-20T10:00:00Z", True),
        ("one", "2026-11-20T10:00:00", False),
        ("", "2026-11-20T10:00:00Z", False),
    ],
)
def test_a_stamp_is_of_an_installation_at_a_time(
    instance: str, seen: str, is_stamp: bool
) -> None:
    """A time without an offset could be any, and is none."""
    text = json.dumps({"instance": instance, "node": "pex1", "seen": seen})
    assert (_read(text) is not None) is is_stamp


@given(
    st.one_of(
        st.text(max_size=2000),
        st.dictionaries(
            st.sampled_from(["instance", "node", "seen", "x"]),
            st.one_of(st.none(), st.integers(), st.text(), st.datetimes().map(str)),
        ).map(lambda value: msgspec.json.encode(value).decode()),
    )
)
def test_anything_may_have_been_left(text: str) -> None:
    """What is no stamp is none."""
    found = _read(text)
    assert found is None or (found.seen.tzinfo and found.instance)


def test_the_instance_is_made_once(tmp_path: Path) -> None:
    """It is kept; a damaged file is replaced."""
    made = iter(["11111111-1111-4111-8111-111111111111", "2" * 32])
    first = installation_id(tmp_path, lambda: next(made))
    assert first == "11111111-1111-4111-8111-111111111111"
    assert installation_id(tmp_path, lambda: next(made)) == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / FILE).write_bytes(b"\xff?")
    assert installation_id(tmp_path, lambda: next(made)) == "2" * 32
