"""Fixtures of the tests of tokens, and of administrators."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from tests.identity.administrators_support import World
from tests.identity.oauth_support import Bench, bench_in


@pytest_twisted.async_yield_fixture()
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_in(tmp_path / "state") as bench:
        yield bench


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "state")
    yield world
    await world.store.close()
