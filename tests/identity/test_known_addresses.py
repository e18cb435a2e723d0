"""The addresses of administrators, which are known again after a restart."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.errors import NotAuthenticated, TooManyRequests, Unavailable
from pexschedd.identity.known_addresses import MOST, WRITTEN_EVERY
from pexschedd.identity.sign_in_backoff import FREE
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import Administrator
from pexschedd.store.secrets import SecretVault
from tests.identity.administrators_support import HeldThreads, World, put_off

OFFICE, HOME = "203.0.113.5", "192.0.2.200"
PASSWORD = "correct horse"


class Installation:
    """A daemon's administrators, which can start again over the same folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.world = World(directory)

    async def restart(self) -> None:
        await self.world.store.close()
        self.world = World(self._directory)

    async def sign_in(self, address: str, password: str = PASSWORD) -> Administrator:
        return await self.world.administrators.authenticate("admin", password, address)

    @property
    def known(self) -> tuple[str, ...]:
        (found,) = self.world.store.all(tables.ADMINISTRATOR)
        return found.known_addresses


@pytest_twisted.async_yield_fixture()
async def daemon(tmp_path: Path) -> AsyncIterator[Installation]:
    daemon = Installation(tmp_path / "state")
    await daemon.world.administrators.set_password("admin", PASSWORD)
    yield daemon
    await daemon.world.store.close()


async def guess(daemon: Installation) -> None:
    """Strangers at twelve addresses try again and again."""
    for number in range(120):
        with pytest.raises((NotAuthenticated, TooManyRequests)):
            await daemon.sign_in(f"198.51.100.{number % 12}", f"no {number}")


@pytest_twisted.ensureDeferred
async def test_strangers_do_not_delay_after_a_restart(daemon: Installation) -> None:
    """The right password from an address that is known from before is not put off,
    although it is from any other."""
    await daemon.sign_in(OFFICE)
    await daemon.sign_in(HOME)  # the password is known: nothing is verified
    for address in (OFFICE, HOME):
        await daemon.restart()
        await guess(daemon)
        assert await put_off(daemon.world, "admin", PASSWORD, "192.0.2.77") > 0
        assert (await daemon.sign_in(address)).name == "admin"


@pytest_twisted.ensureDeferred
async def test_a_queue_of_strangers_does_not_keep_it_out(daemon: Installation) -> None:
    """Nor is there no room for it, while strangers wait for their hashes."""
    await daemon.sign_in(OFFICE)
    await daemon.restart()
    threads = HeldThreads()
    ask = daemon.world.make(threads).authenticate
    for number in range(50):
        guess = ask(f"{number}", "x", f"198.51.100.{number}")
        Deferred.fromCoroutine(guess).addErrback(lambda _: None)
    with pytest.raises(Unavailable):
        await ask("admin", PASSWORD, "192.0.2.77")
    mine = Deferred.fromCoroutine(ask("admin", PASSWORD, OFFICE))
    assert not mine.called
    await threads.refuse([mine])  # and not because there was no room


@pytest_twisted.ensureDeferred
async def test_wrong_passwords_from_there_are_slowed_down(daemon: Installation) -> None:
    """A guesser at a known address has no more free attempts than others."""
    await daemon.sign_in(OFFICE)
    await daemon.restart()
    for _ in range(FREE):
        with pytest.raises(NotAuthenticated):
            await daemon.sign_in(OFFICE, "wrong")
    assert await put_off(daemon.world, "admin", "wrong", OFFICE) > 0


@pytest_twisted.ensureDeferred
async def test_wrong_passwords_make_no_address_known(daemon: Installation) -> None:
    """Nor does a client without an address."""
    await guess(daemon)
    await daemon.restart()
    await daemon.sign_in("")
    assert daemon.known == ()


@pytest_twisted.ensureDeferred
async def test_the_last_addresses_are_kept(daemon: Installation) -> None:
    """A bounded number of them, as digests; one that is in use stays among them."""
    for number in range(3 * MOST):
        await daemon.sign_in(f"192.0.2.{number}")
        daemon.world.time += timedelta(seconds=WRITTEN_EVERY)
        await daemon.sign_in(OFFICE)
    assert len(daemon.known) == len(set(daemon.known)) == MOST
    assert not any("." in each for each in daemon.known)
    await daemon.restart()
    await guess(daemon)
    await daemon.sign_in(OFFICE)
    await daemon.sign_in(f"192.0.2.{3 * MOST - 1}")
    await daemon.restart()
    await guess(daemon)
    await put_off(daemon.world, "admin", PASSWORD, "192.0.2.1")


@pytest_twisted.ensureDeferred
async def test_few_sign_ins_are_written(daemon: Installation) -> None:
    """Clients at more addresses than are kept, which take turns, write each of them
    once an hour."""
    writes = 0

    def count(old: object, new: object) -> None:
        nonlocal writes
        writes += 1

    daemon.world.store.subscribe(tables.ADMINISTRATOR, count)
    for number in range(300):
        await daemon.sign_in(f"192.0.2.{number % 30}")
    assert writes == 30


@pytest_twisted.ensureDeferred
async def test_two_at_once(daemon: Installation) -> None:
    """Two first sign-ins from two places at the same moment both succeed."""
    tries = [Deferred.fromCoroutine(daemon.sign_in(a)) for a in (OFFICE, HOME)]
    assert [who.name for who in await gatherResults(tries)] == ["admin"] * 2
    assert len(daemon.known) == 2


@pytest_twisted.ensureDeferred
async def test_a_new_password_keeps_them(daemon: Installation) -> None:
    """The addresses are the administrator's still."""
    await daemon.sign_in(OFFICE)
    known = daemon.known
    await daemon.world.administrators.set_password("admin", "battery staple")
    assert daemon.known == known != ()


@pytest_twisted.ensureDeferred
async def test_digests_need_the_key(daemon: Installation) -> None:
    """Whoever has the record alone cannot try out addresses on it."""
    await daemon.sign_in(OFFICE)
    one, other = SecretVault(b"1" * 32), SecretVault(b"2" * 32)
    assert one.digest("1/203.0.113.5", "x") != other.digest("1/203.0.113.5", "x")
    assert one.digest("1/203.0.113.5", "x") != one.digest("1/203.0.113.5", "y")
    (digest,) = daemon.known
    assert digest == daemon.world.store.vault.digest(
        f"1/{OFFICE}", "administrator/known_addresses"
    )
