"""The programs when what they say is not read, or cannot be written, and when they are
stopped."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from pexschedd.model.tables import TABLES
from pexschedd.store.store import Store
from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.forked import Forked
from tests.signals import heed_signals
from tests.store.store_support import Calls, must_not_fail
from tests.tools import closed_streams
from tests.tools.entry_points import COMMANDS, program_text

RUNS = [
    ("pexschedd", ["version"]),
    ("pexschedd", ["store", "--config", "CONFIG", "verify"]),
    *((name, ["--help"]) for name in COMMANDS),
    ("pexschedd-store", ["--config", "CONFIG", "verify"]),
    ("pexschedd-store", ["--config", "CONFIG", "repair", "--dry-run"]),
    ("pexschedd-store", ["--config", "CONFIG", "compact"]),
    ("pexschedd-check", ["--config", "CONFIG"]),
    ("schedulingrecovery", ["--config", "CONFIG"]),
    ("schedulingmaintenance", ["--config", "CONFIG", "--dry-run"]),
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a daemon that does not run, with a state folder."""
    state = tmp_path / "state"
    calls = Calls()
    store = Store.open(state, TABLES, reactor=calls, failed=must_not_fail)
    calls.wait(store.close())
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "state_dir": str(state),
                "endpoints": {"addin": ["tcp:0"], "admin": ["tcp:0"]},
            }
        )
    )
    return path


def command(name: str, arguments: list[str], config: Path) -> list[str]:
    return [sys.executable, "-c", program_text(name), *given(arguments, config)]


def given(arguments: list[str], config: Path) -> list[str]:
    return [str(config) if each == "CONFIG" else each for each in arguments]


def run(name: str, arguments: list[str], config: Path, out: int) -> tuple[int, str]:
    """Exit status and what is said on standard error."""
    with open(out, "wb", closefd=False) as output, TemporaryFile("w+") as errors:
        process = Forked(
            COMMANDS[name],
            given(arguments, config),
            cwd=config.parent,
            stdout=output,
            stderr=errors,
        )
        status = process.wait(60)
        errors.seek(0)
        return status, errors.read()


@pytest.mark.parametrize(("name", "arguments"), RUNS)
def test_nobody_reads_on(name: str, arguments: list[str], config: Path) -> None:
    """As in a pipe to `head`: it ends, and has nothing to complain of."""
    reading, writing = os.pipe()
    os.close(reading)
    status, said = run(name, arguments, config, writing)
    os.close(writing)
    assert status == ExitStatus.UNREAD
    assert "Traceback" not in said
    assert "pipe" not in said.lower()


@pytest.mark.parametrize(("name", "arguments"), RUNS)
def test_the_output_has_no_room(name: str, arguments: list[str], config: Path) -> None:
    """Sent to a file on a full disk: it says so, and it is no success."""
    full = os.open("/dev/full", os.O_WRONLY)
    status, said = run(name, arguments, config, full)
    os.close(full)
    assert status == ExitStatus.IO_ERROR
    assert "Traceback" not in said
    assert said.endswith(f"standard output: {os.strerror(errno.ENOSPC)}\n")


@pytest.mark.parametrize(("name", "arguments"), RUNS)
def test_closed_output(name: str, arguments: list[str], config: Path) -> None:
    """With standard output and error closed it does the same, and says nothing."""
    status, said, wrong = forked.run(
        closed_streams.PROGRAM,
        [COMMANDS[name], *given(arguments, config)],
        cwd=config.parent,
    )
    assert (status, said, wrong) == (0, "", "")


@pytest.mark.parametrize(("name", "arguments"), RUNS[:2])
def test_started_with_closed_output(
    name: str, arguments: list[str], config: Path
) -> None:
    """The same from a shell: nothing that Python itself has at its start is missed."""
    words = subprocess.list2cmdline(command(name, arguments, config)[3:])
    shell = f"exec {sys.executable} -c '{program_text(name)}' {words} >&- 2>&-"
    done = subprocess.run(["sh", "-c", shell], check=False, timeout=60)
    assert done.returncode == 0


WAITING = """
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from pexschedd.tools.program import run_program

async def run(reactor):
    await deferLater(reactor, 0)
    print("begun", flush=True)
    await Deferred()

run_program(run)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_no_success(number: signal.Signals) -> None:
    """Who stops a program learns from its status that it was not done."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_signals,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"
        running.send_signal(number)
        assert running.communicate(timeout=60) == (b"", b"")
    assert running.returncode == ExitStatus.STOPPED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_without_a_reactor_is_stopped(number: int) -> None:
    """At once, in what may take minutes; that is no error."""
    program = (
        "import os\n"
        "from pexschedd.tools.program import run_program\n"
        "async def run(reactor):\n"
        f"    os.kill(os.getpid(), {number:d})\n"
        "    print('not stopped')\n"
        "run_program(run)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=heed_signals,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert done.returncode == ExitStatus.STOPPED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_impatient_break_into_nothing(number: int) -> None:
    """What a stopped program puts in order without a reactor, and its very end, are not
    interrupted again."""
    program = (
        "import os, signal\n"
        "from pexschedd.tools.program import run_program\n"
        "async def run(reactor):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    finally:\n"
        f"        os.kill(os.getpid(), {number:d})\n"
        "        print('in order')\n"
        "run_program(run)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=heed_signals,
    )
    assert (done.stdout, done.stderr) == (b"in order\n", b"")
    assert done.returncode == ExitStatus.STOPPED


SIGNALLED = """
import os, signal
from twisted.internet.task import deferLater
from pexschedd.tools.program import run_program

async def run(reactor):
    await deferLater(reactor, 0)
    os.kill(os.getpid(), signal.SIGTERM)
    return 0

run_program(run)
"""
SIGNALLED_AFTERWARDS = """
import atexit, os, signal
from pexschedd.tools.program import run_program

async def run(reactor):
    for number in (signal.SIGTERM, signal.SIGINT):
        atexit.register(os.kill, os.getpid(), number)
    return 0

run_program(run)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_archive_is_stopped(
    number: signal.Signals, config: Path, tmp_path: Path
) -> None:
    """A signal ends the making of an archive, of however large a state, and neither the
    file that was begun nor the copy is left. This one would have no end."""
    program = (
        "import sys\n"
        "from itertools import repeat\n"
        "from pexschedd.tools import archive_commands, store_command\n"
        "def endless(*_, **__):\n"
        "    print('begun', flush=True)\n"
        "    yield from repeat(b'piece')\n"
        "archive_commands.archive = endless\n"
        "store_command.main()\n"
    )
    file = tmp_path / "a.tar.gz"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--config", config, "archive", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(number)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == ExitStatus.STOPPED
    assert err == "It was stopped, and no archive is left.\n"
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "state"}
    assert not [*(tmp_path / "state" / "backups").iterdir()]


@pytest.mark.parametrize("program", [SIGNALLED, SIGNALLED_AFTERWARDS])
def test_a_signal_at_the_very_end(program: str) -> None:
    """All was done when it was heeded: that is a success, and no error is written."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=heed_signals,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("schedulingmaintenance", [], "Stopped before it had finished.\n"),
        ("pexschedd-check", ["--bundle", "bundle.tar.gz"], ""),
    ],
)
@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGINT)])
def test_stopped_while_the_daemon_works(
    config: Path,
    signals: tuple[signal.Signals, ...],
    name: str,
    arguments: list[str],
    expected: str,
) -> None:
    """It does not say that the daemon has gone, and leaves no file that is not whole;
    a second signal changes nothing."""
    state = json.loads(config.read_text())["state_dir"]
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.settimeout(60)
        daemon.bind(f"{state}/control")
        daemon.listen()
        with TemporaryFile("w+") as errors:
            running = Forked(
                COMMANDS[name],
                given(["--config", "CONFIG", *arguments], config),
                cwd=config.parent,
                stdout=errors,
                stderr=errors,
            )
            connection, _ = daemon.accept()
            with connection:
                assert connection.recv(1000)
                for number in signals:
                    running.send_signal(number)
                status = running.wait(60)
            errors.seek(0)
            said = errors.read()
    assert said == expected
    assert status == ExitStatus.STOPPED
    assert not (config.parent / "bundle.tar.gz").exists()


def test_an_error_of_our_own(tmp_path: Path) -> None:
    """It is no stop: the traceback is there, and the status is that of a failure."""
    program = (
        "from pexschedd.tools.program import run_program\n"
        "async def run(reactor): raise KeyError('a mistake')\n"
        "run_program(run)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
        timeout=60,
    )
    assert "a mistake" in done.stderr
    assert done.returncode == ExitStatus.FAILED
