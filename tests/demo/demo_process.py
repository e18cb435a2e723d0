"""The whole demo as a process of its own, as `make run` starts it."""

# ruff: noqa: S310 - the addresses are our own

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from tests import forked
from tests.forked import Forked
from tests.ports import free_ports

REPOSITORY = Path(__file__).resolve().parent.parent.parent
START_S = 30
ALICE = "alice@example.test"
BOB = "bob@example.test"
ROOM = "pexipmeeting@example.test"


class RunningDemo:
    """A demo that has said it is ready."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.log = folder.parent / f"{folder.name}.log"
        with self.log.open("ab") as log:
            self.process = Forked(
                forked.DEMO,
                ["--port", str(port), "--state", str(folder)],
                cwd=REPOSITORY,
                stderr=log,
            )
        self.printed = self._read_banner()

    def _read_banner(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                return "".join(lines)
        self.process.wait(START_S)
        self.process.stdout.close()
        raise AssertionError(f"the demo did not start: {self.log.read_text()}")

    @property
    def desk(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def addin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **query: str) -> Any:
        """JSON from the desk's API."""
        return fetch(f"{self.desk}/desk/api/{path}?{urlencode(query)}")

    def post(self, path: str, body: object) -> Any:
        return fetch(f"{self.desk}/desk/api/{path}", body)

    def kill(self) -> None:
        """As if the power had gone."""
        self.process.kill()
        self._gone()

    def interrupt(self, *numbers: signal.Signals) -> int:
        """Ctrl-C, or these. Gives the exit status."""
        for number in numbers or (signal.SIGINT,):
            self.process.send_signal(number)
        return self._gone()

    def _gone(self) -> int:
        status = self.process.wait(START_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def fetch(url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """JSON from anywhere; POST if there is a body. Raises HTTPError."""
    data = None if body is None else msgspec.json.encode(body)
    kind = {} if body is None else {"Content-Type": "application/json"}
    request = Request(url, data, {**kind, **(headers or {})})
    with urlopen(request, timeout=START_S) as response:
        return msgspec.json.decode(response.read())


def answers(url: str) -> bool:
    try:
        urlopen(url, timeout=1).close()
    except URLError:
        return False
    return True


def four_ports() -> int:
    """The first of four free ports one after the other."""
    return free_ports(4)


@contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[RunningDemo]:
    demo = RunningDemo(folder, port or four_ports())
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.kill()
