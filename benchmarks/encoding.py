"""The cost of a room's JSON, and the least it can be: python -m benchmarks.encoding

Microseconds of processor time for a room with its two aliases and its meeting, the
least of some rounds: other work on the machine only adds to it. The least program has
a struct of all fields ready, and does nothing but encode it; that is what a page of
rooms which nobody has asked for before is measured beside.

    python -m benchmarks.encoding [ROOMS]
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from benchmarks.servers import put_room, reactor
from pexschedd.clock import system_now
from pexschedd.management.lists.record_forms import RecordForms, joined
from pexschedd.management.representation import represent
from pexschedd.management.resources import CONFERENCE
from pexschedd.model import tables
from pexschedd.store.store import Store

ROOMS = 10_000
ROUNDS = 7
PAGE = 1000


async def filled(folder: Path, total: int) -> Store:
    store = Store.open(folder, tables.TABLES, reactor=reactor, failed=print)
    now = system_now()
    for start in range(1, total + 1, 1000):
        change = store.transaction()
        for number in range(start, min(start + 1000, total + 1)):
            put_room(change, number, now)
        await change.commit()
    return store


def ways(store: Store, rooms: Sequence[Any]) -> dict[str, Callable[[], object]]:
    """Return the ways that are measured, each for all rooms once."""
    encode = msgspec.json.Encoder().encode
    forms = RecordForms(store, CONFERENCE)
    structs = [represent(store, CONFERENCE, room) for room in rooms]
    spliced = [forms.splice(room) for room in rooms]
    ready = [encode(each) for each in structs]
    assert ready == [joined(each) for each in spliced]
    by_conference = (tables.ALIAS_BY_CONFERENCE, tables.SCHEDULED_BY_CONFERENCE)
    return {
        "bytes that are ready, put into pages": lambda: pages(ready),
        "spliced parts, joined (shown before)": lambda: pages(map(joined, spliced)),
        "the least program: a ready struct, encoded": lambda: pages(
            map(encode, structs)
        ),
        "only finding what belongs to it": lambda: [
            store.find_all(index, room.id) for room in rooms for index in by_conference
        ],
        "a struct that is made first, encoded": lambda: pages(
            encode(represent(store, CONFERENCE, room)) for room in rooms
        ),
        "found and spliced (not shown before)": lambda: pages(
            joined(forms.splice(room)) for room in rooms
        ),
    }


def pages(rooms: Iterable[bytes]) -> list[bytes]:
    """Put them together as lists of the API are."""
    whole = [*rooms]
    return [
        b"[" + b",".join(whole[start : start + PAGE]) + b"]"
        for start in range(0, len(whole), PAGE)
    ]


async def main(total: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder:
        store = await filled(Path(folder), total)
        rooms = [*store.all(tables.CONFERENCE)]
        found = ways(store, rooms)
        least = dict.fromkeys(found, float("inf"))
        for _ in range(ROUNDS):
            for what, work in found.items():
                before = process_time()
                work()
                spent = (process_time() - before) / total * 1e6
                least[what] = min(least[what], spent)
        for what, spent in least.items():
            print(f"{what:<45} {spent:>6.1f} microseconds")
        await store.close()


def _run(total: int) -> None:
    def failed(failure: Any) -> None:
        sys.stderr.write(failure.getTraceback())
        os._exit(1)

    def begin() -> None:
        running = Deferred.fromCoroutine(main(total))
        running.addCallbacks(lambda _: reactor.stop(), failed)

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    _run(int(sys.argv[1]) if sys.argv[1:] else ROOMS)
