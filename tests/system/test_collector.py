"""What the garbage collector of a running daemon has to look at."""

import json
from pathlib import Path

from tests.system.system_support import run_daemon

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
    result = run_daemon(tmp_path, _DAEMON)
    looked_at, left_alone = json.loads(result.stderr)
    assert looked_at < left_alone / 50
