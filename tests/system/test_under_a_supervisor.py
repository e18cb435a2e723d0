"""What a supervisor sees when a machine is short of something, or the reactor is held:
the real daemon, and a stand-in for systemd that hears its datagrams."""

import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pexschedd.tools.exit_status import ExitStatus
from tests.forked import Forked
from tests.system.system_support import PATIENCE, ROOT, World, eventually

WATCHDOG = 2.0
"""Seconds without a beat after which the daemon counts as hanging."""


class Supervisor:
    """As much of systemd as `pexschedd.service` asks for: it waits until the daemon is
    ready, and kills it by SIGABRT when the watchdog is not fed."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(WATCHDOG)
        self.start()

    def start(self) -> None:
        words = ["-n", "--pidfile=", "pexschedd", "--config", str(self.world.config)]
        with (
            self.world.daemon.log.open("ab") as log,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("NOTIFY_SOCKET", str(self.world.folder / "notify"))
            patch.setenv("WATCHDOG_USEC", str(int(WATCHDOG * 1e6)))
            self.process = Forked(
                "tests.system.daemon_programs:held",
                words,
                cwd=self.world.folder,
                stdout=log,
                stderr=log,
            )
        eventually(lambda: "READY=1" in self._hear(), "being ready")

    def _hear(self) -> list[str]:
        try:
            return self._notify.recv(4096).decode().splitlines()
        except TimeoutError:
            return []

    def beats(self, count: int = 2) -> None:
        """Waits for so many beats from now on; each is in time."""
        self._drain()
        while count:
            heard = self._hear()
            assert heard, "the watchdog was not fed"
            count -= "WATCHDOG=1" in heard

    def watch(self) -> int:
        """Supervises until the watchdog is not fed; kills then, as systemd does.
        Returns the status that it sees."""
        while self._hear():
            pass
        self.process.send_signal(signal.SIGABRT)
        return self.process.wait(timeout=PATIENCE)

    def _drain(self) -> None:
        self._notify.setblocking(False)
        try:
            while self._notify.recv(4096):
                pass
        except BlockingIOError:
            self._notify.settimeout(WATCHDOG)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.world.addin}/health", timeout=1).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._notify.close()


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """A daemon that is ready, and is so again after each test."""
    made = Supervisor(tmp_path_factory.mktemp("supervised"))
    try:
        yield made
    finally:
        made.stop()


def test_a_held_reactor(supervisor: Supervisor) -> None:
    """The beats end; the supervisor kills it by SIGABRT, which nothing in the process
    can hold up, and the next start is as good as any."""
    supervisor.beats()
    supervisor.process.send_signal(signal.SIGUSR1)
    assert supervisor.watch() == -signal.SIGABRT
    supervisor.start()
    eventually(supervisor.answers, "the answer after the restart")


def test_a_killed_daemon(supervisor: Supervisor) -> None:
    """Dead by SIGKILL, as by a cgroup without memory: the next start says nothing of
    damage."""
    supervisor.process.kill()
    assert supervisor.process.wait(timeout=PATIENCE) == -signal.SIGKILL
    supervisor.start()
    eventually(supervisor.answers, "the answer after the restart")
    assert "damaged" not in supervisor.world.daemon.log.read_text()


def test_no_descriptors(supervisor: Supervisor) -> None:
    """Connections wait, and nothing else: the watchdog is fed, and with descriptors
    again the daemon answers, without a restart."""
    process = supervisor.process
    count = len(os.listdir(f"/proc/{process.pid}/fd"))
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, before[1]))
    connected = []
    for _ in range(40):
        port = int(supervisor.world.addin.rpartition(":")[2])
        connected.append(socket.create_connection(("127.0.0.1", port), timeout=5))
    assert not supervisor.answers()
    supervisor.beats()
    for each in connected:
        each.close()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    eventually(supervisor.answers, "the answer")
    assert process.poll() is None


def test_no_memory(supervisor: Supervisor) -> None:
    """What needs more than there is fails alone: a sign-in, which takes a thread and
    128 MiB. The watchdog is fed, everything else is answered, and with memory again
    that is, too."""
    process, world = supervisor.process, supervisor.world
    world.password = (world.state / "initial-admin-password").read_text().strip()
    status = Path(f"/proc/{process.pid}/status").read_text()
    used = int(re.findall(r"VmSize:\s+([0-9]+) kB", status)[0]) << 10
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (used, before[1]))
    for _ in range(3):
        assert world.ask("GET", "configuration/v1/").status_code == 500
    assert "Traceback" in world.daemon.log.read_text()
    assert supervisor.answers()
    supervisor.beats()
    resource.prlimit(process.pid, resource.RLIMIT_AS, before)
    assert world.ask("GET", "configuration/v1/").ok
    assert process.poll() is None


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A memory cgroup in which 16 MiB may be taken; of version 1 or 2."""
    places = (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    )
    for parent, limit in places:
        folder = Path(parent, f"pexschedd-{os.getpid()}")
        try:
            folder.mkdir()
            (folder / limit).write_text(str(16 << 20))
        except OSError:
            if folder.is_dir():
                folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("a memory cgroup can be made by root alone, where they are mounted")


def test_no_memory_in_its_cgroup(supervisor: Supervisor, cgroup: Path) -> None:
    """The kernel kills what takes more than `MemoryMax`, here a sign-in's 128 MiB. What
    was acknowledged before is there after the next start."""
    process, world = supervisor.process, supervisor.world
    world.password = (world.state / "initial-admin-password").read_text().strip()
    made = world.ask("POST", "configuration/v1/system_location/", {"name": "Oslo"})
    assert made.status_code == 201, made.text
    (cgroup / "cgroup.procs").write_text(str(process.pid))
    with pytest.raises(requests.ConnectionError):
        # Another password: the one that was right is remembered for a while.
        requests.get(f"{world.admin}/api/admin/", auth=("admin", "x"), timeout=PATIENCE)
    assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
    supervisor.start()
    eventually(supervisor.answers, "the answer after the restart")
    assert [each["name"] for each in world.objects("system_location")] == ["Oslo"]


def test_a_wrong_configuration(tmp_path: Path) -> None:
    """It ends with the status that the unit does not start again."""
    world = World(tmp_path, trusted_proxies="everybody")
    world.daemon.start()
    assert world.daemon.ended() == ExitStatus.CONFIG
    unit = (ROOT / "deploy/systemd/pexschedd.service").read_text()
    (line,) = (each for each in unit.splitlines() if "PreventExitStatus" in each)
    assert str(ExitStatus.CONFIG.value) in line.partition("=")[2].split()
    assert "trusted_proxies" in world.daemon.log.read_text()


def test_each_row_was_tried() -> None:
    """The table of docs/operations.md names a test for each row, and they exist."""
    page = (ROOT / "docs/operations.md").read_text()
    section = page.split("\n## When something fails\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 9
    for row in rows:
        named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z_]+)`", row)
        assert named, row
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"
