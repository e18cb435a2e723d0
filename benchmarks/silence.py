"""The longest silence of the daemon while strangers do their worst.

    python -m benchmarks.silence

One thread asks for `/health` again and again while something hostile goes on; the
longest wait for an answer is told. Bodies and answers of each kind are about as large
as they may be. The daemon and the Exchange are processes of their own.
"""

import base64
import http.server
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from time import perf_counter, sleep
from typing import Any
from urllib.request import Request, urlopen

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO

from benchmarks.servers import (
    EQUIPMENT,
    LOOPBACK,
    _UntilClosed,
    put_integration,
    reactor,
    ready,
)
from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.sandbox import Sandbox, default_accounts
from pexschedd.tap import Daemon, freeze_collector

SIZE = 1_900_000
"""Characters of a hostile body: nearly all that are looked at."""
ANSWER = 8_000_000
"""Bytes of a hostile answer of Exchange."""
BULK = 900_000
GOAL = "< 100 ms"
PASSWORD = "correct horse battery"

BODIES: dict[str, str] = {
    "start tags": "<p>",
    "elements": "<p></p>",
    "comments": "<!---->",
    "character references": "&amp;",
    "white space": "x ",
    "quotation marks": "\n> ",
    "dashes of other scripts": "\u2010",
    "tags": "TOK:-aa.bb.cc#",
}
ANSWERS: dict[str, bytes] = {
    "character references": b"&#1;",
    "control characters": b"a\x01",
    "elements": b"<a/>",
    "broken entities": b"&",
}
ENVELOPE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<m:GetFolderResponse xmlns:m="m">%s</m:GetFolderResponse></s:Body></s:Envelope>'
)


# The processes


async def run_daemon(folder: str, exchange: str) -> None:
    """The daemon with one integration; its log goes nowhere."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for good
    password = Path(folder) / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    config = Config(
        state_dir=Path(folder) / "state",
        addin_endpoints=(LOOPBACK,),
        admin_endpoints=(LOOPBACK,),
        initial_admin_password_file=password,
    )
    service = Daemon(config, reactor=reactor, now=system_now)
    if exchange:
        await put_integration(service.store, exchange, "127.0.0.1")
    freeze_collector()
    service.startService()
    await service.first_start
    servers = service.http_servers
    ready(port=servers.port("addin"), admin=servers.port("admin"))


async def run_sandbox(kind: str, is_offline: str) -> None:
    """A sandbox whose equipment mailbox has one hostile invitation."""
    box = Sandbox(now=system_now, clock=reactor, accounts=default_accounts())
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    number = port.getHost().port
    body = BODIES[kind] * (SIZE // len(BODIES[kind]))
    if is_offline:
        audience = "https://127.0.0.1/api/client/v2/msexchange_schedulers/1/addin"
        token = box.identity_token(
            "alice@example.test", audience, f"http://127.0.0.1:{number}"
        )
        body = f"TOK:-{token}#{body}"
    start = datetime.now(UTC) + timedelta(days=1)
    box.exchange.schedule(
        box.exchange.mailbox("alice@example.test"),
        subject=kind,
        start=start,
        end=start + timedelta(minutes=30),
        resources=[EQUIPMENT],
        body=body,
    )
    ready(port=number)


def run_answers(kind: str) -> None:
    """Something in Exchange's place that gives the same hostile answer to all."""
    content = ENVELOPE % (ANSWERS[kind] * (ANSWER // len(ANSWERS[kind])))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as there
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ready(port=server.server_address[1])
    sys.stdin.read()
    os._exit(0)


@contextmanager
def process(*arguments: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.silence", *arguments]
    with Popen(command, stdin=PIPE, stdout=PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        try:
            yield json.loads(child.stdout.readline())
        finally:
            child.stdin.close()
            child.wait(20)


# The measuring


def longest_silence(port: int, during: Callable[[], None]) -> float:
    """Seconds of the longest wait for an answer of `/health` while `during` runs."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as way:
            while not over.is_set():
                begun = perf_counter()
                way.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                if not way.recv(65536):
                    raise ConnectionError("the daemon closed the connection")
                waits.append(perf_counter() - begun)
                sleep(0.002)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        during()
    finally:
        over.set()
        asking.join()
    return max(waits)


def told(what: str, seconds: float) -> None:
    print(f"{what:<52} {seconds * 1000:>8.0f} ms {GOAL:>12}", flush=True)


def until_answered(exchange: int) -> None:
    """Wait until the daemon has answered the invitation; a minute at most."""
    for _ in range(300):
        sleep(0.2)
        with urlopen(f"http://127.0.0.1:{exchange}/sandbox/calls") as answer:
            if "CreateItem" in json.load(answer):
                return


def bodies(folder: Path) -> None:
    for number, kind in enumerate(BODIES):
        for offline in ("", "offline"):
            with (
                process("sandbox", kind, offline) as exchange,
                process(
                    "daemon",
                    str(made(folder / f"body{number}{offline}")),
                    f"http://127.0.0.1:{exchange['port']}",
                ) as daemon,
            ):
                seconds = longest_silence(
                    daemon["port"], lambda: until_answered(exchange["port"])
                )
            sort = "offline invitation" if offline else "invitation"
            told(f"{sort}, 1.9 MB of {kind}", seconds)


def answers(folder: Path) -> None:
    for number, kind in enumerate(ANSWERS):
        with (
            process("answers", kind) as exchange,
            process(
                "daemon",
                str(made(folder / f"answer{number}")),
                f"http://127.0.0.1:{exchange['port']}",
            ) as daemon,
        ):
            seconds = longest_silence(daemon["port"], lambda: sleep(8))
        told(f"Exchange's answer, 8 MB of {kind}", seconds)


def requests(folder: Path) -> None:
    with process("daemon", str(made(folder / "requests")), "") as daemon:
        for what, attack in attacks(daemon).items():
            told(what, longest_silence(daemon["port"], attack))


def attacks(daemon: dict[str, Any]) -> dict[str, Callable[[], None]]:
    port, admin = daemon["port"], daemon["admin"]
    form = b'--X\r\nContent-Disposition: form-data; name="' + b";" * 200_000 + b"--X--"
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    wrong = json.dumps({"objects": [{}] * 900}).encode()
    many = json.dumps(
        {
            "objects": [
                {"name": f"Room {number}", "description": "x" * 200}
                for number in range(1000)
            ]
        }
    ).encode()
    small = b'{"objects": [' + b"{}," * (BULK // 3) + b"{}]}"
    deep = b"[" * BULK
    return {
        "300 half-open connections": lambda: half_open(port, get[:20], 300),
        "300 heads that never end": lambda: half_open(port, get + b"x: y\r\n", 300),
        "a form of 200000 semicolons": lambda: post(
            port, "/health", form, "multipart/form-data; boundary=X"
        ),
        "2000 pipelined requests": lambda: pipelined(port, (get + b"\r\n") * 2000),
        "2000 pipelined requests, administrators' port": lambda: pipelined(
            admin, (get + b"\r\n") * 2000
        ),
        "10 clients with 2000 pipelined requests": lambda: at_once(
            10, lambda: pipelined(port, (get + b"\r\n") * 2000)
        ),
        "bulk request, 900 wrong records": lambda: patch(admin, wrong),
        "bulk request, 1000 rooms": lambda: patch(admin, many),
        "bulk request, 900 KB of empty records": lambda: patch(admin, small),
        "bulk request, 900 KB of brackets": lambda: patch(admin, deep),
    }


def half_open(port: int, data: bytes, count: int) -> None:
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for each in opened:
        with suppress(OSError):  # the daemon keeps so many only
            each.sendall(data)
    sleep(2)
    for each in opened:
        each.close()


def pipelined(port: int, data: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as way:
        threading.Thread(target=way.sendall, args=(data,), daemon=True).start()
        way.settimeout(2)
        try:
            while way.recv(65536):
                pass
        except OSError:
            pass


def at_once(count: int, attack: Callable[[], None]) -> None:
    attacking = [threading.Thread(target=attack) for _ in range(count)]
    for each in attacking:
        each.start()
    for each in attacking:
        each.join()


def post(port: int, path: str, body: bytes, kind: str, **more: Any) -> None:
    headers = {"content-type": kind, **more.pop("headers", {})}
    asked = Request(f"http://127.0.0.1:{port}{path}", body, headers, **more)  # noqa: S310
    try:
        with urlopen(asked) as answer:  # noqa: S310 - loopback
            answer.read()
    except OSError as refused:  # with the status that says so
        refused.close() if hasattr(refused, "close") else None
    sleep(0.5)


def patch(port: int, body: bytes) -> None:
    proof = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    post(
        port,
        "/api/admin/configuration/v1/conference/",
        body,
        "application/json",
        headers={"authorization": f"Basic {proof}"},
        method="PATCH",
    )


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    print(f"{'longest silence of /health':<52} {'measured':>11} {'goal':>12}")
    with tempfile.TemporaryDirectory(prefix="pexschedd-silence-") as name:
        for part in (requests, answers, bodies):
            part(Path(name))


def serve(name: str, *arguments: str) -> None:
    if name == "answers":
        run_answers(*arguments)
        return

    def failed(failure: Any) -> None:
        sys.stderr.write(failure.getTraceback())
        os._exit(1)

    work = {"daemon": run_daemon, "sandbox": run_sandbox}[name]
    StandardIO(_UntilClosed())
    reactor.callWhenRunning(
        lambda: Deferred.fromCoroutine(work(*arguments)).addErrback(failed)
    )
    reactor.run()


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(*sys.argv[1:])
    else:
        main()
