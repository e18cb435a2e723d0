"""How signals end a process: in order, and once."""

import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.error import ReactorNotRunning


def stop(reactor: Any) -> None:
    """It may be stopping already: for a signal, or since something has failed."""
    with suppress(ReactorNotRunning):
        reactor.stop()


def heed_the_end_of_the_terminal(reactor: Any) -> None:
    """Stops in order: Twisted leaves SIGHUP to the system, which kills. Not where it is
    ignored, as with nohup."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(stop, reactor))


def heed_the_first(reactor: Any) -> None:
    """When it stops, for a signal or otherwise, further signals change nothing. To be
    called before it runs."""
    first = iter([True])  # in one step: one handler may interrupt another
    reactor.addSystemEventTrigger("before", "shutdown", next, first, False)

    def once(stop: Callable[..., object], *arguments: Any) -> None:
        if next(first, False):
            stop(*arguments)

    def heed() -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, partial(once, handler))

    reactor.callWhenRunning(heed)  # when Twisted has set its own
