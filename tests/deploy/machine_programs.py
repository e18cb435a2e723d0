"""The programs in `/opt/pexschedd/bin` and `/usr/local/bin` of a `Machine`.

Our commands are forked by the template of `tests/forked.py`, which runs there, too: a
command is a client that hands over its words, folder, environment, user and streams,
passes signals on, and ends as the program does.
"""

import os
import shutil
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.system.system_support import ROOT

LOG = "/run/pexschedd.service.log"
"""The output of the daemon since the machine was made."""

_ORDERS = "/run/programs"
_TEMPLATE = f"""\
import os, socket, sys
orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
orders.bind({_ORDERS!r})
os.chmod({_ORDERS!r}, 0o666)
orders.set_inheritable(True)
words = ["-m", "tests.forked", str(orders.fileno())]
os.execv(sys.executable, [sys.executable, *words])
"""
TEMPLATE = (sys.executable, "-c", _TEMPLATE)
"""The command that starts the template on a machine, in the folder of the clone."""

_CLIENT = f"""\
#!{sys.executable} -IS
import json, os, signal, socket, sys

report, theirs = socket.socketpair()
words = ["{__name__}:run_as", str(os.getuid()), str(os.getgid()), "PROGRAM"]
order = dict(args=words + sys.argv[1:], cwd=os.getcwd(), env=dict(os.environ))
orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
orders.connect({_ORDERS!r})
socket.send_fds(orders, [json.dumps(order).encode()], [0, 1, 2, theirs.fileno()])
theirs.close()
lines = report.makefile()
number = int(lines.readline())
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, lambda which, _: os.kill(number, which))
status = int(lines.readline())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""

_JOURNALCTL = f"""\
#!/bin/sh
# The journal of a machine without systemd: what the daemon has written.
file={LOG} lines=+1
while [ $# -gt 0 ]; do
    case $1 in
    -k) file=/dev/null ;;
    -n) lines=$2 && shift ;;
    -u | -o | --since) shift ;;
    --no-hostname) ;;
    *) echo "journalctl has no $1 here" >&2 && exit 1 ;;
    esac
    shift
done
exec tail -n "$lines" "$file"
"""

_CERTBOT = """\
#!/bin/sh
# An authority cannot be reached: this signs for itself, keeps the hook, and calls it as
# certbot does.
set -eu
export RENEWED_LINEAGE=/etc/letsencrypt/live/rooms.example.com
mkdir -p $RENEWED_LINEAGE
case $1 in
certonly)
    while [ $# -gt 0 ]; do
        case $1 in --deploy-hook) echo "$2" >/etc/letsencrypt/hook ;; esac
        shift
    done
    ;;
renew) ;;
*) exit 1 ;;
esac
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \\
    -subj /CN=rooms.example.com -addext subjectAltName=DNS:rooms.example.com \\
    -keyout $RENEWED_LINEAGE/privkey.pem -out $RENEWED_LINEAGE/fullchain.pem 2>/dev/null
sh -c "$(cat /etc/letsencrypt/hook)"
"""


def run_as() -> object:
    """Run a program as a user: the words are the numbers of user and group, the
    program, and its own words."""
    user, group, program, *words = sys.argv[1:]
    os.setgroups([])
    os.setgid(int(group))
    os.setuid(int(user))
    module, _, function = program.partition(":")
    sys.argv = [module, *words]
    run: Any = getattr(import_module(module), function)
    return run()


def write_programs(folder: Path) -> None:
    """Write them below a folder that is to be copied over the machine's root."""
    ours = folder / "opt" / "pexschedd" / "bin"
    ours.mkdir(parents=True)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, program in {**scripts, "twistd": "twisted.scripts.twistd:run"}.items():
        (ours / name).write_text(_CLIENT.replace("PROGRAM", program))
    (ours / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    others = folder / "usr" / "local" / "bin"
    others.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "deploy" / "systemctl", others)
    (others / "journalctl").write_text(_JOURNALCTL)
    (others / "certbot").write_text(_CERTBOT)
    for path in (folder / "opt", *folder.glob("opt/**/*"), *others.iterdir()):
        path.chmod(0o755)
