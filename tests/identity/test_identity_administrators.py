"""Administrators: sign-in, passwords, the first one."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from pexschedd.errors import (
    ConfigError,
    InvalidFields,
    NotAuthenticated,
    StoreError,
    Unavailable,
)
from pexschedd.identity.administrators import (
    Administrators,
    change_password,
    first_administrator,
)
from pexschedd.model import tables
from pexschedd.store.store import Store

reactor: Any = _reactor
"""Typed as a module, which it is not."""


class World:
    """Administrators over a real store, a clock to move, a count of slow hashes."""

    def __init__(self, directory: Path) -> None:
        def failed(error: StoreError) -> None:
            raise AssertionError(error)

        self.store = Store.open(
            directory, tables.TABLES, reactor=reactor, failed=failed
        )
        self.time = datetime(2026, 11, 21, tzinfo=UTC)
        self.hashes = 0
        self.administrators = Administrators(self.store, self.now, self.in_thread)

    def now(self) -> datetime:
        return self.time

    def in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        self.hashes += 1
        return deferToThread(work)

    async def refused(self, name: str, password: str) -> None:
        with pytest.raises(NotAuthenticated) as caught:
            await self.administrators.authenticate(name, password)
        assert caught.value.message == "The name or the password is wrong."


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "state")
    yield world
    await world.store.close()


@pytest_twisted.ensureDeferred
async def test_sign_in(world: World) -> None:
    """The right name and password are let in, nothing else, in the same words."""
    await world.administrators.set_password("admin", "correct horse")
    who = await world.administrators.authenticate("admin", "correct horse")
    assert who.name == "admin"
    for name, password in (
        ("admin", "wrong"),
        ("admin", ""),
        ("Admin", "correct horse"),
        ("nobody", "correct horse"),
        ("", ""),
        ("admin", "x" * 5000),
    ):
        await world.refused(name, password)


@pytest_twisted.ensureDeferred
async def test_unknown_names_cost_a_hash_too(world: World) -> None:
    """Whether a name exists cannot be told from the time the answer takes."""
    await world.administrators.set_password("admin", "correct horse")
    await world.refused("nobody", "x")  # makes the stand-in
    for name in ("admin", "nobody", "admin", "nobody"):
        before = world.hashes
        await world.refused(name, "wrong")
        assert world.hashes == before + 1


@pytest_twisted.ensureDeferred
async def test_right_passwords_are_remembered_for_minutes(world: World) -> None:
    """A second request costs no hash; after five minutes, or with a new password, the
    old one counts for nothing."""
    await world.administrators.set_password("admin", "correct horse")
    await world.administrators.authenticate("admin", "correct horse")
    before = world.hashes
    await world.administrators.authenticate("admin", "correct horse")
    assert world.hashes == before
    world.time += timedelta(minutes=6)
    await world.administrators.authenticate("admin", "correct horse")
    assert world.hashes == before + 1
    await world.administrators.set_password("admin", "battery staple")
    await world.refused("admin", "correct horse")
    await world.administrators.authenticate("admin", "battery staple")
    assert world.store.count(tables.ADMINISTRATOR) == 1


@pytest_twisted.ensureDeferred
async def test_hashes_are_bounded(world: World) -> None:
    """Two hashes at once; who comes when dozens wait is sent away."""
    at_once = highest = 0
    waiting: list[Deferred[Any]] = []

    def in_thread(work: Callable[[], Any]) -> Deferred[Any]:
        nonlocal at_once, highest
        at_once += 1
        highest = max(highest, at_once)
        deferred: Deferred[Any] = Deferred()
        waiting.append(deferred)
        return deferred

    administrators = Administrators(world.store, world.now, in_thread)
    tries = [
        Deferred.fromCoroutine(administrators.authenticate("x", "y")) for _ in range(60)
    ]
    refused = [d for d in tries if d.called]
    for deferred in refused:
        with pytest.raises(Unavailable):
            await deferred
    assert len(refused) == 10
    while waiting:
        at_once -= 1
        waiting.pop(0).callback("scrypt$2$1$1$AAAA$AAAA")
    for deferred in tries:
        if deferred not in refused:
            with pytest.raises(NotAuthenticated):
                await deferred
    assert highest == 2


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
@pytest_twisted.ensureDeferred
async def test_poor_passwords(world: World, password: str) -> None:
    """A password that will not do is refused by name."""
    with pytest.raises(InvalidFields) as caught:
        await world.administrators.set_password("admin", password)
    assert set(caught.value.problems) == {"password"}
    assert not world.administrators.exist()


@pytest_twisted.ensureDeferred
async def test_first_administrator_gets_a_random_password(
    world: World, tmp_path: Path
) -> None:
    """The password is in a file for its owner only; the log names the file alone."""
    said: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        said.append(str(event))

    globalLogPublisher.addObserver(observe)
    try:
        await first_administrator(world.administrators, tmp_path)
    finally:
        globalLogPublisher.removeObserver(observe)
    file = tmp_path / "initial-admin-password"
    password = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(password) >= 20
    await world.administrators.authenticate("admin", password)
    assert any(str(file) in line for line in said)
    assert not any(password in line for line in said)
    # A second start changes nothing.
    file.unlink()
    await first_administrator(world.administrators, tmp_path)
    assert not file.exists()


@pytest_twisted.ensureDeferred
async def test_first_administrator_with_a_given_password(
    world: World, tmp_path: Path
) -> None:
    """The first line of the file is the password, and no other file is written."""
    given = tmp_path / "secret"
    given.write_text("given password\n")
    await first_administrator(world.administrators, tmp_path, given)
    await world.administrators.authenticate("admin", "given password")
    assert not (tmp_path / "initial-admin-password").exists()


@pytest.mark.parametrize("name", ["initial-admin-password", "folder/../secret"])
@pytest_twisted.ensureDeferred
async def test_a_file_that_is_named_in_the_configuration_stays(
    world: World, tmp_path: Path, name: str
) -> None:
    """Without it the daemon would not start again; what was left goes."""
    (tmp_path / "folder").mkdir()
    given, left = tmp_path / name, tmp_path / "initial-admin-password"
    left.write_text("the first one\n")
    given.write_text("the first one\n")
    await change_password(world.administrators, tmp_path, "the second one", given)
    await world.administrators.authenticate("admin", "the second one")
    assert given.exists()
    assert left.exists() == (given == left)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"short\n", b"\xff\xfe"])
@pytest_twisted.ensureDeferred
async def test_unusable_password_file(
    world: World, tmp_path: Path, content: bytes | None
) -> None:
    """A file that gives no password is named, and nobody is created."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await first_administrator(world.administrators, tmp_path, file)
    assert str(file) in caught.value.message
    assert not world.administrators.exist()


@pytest_twisted.ensureDeferred
async def test_together(world: World) -> None:
    """Many requests at once are all answered."""
    await world.administrators.set_password("admin", "correct horse")
    ask = world.administrators.authenticate
    tries = [Deferred.fromCoroutine(ask("admin", "correct horse")) for _ in range(5)]
    assert [who.name for who in await gatherResults(tries)] == ["admin"] * 5
