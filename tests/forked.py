"""Our programs as processes of their own, without the second that each start costs.

Most of a start is imports. One process, the template, has done them, and forks for each
program that a test starts: what runs then is a process like any other, with its own
folder, environment, streams, signals and exit status. What a start from nothing does is
shown by the tests that use `subprocess` for it.

    python -m tests.forked DESCRIPTOR    is the template; the descriptor is its socket
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import HashParameters
from pexschedd.store.disk import reserve_file
from tests.signals import heed_signals

ROOT = Path(__file__).resolve().parent.parent
TWISTD = "twisted.scripts.twistd:run"
DEMO = "pexschedd.demo.__main__:main"
CHEAP = HashParameters(2, 8, 1)
"""Costs of new password hashes here: the product's take a program that makes its first
administrator, and signs him in, more processor time than everything else in its start.
Programs started by `subprocess` and `tests/crypto` have the product's own."""
RESERVE_BYTES = 65536
"""The reserve of a store for a full disk: the product's own takes twenty milliseconds
to write, which is a quarter of a daemon's start."""
RUN_S = 60.0
"""Seconds that a program which ends by itself may take."""

_IMPORTED = (
    "pexschedd.tap",
    "pexschedd.demo.tap",
    "pexschedd.demo.sandbox_tap",
    "pexschedd.tools.check",
    "pexschedd.tools.command",
    "pexschedd.tools.password",
    "pexschedd.tools.store_command",
)
_MESSAGE_BYTES = 200_000


class Forked:
    """A running program: as much of `subprocess.Popen` as the tests want.

    `program` is `module:function`; what the function returns is the exit status. Where
    `stdout` is not given, the process's output is read from `self.stdout`.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        cwd: Path,
        stdin: IO[Any] | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any],
    ) -> None:
        self.args = [program, *arguments]
        self.returncode: int | None = None
        self.stdout: IO[str] | None = None
        ours, theirs = socket.socketpair()
        with open(os.devnull) as nothing, theirs:
            output = stdout.fileno() if stdout else self._pipe()
            order = {"args": self.args, "cwd": str(cwd), "env": dict(os.environ)}
            source = stdin or nothing
            descriptors = [source.fileno(), output, stderr.fileno(), theirs.fileno()]
            _template().start(order, descriptors)
            if stdout is None:
                os.close(output)
        self._guardian = ours.makefile("r")
        ours.close()
        self.pid = int(self._guardian.readline())

    def _pipe(self) -> int:
        read, write = os.pipe()
        self.stdout = open(read)  # noqa: SIM115 - as Popen's, closed by its reader
        return write

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float) -> int:
        """Return the exit status, negative for a signal; raise `TimeoutExpired`."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def _ended(self, timeout: float) -> int | None:
        if self.returncode is None and select.select(
            [self._guardian], [], [], timeout
        ) != ([], [], []):
            self.returncode = int(self._guardian.readline())
            self._guardian.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    program: str, arguments: Sequence[str], *, cwd: Path, text: str = ""
) -> tuple[int, str, str]:
    """Run a program that ends by itself, with `text` on its standard input; return the
    exit status, its output and its error output."""
    with (
        TemporaryFile("w+") as given,
        TemporaryFile("w+") as out,
        TemporaryFile("w+") as err,
    ):
        given.write(text)
        given.seek(0)
        process = Forked(
            program, arguments, cwd=cwd, stdin=given, stdout=out, stderr=err
        )
        try:
            status = process.wait(RUN_S)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read()


class _Template:
    """The other end of the process that has imported everything."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        # With a buffer, as it is anywhere: whether it can be written shows at the end.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
                cwd=ROOT,
                env=environment,
                pass_fds=[theirs.fileno()],
                preexec_fn=heed_signals,
            )

    def start(self, order: object, descriptors: list[int]) -> None:
        socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)

    def close(self) -> None:
        self._orders.close()
        self._process.wait()


_running: list[_Template] = []


def _template() -> _Template:
    if not _running:
        _running.append(_Template())
    return _running[0]


def end_template() -> None:
    """End the process that forks, if there is one."""
    while _running:
        _running.pop().close()


def _serve(orders: socket.socket) -> dict[str, Any]:
    """Fork for each order; return it in the process that is to run the program."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _MESSAGE_BYTES, 4)
        if not message:
            os._exit(0)
        _reap()
        if os.fork() == 0:
            orders.close()
            _guard(descriptors)
            return dict(json.loads(message))
        for descriptor in descriptors:
            os.close(descriptor)


def _reap() -> None:
    """Forget the guardians that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _guard(descriptors: list[int]) -> None:
    """Fork once more: return in the child with its streams, and in the parent tell its
    number and its exit status, and end."""
    *streams, report = descriptors
    child = os.fork()
    if child:
        for descriptor in streams:
            os.close(descriptor)
        os.write(report, b"%d\n" % child)
        for ignored in (signal.SIGINT, signal.SIGHUP):  # Ctrl-C is for the program
            signal.signal(ignored, signal.SIG_IGN)
        _, status = os.waitpid(child, 0)
        os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(report)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _renew_reactor() -> None:
    """Give the reactor a poller and a waker that no other process has."""
    from twisted.internet import reactor  # noqa: PLC0415 - a process's root

    any_reactor: Any = reactor
    any_reactor._poller.close()
    any_reactor.waker.connectionLost(None)
    any_reactor.__init__()


def _program(order: dict[str, Any]) -> Callable[[], object]:
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    program, *arguments = order["args"]
    module, _, function = program.partition(":")
    sys.argv = [module, *arguments]
    _renew_reactor()
    run: Callable[[], object] = getattr(import_module(module), function)
    return run


def _import_all() -> None:
    for name in _IMPORTED:
        import_module(name)
    password_hashes.CURRENT = CHEAP
    reserve_file.SIZE = RESERVE_BYTES
    gc.collect()
    gc.freeze()  # a collection in each of the forks would copy all of it


def _run(program: Callable[[], object]) -> None:
    """Run a program and end the process, without the half second that Python takes to
    free each thing it has imported."""
    try:
        status = program()
    except SystemExit as end:
        status = end.code
    if not isinstance(status, int | None):
        sys.stderr.write(f"{status}\n")
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as at any end
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # it is where the program began without it
                stream.flush()
    except OSError:
        status = status or 120  # as Python does
    os._exit((status or 0) & 0xFF)


if __name__ == "__main__":
    _import_all()
    _run(_program(_serve(socket.socket(fileno=int(sys.argv[1])))))
