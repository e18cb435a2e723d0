"""The processes of the soak: they take orders, and answer in lines of JSON."""

import json
import os
import subprocess
import sys
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO


def say(**facts: Any) -> None:
    _out.write(json.dumps(facts) + "\n")
    _out.flush()


_out = sys.stdout


def orders(take: Any) -> None:
    """Carries out lines of the standard input, and ends with it."""

    class Lines(Protocol):
        def __init__(self) -> None:
            self._rest = b""

        def dataReceived(self, data: bytes) -> None:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                take(line.decode())

        def connectionLost(self, reason: object = None) -> None:
            os._exit(0)

    StandardIO(Lines())


class Child:
    """One of the two processes; takes orders and answers in lines of JSON."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soak", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.ready = self.next()

    def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def order(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(what.encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, what: str) -> dict[str, Any]:
        self.order(what)
        return self.next()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
