"""How the process ends when it is told to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pexschedd.tools.exit_status import ExitStatus
from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, World, run_daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Everything is closed, whether the signal is that of a supervisor or of Ctrl-C."""
    world = World(tmp_path)
    world.start_daemon()
    control = world.state / "control"
    assert control.exists()
    world.daemon.stop(number)
    assert not control.exists()
    text = world.daemon.log.read_text()
    assert "Traceback" not in text
    assert '"/api/admin/configuration/v1/"' in text, "the access log's last lines"


def test_signals_of_the_impatient_change_nothing(tmp_path: Path) -> None:
    """It ends in order by the first one."""
    world = World(tmp_path)
    world.start_daemon()
    again = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    world.daemon.stop(signal.SIGTERM, *again)
    assert not (world.state / "control").exists()
    assert "Traceback" not in world.daemon.log.read_text()


@pytest.mark.parametrize("first", ["fail", "signal"])
def test_a_failure_and_a_signal_may_come_together(first: str) -> None:
    """Whichever it stops for, the other one changes nothing but the exit status, and is
    no error of its own."""
    result = subprocess.run(
        [sys.executable, "-c", _STOPPING_TWICE, first],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        preexec_fn=heed_signals,
    )
    assert "Traceback" not in result.stderr
    assert result.returncode == 1


_STOPPING_TWICE = """
import signal, sys
from twisted.internet import reactor
from twisted.internet.task import deferLater
from types import SimpleNamespace
from pexschedd import tap
from pexschedd.util import signals

daemon = tap.Daemon.__new__(tap.Daemon)
daemon._failure, daemon._reactor = "", reactor
daemon.notifier = SimpleNamespace(failed=lambda _: None)
daemon._runtime = SimpleNamespace(log=SimpleNamespace(drain=lambda: None))

def fail():
    daemon._fail("the disk is broken")

def tell():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.raise_signal(number)

def then(act):
    act()
    return deferLater(reactor, 0, lambda: None)

signals.on_hangup(reactor, signals.ignore_repeated_signals(reactor), None)
one, other = (fail, tell) if sys.argv[1] == "fail" else (tell, fail)
reactor.callWhenRunning(reactor.callLater, 0, one)
reactor.addSystemEventTrigger("before", "shutdown", then, other)
reactor.run()
"""


def test_ctrl_c_while_a_store_is_opened(tmp_path: Path) -> None:
    """A large one takes seconds: somebody who changes their mind sees no traceback."""
    result = run_daemon(tmp_path, _CTRL_C)
    assert result.stderr == "pexschedd was stopped before it had started\n"
    assert result.returncode == ExitStatus.STOPPED


_CTRL_C = """
import signal
from twisted.scripts import twistd
from pexschedd.store import store

store.open_folder = lambda *_: signal.raise_signal(signal.SIGINT)
twistd.run()
"""
