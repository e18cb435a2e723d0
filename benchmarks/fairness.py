"""Do integrations wait for each other? python -m benchmarks.fairness

Fifty integrations in one daemon: 35 healthy ones, and 5 whose server refuses
connections, 5 whose server never answers, 5 whose server takes two seconds for each
call. The healthy ones' waits are told beside those of a daemon that has only them. Then
fifty healthy ones that have nothing to do. Ends by itself within five minutes.
"""

import json
import socket
import tempfile
from contextlib import ExitStack
from statistics import median, quantiles
from time import sleep
from typing import Any

from benchmarks.many import address, process

HEALTHY = 35
SICK = 5
"""Of each kind."""
MEETINGS = 20
EVERY = 2.0
"""Seconds between two meetings for the same mailbox; all mailboxes get theirs at the
same moment."""
SLOW_MS = 2000
IDLE = 30.0


def waits(sick: bool) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="pexschedd-bench-")
        )
        exchange = stack.enter_context(process("exchange", str(HEALTHY), "0"))
        url = f"http://127.0.0.1:{exchange['port']}"
        wanted = [[url, address(number)] for number in range(1, HEALTHY + 1)]
        if sick:
            slow = stack.enter_context(process("exchange", "50", str(SLOW_MS)))
            refusing = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            refused = refusing.getsockname()[1]
            refusing.close()
            hanging = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports = (refused, hanging.getsockname()[1], slow["port"])
            number = HEALTHY
            for place in range(SICK):
                for port in ports:
                    number += 1
                    # Between the others, wherever an order might matter.
                    wanted.insert(
                        place * 7, [f"http://127.0.0.1:{port}", address(number)]
                    )
        stack.enter_context(process("daemon", folder, json.dumps(wanted)))
        exchange["ask"](streams=HEALTHY)
        within = MEETINGS * EVERY + 30
        return dict(exchange["ask"](send=MEETINGS, every=EVERY, within=within))


def told(name: str, result: dict[str, Any]) -> tuple[float, float]:
    each = result["waits"].values()
    together = sorted(wait for one in each for wait in one)
    p50, p99 = median(together), quantiles(together, n=100)[98]
    slowest = max(median(one) for one in each)
    print(
        f"{name:<36} {len(together)} of {HEALTHY * MEETINGS} accepted, "
        f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
        f"slowest integration's p50 {slowest * 1000:.0f} ms"
    )
    return p50, p99


def fairness() -> None:
    alone = told("35 healthy integrations alone", waits(sick=False))
    beside = told("beside 5 down, 5 hanging, 5 slow", waits(sick=True))
    print(
        f"{'ratio':<36} p50 {beside[0] / alone[0]:.2f}, p99 {beside[1] / alone[1]:.2f}"
    )


def idle() -> None:
    count = HEALTHY + 3 * SICK
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("exchange", str(count), "0") as exchange,
    ):
        url = f"http://127.0.0.1:{exchange['port']}"
        wanted = [[url, address(number)] for number in range(1, count + 1)]
        with process("daemon", folder, json.dumps(wanted)) as daemon:
            exchange["ask"](streams=count)
            sleep(3)
            before = daemon["ask"]()
            sleep(IDLE)
            after = daemon["ask"]()
    assert set(after["ways"]) == {"streaming"}, after["ways"]
    used = after["processor"] - before["processor"]
    share = used / (after["at"] - before["at"])
    print(f"{count} integrations streaming, nothing to do: {share:.2%} of one core")


if __name__ == "__main__":
    fairness()
    idle()
