"""The daemon in a situation of which a test makes more, to be forked: see
`tests/forked.py`."""

import importlib
import signal
import sys
import threading
from types import SimpleNamespace
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.scripts import twistd

from pexschedd import tap
from pexschedd.crypto import password_hashes
from pexschedd.store import store
from pexschedd.util import signals

reactor: Any = _reactor


def held() -> None:
    """Run the daemon, whose reactor SIGUSR1 holds for a minute. A sign-in takes the
    memory that it takes in the product."""
    importlib.reload(password_hashes)  # which the template has made cheap
    signal.signal(signal.SIGUSR1, lambda *_: threading.Event().wait(60))
    twistd.run()


def interrupted() -> None:
    """Run the daemon; Ctrl-C comes while it opens its store."""
    any_store: Any = store
    any_store.open_folder = lambda *_: signal.raise_signal(signal.SIGINT)
    twistd.run()


def stopping_twice() -> None:
    """Stop a daemon for a failure and by signals: the one that the first argument does
    not name comes while the other is stopping it."""
    daemon: Any = tap.Daemon.__new__(tap.Daemon)
    daemon._failure, daemon._reactor = "", reactor
    daemon.notifier = SimpleNamespace(failed=lambda _: None)
    daemon._runtime = SimpleNamespace(log=SimpleNamespace(drain=lambda: None))

    def fail() -> None:
        daemon._fail("the disk is broken")

    def tell() -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.raise_signal(number)

    one, other = (fail, tell) if sys.argv[1] == "fail" else (tell, fail)

    def meanwhile() -> Deferred[None]:
        other()
        return deferLater(reactor, 0, lambda: None)

    signals.on_hangup(reactor, signals.ignore_repeated_signals(reactor), None)
    reactor.callWhenRunning(reactor.callLater, 0, one)
    reactor.addSystemEventTrigger("before", "shutdown", meanwhile)
    reactor.run()
