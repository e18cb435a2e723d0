"""Guessing passwords becomes slow, and locks no true administrator out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from pexschedd.errors import NotAuthenticated, TooManyRequests, Unavailable
from tests.identity.administrators_support import HeldThreads, World, put_off


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
