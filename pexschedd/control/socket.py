"""The control socket, through which a tool gives an order to the running daemon.

It is the Unix socket `control` in the state folder, for the folder's owner and root
only: they may read and change the folder anyway. The tool sends one order as a line of
JSON and receives events, a line each, up to `Finished`. If the tool disconnects, its
run stops at the next safe place.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from pexschedd.control.protocol import Event, Finished, Note, Order, Progress
from pexschedd.errors import PexscheddError
from pexschedd.scheduling.upkeep.progress import ProgressListener
from pexschedd.util.stop_signal import StopSignal

NAME = "control"
LINE_LIMIT = 256 * 1024
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of a line from the daemon: the reports on many integrations are one line."""

LONGEST_PATH = 107
"""Bytes of a Unix socket's path on Linux; a longer one cannot be used."""

PROGRESS_INTERVAL = 0.2
"""Seconds between two `Progress` events."""

OPEN_AGAIN = 30.0
"""Seconds after which a socket that could not be opened is tried again."""


class NoDaemon(PexscheddError):
    """No daemon is listening on the control socket."""

    code = "no_daemon"


class ControlFailed(PexscheddError):
    """The order could not be sent, or the daemon stopped before it had finished."""

    code = "control_failed"


class _Lines(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = LINE_LIMIT


class OrderExecutor(Protocol):
    """The executor of orders, as the daemon's side knows it. A tool imports this module
    as well, and does without all that `control.executor` needs."""

    async def run(
        self, order: Order, listener: ProgressListener, stop: StopSignal
    ) -> Finished:
        """Execute an order, and return the outcome."""


class ControlProtocol(_Lines):
    """The daemon's side of a connection with one tool; a `ProgressListener`."""

    _log = Logger()

    def __init__(self, executor: OrderExecutor, clock: IReactorTime) -> None:
        self._executor = executor
        self._clock = clock
        self._busy = False
        self._gone = False
        self.stop = StopSignal()
        """Set if the run is to end before its time."""
        self._last = -PROGRESS_INTERVAL

    def lineReceived(self, line: bytes) -> None:
        """Start the order in the connection's first line; further lines are ignored."""
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
        self._log.info("order received order={order}", order=type(order).__name__)
        try:
            finished = await self._executor.run(order, self, self.stop)
        except Exception:  # noqa: BLE001 - the tool needs an answer in any case
            self._log.failure("order failed order={order}", order=type(order).__name__)
            finished = Finished(failures=1, reasons=("an internal error; see the log",))
        self._end(finished)

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Send the progress of a stage, unless another was sent just before."""
        now = self._clock.seconds()
        if now - self._last >= PROGRESS_INTERVAL or done == total:
            self._last = now
            self._send(Progress(what, done, total))

    def note(self, text: str) -> None:
        """Send a line of text for the administrator."""
        self._send(Note(text))

    def _send(self, event: Event) -> None:
        if not self._gone:
            self.sendLine(msgspec.json.encode(event))

    def _end(self, finished: Finished) -> None:
        self._send(finished)
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop the run at its next safe place."""
        self._gone = True
        self.stop.set()


class ControlSocket(Service):
    """Listens on the socket while the daemon runs.

    If the socket cannot be opened, as on a disk that takes no writes, that is logged
    once, and the daemon works without it and tries again every `OPEN_AGAIN` seconds.
    """

    name = NAME
    _log = Logger()

    def __init__(self, state_dir: Path, executor: OrderExecutor, reactor: Any) -> None:
        self._path = state_dir / NAME
        self._executor = executor
        self._reactor = reactor
        self._tools: WeakSet[ControlProtocol] = WeakSet()
        self._opening: Deferred[None] | None = None
        self._again: IDelayedCall | None = None
        self._has_failed = False
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Open the socket, in place of one that a killed daemon has left."""
        super().startService()
        self._open()

    def _open(self) -> None:
        self._again = None
        # The folder is locked by this process, so nothing else uses the old socket. If
        # it cannot be removed, opening the new one fails and is logged.
        with suppress(OSError):
            self._path.unlink()
        factory = Factory.forProtocol(self._connected)
        endpoint = UNIXServerEndpoint(
            self._reactor, os.fspath(self._path), mode=0o600, wantPID=0
        )
        self._opening = endpoint.listen(factory).addCallbacks(
            self._opened, self._not_opened
        )

    def stopService(self) -> "Deferred[None]":
        """Close the socket, and have the runs of connected tools end at their next
        safe place."""
        super().stopService()
        again, self._again = self._again, None
        if again is not None:
            again.cancel()
        for tool in [*self._tools]:
            tool.stop.set()
        return Deferred.fromCoroutine(self._close())

    def _connected(self) -> ControlProtocol:
        protocol = ControlProtocol(self._executor, self._reactor)
        self._tools.add(protocol)
        return protocol

    def _opened(self, port: IListeningPort) -> None:
        self._port = port
        if self._has_failed:
            self._log.info("control socket opened path={path}", path=str(self._path))

    def _not_opened(self, failure: Failure) -> None:
        if not self._has_failed:
            self._log.error(
                "control socket not opened, tools cannot reach this daemon "
                "path={path} reason={reason}",
                path=str(self._path),
                reason=failure.getErrorMessage(),
            )
        self._has_failed = True
        if self.running:
            self._again = self._reactor.callLater(OPEN_AGAIN, self._open)

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
        self, order: bytes, show: Callable[[Event], None], reactor: Any
    ) -> None:
        self.finished: Deferred[Finished] = Deferred()
        self._done = False
        self._order = order
        self._show = show
        self._reactor = reactor

    def connectionMade(self) -> None:
        self.sendLine(self._order)

    def lineReceived(self, line: bytes) -> None:
        event = msgspec.json.decode(line, type=Event)
        if isinstance(event, Finished) and not self._done:
            self._done = True
            self.finished.callback(event)
        elif not self._done:
            self._show_event(event)

    def _show_event(self, event: Event) -> None:
        try:
            self._show(event)
        except Exception:  # noqa: BLE001 - it goes to the caller, not to Twisted
            self._done = True
            self.finished.errback(Failure())
            if self.transport is not None:
                self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._done:
            self._done = True
            gone = "The daemon stopped" if self._reactor.running else "Stopped"
            self.finished.errback(ControlFailed(f"{gone} before it had finished."))


async def ask_daemon(
    state_dir: Path, order: Order, show: Callable[[Event], None], reactor: Any
) -> Finished:
    """Have the running daemon execute the order, and return the outcome.

    `show` is called with each event but the last. Raises `NoDaemon` when none is
    running, `ControlFailed` when it cannot be reached or stops, and what `show` raises.
    """
    path = state_dir / NAME
    endpoint = UNIXClientEndpoint(reactor, os.fspath(path))
    try:
        client = _Client(msgspec.json.encode(order), show, reactor)
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
        return NoDaemon(f"No daemon is listening on {path}.")
    if not os.access(path, os.R_OK | os.W_OK):
        return ControlFailed(
            f"{path} is not accessible: run this as root or as the daemon's user."
        )
    return NoDaemon(f"No daemon is listening on {path}: {error}")
