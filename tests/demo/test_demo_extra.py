"""The extra `demo`: without it one line says how to install it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pexschedd.demo.extra import missing_extra

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
def test_without_the_extra_one_line_says_how_to_install_it(program: str) -> None:
    """No traceback, and a status that says it failed."""
    done = run(program)
    (line,) = done.stderr.splitlines()
    assert "pip install 'pexschedd[demo]'" in line
    assert done.stdout == ""
    assert done.returncode == 1


def test_the_daemon_does_not_need_the_extra() -> None:
    """Nothing that twistd pexschedd or a command-line tool imports is of the extra."""
    done = run("import pexschedd.tap, pexschedd.tools.command, pexschedd.tools.check")
    assert done.stderr == ""
    assert done.returncode == 0


def test_other_missing_modules_are_no_matter_of_the_extra() -> None:
    """An error of ours stays a traceback."""
    error = ModuleNotFoundError("no module", name="pexschedd.demo.nothing")
    with pytest.raises(ModuleNotFoundError, match="no module"):
        missing_extra(error)
