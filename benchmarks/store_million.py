"""What a very large store costs: its start, its memory, and pauses while it works.

    python -m benchmarks.store_million [--small | --all] [FOLDER]

A room is kept as five records: the alias pair that was handed out, the conference, its
two aliases and its join window. Measured are a million rooms, which are five million
records; with `--small` a twenty-fifth of that, and with `--all` a million records as
such rooms, and a million conferences without anything else, too.

Beside a start stands to check and decode the same lines and keep nothing, which a
start with hint files need not do; beside the memory stand the decoded records in a
list, without a way to find any but the first. Without hint files is how the first start
of a new release goes. Each figure is from a process of its own. After a start some
seconds of bookings, deletions and policy look-ups go on, while the garbage collector's
pauses are timed. Then everything is compacted, while rooms are booked.
"""

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import ensureDeferred

from benchmarks.bench_store import Loop, failed, opened
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.schedule import ScheduledConference
from pexschedd.model.table import Table
from pexschedd.model.tables import TABLES
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.store.journal import line
from pexschedd.store.records import RecordFormat
from pexschedd.store.store import Store
from pexschedd.web.policy import answer

MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
WORK = 4.0
"""Seconds of bookings, deletions and look-ups after a start."""

GOALS = {"start": 10.0, "memory": 1200.0, "pause": 20.0}
"""Seconds, MB, ms; for a million rooms."""

Put = tuple[Table[Any], Record]


def conference(number: int) -> Iterator[Put]:
    name = f"Planning {number} (Alice Example)"
    yield (
        tables.CONFERENCE,
        Conference(
            id=number,
            name=name,
            description="Scheduled Conference booked by alice@example.test",
            primary_owner_email_address=f"user{number % 5000}@example.test",
            creation_time=MOMENT + timedelta(seconds=number),
        ),
    )


def room(number: int) -> Iterator[Put]:
    numeric = f"555{number:012}"
    full = f"{numeric}@rooms.example.test"
    made = MOMENT + timedelta(seconds=number)
    uid = f"040000008200E00074C5B7101A82E008{number:080}"
    yield (
        tables.SCHEDULED_ALIAS,
        ScheduledAlias(
            id=number,
            uuid=f"4c9a1c1e-7d3b-4d62-9f3e-{number:012}",
            alias=full,
            numeric_alias=numeric,
            alias_number=number,
            exchange_connector=1 + number % 3,
            creation_time=made,
            is_used=True,
            ews_item_uid=uid,
        ),
    )
    yield from conference(number)
    for place, text in enumerate((full, numeric)):
        yield (
            tables.CONFERENCE_ALIAS,
            ConferenceAlias(
                id=2 * number - 1 + place,
                alias=text,
                conference=number,
                description="Scheduled alias",
                creation_time=made,
            ),
        )
    opens = MOMENT + timedelta(minutes=5 * (number % 20_000))
    yield (
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=number,
            conference=number,
            start_time=opens,
            end_time=opens + timedelta(hours=1),
            ews_item_id=f"AAMkAGI2TG93AAA{number:0137}",
            ews_item_uid=uid,
            scheduled_alias=number,
            subject=f"Planning {number}",
            exchange_connector=1 + number % 3,
            meeting_start=opens,
            meeting_end=opens + timedelta(hours=1),
            changed=made,
            answer="created",
        ),
    )


KINDS: dict[str, Callable[[int], Iterator[Put]]] = {
    "rooms": room,
    "conferences": conference,
}


def write(directory: Path, kind: str, count: int) -> dict[str, float]:
    """Fills a state folder; a thousand rooms are one transaction."""
    with opened(directory) as (store, loop):
        for first in range(1, count + 1, 1000):
            transaction = store.transaction()
            for number in range(first, min(first + 1000, count + 1)):
                for table, record in KINDS[kind](number):
                    transaction.put(table, record)
            loop.run(transaction.commit())
    size = sum(path.stat().st_size for path in (directory / "journal").iterdir())
    return {"megabytes": size / 1e6}


def resident() -> float:
    """Megabytes of memory at this moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def bare(directory: Path, kind: str, keep: str) -> dict[str, float]:
    """The ceilings: every line checked and decoded, and kept in a list or not."""
    gc.disable()
    before = resident()
    formats = {table.name: RecordFormat(table) for table in TABLES}
    kept: list[Any] = []
    begun = time.perf_counter()
    for path in sorted((directory / "journal").glob("*.jsonl")):
        with path.open("rb") as file:
            for raw in file:
                decoded = line.decode(raw[:-1])
                record = formats[decoded.put].decode(decoded.v, decoded.val)
                if keep == "keep":
                    kept.append(record)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "megabytes": resident() - before}


def start(directory: Path, kind: str, work: str) -> dict[str, float]:
    """Opens the store as the daemon does, then works on it."""
    before = resident()
    loop = Loop()
    begun = time.perf_counter()
    store = Store.open(directory, TABLES, reactor=loop, failed=failed)
    facts = {
        "seconds": time.perf_counter() - begun,
        "records": float(sum(store.count(table) for table in TABLES)),
        "megabytes": resident() - before,
    }
    if kind == "rooms" and float(work):
        facts |= _work(store, loop, float(work)) | _compact(store, loop)
    facts["resident"] = resident()
    facts["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    loop.run(store.close())
    return facts


def _work(store: Store, loop: Loop, seconds: float) -> dict[str, float]:
    pauses: list[float] = []
    since = 0.0

    def collecting(phase: str, _: dict[str, int]) -> None:
        nonlocal since
        if phase == "start":
            since = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - since)

    random = Random(7)  # noqa: S311 - which rooms, not which secrets
    rooms = store.count(tables.CONFERENCE)
    newest = rooms
    admission = Admission(store, lambda: MOMENT)
    counted = {"booked": 0, "deleted": 0, "looked up": 0}
    longest = 0.0
    gc.callbacks.append(collecting)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        newest += 1
        _book(store, loop, newest)
        counted["booked"] += 1
        _delete(store, loop, random.randint(1, rooms))
        counted["deleted"] += 1
        for _ in range(20):
            begun = time.perf_counter()
            number = random.randint(1, rooms)
            verdict = admission.ask(f"sip:555{number:012}@Rooms.example.test")
            json.dumps(answer(verdict))
            if isinstance(verdict, Open):
                assert verdict.conference.id == number
            longest = max(longest, time.perf_counter() - begun)
            counted["looked up"] += 1
    # What the collector would do at the worst possible moment.
    gc.collect()
    gc.callbacks.remove(collecting)
    _check_indexes(store, newest)
    return {
        "pause": max(pauses) * 1e3,
        "pauses": float(len(pauses)),
        "longest look-up": longest * 1e3,
        **counted,
    }


def _compact(store: Store, loop: Loop) -> dict[str, float]:
    """Twice: what was compacted before is one large segment, with one hint file."""
    newest = max(store.ids(tables.CONFERENCE))
    longest = 0.0
    seconds = []
    for _ in range(2):
        ended: list[object] = []
        begun = time.perf_counter()
        ensureDeferred(store.compact()).addBoth(ended.append)
        while not ended:
            newest += 1
            since = time.perf_counter()
            _book(store, loop, newest)
            longest = max(longest, time.perf_counter() - since)
        assert ended == [""], ended
        seconds.append(time.perf_counter() - begun)
    return {"compaction": max(seconds), "longest commit": longest * 1e3}


def _book(store: Store, loop: Loop, number: int) -> None:
    with store.transaction() as change:
        for table, record in room(number):
            change.put(table, record)
        durable = change.commit()
    loop.run(durable)


def _delete(store: Store, loop: Loop, number: int) -> None:
    with store.transaction() as change:
        for alias in store.find_all(tables.ALIAS_BY_CONFERENCE, number):
            change.delete(tables.CONFERENCE_ALIAS, alias.id)
        for meeting in store.find_all(tables.SCHEDULED_BY_CONFERENCE, number):
            change.delete(tables.SCHEDULED_CONFERENCE, meeting.id)
        change.delete(tables.CONFERENCE, number)
        durable = change.commit()
    loop.run(durable)


def _check_indexes(store: Store, number: int) -> None:
    """Every way that the product finds a room leads to it."""
    put = list(room(number))
    for table, record in put:
        for index in table.indexes:
            key = index.key(record)
            if key is not None:
                assert record in store.find_all(index, key), (index, key)


STEPS: dict[str, Callable[..., dict[str, float]]] = {
    "write": write,
    "bare": bare,
    "start": start,
}


def step(name: str, directory: Path, *arguments: str) -> dict[str, float]:
    """Runs one in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.store_million", "step", name]
    command += [str(directory), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def told(
    name: str, value: str, ceiling: str = "", ratio: str = "", goal: str = ""
) -> None:
    print(f"{name:<44} {value:>16} {ceiling:>16} {ratio:>7} {goal:>9}", flush=True)


def measure(kind: str, count: int, folder: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="bench-million-") as name:
        directory = Path(name) / "state"
        written = step("write", directory, kind, str(count))
        decoded = step("bare", directory, kind, "drop")
        kept = step("bare", directory, kind, "keep")
        facts = step("start", directory, kind, str(WORK))
        for hint in (directory / "journal").glob("*.hint"):
            hint.unlink()
        bare_start = step("start", directory, kind, "0")
    records = facts["records"]
    told(
        f"start, {count:,} {kind}, {records:,.0f} records",
        f"{facts['seconds']:.1f} s",
        f"{decoded['seconds']:.1f} s",
        f"{decoded['seconds'] / facts['seconds']:.2f}",
        f"<= {GOALS['start']:.0f} s",
    )
    told("  without hint files", f"{bare_start['seconds']:.1f} s")
    told(
        "  memory",
        f"{facts['megabytes']:,.0f} MB",
        f"{kept['megabytes']:,.0f} MB",
        f"{kept['megabytes'] / facts['megabytes']:.2f}",
        f"<= {GOALS['memory']:,.0f} MB",
    )
    told("  the whole process, and its peak", f"{facts['peak']:,.0f} MB")
    told("  on the disk", f"{written['megabytes']:,.0f} MB")
    if "pause" in facts:
        told(
            f"  longest of {facts['pauses']:.0f} pauses of the collector",
            f"{facts['pause']:.1f} ms",
            goal=f"<= {GOALS['pause']:.0f} ms",
        )
        told("  longest policy look-up", f"{facts['longest look-up']:.1f} ms")
        told("  compacting all of it", f"{facts['compaction']:.1f} s")
        told("  longest commit meanwhile", f"{facts['longest commit']:.1f} ms")
        work = ", ".join(f"{facts[n]:,.0f} {n}" for n in ("booked", "deleted"))
        told(f"  meanwhile {work}, {facts['looked up']:,.0f} looked up", "")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["step"]:
        name, directory, *rest = arguments[1:]
        print(json.dumps(STEPS[name](Path(directory), *_typed(name, rest))))
        return
    folders = [a for a in arguments if not a.startswith("-")]
    folder = folders[0] if folders else None
    told("", "measured", "ceiling", "ratio", "goal")
    if "--small" in arguments:
        measure("rooms", 40_000, folder)
        return
    if "--all" in arguments:
        measure("rooms", 200_000, folder)
        measure("conferences", 1_000_000, folder)
    measure("rooms", 1_000_000, folder)


def _typed(name: str, arguments: list[str]) -> list[Any]:
    return [arguments[0], int(arguments[1])] if name == "write" else arguments


if __name__ == "__main__":
    main(sys.argv[1:])
