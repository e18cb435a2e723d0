"""`make bench`: what things cost, beside a ceiling measured in the same run.

Every pair is measured in turns and the median of the ratios is told, because a machine
that other people use is not equally fast all the time.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from benchmarks import load

ROUNDS = 5
CONFERENCES = 100_000
WAITING = 2_000
BACKLOG = 10_000
LATENCY_MS = 50
PEER = 100
ADDIN = "/api/client/v2/msexchange_schedulers/1"


@contextmanager
def server(*arguments: str) -> Iterator[dict[str, Any]]:
    """Runs one of `benchmarks.servers`; gives what it says when it is ready."""
    command = [sys.executable, "-m", "benchmarks.servers", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            out = process.stdout
            facts = json.loads(out.readline())
            yield facts | {"next": lambda: json.loads(out.readline())}
        finally:
            process.stdin.close()
            process.wait(10)


def row(
    what: str, value: str, ceiling: str = "", ratio: str = "", goal: str = ""
) -> None:
    print(f"{what:<44} {value:>16} {ceiling:>16} {ratio:>7} {goal:>9}")


def compare(
    what: str, facts: dict[str, Any], requests: list[bytes], count: int, goal: float
) -> None:
    """Measures the server against its ceiling, in turns."""
    ratios, ours, ceilings = [], [], []
    for _ in range(ROUNDS):
        ceiling = load.run(facts["ceiling"], requests, count=count)
        result = load.run(facts["port"], requests, count=count)
        ratios.append(result.per_second / ceiling.per_second)
        ours.append(result)
        ceilings.append(ceiling)
    row(
        what,
        f"{median(r.per_second for r in ours):.0f}/s",
        f"{median(r.per_second for r in ceilings):.0f}/s",
        f"{median(ratios):.2f}",
        f">= {goal}",
    )
    row(
        "  p50, p99",
        f"{median(r.p50_ms for r in ours):.1f}, "
        f"{median(r.p99_ms for r in ours):.1f} ms",
        f"{median(r.p50_ms for r in ceilings):.1f}, "
        f"{median(r.p99_ms for r in ceilings):.1f} ms",
    )


def policy(folder: Path) -> None:
    with server("policy", str(folder / "policy"), str(CONFERENCES)) as facts:
        requests = [
            load.get(
                "/policy/v1/service/configuration?call_direction=dial_in"
                f"&local_alias=sip%3A555{number:012}%40example.test&protocol=sip"
            )
            for number in range(1, CONFERENCES, 97)
        ]
        what = f"policy look-up, {CONFERENCES} conferences"
        compare(what, facts, requests, 6000, 0.7)


def booking(folder: Path) -> None:
    with (
        server("sandbox", "0") as exchange,
        server(
            "booking", str(folder / "booking"), f"http://127.0.0.1:{exchange['port']}"
        ) as facts,
    ):
        token = identity_token(exchange["port"], facts["port"])
        requests = [load.get(f"{ADDIN}/meeting_details", {"token": token})]
        compare("meeting_details", facts, requests, 2000, 0.7)
        least = facts | {"port": facts["least"]}
        compare("  the least program that books a room", least, requests, 2000, 0.7)


def personal(folder: Path) -> None:
    with (
        server("sandbox", "0") as exchange,
        server(
            "personal", str(folder / "personal"), f"http://127.0.0.1:{exchange['port']}"
        ) as facts,
    ):
        token = identity_token(exchange["port"], facts["port"])
        signing_in = Request(
            f"http://127.0.0.1:{facts['ceiling']}/signed-in", headers={"token": token}
        )
        with urlopen(signing_in) as answer:  # noqa: S310 - loopback
            answer.read()
        requests = [load.get(f"{ADDIN}/personal_rooms", {"token": token})]
        compare("personal_rooms, 3 of 10,000 rooms", facts, requests, 4000, 0.5)


def identity_token(exchange: int, addin: int) -> str:
    """Alice's token for the pane on port `addin`, signed by the sandbox."""
    audience = f"https://127.0.0.1:{addin}{ADDIN}/addin"
    question = Request(
        f"http://127.0.0.1:{exchange}/sandbox/identity-tokens",
        json.dumps({"mailbox": "alice@example.test", "audience": audience}).encode(),
    )
    with urlopen(question) as answer:  # noqa: S310 - loopback
        return str(json.load(answer)["token"])


def drain(folder: Path) -> None:
    with server("sandbox", str(WAITING)) as exchange:
        drained("drain", folder, exchange["port"], WAITING, WAITING, 0.15)


def backlog(folder: Path) -> None:
    """After a long stop, with a server that takes its time for each call."""
    with server("mixed", str(BACKLOG), str(LATENCY_MS)) as exchange:
        sent, rooms = BACKLOG + 1, exchange["rooms"] + 1
        drained("backlog", folder, exchange["port"], sent, rooms, 0.1)
        waited = exchange["next"]()["urgent"]
    row("  sent meanwhile, answered after", f"{waited:.1f} s", goal="seconds")


def drained(
    name: str, folder: Path, port: int, sent: int, rooms: int, goal: float
) -> None:
    base = f"http://127.0.0.1:{port}"
    with server("drain", str(folder / name), base, str(sent), str(rooms)) as facts:
        assert facts["rooms"], "not every meeting has its room"
    with urlopen(f"{base}/sandbox/calls") as answer:  # noqa: S310 - loopback
        calls = json.load(answer)
    rate = sent / facts["seconds"]
    what = f"scheduling {sent} waiting messages"
    row(
        what if name == "drain" else f"{what}, {LATENCY_MS} ms a call",
        f"{rate:.0f}/s",
        goal=">= 100/s",
    )
    row("  EWS calls a message", f"{sum(calls.values()) / sent:.3f}", goal=f"<= {goal}")
    row("  processor time a message", f"{facts['processor'] / sent * 1e3:.2f} ms")
    row("  peak memory", f"{facts['memory_mb']:.0f} MB")
    row("  " + ", ".join(f"{n} {c}" for n, c in sorted(calls.items())), "")


def peer() -> None:
    """What the backlog is compared with."""
    with server("sandbox", str(PEER), str(LATENCY_MS)) as exchange:
        base = f"http://127.0.0.1:{exchange['port']}"
        command = [sys.executable, "-m", "benchmarks.peer", base, str(PEER)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        facts = json.loads(done.stdout)
        with urlopen(f"{base}/sandbox/calls") as answer:  # noqa: S310 - loopback
            calls = json.load(answer)
    row(f"exchangelib, {PEER} one at a time", f"{PEER / facts['seconds']:.0f}/s")
    row("  EWS calls a message", f"{sum(calls.values()) / PEER:.3f}")
    row("  processor time a message", f"{facts['processor'] / PEER * 1e3:.2f} ms")
    row("  peak memory", f"{facts['memory_mb']:.0f} MB")


def main() -> None:
    row("", "measured", "ceiling", "ratio", "goal")
    with tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as name:
        for benchmark in (policy, booking, personal, drain, backlog):
            benchmark(Path(name))
        peer()
    print()
    subprocess.run([sys.executable, "benchmarks/bench_store.py"], check=True)
    for name in (
        "lists",
        "pane",
        "silence",
        "notifications",
        "graph",
        "rooms",
        "store_disks",
        "store_churn",
        "store_million",
    ):
        print(flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
