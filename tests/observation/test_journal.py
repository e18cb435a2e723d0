"""Log lines in systemd's journal: each key a field, and no line lost without it."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogPublisher

from pexschedd import logs
from pexschedd.observation.journal import JournalWriter, journal_entry, journal_fields

JOURNALD = Path("/usr/lib/systemd/systemd-journald")


def parse(entry: bytes) -> dict[str, str]:
    """The fields of a datagram, by systemd's description of the protocol."""
    found = {}
    while entry:
        name, found_at, rest = entry.partition(b"\n")
        assert found_at
        if b"=" in name:
            key, _, value = name.partition(b"=")
        else:
            key, size = name, int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[8 + size :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        assert key.decode() not in found
        found[key.decode()] = value.decode()
        entry = rest
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.settimeout(5)
        yield listening


def test_keys_are_fields(journal: socket.socket, tmp_path: Path) -> None:
    """What is logged arrives with level, keys and traceback, one entry for each."""
    writer = JournalWriter(lambda _: pytest.fail("not needed"), tmp_path / "socket")

    class Out:
        def write(self, text: str) -> None:
            data = text.encode()
            assert writer(data[:20]) + writer(data[20:]) == len(data)

        def flush(self) -> None:
            pass

    log = Logger(
        namespace="administrator.sign_in",
        observer=LogPublisher(logs.LevelObserver(Out(), "info", "journal")),
    )
    log.warn("told\nyou", user="carol", correlation_id="c-1", integration=7)
    found = parse(journal.recv(1 << 20))
    assert found == {
        "MESSAGE": "told\nyou",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "pexschedd",
        "PEXSCHEDD_LOG": "administrator",
        "PEXSCHEDD_USER": "carol",
        "PEXSCHEDD_SYSTEM": "administrator.sign_in",
        "PEXSCHEDD_CORRELATION_ID": "c-1",
        "PEXSCHEDD_INTEGRATION": "7",
    }
    try:
        raise ValueError("no")
    except ValueError:
        log.failure("work failed")
    found = parse(journal.recv(1 << 20))
    writer.close()
    assert found["PRIORITY"] == "2"
    assert found["MESSAGE"].startswith("work failed\nTraceback")
    assert found["MESSAGE"].endswith("ValueError: no\n")


def test_access_lines_are_entries() -> None:
    """Their message is what was asked, and the answer's status."""
    line = b'{"time":"t","log":"access","request":"r","method":"GET","path":"/x",'
    found = dict(journal_fields(line + b'"status":200}'))
    assert found["MESSAGE"] == "GET /x 200"
    assert (found["PRIORITY"], found["PEXSCHEDD_REQUEST"]) == ("6", "r")


@given(st.text(), st.text(), st.sampled_from([*"abc", "level", "user", "message"]))
def test_nothing_forges_a_field(message: str, value: str, key: str) -> None:
    """Whatever a value holds, it ends where it ends."""
    values = {"message": message, key: value}
    line = json.dumps(values).encode()
    found = parse(journal_entry(line))
    assert found["MESSAGE"] == values["message"]
    names = {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"}
    assert found.keys() <= names | {f"PEXSCHEDD_{key.upper()}"}
    if key not in ("level", "message"):
        assert found[f"PEXSCHEDD_{key.upper()}"] == value


@given(st.binary().filter(lambda line: b"\n" not in line))
def test_any_line_is_an_entry(line: bytes) -> None:
    """What is no JSON is a message."""
    assert parse(journal_entry(line))["SYSLOG_IDENTIFIER"] == "pexschedd"


def test_without_a_journal(tmp_path: Path) -> None:
    """Lines go to standard output instead, however few bytes that takes at once; when
    the journal is back, to the journal."""
    out = bytearray()

    def write(data: bytes) -> int:
        out.extend(data[:3])
        return min(3, len(data))

    writer = JournalWriter(write, tmp_path / "socket")
    writer(b'{"message":"first"}\n{"mess')
    writer(b'age":"second"}\n')
    assert bytes(out) == b'{"message":"first"}\n{"message":"second"}\n'
    for number in range(2):  # once at first, and once after the journal has ended
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(tmp_path / "socket"))
            writer(b'{"message":"%d"}\n' % number)
            assert parse(listening.recv(1000))["MESSAGE"] == str(number)
        (tmp_path / "socket").unlink()
    writer.close()
    assert out.count(b"\n") == 2


SCRIPT = """
set -e
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal
{journald} & daemon=$!
for i in $(seq 100); do [ -S /run/systemd/journal/socket ] && break; sleep 0.05; done
{python} -c '{program}'
for i in $(seq 100); do
    journalctl --no-pager -o json -a PEXSCHEDD_INTEGRATION=7 | grep MESSAGE && break
    sleep 0.05
done
kill $daemon
"""


PROGRAM = """
from json import dumps
from pexschedd.observation.journal import JournalWriter
writer = JournalWriter(lambda _: exit("the journal has not taken it"))
line = dumps(dict(message="a\\nb", level="error", integration=7))
writer((line + chr(10)).encode())
"""


def test_a_real_journal_takes_it() -> None:
    """systemd-journald, in a mount namespace of its own, has the fields."""
    unshare = shutil.which("unshare")
    if unshare is None or not JOURNALD.exists() or shutil.which("journalctl") is None:
        pytest.skip("systemd-journald is not installed")
    if subprocess.run([unshare, "-m", "true"], check=False, timeout=10).returncode:
        pytest.skip("only root may start a journal in a namespace of its own")
    script = SCRIPT.format(journald=JOURNALD, python=sys.executable, program=PROGRAM)
    done = subprocess.run(
        [unshare, "-m", "bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["MESSAGE"] == "a\nb"
    assert (found["PRIORITY"], found["SYSLOG_IDENTIFIER"]) == ("3", "pexschedd")
