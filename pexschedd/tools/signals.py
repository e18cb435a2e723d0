"""Signals of somebody who cannot wait."""

import signal
from collections.abc import Callable
from functools import partial
from typing import Any


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
