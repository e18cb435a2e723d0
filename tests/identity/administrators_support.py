"""Administrators over a real store, and guesses of their passwords."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pexschedd.crypto.password_hashes import is_password
from pexschedd.errors import NotAuthenticated, StoreError, TooManyRequests
from pexschedd.identity.administrators import Administrators
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
