"""The programs when what they say is not read, or cannot be written."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pexschedd.model.tables import TABLES
from pexschedd.store.store import Store
from pexschedd.tools.program import UNREAD, UNWRITTEN
from tests.store.store_support import Calls, must_not_fail

PROGRAMS = {
    "pexschedd-store": "store_command import main",
    "pexschedd-check": "check import main",
    "schedulingrecovery": "command import recovery as main",
    "schedulingmaintenance": "command import maintenance as main",
}

RUNS = [
    *((name, ["--help"]) for name in PROGRAMS),
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


def run(name: str, arguments: list[str], config: Path, out: int) -> tuple[int, str]:
    """Exit status and what is said on standard error."""
    program = f"from pexschedd.tools.{PROGRAMS[name]}; main()"
    given = [str(config) if each == "CONFIG" else each for each in arguments]
    done = subprocess.run(
        [sys.executable, "-c", program, *given],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("name", "arguments"), RUNS)
def test_nobody_reads_on(name: str, arguments: list[str], config: Path) -> None:
    """As in a pipe to `head`: it ends, and has nothing to complain of."""
    reading, writing = os.pipe()
    os.close(reading)
    status, said = run(name, arguments, config, writing)
    os.close(writing)
    assert status == UNREAD
    assert "Traceback" not in said
    assert "pipe" not in said.lower()


@pytest.mark.parametrize(("name", "arguments"), RUNS)
def test_the_output_has_no_room(name: str, arguments: list[str], config: Path) -> None:
    """Sent to a file on a full disk: it says so, and it is no success."""
    full = os.open("/dev/full", os.O_WRONLY)
    status, said = run(name, arguments, config, full)
    os.close(full)
    assert status == UNWRITTEN
    assert "Traceback" not in said
    assert said.endswith(f"standard output: {os.strerror(errno.ENOSPC)}\n")
