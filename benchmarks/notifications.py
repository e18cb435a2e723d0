"""How long an organizer waits for the answer: python -m benchmarks.notifications

One integration that is told by a stream, 200 meetings, a real daemon and a sandbox
Exchange in processes of their own; from delivery to acceptance. And what an idle hour
costs the server, by the intervals. Ends by itself within two minutes.
"""

import json
import tempfile
from statistics import median, quantiles
from typing import Any

from benchmarks.many import address, process
from pexschedd.ews.streaming.hearing import MINUTES
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.ownership import EVERY

ALONE, PAUSE = 40, 0.7
"""So many meetings, each when the one before has long been answered; seconds."""
CLOSE, SHORT_PAUSE = 160, 0.2
"""So many that come one close after another: then several share a look."""


def measured() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("exchange", "1", "0") as exchange,
    ):
        url = f"http://127.0.0.1:{exchange['port']}"
        with process("daemon", folder, json.dumps([[url, address(1)]])):
            exchange["ask"](streams=1)
            alone = exchange["ask"](send=ALONE, every=PAUSE, within=50)
            close = exchange["ask"](send=CLOSE, every=SHORT_PAUSE, within=50)
    told(f"{ALONE} meetings, {PAUSE} s apart", alone)
    told(f"{CLOSE} meetings, {SHORT_PAUSE} s apart", close)


def told(name: str, result: dict[str, Any]) -> None:
    (waits,) = result["waits"].values()
    p99 = quantiles(waits, n=100)[98]
    print(f"{name}: {len(waits)} accepted, {result['unanswered']} not")
    print(f"  delivery to acceptance, p50        {median(waits) * 1000:.0f} ms")
    print(f"  delivery to acceptance, p99        {p99 * 1000:.0f} ms")
    calls = ", ".join(f"{n} {c}" for n, c in sorted(result["calls"].items()))
    print(f"  calls: {calls}")


def idle_hour() -> None:
    declared = fields_of(Connector)
    poll, safety = (
        3600 / declared[name].default
        for name in ("poll_interval", "safety_poll_interval")
    )
    stamp = 2 * 3600 / EVERY
    streams = 60 / MINUTES
    print("calls to Exchange in an idle hour, default intervals")
    # Every stream that ends and begins has the mailbox looked into.
    print(f"  STREAMING                          {safety + stamp + 3 * streams:.0f}")
    print(f"  PULL                               {poll + safety + stamp:.0f}")
    print(f"  POLL                               {poll + stamp:.0f}")


if __name__ == "__main__":
    measured()
    idle_hour()
