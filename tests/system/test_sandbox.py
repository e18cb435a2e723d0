"""The sandbox of deploy/systemd: how much it leaves open, and that the daemon lives in
it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, ROOT, TWISTD, World

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 20
"""In tenths, as systemd-analyze takes it."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed (Debian package systemd)",
)
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None,
    reason="strace is not installed (Debian package strace)",
)


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_exposure(unit: Path) -> None:
    """No service is more exposed than 2.0 of 10."""
    found = analyze(
        "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit
    )
    assert "Overall exposure level" in found.stdout, found.stderr
    assert found.returncode == 0, found.stdout.splitlines()[-1]


@needs_systemd
def test_units_are_units(tmp_path: Path) -> None:
    """systemd knows every line of them; the commands are not installed here."""
    for unit in UNITS.iterdir():
        text = re.sub(r"/opt/pexschedd/bin/[a-z-]+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    found = analyze("verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert found.returncode == 0, found.stderr
    assert "Unknown" not in found.stderr


def allowed_calls() -> set[str]:
    """What SystemCallFilter of the daemon's unit leaves of the system's calls."""
    text = (UNITS / "pexschedd.service").read_text()
    allowed: set[str] = set()
    for group in re.findall(r"^SystemCallFilter=(.+)$", text, re.MULTILINE):
        calls = members(group.removeprefix("~"))
        allowed = allowed - calls if group.startswith("~") else allowed | calls
    return allowed


def members(group: str) -> set[str]:
    found: set[str] = set()
    for line in analyze("syscall-filter", group).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


_STRACE = ["strace", "-f", "-qq", "-o"]
_DAEMON = [sys.executable, TWISTD, "-n", "--pidfile=", "pexschedd"]


class TracedWorld(World):
    """A daemon whose system calls are written down."""

    def start_daemon(self) -> None:
        self.trace = self.folder / "trace"
        with self.daemon.log.open("ab") as log:
            self.traced = subprocess.Popen(
                [*_STRACE, self.trace, *_DAEMON, "--config", str(self.config)],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=heed_signals,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            )
        # It is forked by strace: what is waited for is the same.
        self.daemon.start = lambda: None  # type: ignore[method-assign]
        super().start_daemon()

    def end(self) -> None:
        (child,) = self.children()
        os.kill(child, signal.SIGHUP)
        os.kill(child, signal.SIGTERM)
        assert self.traced.wait(timeout=PATIENCE) == -signal.SIGTERM

    def children(self) -> list[int]:
        text = Path(f"/proc/{self.traced.pid}/task/{self.traced.pid}/children")
        return [int(each) for each in text.read_text().split()]


@needs_systemd
@needs_strace
def test_the_filter_allows_what_is_done(tmp_path: Path) -> None:
    """Start, sign-in, a meeting, a reload and the end need no call that the filter
    refuses, and no memory that can be both written and executed."""
    world = TracedWorld(tmp_path)
    try:
        world.start()
        world.create_integration()
        assert world.meeting_details(world.token()).ok
        world.end()
    finally:
        if world.traced.poll() is None:
            for child in world.children():
                os.kill(child, signal.SIGKILL)
            world.traced.wait()
        world.sandbox.stop()
    lines = world.trace.read_text(errors="replace").splitlines()
    made = {m[1] for line in lines if (m := re.match(r"\d+ +(\w+)\(", line))}
    assert {"epoll_wait", "fdatasync", "accept4"} & made
    allowed = allowed_calls()
    assert "chroot" not in allowed
    assert made - allowed == set()
    both = [each for each in lines if "PROT_WRITE|PROT_EXEC" in each]
    assert both == []
    assert not [each for each in lines if re.search(r"mprotect\(.*PROT_EXEC", each)]
