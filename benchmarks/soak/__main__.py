"""A long bad day in minutes: `python -m benchmarks.soak [MESSAGES] [RATE] [SEED]`.

Ten integrations on one sandbox Exchange, every second one over Microsoft Graph, the
others over EWS; organizers send, move, repeat and cancel meetings all the time, while a
fifth of all calls goes wrong in a way chosen at random.
Then the server is well again, and it is told whether every request was answered
exactly once, whether the memory stayed flat, and how little is done when nothing
happens. Both processes live on a clock that runs faster than the wall's (`warped`), so
that back-off takes seconds. Ends by itself: after `PATIENCE` it gives up and says so.
The last lines are the requirements, each passed or failed; one that failed makes the
exit status 1.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred

from benchmarks.soak.daemon import daemon
from benchmarks.soak.exchange import exchange
from benchmarks.soak.meetings import FACTOR, INTEGRATIONS, by_graph
from benchmarks.soak.processes import Child
from pexschedd.scheduling.alarms import names

MESSAGES = 5_000
RATE = 0.2
BAD_WEATHER = 30.0
"""Real seconds for which calls go wrong after the last message."""
PATIENCE = 900.0
"""Real seconds until the soak gives up."""
IDLE = 10.0
"""Real seconds of doing nothing that are measured at the end."""
SEED = 20261121
FLAT, FLAT_MB = 1.2, 20.0
"""The memory that is allowed at the end: so many times that in the middle, and MB."""
MOST_DECLINED = 0.02
"""Of all messages: what chance may do to one of them often enough."""
MOST_OVERTAKEN = 0.002
"""Of all messages."""
MOST_OUTDATED = 0.15
"""Of all messages: over Graph, each that still waits when its successor comes. In bad
weather that are many: one lost answer is that of a whole batch."""
STAY = (
    names.SET_ASIDE,
    names.ANSWER_FAILED,
    names.DIFFERS,
    names.CLOCK,
    names.METADATA,
)
"""Alarms that may stay after a bad day: a message was given up; with time going by so
fast, a server that takes its time for an answer seems to have another clock; and no
add-in has a part in this."""
IDLE_MOST = 0.01
"""Of a processor, for all integrations."""

reactor: Any = global_reactor


def soak(messages: int, rate: float, seed: int, folder: Path) -> bool:
    """Prints what happened; whether it was as it should be."""
    pause = Event()
    begin = datetime.now(UTC).isoformat()
    server = Child("exchange", begin, str(messages), str(rate), str(seed))
    url = f"http://127.0.0.1:{server.ready['port']}"
    service = Child("daemon", begin, str(folder), url, str(messages))
    started = perf_counter()
    server.ask("send")  # answers when all is sent
    middle = service.ask("usage")
    print(
        f"sent {messages} in {perf_counter() - started:.0f} s, {rate:.0%} of calls "
        f"fail, seed {seed}"
    )
    pause.wait(BAD_WEATHER)
    server.ask("heal")
    while perf_counter() - started < PATIENCE:
        waiting = server.ask("waiting")["waiting"]
        usage = service.ask("usage")
        if not waiting and not usage["pending"]:
            break
        pause.wait(1)
    else:
        print(f"gave up: {waiting} in the inboxes, {usage['pending']} untold")
        print(*server.ask("left")["left"], *service.ask("left")["left"], sep="\n")
    found = server.ask("verdict")
    if found["twice"]:
        print(*server.ask("left")["left"], sep="\n")
    rooms = set(service.ask("rooms")["rooms"])
    for number in sorted(rooms & {*server.ask("cancelled")["numbers"]}):
        interface = "Graph" if by_graph(f"Meeting {number}") else "EWS"
        print(f"room of a cancelled meeting: Meeting {number}, over {interface}")
    took = perf_counter() - started
    pause.wait(2)
    before = service.ask("usage")
    pause.wait(IDLE)
    after = service.ask("usage")
    share = (after["processor"] - before["processor"]) / (IDLE * FACTOR)
    server.end()
    service.end()
    print(
        f"all done after {took:.0f} s, {found['calls'] / messages:.2f} calls a message"
    )
    alarms = [name for name in after["alarms"] if name not in STAY]
    within = middle["resident"] * FLAT + FLAT_MB
    checks = {
        f"{found['answers']} answers to {found['requests']} requests, "
        f"{found['never']} without one, {found['overtaken']} overtaken, "
        f"{found['outdated']} outdated": not (
            found["never"]
            or found["overtaken"] > MOST_OVERTAKEN * messages
            or found["outdated"] > MOST_OUTDATED * messages
        ),
        f"{found['twice']} answered twice": not found["twice"],
        f"{waiting} in the inboxes, {after['pending']} still to be told": not (
            waiting or after["pending"]
        ),
        f"{found['declined']} declined, {after['aside']} records of what was set "
        f"aside": found["declined"] <= MOST_DECLINED * messages,
        f"{after['rooms']} rooms of {found['rooms']} meetings": 0
        <= found["rooms"] - after["rooms"]
        <= found["declined"],
        f"{middle['resident']:.0f} MB when all was sent, {after['resident']:.0f} MB "
        f"at the end": after["resident"] <= within,
        f"idle: {share:.2%} of a processor for {INTEGRATIONS} integrations": share
        <= IDLE_MOST,
        f"alarms still raised: {', '.join(alarms) or 'none'}": not alarms,
    }
    if alarms:
        print("\n".join(after["details"]))
    for what, is_so in checks.items():
        print(f"  {'passed' if is_so else 'FAILED'}: {what}")
    return all(checks.values())


def main() -> None:
    match sys.argv[1:]:
        case ["exchange", *arguments]:
            reactor.callWhenRunning(exchange, *arguments)
            reactor.run()
        case ["daemon", *arguments]:

            def begin() -> None:
                Deferred.fromCoroutine(daemon(*arguments)).addErrback(failed)

            def failed(failure: Any) -> None:
                sys.stderr.write(failure.getTraceback())
                os._exit(1)

            reactor.callWhenRunning(begin)
            reactor.run()
        case arguments:
            messages = int(arguments[0]) if arguments else MESSAGES
            rate = float(arguments[1]) if len(arguments) > 1 else RATE
            seed = int(arguments[2]) if len(arguments) > 2 else SEED
            with tempfile.TemporaryDirectory(prefix="pexschedd-soak-") as name:
                good = soak(messages, rate, seed, Path(name))
                if not good:
                    log = Path(name) / "log"
                    kept = log.rename(f"{name}.log")
                    print(f"  the daemon's log: {kept}")
            sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
