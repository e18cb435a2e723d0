"""A bench with an identity provider, for the tests of users' sign-in."""

from collections.abc import AsyncIterator

import pytest_twisted

from pexschedd.store.secrets import SecretVault
from tests.identity.personal.provider_support import SignInBench, bench_with


@pytest_twisted.async_yield_fixture()
async def bench() -> AsyncIterator[SignInBench]:
    bench = bench_with(SecretVault(b"k" * 32))
    yield bench
    await bench.close()
