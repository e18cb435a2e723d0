"""What the garbage collector of a running daemon has to look at."""

import json
import subprocess
import sys
from pathlib import Path

from tests.signals import heed_signals
from tests.system.system_support import PATIENCE

_DAEMON = """
import gc, json, sys
from twisted.internet import reactor
from twisted.scripts import twistd

def look():
    counts = [len(gc.get_objects()), gc.get_freeze_count()]
    print(json.dumps(counts), file=sys.__stderr__)  # twistd has its own sys.stderr
    reactor.stop()

reactor.callWhenRunning(reactor.callLater, 0, look)
twistd.run()
"""


def test_it_leaves_alone_what_stays(tmp_path: Path) -> None:
    """Or each full collection keeps everybody waiting for tens of milliseconds."""
    config = tmp_path / "config.json"
    config.write_text(
        '{"state_dir": "state", "endpoints": {"addin": ["tcp:0:interface=127.0.0.1"],'
        ' "admin": ["tcp:0:interface=127.0.0.1"]}}'
    )
    result = subprocess.run(
        [sys.executable, "-c", _DAEMON, "-n", "--pidfile=", "pexschedd", "-c", config],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        preexec_fn=heed_signals,
    )
    looked_at, left_alone = json.loads(result.stderr)
    assert looked_at < left_alone / 50
