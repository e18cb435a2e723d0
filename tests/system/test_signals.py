"""How the process ends when it is told to."""

import signal
from pathlib import Path

import pytest

from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.system.system_support import World


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
    status = world.daemon.stop(signal.SIGTERM, *again)
    assert status in (-signal.SIGTERM, -signal.SIGINT)  # to systemd, a clean end
    assert "daemon stopped" in world.daemon.log.read_text()
    assert not (world.state / "control").exists()
    assert "Traceback" not in world.daemon.log.read_text()


@pytest.mark.parametrize("first", ["fail", "signal"])
def test_a_failure_and_a_signal_may_come_together(tmp_path: Path, first: str) -> None:
    """Whichever it stops for, the other one changes nothing but the exit status, and is
    no error of its own."""
    program = "tests.system.daemon_programs:stopping_twice"
    status, _, said = forked.run(program, [first], cwd=tmp_path)
    assert "Traceback" not in said
    assert status == 1


def test_ctrl_c_while_a_store_is_opened(tmp_path: Path) -> None:
    """A large one takes seconds: somebody who changes their mind sees no traceback."""
    words = ["-n", "--pidfile=", "pexschedd", "-c", str(World(tmp_path).config)]
    program = "tests.system.daemon_programs:interrupted"
    status, _, said = forked.run(program, words, cwd=tmp_path)
    assert said == "pexschedd was stopped before it had started\n"
    assert status == ExitStatus.STOPPED
