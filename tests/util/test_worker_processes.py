"""Processes apart: what they are given comes back, and none outlives its welcome."""

import os
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred

from pexschedd.ews.envelope import ItemProblem, ServerError, parse
from pexschedd.util.worker_processes import WorkAbandoned, WorkerProcesses

LARGE = 10**9


@pytest_twisted.async_yield_fixture()
async def workers() -> AsyncIterator[WorkerProcesses]:
    found = WorkerProcesses(_reactor, processes=1, seconds=5)
    yield found
    await found.stop()


@pytest_twisted.ensureDeferred
async def test_only_cheap_work_is_done_here(workers: WorkerProcesses) -> None:
    """A cost says where: small ones in this process, large ones in one that stays."""
    assert await workers(os.getpid, 10) == os.getpid()
    elsewhere = await workers(os.getpid, LARGE)
    assert elsewhere != os.getpid()
    assert await workers(os.getpid, LARGE) == elsewhere


@pytest_twisted.ensureDeferred
async def test_large_texts_come_back(workers: WorkerProcesses) -> None:
    """Megabytes in both directions, unchanged."""
    text = "Grüße \u200b" * 500_000
    assert await workers(partial(str.upper, text), LARGE) == text.upper()


@pytest_twisted.ensureDeferred
async def test_errors_come_back(workers: WorkerProcesses) -> None:
    """What work raises is raised here, with all that it carries."""
    fault = (
        b'<s:Envelope xmlns:s="x"><s:Body><s:Fault><detail><e:ResponseCode xmlns:e="y">'
        b"ErrorServerBusy</e:ResponseCode><m:Value Name='BackOffMilliseconds' "
        b"xmlns:m='z'>2000</m:Value></detail></s:Fault></s:Body></s:Envelope>"
    )
    with pytest.raises(ServerError) as caught:
        await workers(partial(parse, fault), LARGE)
    assert caught.value.problem == ItemProblem("ErrorServerBusy", back_off=2.0)


@pytest_twisted.ensureDeferred
async def test_what_takes_too_long_is_killed() -> None:
    """Endless work fails after its time, and the next work gets a new process."""
    workers = WorkerProcesses(_reactor, processes=1, seconds=0.2)
    with pytest.raises(WorkAbandoned, match=r"over 0\.2 seconds"):
        await workers(partial(time.sleep, 1000), LARGE)
    await workers.stop()


@pytest_twisted.ensureDeferred
async def test_a_process_that_dies_is_replaced(workers: WorkerProcesses) -> None:
    """Work that kills its process fails alone; so does work that needs all memory."""
    with pytest.raises(WorkAbandoned, match="ended"):
        await workers(partial(os._exit, 3), LARGE)
    with pytest.raises(MemoryError):
        await workers(partial(bytes, 4 * 1024**3), LARGE)
    assert await workers(partial(len, "abc"), LARGE) == 3


@pytest_twisted.ensureDeferred
async def test_cancelled_work_is_killed(workers: WorkerProcesses) -> None:
    """A caller that gives up frees the process's place at once."""
    work = Deferred.fromCoroutine(workers(partial(time.sleep, 1000), LARGE))
    work.cancel()
    with pytest.raises(CancelledError):
        await work
    assert await workers(partial(len, "abc"), LARGE) == 3


@pytest_twisted.ensureDeferred
async def test_nothing_begins_after_the_end(workers: WorkerProcesses) -> None:
    """Stopped workers give up what they do, and take no more."""
    work = Deferred.fromCoroutine(workers(partial(time.sleep, 1000), LARGE))
    await workers.stop()
    with pytest.raises(CancelledError):
        await work
    with pytest.raises(CancelledError):
        await workers(partial(len, "abc"), LARGE)
