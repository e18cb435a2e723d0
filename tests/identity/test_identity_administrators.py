"""Administrators: sign-in, passwords, the first one."""

import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import HashParameters, is_outdated, is_password
from pexschedd.errors import (
    ConfigError,
    InvalidFields,
    NotAuthenticated,
    StoreError,
    TooManyRequests,
    Unavailable,
)
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.first_administrator import (
    change_password,
    first_administrator,
)
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import RoleLevel
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
        self.outcomes: list[str] = []
        self.administrators = self.make(self.in_thread)

    def make(self, in_thread: Any) -> Administrators:
        return Administrators(
            self.store,
            self.now,
            in_thread,
            seconds=lambda: self.time.timestamp(),
            counted=self.outcomes.append,
        )

    def now(self) -> datetime:
        return self.time

    def in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        self.hashes += 1
        return deferToThread(work)

    async def refused(self, name: str, password: str, address: str = "") -> None:
        self.time += timedelta(minutes=2)  # more than any name's delay
        address = address or f"192.0.2.{self.hashes}"
        with pytest.raises(NotAuthenticated) as caught:
            await self.administrators.authenticate(name, password, address)
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
async def test_right_passwords_are_remembered_for_a_minute(world: World) -> None:
    """A second request costs no hash; after a minute, or with a new password, the old
    one counts for nothing."""
    await world.administrators.set_password("admin", "correct horse")
    await world.administrators.authenticate("admin", "correct horse")
    before = world.hashes
    await world.administrators.authenticate("admin", "correct horse")
    assert world.hashes == before
    world.time += timedelta(seconds=61)
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

    administrators = world.make(in_thread)
    tries = [
        Deferred.fromCoroutine(administrators.authenticate(f"{n}", "y", f"192.0.2.{n}"))
        for n in range(60)
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


@pytest_twisted.ensureDeferred
async def test_cheaper_hashes_are_renewed_at_the_sign_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of costs from before, by the right password alone; afterwards by none again."""
    now = password_hashes.CURRENT
    monkeypatch.setattr(password_hashes, "CURRENT", HashParameters(now.n, now.r, 5))
    await world.administrators.set_password("admin", "correct horse")
    (before,) = world.store.all(tables.ADMINISTRATOR)
    monkeypatch.setattr(password_hashes, "CURRENT", now)
    await world.refused("admin", "wrong horse")
    assert [*world.store.all(tables.ADMINISTRATOR)] == [before]
    await world.administrators.authenticate("admin", "correct horse", "192.0.2.7")
    (after,) = world.store.all(tables.ADMINISTRATOR)
    assert after.password != before.password
    assert not is_outdated(after.password)
    again = world.make(world.in_thread)
    await again.authenticate("admin", "correct horse", "192.0.2.7")
    assert [*world.store.all(tables.ADMINISTRATOR)] == [after]


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


@pytest_twisted.ensureDeferred
async def test_the_tool_lets_the_first_administrator_in_again(
    world: World, tmp_path: Path
) -> None:
    """People who run the machine are not shut out: `admin` has all rights again, and is
    made again if it was deleted; others stay as they are."""
    administrators = world.administrators
    await first_administrator(administrators, tmp_path)
    (admin,) = world.store.all(tables.ADMINISTRATOR)
    other = replace(admin, id=2, name="anna")
    with world.store.transaction() as transaction:
        transaction.put(tables.ADMINISTRATOR, replace(admin, role=1))
        transaction.put(tables.ADMINISTRATOR, other)
        await transaction.commit()
    await change_password(administrators, tmp_path, "the second one")
    found = await administrators.authenticate("admin", "the second one")
    assert found.level is RoleLevel.FULL
    with world.store.transaction() as transaction:
        transaction.delete(tables.ADMINISTRATOR, admin.id)
        await transaction.commit()
    await change_password(administrators, tmp_path, "the third one")
    found = await administrators.authenticate("admin", "the third one")
    assert found.level is RoleLevel.FULL
    assert world.store.get(tables.ADMINISTRATOR, 2) == other
    first, changed, made = world.store.all(tables.CONFIGURATION_CHANGE)
    assert first.administrator == "schedulingservice"
    assert changed.administrator == made.administrator == "pexschedd-password"
    assert [(c.field, c.new) for c in changed.changes] == [
        ("password", "changed"),
        ("role", 3),
    ]


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


class HeldThreads:
    """Threads whose work does not end before it is told to."""

    def __init__(self) -> None:
        self._held: list[tuple[Deferred[Any], Any]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        self._held.append((Deferred(), work))
        return self._held[-1][0]

    async def refuse(self, tries: list[Deferred[Any]]) -> None:
        """End all work, so that each of `tries` is refused."""
        while self._held:
            deferred, work = self._held.pop(0)
            deferred.callback(work.func is not is_password and "a decoy's hash")
        for each in tries:
            with pytest.raises(NotAuthenticated):
                await each


async def put_off(world: World, name: str, password: str, address: str) -> float:
    with pytest.raises(TooManyRequests) as caught:
        await world.administrators.authenticate(name, password, address)
    return caught.value.retry_after


@pytest_twisted.ensureDeferred
async def test_guessing_becomes_slow(world: World) -> None:
    """After a few wrong passwords the next has to wait and costs no hash; the delay
    grows, and each outcome is counted."""
    await world.administrators.set_password("admin", "correct horse")
    ask = world.administrators.authenticate
    for number in range(5):
        with pytest.raises(NotAuthenticated):
            await ask("admin", f"wrong {number}", "192.0.2.1")
    hashes = world.hashes
    assert await put_off(world, "admin", "wrong", "192.0.2.1") == 1
    assert await put_off(world, "admin", "wrong", "198.51.100.1") == 1
    assert world.hashes == hashes
    world.time += timedelta(seconds=1)
    with pytest.raises(NotAuthenticated):
        await ask("admin", "wrong", "192.0.2.1")
    assert await put_off(world, "admin", "wrong", "192.0.2.1") == 2
    assert world.outcomes == ["refused"] * 5 + ["put_off"] * 2 + ["refused", "put_off"]


@pytest_twisted.ensureDeferred
async def test_true_administrator_is_not_locked_out(world: World) -> None:
    """While others guess, the administrator who has signed in before gets in, from the
    same address and from another one, and after the five minutes, too."""
    await world.administrators.set_password("admin", "correct horse")
    ask = world.administrators.authenticate
    await ask("admin", "correct horse", "192.0.2.1")
    for minutes in (0, 6):
        world.time += timedelta(minutes=minutes)
        for number in range(40):
            try:
                await ask("admin", f"wrong {number}", f"192.0.2.{number % 3}")
            except (NotAuthenticated, TooManyRequests):
                world.time += timedelta(seconds=1)
        assert await put_off(world, "admin", "wrong", "198.51.100.1") > 0
        for address in ("192.0.2.1", "203.0.113.5"):
            assert (await ask("admin", "correct horse", address)).name == "admin"


@pytest_twisted.ensureDeferred
async def test_true_administrator_goes_first(world: World) -> None:
    """The hashes that strangers wait for do not keep out a password that was right
    before."""
    await world.administrators.set_password("admin", "correct horse")
    held: list[tuple[Deferred[Any], Any]] = []
    holding = False

    def in_thread(work: Callable[[], Any]) -> Deferred[Any]:
        if not holding:
            return deferToThread(work)
        held.append((Deferred(), work))
        return held[-1][0]

    administrators = world.make(in_thread)
    await administrators.authenticate("admin", "correct horse", "192.0.2.1")
    world.time += timedelta(minutes=6)
    holding = True
    ask = administrators.authenticate
    for number in range(60):
        guess = ask(f"{number}", "guess", f"198.51.100.{number}")
        Deferred.fromCoroutine(guess).addErrback(lambda _: None)
    mine = Deferred.fromCoroutine(ask("admin", "correct horse", "192.0.2.1"))
    assert not mine.called
    while held:
        deferred, work = held.pop(0)
        is_mine = "correct horse" in work.args
        deferred.callback(work() if is_mine else "scrypt$2$1$1$AAAA$AAAA")
    assert (await mine).name == "admin"


@pytest_twisted.ensureDeferred
async def test_many_clients_with_the_right_password(world: World) -> None:
    """A tool that opens many connections at once is not taken for a guesser, and costs
    one hash."""
    await world.administrators.set_password("admin", "correct horse")
    ask = world.administrators.authenticate
    before = world.hashes
    tries = [
        Deferred.fromCoroutine(ask("admin", "correct horse", "192.0.2.1"))
        for _ in range(30)
    ]
    assert [who.name for who in await gatherResults(tries)] == ["admin"] * 30
    assert world.hashes == before + 1
    assert world.outcomes == ["accepted"]


@pytest_twisted.ensureDeferred
async def test_unavailable_is_no_failure(world: World) -> None:
    """An attempt that found no room does not count against its address."""
    threads = HeldThreads()
    ask = world.make(threads).authenticate
    tries = [
        Deferred.fromCoroutine(ask(f"{number}", "x", f"192.0.2.{number}"))
        for number in range(50)
    ]
    for _ in range(10):
        with pytest.raises(Unavailable):
            await ask("admin", "x", "198.51.100.1")
    assert not any(each.called for each in tries)
    await threads.refuse(tries)


@pytest_twisted.ensureDeferred
async def test_hashes_are_made_in_threads(world: World) -> None:
    """The reactor's thread computes no password hash, whatever is tried."""
    await world.administrators.set_password("admin", "correct horse")
    called: list[str] = []

    def watch(frame: Any, event: str, argument: Any) -> None:
        if event == "c_call":
            called.append(argument.__name__)

    threads = HeldThreads()
    administrators = world.make(threads)
    tries = []
    attempts = (("admin", "a"), ("nobody", "b"), ("admin", "x" * 5000))
    sys.setprofile(watch)
    try:
        for name, password in attempts:
            attempt = administrators.authenticate(name, password, "192.0.2.1")
            tries.append(Deferred.fromCoroutine(attempt))
    finally:
        sys.setprofile(None)
    await threads.refuse(tries)
    assert called
    assert "scrypt" not in called
