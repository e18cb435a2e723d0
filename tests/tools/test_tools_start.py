"""Commands that are stopped while they start."""

import subprocess
import sys

import pytest

from pexschedd.tools.exit_status import ExitStatus
from tests.signals import heed_signals
from tests.tools.entry_points import COMMANDS, program_text

INTERRUPTED = """
import atexit, os, signal, sys
import pexschedd.tools.start

atexit.register(os.kill, os.getpid(), signal.SIGINT)

class Interrupt:
    def find_spec(self, name, *_):
        if name.startswith("pexschedd.tools."):
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interrupt_while_modules_are_imported(command: str) -> None:
    """Imports take a second, in which Python would answer Ctrl-C with a traceback. One
    more, while it ends, changes nothing."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED + program_text(command)],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=heed_signals,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert done.returncode == ExitStatus.STOPPED
