"""What the demo needs beside the daemon: without it one line says how to install it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pexschedd.demo.missing_package import missing_package

REPOSITORY = Path(__file__).resolve().parents[2]
WITHOUT = "import sys; sys.modules['dateutil'] = None\n"
"""As if python-dateutil were not installed."""
TWISTD = (
    "sys.argv[:] = ['twistd', '-n', '--pidfile=', 'exchangesandbox']\n"
    "from twisted.scripts.twistd import run; run()"
)
DEMO = "import runpy; runpy.run_module('pexschedd.demo', run_name='__main__')"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + program],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", [TWISTD, DEMO], ids=["twistd", "demo"])
def test_one_line_says_how_to_install_it(program: str) -> None:
    """No traceback, and a status that says it failed."""
    done = run(program)
    (line,) = done.stderr.splitlines()
    assert "pip install -r requirements/demo.txt" in line
    assert done.stdout == ""
    assert done.returncode == 1


def test_the_daemon_does_not_need_it() -> None:
    """Nothing that twistd pexschedd or a command-line tool imports is of the demo."""
    done = run("import pexschedd.tap, pexschedd.tools.command, pexschedd.tools.check")
    assert done.stderr == ""
    assert done.returncode == 0


def test_other_missing_modules_are_errors_of_ours() -> None:
    """They stay tracebacks."""
    error = ModuleNotFoundError("no module", name="pexschedd.demo.nothing")
    with pytest.raises(ModuleNotFoundError, match="no module"):
        missing_package(error)
