"""How the process ends when it is told to."""

import signal
from pathlib import Path

import pytest

from tests.system.system_support import World


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Everything is closed, whichever signal it is: that of a supervisor, of Ctrl-C, or
    of a terminal that goes."""
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
