"""Mailed tokens are forgotten once they have expired, or are too many."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.mailed_token import MailedToken
from pexschedd.scheduling.upkeep.janitor import Janitor
from pexschedd.scheduling.upkeep.mailed_tokens import MailedTokenExpiry
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.transaction import Transaction
from tests.scheduling.upkeep.upkeep_support import HOUR, NOW, Upkeep

SECOND = timedelta(seconds=1)


@pytest_twisted.async_yield_fixture
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    made = Upkeep(tmp_path)
    yield made
    await made.store.close()


def mailed(id: int, hours: int) -> MailedToken:
    return MailedToken(id=id, digest=f"{id:064}", expires=NOW + hours * HOUR)


def left(upkeep: Upkeep) -> list[int]:
    return sorted(each.id for each in upkeep.every(tables.MAILED_TOKEN))


@pytest_twisted.ensureDeferred
async def test_expired(upkeep: Upkeep) -> None:
    """The janitor forgets a token when it is not accepted any more, not before, and
    none while the date is in doubt."""
    await upkeep.put(tables.MAILED_TOKEN, mailed(1, 8), mailed(2, 9))
    janitor = Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time)
    upkeep.now = NOW + 8 * HOUR
    await janitor.sweep()
    assert left(upkeep) == [1, 2]
    upkeep.now += SECOND
    doubting = Janitor(
        upkeep.store, clock=upkeep.clock, now=upkeep.time, doubt=lambda: "ahead"
    )
    await doubting.sweep()
    assert left(upkeep) == [1, 2]
    await janitor.sweep()
    assert left(upkeep) == [2]


@pytest_twisted.ensureDeferred
async def test_too_many(upkeep: Upkeep) -> None:
    """Of those beyond the bound, the first to expire go first."""
    records = [mailed(1, 5), mailed(2, 1), mailed(3, 4), mailed(4, 2), mailed(5, -1)]
    await upkeep.put(tables.MAILED_TOKEN, *records)

    def remove(
        ids: Iterable[int], one: Callable[[Transaction, int], bool]
    ) -> Awaitable[int]:
        return change_in_slices(upkeep.store, ids, one, upkeep.clock)

    expiry = MailedTokenExpiry(upkeep.store, upkeep.clock, upkeep.time)
    await expiry.forget(remove, lambda: False, 100, most=2)
    assert left(upkeep) == [1, 2, 3, 4, 5]
    await expiry.forget(remove, lambda: True, 100, most=2)
    assert left(upkeep) == [1, 3]
