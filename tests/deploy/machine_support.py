"""A machine for docs/operations.md: its network, its processes, and the folders that an
administrator writes to, are nobody else's, so commands are run as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.deploy.machine_programs import TEMPLATE, write_programs
from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, ROOT, eventually

CONFIG = "/etc/pexip/scheduling/scheduling_config.json"
STATE = "/var/lib/pexschedd"
ADMIN = "http://127.0.0.1:8081/api/admin/"
SANDBOX = "http://127.0.0.1:8090"
ACCOUNTS = """[
{"address": "alice@example.test", "password": "alice"},
{"address": "svc@example.test", "password": "svc", "impersonates": ["*"]},
{"address": "pexipmeeting@example.test", "purpose": "equipment"}]"""
"""Of the sandbox. It makes events of requests to the equipment mailbox, as Exchange
does with AutomateProcessing AutoUpdate."""
RUN_S = 60.0
"""Seconds that a block of commands may take."""

_CLONE = shlex.quote(str(ROOT))
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}
_SET_UP = """\
place=$1 programs=$2 source=$3
shift 2
ip link set lo up
mount -t tmpfs -o mode=0755 machine "$place"
for folder in /etc /usr/local/bin; do
    mkdir -p "$place$folder" && cp -a "$folder/." "$place$folder"
done
for folder in /opt /var/lib /srv /run /root /home; do
    mkdir -p "$place$folder"
done
# What is needed from below those folders stays at its path.
for needed; do
    mkdir -p "$place/needed$needed" && mount --rbind "$needed" "$place/needed$needed"
done
cp -a "$programs/opt" "$programs/usr" "$place"
for folder in /etc /usr/local/bin /opt /var/lib /srv /run /root /home; do
    mount --bind "$place$folder" "$folder"
done
for needed; do
    case $needed in /opt/* | /var/lib/* | /srv/* | /run/* | /root/* | /home/*)
        mkdir -p "$needed" && mount --rbind "$place/needed$needed" "$needed" ;;
    esac
done
mount --bind "$source" "$source"
mount -o remount,bind,ro "$source"
echo ready
cat >/dev/null
"""
"""Runs as the first process, and buries what others leave. The clone is read-only."""


class Machine:
    """Commands on a machine without systemd and certbot: for those it has stand-ins.

    It can only be made by root, and where namespaces are allowed; others skip.
    """

    password = ""
    """The administrator's, as soon as it is known."""

    def __init__(self, folder: Path) -> None:
        programs = folder / "programs"
        write_programs(programs)
        place = folder / "machine"
        place.mkdir()
        command = "unshare --net --pid --mount --mount-proc --fork --kill-child sh -euc"
        needed = sorted({str(ROOT), sys.prefix, sys.base_prefix})
        self._process = subprocess.Popen(
            [*command.split(), _SET_UP, "-", place, programs, ROOT, *needed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            _, reason = self._process.communicate()
            pytest.skip(f"a machine can only be made by root: {reason.strip()}")
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        enter = f"nsenter --target {children[0]} --mount --net --pid --"
        self._enter = enter.split()
        self._beside: list[subprocess.Popen[bytes]] = []
        self._start(*TEMPLATE)
        try:
            eventually(
                lambda: self.run("ls /run/programs 2>&- || true"), "the template"
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all that runs there."""
        self._process.communicate()
        for each in self._beside:
            each.wait(PATIENCE)

    def run(self, script: str, *, status: int = 0, text: str = "") -> str:
        """Run a script, with `text` as what is typed; return all that it says. It has
        to end with the status."""
        done = subprocess.run(
            [*self._enter, "sh", "-euc", f"cd {_CLONE}\n{script}"],
            input=text,
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=RUN_S,
            preexec_fn=heed_signals,
        )
        said = f"{script}\n-> {done.returncode}\n{done.stdout}"
        assert done.returncode == status, said
        assert "Traceback" not in done.stdout, said
        return done.stdout

    def start_exchange(self) -> None:
        """Have a sandbox Exchange run beside the daemon."""
        address = SANDBOX.replace("http://127.0.0.1", "tcp")
        words = ["-n", "--pidfile=", "exchangesandbox"]
        listen = ["--listen", f"{address}:interface=127.0.0.1"]
        self.run("cat >/root/accounts.json", text=ACCOUNTS)
        accounts = ["--accounts", "/root/accounts.json"]
        self._start("/opt/pexschedd/bin/twistd", *words, *listen, *accounts)
        calls = f"curl -sf {SANDBOX}/sandbox/calls || true"
        eventually(lambda: self.run(calls), "the sandbox")

    def _start(self, *words: str) -> None:
        """Start a program, in the folder of the clone, that ends with the machine."""
        script = f'cd {_CLONE}; exec "$@"'
        command = [*self._enter, "sh", "-euc", script, "-", *words]
        self._beside.append(
            subprocess.Popen(
                command,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                preexec_fn=heed_signals,
            )
        )

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the management API answers to the first administrator."""
        user = shlex.quote(f"admin:{self.password}")
        said = self.run(
            f"curl -sS --fail-with-body -u {user} -X {method} "
            f"-H 'Content-Type: application/json' --data @- {ADMIN}{path}",
            text="" if body is None else msgspec.json.encode(body).decode(),
        )
        return msgspec.json.decode(said) if said else None

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings in the configuration file; endpoints beside those there."""
        values = msgspec.json.decode(self.read(CONFIG))
        ports = values["endpoints"] | settings.get("endpoints", {})
        changed = values | settings | {"endpoints": ports}
        self.run(f"cat >{CONFIG}", text=msgspec.json.encode(changed).decode())

    def read(self, path: str) -> str:
        return self.run(f"cat {path}")

    def wait_for_line(self, pattern: str, file: str) -> None:
        """Wait until something in a log is as a regular expression has it."""
        try:
            eventually(lambda: re.search(pattern, self.read(file)), pattern)
        except AssertionError as error:
            error.add_note(self.run(f"tail -n 20 {file}"))
            raise

    def status_of(self, url: str, user: str = "") -> str:
        """The HTTP status of a request with the user's name and password."""
        sent = f"-u {shlex.quote(user)}" if user else ""
        return self.run(f"curl -s -o /dev/null -w '%{{http_code}}' {sent} '{url}'")
