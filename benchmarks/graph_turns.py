"""`python -m benchmarks.graph_turns`: the reactor's turns while Graph says its worst.

The whole daemon, and a sandbox in a process of its own. Told is the most processor time
of the daemon's process between two ticks of a timer of 1 ms, from when it begins to
read the mailbox until it has dealt with all that lies there.
"""

import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import Any

from twisted.internet.task import LoopingCall

from benchmarks.__main__ import row
from benchmarks.graph_access import open_graph, with_attendant
from benchmarks.many import main as run_process
from benchmarks.many import process
from benchmarks.servers import (
    EQUIPMENT,
    alias,
    daemon,
    put_integration,
    reactor,
    ready,
    tagged,
)
from pexschedd.clock import system_now
from pexschedd.model import tables
from pexschedd.sandbox import Item, Sandbox, SeriesRecurrence, default_accounts
from pexschedd.sandbox.items.records import Meeting
from pexschedd.tap import freeze_collector

GOAL_MS = 50
MEGABYTE = 1_000_000
FIRST = 400
"""Messages to be dealt with of more than so many: those of a batch."""
EXCEPTIONS = 400
"""Moved occurrences, with subjects that make AppointmentRecur 100 kB long."""


def bodies(kind: str, number: int) -> str:
    text = tagged(number)
    match kind:
        case "20 messages of 1 MB":
            return f"<p>{text}</p><p>" + "word " * (MEGABYTE // 5)
        case "20 messages of 1 MB, deep":
            return "<div>" * (MEGABYTE // 5) + text
        case "20 messages of 1 MB, all entities":
            return text + "&amp;&lt;" * (MEGABYTE // 9)
        case "20 messages of 20 kB, deep":
            return "<div>" * 4000 + text
    return text


KINDS = {
    "20 messages of 1 MB": 20,
    "20 messages of 1 MB, deep": 20,
    "20 messages of 1 MB, all entities": 20,
    "20 messages of 20 kB, deep": 20,
    "200 messages": 200,
    "a backlog of 10,000 messages": 10_000,
    "a series with 400 moved occurrences": 1,
}


def meeting_of(item: Item) -> Meeting:
    assert item.meeting is not None
    return item.meeting


async def hostile(kind: str) -> Any:
    """A sandbox in whose equipment mailbox such messages wait."""
    accounts = with_attendant(default_accounts(), EQUIPMENT)
    box = Sandbox(now=system_now, clock=reactor, accounts=accounts)
    open_graph(box)
    start = system_now() + timedelta(days=1)
    for number in range(1, KINDS[kind] + 1):
        series = kind.startswith("a series")
        meeting = box.exchange.schedule(
            "alice@example.test",
            subject=f"Meeting {number}",
            start=start,
            end=start + timedelta(minutes=30),
            resources=[EQUIPMENT],
            body=bodies(kind, number),
            recurrence=SeriesRecurrence.daily(count=900) if series else None,
        )
        if not series:
            continue
        box.exchange.hold(EQUIPMENT)
        for each in box.exchange.occurrences(
            meeting, start - timedelta(days=1), start + timedelta(days=EXCEPTIONS)
        ):
            one = meeting_of(each)
            box.exchange.update(
                meeting,
                occurrence=one.recurrence_id,
                start=one.start + timedelta(hours=1),
                end=one.end + timedelta(hours=1),
                subject="x" * 200,
            )
        box.exchange.release(EQUIPMENT, ())
        box.exchange.update(meeting, subject="Another")
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    ready(port=port.getHost().port)

    async def answer(_asked: dict[str, Any]) -> dict[str, Any]:
        return {"waiting": len(box.exchange.mailbox(EQUIPMENT).inbox())}

    return answer


async def watched(folder: str, url: str, kind: str, over: str) -> Any:
    """The daemon; tells its longest turn once it has dealt with all messages."""
    service = daemon(Path(folder))
    change = service.store.transaction()
    for number in range(1, KINDS[kind] + 1):
        change.put(tables.SCHEDULED_ALIAS, alias(number))
    await change.commit()
    service.startService()
    await service.first_start
    freeze_collector()
    ready()
    longest, last = 0.0, process_time()

    def tick() -> None:
        nonlocal longest, last
        now = process_time()
        longest, last = max(longest, now - last), now

    ticks = LoopingCall(tick)

    async def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if "begin" in asked:
            nonlocal last
            last = process_time()
            ticks.start(0.001)
            graph = over == "graph"
            await put_integration(service.store, url, "127.0.0.1", graph=graph)
            return {}
        read = service.store.get(tables.CURSOR, 1) is not None
        done = read and not service.store.count(tables.OUTBOX)
        rooms = service.store.count(tables.CONFERENCE)
        return {
            "done": done or rooms > FIRST,
            "longest": longest,
            "rooms": rooms,
            "aside": service.store.count(tables.TROUBLED),
        }

    return answer


def measure(kind: str, over: str) -> dict[str, Any]:
    from threading import Event  # noqa: PLC0415 - only this process waits

    pause = Event()
    module = "benchmarks.graph_turns"
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("hostile", kind, module=module) as box,
    ):
        url = f"http://127.0.0.1:{box['port']}"
        with process("watched", folder, url, kind, over, module=module) as facts:
            facts["ask"](begin=True)
            for _ in range(1200):
                pause.wait(0.1)
                found: dict[str, Any] = facts["ask"]()
                if found["done"]:
                    if found["rooms"] < min(KINDS[kind], FIRST):
                        raise SystemExit(f"{kind}: not every meeting has its room")
                    return found
    raise SystemExit(f"{kind}: it does not end")


def main() -> None:
    row("longest turn of the reactor", "Graph", "EWS", "", "goal")
    for kind in sys.argv[1:] or KINDS:
        found = [measure(kind, over) for over in ("graph", "ews")]
        graph, ews = (f"{each['longest'] * 1e3:.0f} ms" for each in found)
        row(f"  {kind}", graph, ews, goal=f"<= {GOAL_MS} ms")


PROCESSES: dict[str, Callable[..., Any]] = {"hostile": hostile, "watched": watched}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PROCESSES:
        run_process(PROCESSES)
    else:
        main()
