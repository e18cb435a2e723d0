"""Lists of the management API, a hundred thousand rooms: python -m benchmarks.lists

Every request is answered by the daemon and by a bare Klein route that sends the same
bytes, in turns, by one process. The ratio is that of the processor time which this
process takes for them: work beside it on the machine hits both, and is not counted.

    python -m benchmarks.lists [CONFERENCES]
    python -m benchmarks.lists serve FOLDER CONFERENCES

The second form is the process that is measured. It ends with its standard input.
"""

import base64
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time
from typing import Any
from urllib.parse import quote
from urllib.request import Request as Ask
from urllib.request import urlopen

from klein import Klein
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.web.server import Request

from benchmarks import load
from benchmarks.servers import _UntilClosed, daemon, listen, put_room, reactor, ready
from pexschedd.clock import system_now
from pexschedd.model import tables
from pexschedd.tap import freeze_collector

CONFERENCES = 100_000
ROUNDS = 5
SCRIPTS = 200
LIST = "/api/admin/configuration/v1/conference/"
ALIASES = "/api/admin/configuration/v1/conference_alias/"


async def serve(folder: str, conferences: str) -> None:
    """The daemon with that many rooms; and the bare route, on a port of its own:

    PUT /same       the bytes that a GET of it answers from then on
    GET /processor  seconds of processor time so far, the memory in use, and the
                    longest processor time of one turn of the reactor since the last GET
    """
    service = daemon(Path(folder))
    now, total = system_now(), int(conferences)
    for start in range(1, total + 1, 1000):
        change = service.store.transaction()
        for number in range(start, min(start + 1000, total + 1)):
            put_room(change, number, now)
            room = service.store.get(tables.CONFERENCE, number)
            assert room is not None
            # Names do not come in the order of the ids, nor do descriptions.
            place = number * 7919 % total
            text = f"Booked by user{place}@example.test"
            room = replace(room, name=f"Meeting {place} (Alice)", description=text)
            change.put(tables.CONFERENCE, room)
        await change.commit()
    service.startService()
    await service.first_start
    app = Klein()
    body = b""
    longest = 0.0
    began = 0.0

    def turn() -> None:
        nonlocal longest, began
        at = thread_time()
        longest = max(longest, at - began)
        began = at
        reactor.callLater(0.001, turn)

    @app.route("/same", methods=["PUT"])  # type: ignore[untyped-decorator,unused-ignore]
    def put(request: Request) -> bytes:
        nonlocal body
        assert request.content is not None
        body = request.content.read()
        return b""

    @app.route("/same")  # type: ignore[untyped-decorator,unused-ignore]
    def same(request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        request.setHeader("content-length", str(len(body)))
        return body

    @app.route("/processor")  # type: ignore[untyped-decorator,unused-ignore]
    def processor(request: Request) -> bytes:
        nonlocal longest
        found, longest = longest, 0.0
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        facts = {
            "seconds": process_time(),
            "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            "longest_ms": found * 1000,
        }
        return json.dumps(facts).encode()

    freeze_collector()
    gc.collect()
    began = thread_time()
    turn()
    ready(
        port=service.http_servers.port("admin"),
        ceiling=listen(app),
        password=(Path(folder) / "initial-admin-password").read_text().strip(),
    )


class Server:
    """The process that is measured."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.port: int = facts["port"]
        self.ceiling: int = facts["ceiling"]
        account = base64.b64encode(f"admin:{facts['password']}".encode()).decode()
        self.longest_ms = 0.0
        """Of all turns of the reactor since it was last set to 0."""
        self._headers = {"authorization": f"Basic {account}"}

    def request(self, path: str) -> bytes:
        return load.get(path, self._headers)

    def facts(self) -> dict[str, float]:
        facts = dict(json.loads(self._read("/processor")))
        self.longest_ms = max(self.longest_ms, facts["longest_ms"])
        return facts

    def answer(self, path: str) -> bytes:
        asked = Ask(f"http://127.0.0.1:{self.port}{path}", headers=self._headers)
        with urlopen(asked) as answer:  # noqa: S310 - loopback
            return bytes(answer.read())

    def repeat(self, body: bytes) -> None:
        self._read("/same", body)

    def _read(self, path: str, body: bytes | None = None) -> bytes:
        url = f"http://127.0.0.1:{self.ceiling}{path}"
        asked = Ask(url, body, method="GET" if body is None else "PUT")
        with urlopen(asked) as answer:  # noqa: S310 - loopback
            return bytes(answer.read())

    def spent(self, port: int, requests: list[bytes], count: int) -> float:
        """Milliseconds of processor time for each request."""
        before = self.facts()["seconds"]
        load.run(port, requests, count=count, connections=4)
        return (self.facts()["seconds"] - before) / count * 1000


@contextmanager
def server(conferences: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.lists", "serve", folder]
        with subprocess.Popen(
            [*command, str(conferences)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            try:
                yield Server(json.loads(process.stdout.readline()))
            finally:
                process.stdin.close()
                process.wait(10)


def queries(total: int) -> dict[str, tuple[float, list[str]]]:
    """The goals, and the paths that are asked for in turns."""
    some = range(1, total, total // 50)
    pages = [f"{LIST}?limit=1000&offset={n}" for n in range(0, total, 1000)]
    several = [
        ",".join(str(first + 1000 * n) for n in range(20))
        for first in range(1, 1000, 20)
    ]

    def each(form: Callable[[int], str], path: str = LIST) -> list[str]:
        return [f"{path}?{form(number)}" for number in some]

    return {
        "limit=1000": (0.5, [f"{LIST}?limit=1000"]),
        "limit=1000, all pages": (0, pages),
        "limit=1000, all pages again": (0.5, pages),
        "limit=20, anywhere": (0, each(lambda n: f"offset={n}")),
        "id__in, 20 of them": (0.5, [f"{LIST}?id__in={ids}" for ids in several]),
        "order_by=id": (0.5, each(lambda n: f"order_by=id&offset={n}")),
        "order_by=-id": (0.5, each(lambda n: f"order_by=-id&offset={n}")),
        "name=": (0.5, each(lambda n: "name=" + quote(f"Meeting {n} (Alice)"))),
        "aliases__alias=": (
            0.5,
            each(lambda n: f"aliases__alias=555{n:012}%40example.test"),
        ),
        "conference__name=": (
            0.5,
            each(
                lambda n: "conference__name=" + quote(f"Meeting {n} (Alice)"), ALIASES
            ),
        ),
        "description=, no index": (
            0.05,
            each(lambda n: f"description=Booked+by+user{n}%40example.test"),
        ),
        "name__icontains, few": (0.05, each(lambda n: f"name__icontains=TING+{n}")),
        "name__icontains, all": (0.05, [f"{LIST}?name__icontains=MEETING"]),
        "aliases__alias__icontains": (
            0.05,
            each(lambda n: f"aliases__alias__icontains=0{n}%40EXAMPLE"),
        ),
        "order_by=name": (0.05, [f"{LIST}?order_by=name"]),
        "order_by=-description,name": (
            0.05,
            [f"{LIST}?order_by=-description,name"],
        ),
    }


def main(total: int) -> None:
    print(f"{total} conferences; processor time a request, the median of {ROUNDS}")
    print(
        f"{'':<28} {'measured':>10} {'bare':>10} {'ratio':>6} {'goal':>6} "
        f"{'first':>9} {'longest turn':>13}"
    )
    with server(total) as measured:
        measured.answer(f"{LIST}?limit=1")  # the slow hash of the password
        memory = measured.facts()["memory_mb"]
        for what, (goal, paths) in queries(total).items():
            compare(measured, what, goal, paths)
        after = measured.facts()["memory_mb"]
        print(f"memory before {memory:.0f} MB, after {after:.0f} MB")
        together(measured, total)
        print(f"memory after {measured.facts()['memory_mb']:.0f} MB")


def compare(measured: Server, what: str, goal: float, paths: list[str]) -> None:
    measured.facts()
    measured.longest_ms = 0
    before = perf_counter()
    body = measured.answer(paths[0])
    first = (perf_counter() - before) * 1000
    measured.facts()
    longest = measured.longest_ms
    measured.repeat(body)
    measured.facts()
    measured.longest_ms = longest  # the longest turn of ours
    same = [load.get("/same")]
    requests = [measured.request(path) for path in paths]
    count = 20 if first < 100 else 4
    measured.spent(measured.port, requests, count)
    measured.spent(measured.ceiling, same, count)
    ratios, ours, bare = [], [], []
    for _ in range(ROUNDS):
        bare.append(measured.spent(measured.ceiling, same, count))
        ours.append(measured.spent(measured.port, requests, count))
        ratios.append(bare[-1] / ours[-1])
        requests = requests[count:] + requests[:count]
    print(
        f"{what:<28} {median(ours):>7.2f} ms {median(bare):>7.2f} ms "
        f"{median(ratios):>6.2f} {f'>= {goal}' if goal else '':>6} {first:>6.0f} ms "
        f"{measured.longest_ms:>10.1f} ms",
        flush=True,
    )


def together(measured: Server, total: int) -> None:
    """The longest wait of many scripts at once, each with a list of its own."""
    paths = [
        path
        for _, each in queries(total).values()
        for path in each[:20]
        if "limit=1000" not in path
    ]
    requests = [measured.request(path) for path in paths]
    measured.facts()
    measured.longest_ms = 0
    found = load.run(measured.port, requests, count=5 * SCRIPTS, connections=SCRIPTS)
    measured.facts()
    print(
        f"{SCRIPTS} scripts at once: the longest wait {found.longest_ms:.0f} ms, "
        f"{found.longest_ms / found.p50_ms:.1f} times the median (goal: 10); "
        f"longest turn {measured.longest_ms:.1f} ms"
    )


def _serve(arguments: list[str]) -> None:
    def failed(failure: Any) -> None:
        sys.stderr.write(failure.getTraceback())
        os._exit(1)

    def begin() -> None:
        Deferred.fromCoroutine(serve(*arguments)).addErrback(failed)

    StandardIO(_UntilClosed())
    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2:])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else CONFERENCES)
