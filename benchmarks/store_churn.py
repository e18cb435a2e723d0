"""A journal that is written for ever over the same rooms: how large does it get, and
what does compaction cost those who commit meanwhile?

    python -m benchmarks.store_churn [--small] [FOLDER]

5 million lines over 100,000 live rooms; `--small`: a tenth of both, where the p99
during compaction is that of the few commits that met the end of one of a handful of
compactions: some disks take long to free what large files took. Each commit is waited
for before the next one, as the worst case for how long it takes. A commit counts as
"during compaction" if any of it ran in that time.
"""

import resource
import sys
import tempfile
import time
from array import array
from pathlib import Path

from benchmarks.bench_store import Loop, failed, record
from pexschedd.model.tables import SCHEDULED_ALIAS, TABLES
from pexschedd.store.store import Store

BATCH = 50
"""Records in one transaction, as when a mailbox is worked off."""

ALONE = 40
"""Of so many transactions one has a single record: the one whose time is taken."""


class Figures:
    def __init__(self) -> None:
        self.idle = array("d")
        self.busy = array("d")
        self.largest = 0
        self.seconds = 0.0
        self.compactions = 0
        self.compacting = 0.0


def on_disk(directory: Path) -> int:
    total = 0
    for path in directory.iterdir():
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # just replaced
    return total


def churn(directory: Path, lines: int, live: int) -> Figures:
    figures = Figures()
    loop = Loop()
    store = Store.open(directory, TABLES, reactor=loop, failed=failed)
    compactor = store._compactor
    begun = time.perf_counter()
    written = round_number = 0
    was_running = False
    while written < lines:
        round_number += 1
        transaction = store.transaction()
        for _ in range(BATCH):
            transaction.put(SCHEDULED_ALIAS, record(written % live + 1))
            written += 1
        loop.run(transaction.commit())
        for _ in range(ALONE // 20):
            before = compactor.running
            start = time.perf_counter()
            transaction = store.transaction()
            transaction.put(SCHEDULED_ALIAS, record(written % live + 1))
            loop.run(transaction.commit())
            taken = time.perf_counter() - start
            written += 1
            during = before or compactor.running
            (figures.busy if during else figures.idle).append(taken)
        figures.compactions += compactor.running and not was_running
        was_running = compactor.running
        if round_number % 500 == 0:
            figures.largest = max(figures.largest, on_disk(directory / "journal"))
    figures.seconds = time.perf_counter() - begun
    loop.run(store.close())
    figures.largest = max(figures.largest, on_disk(directory / "journal"))
    return figures


def at(values: "array[float]", share: float) -> float:
    return sorted(values)[int(len(values) * share)] * 1000


def report(lines: int, live: int, folder: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-churn-") as name:
        figures = churn(Path(name) / "state", lines, live)
    size = len(b"x") * 430
    print(f"{lines:,} lines over {live:,} live records")
    print(f"{'  lines a second':<34}{lines / figures.seconds:>12,.0f}")
    print(f"{'  written in all':<34}{lines * size / 1e6:>9,.0f} MB")
    print(f"{'  live records, one line each':<34}{live * size / 1e6:>9,.0f} MB")
    print(f"{'  largest journal on disk':<34}{figures.largest / 1e6:>9,.0f} MB")
    print(f"{'  compactions':<34}{figures.compactions:>12}")
    for text, share in (("p50", 0.5), ("p99", 0.99)):
        idle, busy = at(figures.idle, share), at(figures.busy, share)
        print(
            f"  {text} of a commit, ms: {idle:.2f} idle, {busy:.2f} during compaction,"
            f" ratio {busy / idle:.1f}"
        )
    if len(figures.busy) < 5_000:
        print(f"  (of {len(figures.busy)} commits: too few to tell)")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'  peak memory':<34}{memory:>9,.0f} MB")


def main(arguments: list[str]) -> None:
    folders = [a for a in arguments if not a.startswith("-")]
    scale = 10 if "--small" in arguments else 1
    report(5_000_000 // scale, 100_000 // scale, folders[0] if folders else None)


if __name__ == "__main__":
    main(sys.argv[1:])
