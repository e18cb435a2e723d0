"""The control socket: how a tool reaches the running daemon.

A Unix socket `control` in the state folder, for the folder's owner and root only: who
may read the folder may do all this anyway. The tool sends one order as a line of JSON,
and gets lines until the last one, which says how it ended. A tool that goes away stops
its run at the next safe place.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from pexschedd.control.executor import Executor
from pexschedd.control.protocol import Event, Finished, Note, Order, Progress
from pexschedd.errors import PexscheddError

NAME = "control"
LINE_LIMIT = 256 * 1024
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of a line from the daemon: a check of many integrations is one."""

LONGEST_PATH = 107
"""Bytes of a Unix socket's path, on Linux: neither side can do anything with more."""

OFTEN = 0.2
"""Seconds between two lines about progress."""


class NoDaemon(PexscheddError):
    """Nobody listens on the control socket."""

    code = "no_daemon"


class ControlFailed(PexscheddError):
    """The daemon could not be told, or went away before it had finished."""

    code = "control_failed"


class _Lines(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = LINE_LIMIT


class ControlProtocol(_Lines):
    """The daemon's side of one tool."""

    _log = Logger()

    def __init__(self, executor: Executor, clock: IReactorTime) -> None:
        self._executor = executor
        self._clock = clock
        self._busy = False
        self._gone = False
        self._last = -OFTEN

    def lineReceived(self, line: bytes) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            order = msgspec.json.decode(line, type=Order)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._end(Finished(refused=f"This order cannot be understood: {error}"))
            return
        Deferred.fromCoroutine(self._run(order))

    async def _run(self, order: Order) -> None:
        self._log.info("a tool has ordered: {order}", order=type(order).__name__)
        try:
            finished = await self._executor.run(order, self, lambda: not self._gone)
        except Exception:  # noqa: BLE001 - the tool has to be told something
            self._log.failure("a tool's order failed")
            finished = Finished(failures=1, reasons=("an internal error; see the log",))
        self._end(finished)

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        now = self._clock.seconds()
        if now - self._last >= OFTEN or done == total:
            self._last = now
            self._send(Progress(what, done, total))

    def note(self, text: str) -> None:
        self._send(Note(text))

    def _send(self, event: Event) -> None:
        if not self._gone:
            self.sendLine(msgspec.json.encode(event))

    def _end(self, finished: Finished) -> None:
        self._send(finished)
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone = True


class ControlSocket(Service):
    """Listens while the daemon runs. The daemon goes on without it."""

    name = NAME
    _log = Logger()

    def __init__(self, state_dir: Path, executor: Executor, reactor: Any) -> None:
        self._path = state_dir / NAME
        self._executor = executor
        self._reactor = reactor
        self._opening: Deferred[None] | None = None
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        super().startService()
        # The folder's lock is ours: whoever has left this behind is dead. If it cannot
        # be removed it is in the way of the socket, too, and that is said.
        with suppress(OSError):
            self._path.unlink()
        factory = Factory.forProtocol(
            lambda: ControlProtocol(self._executor, self._reactor)
        )
        endpoint = UNIXServerEndpoint(
            self._reactor, os.fspath(self._path), mode=0o600, wantPID=0
        )
        self._opening = endpoint.listen(factory).addCallbacks(
            self._opened, self._not_opened
        )

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    def _opened(self, port: IListeningPort) -> None:
        self._port = port

    def _not_opened(self, failure: Failure) -> None:
        self._log.error(
            "no tool can reach this daemon, not even for a backup: {path}: {reason}",
            path=str(self._path),
            reason=failure.getErrorMessage(),
        )

    async def _close(self) -> None:
        if self._opening is not None:
            await self._opening
        port, self._port = self._port, None
        if port is not None:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped


class _Client(_Lines):
    MAX_LENGTH = ANSWER_LIMIT

    def __init__(
        self, order: bytes, heard: Callable[[Event], None], reactor: Any
    ) -> None:
        self.finished: Deferred[Finished] = Deferred()
        self._over = False
        self._order = order
        self._heard = heard
        self._reactor = reactor

    def connectionMade(self) -> None:
        self.sendLine(self._order)

    def lineReceived(self, line: bytes) -> None:
        event = msgspec.json.decode(line, type=Event)
        if isinstance(event, Finished) and not self._over:
            self._over = True
            self.finished.callback(event)
        elif not self._over:
            self._hear(event)

    def _hear(self, event: Event) -> None:
        try:
            self._heard(event)
        except Exception:  # noqa: BLE001 - it is for whoever waits, not for Twisted
            self._over = True
            self.finished.errback(Failure())
            if self.transport is not None:
                self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._over:
            self._over = True
            gone = "The daemon went away" if self._reactor.running else "Stopped"
            self.finished.errback(ControlFailed(f"{gone} before it had finished."))


async def ask_daemon(
    state_dir: Path, order: Order, heard: Callable[[Event], None], reactor: Any
) -> Finished:
    """Has the running daemon carry out the order.

    Raises `NoDaemon` when none is running, `ControlFailed` when it cannot be asked.
    """
    path = state_dir / NAME
    endpoint = UNIXClientEndpoint(reactor, os.fspath(path))
    try:
        client = _Client(msgspec.json.encode(order), heard, reactor)
    except UnicodeEncodeError:
        raise ControlFailed("An argument has characters that are not UTF-8.") from None
    if len(os.fsencode(path)) > LONGEST_PATH:
        # Twisted would notice too late, and wait.
        raise NoDaemon(f"{path} is too long for the path of a socket.")
    try:
        await endpoint.connect(Factory.forProtocol(lambda: client))
    except Exception as error:
        raise _not_reached(path, error) from error
    return await client.finished


def _not_reached(path: Path, error: Exception) -> PexscheddError:
    if not os.path.lexists(path):
        return NoDaemon(f"Nobody listens on {path}.")
    if not os.access(path, os.R_OK | os.W_OK):
        return ControlFailed(
            f"{path} is not accessible: run this as root or as the daemon's user."
        )
    return NoDaemon(f"Nobody listens on {path}: {error}")
