"""A date that is set back or forth does not move the timers."""

import subprocess
import sys

PROGRAM = """
import time
from pexschedd.clock import count_steadily
from twisted.internet import base

offset = [0.0]
real = time.time
base.ReactorBase.seconds = staticmethod(lambda: real() + offset[0])

from twisted.internet import reactor

fired = []
reactor.callLater(0.05, lambda: fired.append("before"))
moved = reactor.callLater(3600, print)
count_steadily(reactor)

def back():
    offset[0] -= 3600
    reactor.callLater(0.05, end)

def end():
    fired.append("after")
    left = moved.getTime() - reactor.seconds()
    print(fired, 3590 < left < 3601)
    moved.reset(7200)
    print(7190 < moved.getTime() - reactor.seconds() < 7201)
    moved.cancel()
    reactor.stop()

reactor.callLater(0.1, back)
reactor.run()
"""


def test_timers_do_not_follow_the_date() -> None:
    """Timers from before and after it fire on time when the date is set back."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.splitlines() == ["['before', 'after'] True", "True"]
