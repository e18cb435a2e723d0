"""The time in a story, and when the daemon has nothing left to do."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from zope.interface import directlyProvides, providedBy

from tests.stories.story_terms import MINUTE, START

reactor: Any = _reactor
"""Typed as a module, which it is not."""

POLL = 3600
"""Seconds between two looks into the mailbox: never, in a story; see `settle`."""


class Clock:
    """A `Now` that only the story moves."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, by: timedelta = MINUTE) -> None:
        self.time += by

    @contextmanager
    def at(self, moment: datetime) -> Any:
        """Another time for a while."""
        before, self.time = self.time, moment
        try:
            yield
        finally:
            self.time = before


def _is_sleep(function: Callable[..., Any]) -> bool:
    """Whether `deferLater` has it called, as it does at the end of a `Sleep`."""
    owner = getattr(function, "__self__", None)
    return isinstance(owner, Deferred) and function.__name__ == "callback"


class RestingReactor:
    """The reactor, as the daemon gets it: it notices when watchers go to rest, and its
    clock can be put forward."""

    def __init__(self) -> None:
        directlyProvides(self, providedBy(reactor))
        self._ahead = 0.0
        self._naps: list[Any] = []
        self._waiting: list[Deferred[None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def callLater(
        self, delay: float, function: Callable[..., Any], *args: Any, **more: Any
    ) -> Any:
        call = reactor.callLater(delay, function, *args, **more)
        if delay and _is_sleep(function):
            self._naps = [nap for nap in self._naps if nap.active()] + [call]
            # Whoever begins to rest does so completely first.
            reactor.callLater(0, self._tell)
        return call

    def seconds(self) -> float:
        return float(reactor.seconds()) + self._ahead

    def skip(self, seconds: float) -> None:
        """It is so much later, and watchers that were to wake up by then do."""
        self._ahead += seconds
        for nap in [nap for nap in self._naps if nap.active()]:
            left = nap.getTime() - reactor.seconds() - seconds
            if left > 0:
                nap.reset(left)
            else:
                wake = partial(nap.func, *nap.args)
                nap.cancel()
                wake()

    def resting(self) -> int:
        return sum(nap.active() for nap in self._naps)

    def another(self) -> Deferred[None]:
        """Fires when one more watcher has gone to rest."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        return done

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)
