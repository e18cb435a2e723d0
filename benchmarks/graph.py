"""`python -m benchmarks.graph`: an equipment mailbox over Graph, beside it over EWS.

A backlog, with a server that takes no time, over each in turns: requests and processor
time for a message. A mixed backlog with a server that takes its time: messages a
minute, beside what Graph's limits for a mailbox allow. How long an organizer waits,
told by a webhook and with polling, with Graph's own delays and without. And the
requests of an idle hour. Every process is its own. Ends by itself within five minutes.
"""

import json
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.request import urlopen

from benchmarks.__main__ import row, server
from benchmarks.graph_access import HTTP
from benchmarks.many import address, process
from pexschedd.graph.notifications.subscription import ASKED, FOLDERS
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.ownership import EVERY

ROUNDS = 3
WAITING = 1000
MIXED = 500
LATENCY_MS = 50
LIMIT_A_MINUTE = 1000
"""Requests of an application for a mailbox: 10,000 in ten minutes."""
GRAPH_SLOW = {"latency_ms": 100, "delivery_delay_s": 1.0}
"""Graph's own delays: of a request, and until it tells of a change."""
MEETINGS, PAUSE = 40, 0.7
POLL = 5
"""Seconds, the default poll interval."""


def drained(kind: str, sent: int, latency_ms: int = 0) -> dict[str, Any]:
    """Work off a backlog; return what it took, and the server's count of calls.

    Only a server that takes its time has a mixed one, and somebody in a hurry.
    """
    what = "mixed" if latency_ms else "sandbox"
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        server(what, str(sent), str(latency_ms), kind) as exchange,
    ):
        base = f"http://127.0.0.1:{exchange['port']}"
        more = 1 if latency_ms else 0
        rooms = exchange.get("rooms", sent) + more
        where = str(Path(folder) / kind)
        facts: dict[str, Any]
        with server("drain", where, base, str(sent + more), str(rooms), kind) as facts:
            assert facts["rooms"], "not every meeting has its room"
        with urlopen(f"{base}/sandbox/calls") as answer:  # noqa: S310 - loopback
            calls = json.load(answer)
        if latency_ms:
            facts["urgent"] = exchange["next"]()["urgent"]
    http = calls.pop(HTTP, None)
    inner = sum(calls.values())
    return facts | {"http": http or inner, "inner": inner, "calls": calls}


def backlog() -> float:
    """Tell what a waiting message takes; return the requests within the batches."""
    rounds = [
        {kind: drained(kind, WAITING) for kind in ("ews", "graph")}
        for _ in range(ROUNDS)
    ]
    last = rounds[-1]
    row(f"{WAITING} waiting requests", "Graph", "EWS", "ratio", "goal")
    row(
        "  HTTP requests a message",
        f"{last['graph']['http'] / WAITING:.3f}",
        f"{last['ews']['http'] / WAITING:.3f}",
        goal="<= 0.3",
    )
    inner = float(last["graph"]["inner"]) / WAITING
    row("  requests within them", f"{inner:.2f}", goal="<= 5")
    ratios = [each["graph"]["processor"] / each["ews"]["processor"] for each in rounds]
    spent = {
        kind: median(each[kind]["processor"] for each in rounds) / WAITING * 1e3
        for kind in ("ews", "graph")
    }
    row(
        "  processor time a message",
        f"{spent['graph']:.2f} ms",
        f"{spent['ews']:.2f} ms",
        f"{median(ratios):.2f}",
    )
    row(
        "  peak memory",
        f"{last['graph']['memory_mb']:.0f} MB",
        f"{last['ews']['memory_mb']:.0f} MB",
    )
    told(last["graph"]["calls"])
    return inner


def mixed() -> float:
    """Tell how a mixed backlog goes; return the requests within the batches."""
    found = drained("graph", MIXED, LATENCY_MS)
    sent = MIXED + 1
    inner = float(found["inner"]) / sent
    row(f"{MIXED} mixed ones, {LATENCY_MS} ms a request", "Graph")
    row("  HTTP requests a message", f"{found['http'] / sent:.3f}", goal="<= 0.3")
    row("  requests within them", f"{inner:.2f}", goal="<= 5")
    row("  messages a minute", f"{60 * sent / found['seconds']:.0f}")
    row("  sent meanwhile, answered after", f"{found['urgent']:.1f} s", goal="seconds")
    told(found["calls"])
    return inner


def told(calls: dict[str, int]) -> None:
    row("  " + ", ".join(f"{n} {c}" for n, c in sorted(calls.items())), "")


def waits(method: str, slow: bool) -> None:
    """Tell how long organizers wait for the answer."""
    settings = json.dumps(GRAPH_SLOW if slow else {})
    fields = json.dumps({"graph_notification_method": method, "poll_interval": POLL})
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("exchange", "1", "0", settings) as box,
    ):
        url = f"http://127.0.0.1:{box['port']}"
        with process("daemon", folder, json.dumps([[url, address(1)]]), fields):
            if method == "WEBHOOK":
                box["ask"](subscriptions=len(FOLDERS))
            found = box["ask"](send=MEETINGS, every=PAUSE, within=60)
    (times,) = found["waits"].values()
    how = "webhook" if method == "WEBHOOK" else f"polling, {POLL} s"
    whose = "with Graph's own delays" if slow else "our own share"
    p99 = quantiles(times, n=100)[98]
    row(
        f"  {how}, {whose}",
        f"{median(times) * 1000:.0f} ms",
        f"{p99 * 1000:.0f} ms",
    )
    if found["unanswered"]:
        raise SystemExit(f"{found['unanswered']} are not answered")


def idle_hour() -> None:
    """Tell the requests, each of which is counted for the mailbox."""
    declared = fields_of(Connector)
    poll, safety = (
        3600 / declared[name].default
        for name in ("poll_interval", "safety_poll_interval")
    )
    stamp = 2 * 3600 / EVERY
    renewals = len(FOLDERS) * 2 * 3600 / ASKED.total_seconds()
    row("requests in an idle hour, default intervals", "Graph", "of the limit")
    for how, looks, more in (("POLL", poll, 0.0), ("WEBHOOK", safety, renewals)):
        found = looks * len(FOLDERS) + stamp + more
        share = found / (60 * LIMIT_A_MINUTE)
        row(f"  {how}", f"{found:.0f}", f"{share:.1%}")


def main() -> None:
    inner = max(backlog(), mixed())
    row("messages a minute within Graph's limit", f"{LIMIT_A_MINUTE / inner:.0f}")
    row("delivery to acceptance", "median", "p99")
    for method in ("WEBHOOK", "POLL"):
        for slow in (False, True):
            waits(method, slow)
    idle_hour()


if __name__ == "__main__":
    main()
