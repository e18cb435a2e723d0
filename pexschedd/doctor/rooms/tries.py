"""Tries of many rooms or endpoints: a few at once, and all of them within a time."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

T = TypeVar("T")


async def try_all(
    things: Iterable[T],
    try_one: Callable[[T], Coroutine[Any, Any, None]],
    *,
    at_once: int,
    seconds: float,
    clock: IReactorTime,
) -> None:
    """Try each thing, `at_once` at a time; what is left after `seconds` is cancelled.

    An exception of one ends nothing but that.
    """
    places = DeferredSemaphore(at_once)

    def begin(thing: T) -> Deferred[None]:
        return Deferred.fromCoroutine(try_one(thing))

    waiting = [places.run(begin, thing) for thing in things]

    def stop() -> None:
        for each in waiting:
            each.cancel()

    timer = clock.callLater(seconds, stop)
    try:
        await DeferredList(waiting, consumeErrors=True)
    finally:
        if timer.active():
            timer.cancel()
