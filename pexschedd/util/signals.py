"""Signals that end the process: in order, and once."""

import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.error import ReactorNotRunning


def stop(reactor: Any) -> None:
    """Stop the reactor, unless it is stopping already."""
    with suppress(ReactorNotRunning):
        reactor.stop()


def stop_on_hangup(reactor: Any) -> None:
    """Stop the reactor on SIGHUP, on which the system would kill the process.

    Twisted does not handle this signal. If it is ignored, as with nohup, that remains.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(stop, reactor))


def ignore_repeated_signals(reactor: Any) -> None:
    """Ignore the signals that come when the reactor is stopping already.

    Call this before the reactor runs.
    """
    first = iter([True])  # in one step: one handler may interrupt another
    reactor.addSystemEventTrigger("before", "shutdown", next, first, False)

    def once(stop: Callable[..., object], *arguments: Any) -> None:
        if next(first, False):
            stop(*arguments)

    def wrap_handlers() -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, partial(once, handler))

    reactor.callWhenRunning(wrap_handlers)  # when Twisted has set its own
