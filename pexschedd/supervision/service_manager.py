"""The service manager that started the daemon, such as systemd: told in datagrams how
the daemon is doing (sd_notify(3), sd_watchdog_enabled(3))."""

import socket
from collections.abc import Callable, MutableMapping

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

SOCKET, WATCHDOG, WATCHDOG_PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"

BEAT = 10.0
"""Seconds between two looks at the status, where no watchdog wants less."""

_LONGEST_STATUS = 200
_MICROSECONDS = 1_000_000


def notification(**values: object) -> bytes:
    """Return a datagram that sets these values, such as `READY=1`. Pure."""
    lines = [f"{name}={_one_line(str(value))}" for name, value in values.items()]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def socket_address(name: str) -> str | bytes | None:
    """Return the address of the socket in NOTIFY_SOCKET; None if it is of a kind that
    is not served: a path, or a name in the abstract namespace (unix(7)). Pure."""
    if name.startswith("@"):
        return b"\0" + name[1:].encode("utf-8", "surrogateescape")
    return name if name.startswith("/") else None


def watchdog_seconds(environment: MutableMapping[str, str], process: int) -> float:
    """Return the seconds after which the service manager would take the daemon for
    hung; 0.0 if it does not look, or looks at another process. Pure."""
    if environment.get(WATCHDOG_PROCESS, str(process)) != str(process):
        return 0.0
    text = environment.get(WATCHDOG, "")
    return int(text) / _MICROSECONDS if text.isascii() and text.isdigit() else 0.0


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_STATUS]


class ServiceManager:
    """The manager's socket, as the environment names it; without one, all is a no-op.

    The variables are removed from the environment: processes that the daemon starts
    have nothing to tell. `watchdog` is the time of `watchdog_seconds`.
    """

    _log = Logger()

    def __init__(self, environment: MutableMapping[str, str], process: int) -> None:
        self._address = socket_address(environment.get(SOCKET, ""))
        self.watchdog = watchdog_seconds(environment, process)
        for name in (SOCKET, WATCHDOG, WATCHDOG_PROCESS):
            environment.pop(name, None)
        self._socket: socket.socket | None = None
        self._has_failed = False

    @property
    def is_there(self) -> bool:
        """True if the daemon was started by a service manager that wants to be told."""
        return self._address is not None

    def tell(self, **values: object) -> None:
        """Set values. It never blocks; what cannot be sent is left out."""
        if self._address is None:
            return
        try:
            if self._socket is None:
                kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                self._socket = socket.socket(socket.AF_UNIX, kind)
            self._socket.sendto(notification(**values), self._address)
        except OSError as error:
            if not self._has_failed:
                self._log.warn("service manager not told reason={reason}", reason=error)
            self._has_failed = True
        else:
            self._has_failed = False

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class ServiceNotifier(Service):
    """Tells the service manager when the daemon is ready, reloads and stops, and, by
    the reactor itself, that it is alive: twice in the time of the watchdog, so that a
    reactor that hangs is noticed.

    `status` words the state for people; it is asked at each beat.
    """

    name = "service manager"

    def __init__(
        self, manager: ServiceManager, clock: IReactorTime, status: Callable[[], str]
    ) -> None:
        self._manager = manager
        self._clock = clock
        self._status = status
        self._told = ""
        self._is_ready = self._has_failed = False
        self._beats = LoopingCall(self._beat)
        self._beats.clock = clock

    def startService(self) -> None:
        """Begin the beats."""
        super().startService()
        if self._manager.is_there:
            wanted = self._manager.watchdog / 2 or BEAT
            self._beats.start(min(wanted, BEAT), now=True)

    def stopService(self) -> None:
        """End the beats: the daemon has stopped, but for its last lines in the log."""
        super().stopService()
        if self._beats.running:
            self._beats.stop()
        self._manager.close()

    def ready(self) -> None:
        """Say that the ports answer and the store is open."""
        self._is_ready = True
        self._manager.tell(READY=1)
        self._tell_status(self._status())

    def reload(self, work: Callable[[], object]) -> None:
        """Do the work, and say that it begins and that it is done.

        The time by the monotonic clock lets a manager tell this reload from one before
        (`Type=notify-reload`).
        """
        usec = int(self._clock.seconds() * _MICROSECONDS)
        self._manager.tell(RELOADING=1, MONOTONIC_USEC=usec)
        try:
            work()
        finally:
            if self._is_ready:
                self._manager.tell(READY=1)

    def stopping(self) -> None:
        """Say that the daemon ends."""
        self._is_ready = False
        self._manager.tell(STOPPING=1)
        if not self._has_failed:
            self._tell_status("Stopping")

    def failed(self, reason: str) -> None:
        """Say why the daemon ends by itself."""
        self._is_ready, self._has_failed = False, True
        self._tell_status(f"Failed: {reason}")

    def _beat(self) -> None:
        if self._manager.watchdog:
            self._manager.tell(WATCHDOG=1)
        if self._is_ready:
            self._tell_status(self._status())

    def _tell_status(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._manager.tell(STATUS=text)
