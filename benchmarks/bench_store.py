"""What the store costs, beside its ceiling measured in the same run.

    python benchmarks/bench_store.py [FOLDER]

The ceiling of commits is the same number of the same lines, written and synced
directly with the same number of lines a sync: it encodes nothing, keeps nothing and
tells nobody. The least that commits in Python can be does that: it makes the record and
its line, leaves writing to a thread, as whoever must not block has to, and fires a
Deferred for each; but it keeps nothing, so nothing could be found. They are measured in
turns, and the median of the ratios is told, because no disk is equally fast all the
time. FOLDER (default: the temporary folder) decides which disk is
measured; in memory, as /dev/shm, only what the processor does is left. The ceiling of
loading is to check and decode the same lines without keeping anything.
"""

import os
import queue
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from pexschedd.errors import StoreError
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.tables import (
    SCHEDULED_ALIAS,
    SCHEDULED_ALIAS_BY_UUID,
    TABLES,
)
from pexschedd.store.journal import line
from pexschedd.store.store import Store

ROUNDS = 9
COMMITS = {1: 500, 10: 3000, 100: 10_000}
"""In one round, by how many are waiting."""
RECORDS = 200_000
MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@implementer(IReactorFromThreads)
class Loop:
    """The part of a reactor that the store needs, and nothing else to measure."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def callFromThread(
        self,
        callable: Callable[..., object],  # noqa: A002 - the interface's name
        *args: object,
        **kwargs: object,
    ) -> None:
        self._calls.put(lambda: callable(*args, **kwargs))

    def run(self, until: Deferred[None]) -> None:
        ended: list[object] = []
        until.addBoth(ended.append)
        while not ended:
            self._calls.get()()


def record(id: int) -> ScheduledAlias:
    return ScheduledAlias(
        id=id,
        uuid=f"4c9a1c1e-7d3b-4d62-9f3e-{id:012}",
        alias=f"555{id:07}@rooms.example.test",
        numeric_alias=f"555{id:07}",
        alias_number=id,
        exchange_connector=1,
        creation_time=MOMENT,
        is_used=True,
        ews_item_uid=f"040000008200E00074C5B7101A82E008{id:080}",
    )


def failed(error: StoreError) -> None:
    raise SystemExit(str(error))


@contextmanager
def opened(directory: Path) -> Iterator[tuple[Store, Loop]]:
    loop = Loop()
    store = Store.open(directory, TABLES, reactor=loop, failed=failed)
    yield store, loop
    loop.run(store.close())


def commits(directory: Path, parallel: int) -> float:
    """Commits a second when `parallel` users each wait for theirs before the next."""
    count = left = COMMITS[parallel]
    with opened(directory) as (store, loop):
        running = parallel
        finished: Deferred[None] = Deferred()

        def one(result: None = None) -> None:
            nonlocal left, running
            if left <= 0:
                running -= 1
                if not running:
                    finished.callback(None)
                return
            left -= 1
            transaction = store.transaction()
            transaction.put(
                SCHEDULED_ALIAS, record(transaction.new_id(SCHEDULED_ALIAS))
            )
            transaction.commit().addCallback(one)

        begun = time.perf_counter()
        for _ in range(parallel):
            one()
        loop.run(finished)
        return count / (time.perf_counter() - begun)


def lines(count: int) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for id in range(1, count + 1):
        yield line.put(id, None, "scheduled_alias", id, 1, encode(record(id)))


Sync = Callable[[int], None]


def raw(path: Path, group: int, count: int, datasync: Sync = os.fdatasync) -> float:
    """The same lines, `group` in each write and sync: lines a second."""
    data = iter(list(lines(count)))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begun = time.perf_counter()
    while together := b"".join(islice(data, group)):
        os.write(handle, together)
        datasync(handle)
    seconds = time.perf_counter() - begun
    os.close(handle)
    return count / seconds


def least(path: Path, group: int, count: int, datasync: Sync = os.fdatasync) -> float:
    """The same, made and encoded on the way, written by a thread, and told to each one
    who waits for it: commits a second."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    data = lines(count)
    told = 0

    def sync(together: bytes) -> None:
        os.write(handle, together)
        datasync(handle)

    def tell(_: None) -> None:
        nonlocal told
        told += 1

    with ThreadPoolExecutor(1) as pool:
        begun = time.perf_counter()
        while told < count:
            waiting: list[Deferred[None]] = []
            together = []
            for each in islice(data, group):
                together.append(each)
                done: Deferred[None] = Deferred()
                done.addCallback(tell)
                waiting.append(done)
            pool.submit(sync, b"".join(together)).result()
            for done in waiting:
                done.callback(None)
        seconds = time.perf_counter() - begun
    os.close(handle)
    return count / seconds


def committing(directory: Path, parallel: int) -> None:
    ours, bare, bound = [], [], []
    for number in range(ROUNDS):
        at = directory / f"{parallel}-{number}"
        at.mkdir()
        bare.append(raw(at / "bare", parallel, COMMITS[parallel]))
        ours.append(commits(at / "state", parallel))
        bound.append(least(at / "least", parallel, COMMITS[parallel]))
    show(f"commits, {parallel} waiting", ours, bare)
    show("  the least that they can be", bound, bare)


def decode(journal: Path) -> float:
    """Lines a second when they are read and decoded, and nothing is kept."""
    value = msgspec.json.Decoder(ScheduledAlias).decode
    count = 0
    begun = time.perf_counter()
    for path in journal.glob("*.jsonl"):
        for raw_line in path.read_bytes().split(b"\n")[:-1]:
            value(line.decode(raw_line).val)
            count += 1
    return count / (time.perf_counter() - begun)


def load(directory: Path) -> tuple[float, float, float]:
    """Records a second: loaded, and the ceiling; and the megabytes they take."""
    with opened(directory) as (store, loop):
        for first in range(1, RECORDS + 1, 1000):
            transaction = store.transaction()
            for id in range(first, first + 1000):
                transaction.put(SCHEDULED_ALIAS, record(id))
            loop.run(transaction.commit())
    del store
    decoding = decode(directory / "journal")
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.perf_counter()
        store = Store.open(directory, TABLES, reactor=Loop(), failed=failed)
        seconds = time.perf_counter() - begun
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        found = store.find(SCHEDULED_ALIAS_BY_UUID, record(77).uuid)
        assert found == record(77)
        (directory / "figures").write_text(f"{RECORDS / seconds} {grown / 1024}")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child that loads has failed"
    loading, memory = map(float, (directory / "figures").read_text().split())
    return loading, decoding, memory


LEGEND = """
Commits: transactions of one record made durable, so many at a time. Their ceiling
writes and syncs the same lines, as many in each write, and does nothing else. The least
that they can be makes each record and its line, leaves writing to a thread and fires a
Deferred for each, and keeps nothing.
Loading: opening the folder; its ceiling checks and decodes the same lines, and keeps
nothing. What of the rest is whose: docs/store.md, at its end."""


def show(name: str, measured: list[float], ceiling: list[float]) -> None:
    ratio = median(a / b for a, b in zip(measured, ceiling, strict=True))
    figures = f"{median(measured):>12,.0f}{median(ceiling):>12,.0f}{ratio:>8.2f}"
    print(f"{name:<34}{figures}", flush=True)


def main(folder: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-store-") as temporary:
        directory = Path(temporary)
        print(f"{'store':<34}{'per second':>12}{'ceiling':>12}{'ratio':>8}")
        for parallel in COMMITS:
            committing(directory, parallel)
        loading, decoding, grown = load(directory / "load")
        show(f"loading {RECORDS:,} records", [loading], [decoding])
        print(f"{'  memory':<34}{grown:>9,.0f} MB")
        print(LEGEND)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
