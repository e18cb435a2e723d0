"""What traces cost: python -m benchmarks.traces

Processor time of a real daemon for a meeting, from notification to recorded answer:
with traces, and without, in turns; and what is left of them when they are off, the
calls of a tracer that does nothing. The collector is a process of its own. Ends by
itself within three minutes.
"""

import json
import sys
import tempfile
from statistics import median
from timeit import timeit

from benchmarks.many import address, process
from pexschedd.scheduling.ports.tracing import NO_TRACER
from tests.observation.tracing.otlp_receiver import receiver

ROUNDS = 5
MEETINGS, PAUSE = 150, 0.05
"""So many in a round; seconds between two."""
CALLS = 100_000


def collector() -> None:
    """Take traces until the input ends; a line asks how many spans have come."""
    with receiver() as received:
        print(json.dumps({"url": received.url}), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"spans": len(received.spans())}), flush=True)


def meeting_seconds(traces_url: str) -> float:
    """Return the processor time of a new daemon for a meeting."""
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("exchange", "1", "0") as exchange,
    ):
        integrations = [[f"http://127.0.0.1:{exchange['port']}", address(1)]]
        words = ("daemon", folder, json.dumps(integrations), "null", traces_url)
        with process(*words) as daemon:
            exchange["ask"](streams=1)
            before = daemon["ask"]()["processor"]
            done = exchange["ask"](send=MEETINGS, every=PAUSE, within=60)
            if done["unanswered"]:
                raise RuntimeError(f"{done['unanswered']} meetings were not answered")
            used: float = daemon["ask"]()["processor"] - before
            return used / MEETINGS


def no_tracer() -> None:
    """Call what a message with an answer calls when there are no traces."""
    NO_TRACER.notified(1)
    with NO_TRACER.look(1):
        NO_TRACER.processing(())
        NO_TRACER.deciding("item")
        NO_TRACER.decided("item", "correlation", "accept")
        NO_TRACER.committed()
    with NO_TRACER.answering(()) as trace:
        trace.taken(())


def main() -> None:
    off, on, ratios = [], [], []
    with process("collector", module="benchmarks.traces") as collected:
        for _ in range(ROUNDS):
            off.append(meeting_seconds(""))
            on.append(meeting_seconds(collected["url"]))
            ratios.append(on[-1] / off[-1])
        spans = collected["ask"]()["spans"] / ROUNDS / MEETINGS
    calls = timeit(no_tracer, number=CALLS) / CALLS
    _row("a meeting without traces", f"{median(off) * 1e3:.2f} ms")
    _row("  calls of the tracer that does nothing", f"{calls * 1e6:.2f} us")
    _row("  ratio", f"{calls / median(off):.5f}")
    _row("a meeting with traces", f"{median(on) * 1e3:.2f} ms")
    _row("  spans", f"{spans:.1f}")
    _row("  ratio", f"{median(ratios):.2f}")


def _row(what: str, value: str) -> None:
    print(f"{what:<44} {value:>16}")


if __name__ == "__main__":
    if sys.argv[1:] == ["collector"]:
        collector()
    else:
        main()
