"""Commits on disks as they are: a sync takes a millisecond or five, not microseconds.

    python -m benchmarks.store_disks [FOLDER]

A virtual machine whose host only pretends to sync shows what the processor does, and
nothing else. Here each sync, of the store and of the ceiling alike, takes so much
longer. The ceiling is the same lines with as many in each write and sync; see
`bench_store.py` for the least that commits can be.
"""

import sys
import tempfile
import time
from pathlib import Path

from twisted.internet.defer import Deferred

from benchmarks.bench_store import Loop, failed, least, raw, record, show
from pexschedd.model.tables import SCHEDULED_ALIAS, TABLES
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.store import Store

COMMITS = {1: 200, 10: 1500, 100: 8000}
MILLISECONDS = (1.0, 5.0)
ROUNDS = 3


class Slow(RealFileSystem):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def datasync(self, handle: int) -> None:
        super().datasync(handle)
        time.sleep(self._seconds)


def commits(directory: Path, fs: Slow, waiting: int) -> float:
    """Commits a second when so many users each wait for theirs before the next."""
    loop = Loop()
    store = Store.open(directory, TABLES, reactor=loop, failed=failed, fs=fs)
    left, running = COMMITS[waiting], waiting
    finished: Deferred[None] = Deferred()

    def one(_: None = None) -> None:
        nonlocal left, running
        if left <= 0:
            running -= 1
            if not running:
                finished.callback(None)
            return
        left -= 1
        change = store.transaction()
        change.put(SCHEDULED_ALIAS, record(change.new_id(SCHEDULED_ALIAS)))
        change.commit().addCallback(one)

    begun = time.perf_counter()
    for _ in range(waiting):
        one()
    loop.run(finished)
    seconds = time.perf_counter() - begun
    loop.run(store.close())
    return COMMITS[waiting] / seconds


def main(folder: str | None) -> None:
    print(f"{'commits':<34}{'per second':>12}{'ceiling':>12}{'ratio':>8}")
    for milliseconds in MILLISECONDS:
        fs = Slow(milliseconds / 1000)
        for waiting in COMMITS:
            ours, bare, bound = [], [], []
            count = COMMITS[waiting]
            with tempfile.TemporaryDirectory(dir=folder, prefix="bench-disks-") as name:
                for number in range(ROUNDS):
                    at = Path(name)
                    ours.append(commits(at / f"state{number}", fs, waiting))
                    bare.append(raw(at / f"raw{number}", waiting, count, fs.datasync))
                    bound.append(
                        least(at / f"least{number}", waiting, count, fs.datasync)
                    )
            show(f"a sync of {milliseconds:g} ms, {waiting} waiting", ours, bare)
            show("  the least that they can be", bound, bare)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
