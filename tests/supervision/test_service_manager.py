"""The service manager is told in time: over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pexschedd.supervision.service_manager import (
    BEAT,
    ServiceManager,
    ServiceNotifier,
    notification,
    socket_address,
    watchdog_seconds,
)

PROCESS = 4711


class Manager:
    """The other side: what systemd has."""

    def __init__(self, address: str | bytes) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def told(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that listens at `notify` in the test's folder."""
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def notifier(
    address: Path | str, clock: Clock, status: list[str], watchdog: str = ""
) -> ServiceNotifier:
    environment = {"NOTIFY_SOCKET": str(address), "HOME": "/"}
    if watchdog:
        environment["WATCHDOG_USEC"] = watchdog
    made = ServiceNotifier(
        ServiceManager(environment, PROCESS), clock, lambda: status[0]
    )
    assert environment == {"HOME": "/"}, "processes that are started know nothing"
    return made


def test_a_life(manager: Manager, tmp_path: Path) -> None:
    """Ready, its status when that changes, a reload, and the end."""
    clock, status = Clock(), ["1 integrations"]
    said = notifier(tmp_path / "notify", clock, status)
    said.startService()
    assert manager.told() == []
    said.ready()
    assert manager.told() == ["READY=1", "STATUS=1 integrations"]
    clock.advance(BEAT)
    assert manager.told() == []
    status[0] = "2 integrations"
    clock.advance(BEAT)
    assert manager.told() == ["STATUS=2 integrations"]
    said.reload(lambda: None)
    assert manager.told() == ["RELOADING=1\nMONOTONIC_USEC=20000000", "READY=1"]
    said.stopping()
    assert manager.told() == ["STOPPING=1", "STATUS=Stopping"]
    clock.advance(BEAT)
    said.stopService()
    assert manager.told() == []
    assert clock.getDelayedCalls() == []


def test_a_reload_that_fails_ends(manager: Manager, tmp_path: Path) -> None:
    """The manager would wait for its end."""
    said = notifier(tmp_path / "notify", Clock(), [""])
    said.ready()
    manager.told()
    with pytest.raises(ZeroDivisionError):
        said.reload(lambda: 1 / 0)
    assert manager.told()[-1] == "READY=1"
    said.stopService()


def test_a_failure_stays_in_the_status(manager: Manager, tmp_path: Path) -> None:
    """`systemctl status` says why it has ended."""
    said = notifier(tmp_path / "notify", Clock(), [""])
    said.failed("The disk\nis broken.")
    said.stopping()
    assert manager.told() == ["STATUS=Failed: The disk is broken.", "STOPPING=1"]
    said.stopService()


def test_the_watchdog_is_fed_by_the_reactor(manager: Manager, tmp_path: Path) -> None:
    """Twice in its time, from the start on; not while the reactor hangs."""
    clock = Clock()
    said = notifier(tmp_path / "notify", clock, [""], watchdog="6000000")
    said.startService()
    clock.pump([0.5] * 12)
    assert manager.told() == ["WATCHDOG=1"] * 3
    clock.advance(60)  # one turn that took a minute: one beat, no more
    assert manager.told() == ["WATCHDOG=1"]
    said.stopService()


def test_a_long_watchdog_does_not_make_the_status_old() -> None:
    """The status is looked at every ten seconds at the latest."""
    clock = Clock()
    said = notifier("/nowhere", clock, [""], watchdog="600000000")
    said.startService()
    (call,) = clock.getDelayedCalls()
    assert call.getTime() == BEAT
    said.stopService()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(PROCESS)}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": ""}, 0.0),
        ({"WATCHDOG_USEC": "٣"}, 0.0),
    ],
)
def test_whether_there_is_a_watchdog(
    environment: dict[str, str], seconds: float
) -> None:
    """As sd_watchdog_enabled(3) says."""
    assert watchdog_seconds(environment, PROCESS) == seconds


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("/run/systemd/notify", "/run/systemd/notify"),
        ("@notify", b"\0notify"),
        ("", None),
        ("vsock:2:1234", None),
        ("relative", None),
    ],
)
def test_addresses(name: str, address: str | bytes | None) -> None:
    """A path or an abstract name; others are left alone."""
    assert socket_address(name) == address


def test_the_abstract_namespace() -> None:
    """Where some managers listen."""
    name = f"pexschedd-test-{os.getpid()}"
    manager = Manager(b"\0" + name.encode())
    said = notifier(f"@{name}", Clock(), ["fine"])
    said.ready()
    assert manager.told() == ["READY=1", "STATUS=fine"]
    said.stopService()
    manager.close()


def test_without_a_manager() -> None:
    """In a terminal nothing is sent, and no timer runs."""
    clock = Clock()
    said = notifier("", clock, ["fine"])
    said.startService()
    said.ready()
    assert clock.getDelayedCalls() == []
    said.stopService()


def test_a_manager_that_has_gone(tmp_path: Path) -> None:
    """One line in the log, and nothing else."""
    said = notifier(tmp_path / "gone", Clock(), ["fine"])
    with capturedLogs() as events:
        said.ready()
        said.stopping()
    assert [event["log_level"].name for event in events] == ["warn"]
    said.stopService()


def test_a_line_break_sets_no_other_value() -> None:
    """A status may quote what came from elsewhere."""
    assert notification(STATUS="a\nREADY=1\r\nb", READY=1) == (
        b"STATUS=a READY=1 b\nREADY=1"
    )
