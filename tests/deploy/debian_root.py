"""A root of Debian with its own systemd, and commands in it."""

import os
import signal
import subprocess
from pathlib import Path

from tests.system.system_support import PATIENCE, eventually

APT = """\
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
"""
"""Settings for a root without a terminal and a mirror: nothing can be asked, and what
is recommended cannot be had."""

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_PREPARE = """\
mount --rbind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p "sys/fs/cgroup/$1"
echo 0 >"sys/fs/cgroup/$1/cgroup.procs"
umount sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=0755 $folder $folder; done
chmod 1777 tmp
for device in null zero full random urandom tty; do
    touch dev/$device && mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
exec unshare --cgroup sh -euc "$2"
"""
"""The root is pivoted to, and not only changed: processes below a changed root may not
make the namespaces that the units ask for. systemd has a tree of cgroups for itself."""
_BOOT = """\
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p .before
pivot_root . .before
umount -l .before
mount --make-rshared /
exec env -i container=pexschedd PATH=$PATH /lib/systemd/systemd --log-target=journal
"""
_FORGET = """mount -t cgroup2 cgroup2 /sys/fs/cgroup
find "/sys/fs/cgroup/$0" -depth -type d -delete
"""


class DebianRoot:
    """A root of Debian in which systemd is the first process.

    Its network is that of the process that makes it, which has to be root's. `start`
    ends with an error where systemd does not come up.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "etc" / "apt" / "apt.conf.d" / "check").write_text(APT)
        # It need not outlive a power failure.
        (path / "etc" / "dpkg" / "dpkg.cfg.d" / "check").write_text("force-unsafe-io\n")
        self._cgroup = f"debian-root-{os.getpid()}"

    def start(self) -> None:
        """Have systemd run, and wait until it has started all of its units."""
        command = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork"]
        script = ["sh", "-euc", _PREPARE, str(self.path), self._cgroup, _BOOT]
        self._process = subprocess.Popen(
            [*command, "--kill-child", *script],
            stdin=subprocess.DEVNULL,
            env=_ENVIRONMENT,
        )
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children")
        (first,) = eventually(lambda: children.read_text().split(), "its first process")
        name = Path(f"/proc/{first}/comm")
        eventually(lambda: name.read_text() == "systemd\n", "the start of systemd")
        self._first = int(first)
        self._enter = ["nsenter", "--target", first, "--all", "--root", "--wd", "--"]
        eventually(lambda: self.state() in ("running", "degraded"), "its units")

    def state(self) -> str:
        """Return the state of systemd, in its own word."""
        return self._run("systemctl", "is-system-running").stdout.strip()

    def close(self) -> None:
        """Have systemd stop all that runs there, and end."""
        self._run("systemctl", "exit")
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self._first, signal.SIGKILL)
            self._process.wait()
        forget = ["unshare", "--mount", "sh", "-euc", _FORGET, self._cgroup]
        subprocess.run(forget, check=True, timeout=PATIENCE)

    def run(self, *command: str, status: int = 0) -> str:
        """Return all that a command says. It has to end with the status."""
        done = self._run(*command)
        assert done.returncode == status, (command, done.returncode, done.stdout)
        return done.stdout

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self._enter, *command],
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
