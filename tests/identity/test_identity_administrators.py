"""Administrators' sign-in: who is let in, and what their passwords' hashes cost."""

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import HashParameters, is_outdated
from pexschedd.errors import InvalidFields, NotAuthenticated, Unavailable
from pexschedd.model import tables
from tests.identity.administrators_support import HeldThreads, World


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
async def test_together(world: World) -> None:
    """Many requests at once are all answered."""
    await world.administrators.set_password("admin", "correct horse")
    ask = world.administrators.authenticate
    tries = [Deferred.fromCoroutine(ask("admin", "correct horse")) for _ in range(5)]
    assert [who.name for who in await gatherResults(tries)] == ["admin"] * 5


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
