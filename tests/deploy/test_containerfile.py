"""The container image, as far as it can be tried without a registry: what goes into it,
and the daemon as it runs there."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, ROOT, eventually

CONFIG = ROOT / "deploy" / "debian" / "scheduling_config.json"
_SET_UP = """\
place=$1 config=$2 user=$3
shift 3
ip link set lo up
mount -t tmpfs -o mode=0755 container "$place"
mkdir "$place/etc" "$place/root" "$place/lib"
cp -a /etc/. "$place/etc"
install -D -m 0644 "$config" "$place/etc/pexip/scheduling/scheduling_config.json"
install -d -m 0700 -o "${user%:*}" -g "${user#*:}" "$place/lib/pexschedd"
# What is needed from below /root, which no other user may enter, stays at its path.
while [ "$1" != -- ]; do
    mkdir -p "$place/needed$1"
    mount --rbind "$1" "$place/needed$1"
    case $1 in /root/*) mkdir -p "$place$1" && mount --rbind "$1" "$place$1" ;; esac
    shift
done
shift
mount --rbind "$place/root" /root
mount --bind "$place/lib" /var/lib
mount --bind "$place/etc" /etc
mount -o remount,bind,ro /etc
mount -o remount,bind,ro /
cd /
echo "container is made"
exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups \\
    --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
"""A root that is read-only, a network and processes of its own, and no rights."""

_COMMAND = (
    "import sys; from pexschedd.tools.start import pexschedd; "
    "sys.argv[0] = 'pexschedd'; sys.exit(pexschedd())"
)


def instructions() -> list[tuple[str, str]]:
    """The instructions of the file and what follows each, in one line."""
    text = re.sub(
        r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE
    )
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line]


def last(name: str) -> str:
    return [rest for each, rest in instructions() if each == name][-1]


def in_context(path: str) -> bool:
    """Return whether .containerignore lets a file of the repository through."""
    kept = False
    for line in (ROOT / ".containerignore").read_text().splitlines():
        pattern = line.removeprefix("!").replace("**/", "*")
        if fnmatch(path, pattern) or fnmatch(path, f"{pattern}/*"):
            kept = line.startswith("!")
    return kept


def test_what_is_copied_is_there() -> None:
    """It exists, and is let through to the build; the demo is not."""
    copied = [
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"requirements/run.txt", "pexschedd", "twisted"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
        assert in_context(source), source
    assert in_context("pexschedd/tools/main.py")
    for other in ("pexschedd/demo/__main__.py", "tests/ports.py", ".git/config"):
        assert not in_context(other), other


def test_all_is_from_the_locks() -> None:
    """pip looks nothing up: it takes what the locks name, or what is here."""
    steps = [
        step
        for name, rest in instructions()
        if name == "RUN"
        for step in rest.split("&&")
        if re.search(r"pip (install|wheel) ", step)
    ]
    assert len(steps) == 4
    for step in steps:
        assert "--require-hashes" in step or "--no-deps" in step, step
    assert sum("requirements/run.txt" in step for step in steps) == 1


class Container:
    """The daemon, started by the instructions of the file as the first process."""

    def __init__(self, folder: Path) -> None:
        settings = re.findall(r"(\w+)=(\S+)", last("ENV"))
        self._health = {k: v for k, v in settings if k != "PATH"}
        needed = sorted({str(ROOT), sys.prefix, sys.base_prefix})
        environment = [f"{k}={v}" for k, v in self._health.items()]
        environment += [f"PYTHONPATH={ROOT}", "PATH=/usr/bin:/bin"]
        entry, *words = json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))
        assert entry == "pexschedd"
        command = [sys.executable, "-c", _COMMAND, *words]
        apart = "unshare --net --pid --mount --mount-proc --fork --kill-child sh -euc"
        self._log = folder / "log"
        (folder / "place").mkdir()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(*apart.split(), _SET_UP, "-"),
                    *(str(folder / "place"), str(CONFIG), last("USER")),
                    *(*needed, "--"),
                    *("env", "-i", *environment, *command),
                ],
                stdout=log,
                stderr=log,
                preexec_fn=heed_signals,
            )
        eventually(self._has_begun, "the start")
        if self.process.poll() is not None:
            assert "container is made" not in self.log(), self.log()
            pytest.skip(f"a container can only be made by root: {self.log()}")

    def log(self) -> str:
        return self._log.read_text()

    def _has_begun(self) -> bool:
        return "daemon started" in self.log() or self.process.poll() is not None

    def first(self) -> int:
        number = self.process.pid
        return int(Path(f"/proc/{number}/task/{number}/children").read_text())

    def is_healthy(self) -> bool:
        """Return what the health check of the file finds, in the container."""
        python, *words = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
        assert python == "python3"
        enter = f"nsenter --target {self.first()} --net --"
        done = subprocess.run(
            [*enter.split(), sys.executable, *words],
            env=self._health,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        return done.returncode == 0

    def close(self) -> None:
        """End it; a change of its user has made it outlive its parent."""
        if self.process.poll() is None:
            os.kill(self.first(), signal.SIGKILL)
        self.process.wait(PATIENCE)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_the_daemon_in_a_container(container: Container) -> None:
    """A user without a name and without rights, who can write the state alone: it is
    healthy, and as the first process it ends in order by the stop signal."""
    status = Path(f"/proc/{container.first()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert fields["Uid"].split()[0] == "10001"
    assert fields["NSpid"].split()[-1] == "1"
    assert int(fields["CapBnd"], 16) == 0
    mounts = Path(f"/proc/{container.first()}/mounts").read_text()
    assert re.search(r"^\S+ / \S+ ro,", mounts, re.MULTILINE)
    assert container.is_healthy()
    first = container.first()
    subprocess.run(["kill", f"-{last('STOPSIGNAL')}", str(first)], check=True)
    assert container.process.wait(PATIENCE) == 0
    assert "daemon stopped" in container.log()
    assert "Traceback" not in container.log()


def test_an_ill_daemon_is_found_out(container: Container) -> None:
    """It is held, and so answers nothing."""
    subprocess.run(["kill", "-STOP", str(container.first())], check=True)
    assert not container.is_healthy()
