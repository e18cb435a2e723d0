"""Long work in pieces, so that the process answers everybody else in between."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

T = TypeVar("T")

AT_ONCE = 200
"""Records in one turn: a few milliseconds' work."""


async def pause(clock: IReactorTime, seconds: float = 0) -> None:
    """Lets others have the reactor; goes on after `seconds` at the earliest."""
    over: Deferred[None] = Deferred()
    clock.callLater(seconds, over.callback, None)
    await over


async def in_turns(
    things: Iterable[T], clock: IReactorTime, size: int = AT_ONCE
) -> AsyncIterator[T]:
    """The things one by one, with a pause after every `size` of them."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % size == 0:
            await pause(clock)
