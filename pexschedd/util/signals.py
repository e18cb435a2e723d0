"""Signals: those that end the process, in order and once, and the one that has it read
its settings again."""

import os
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


def on_hangup(
    reactor: Any, is_first: Callable[[], bool], reload: Callable[[], object] | None
) -> None:
    """Call `reload` on SIGHUP, on which the system would kill the process; stop the
    reactor if the terminal that it was started from has gone, or without `reload`.

    `is_first` is that of `ignore_repeated_signals`. Twisted does not handle this
    signal. If it is ignored, as with nohup, that remains; if it was blocked so far, one
    that has come is heeded now.
    """
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL:
        return
    had_terminal = _has_terminal()
    is_stopping = False

    def stopping() -> None:
        nonlocal is_stopping
        is_stopping = True

    def act() -> None:
        if reload is None or (had_terminal and not _has_terminal()):
            if is_first():
                stop(reactor)
        elif not is_stopping:
            reload()

    reactor.addSystemEventTrigger("before", "shutdown", stopping)
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(act))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def _has_terminal() -> bool:
    """Return whether the process has a controlling terminal (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def ignore_repeated_signals(reactor: Any) -> Callable[[], bool]:
    """Ignore the signals that come when the reactor is stopping already.

    Call this before the reactor runs. Returns what tells another reason to stop whether
    it is the first one.
    """
    first = iter([True])  # in one step: one handler may interrupt another
    reactor.addSystemEventTrigger("before", "shutdown", next, first, False)

    def once(stop: Callable[..., object], *arguments: Any) -> None:
        if next(first, False):
            stop(*arguments)

    def wrap_handlers() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, partial(once, handler))

    reactor.callWhenRunning(wrap_handlers)  # when Twisted has set its own
    return partial(next, first, False)


def interrupt_once(*numbers: signal.Signals) -> Callable[[], None]:
    """Have the first of these signals raise `KeyboardInterrupt`, and further ones do
    nothing, so that they break into nothing that is put in order meanwhile.

    What is returned has them handled as before, unless one has come. One that is
    ignored, as with nohup, remains so.
    """
    before = {each: signal.getsignal(each) for each in numbers}

    def interrupt(*_: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def heed_again() -> None:
        for number, handler in before.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, handler)

    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, interrupt)
    return heed_again
