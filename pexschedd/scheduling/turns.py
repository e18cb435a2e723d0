"""Long work in pieces, so that the process answers everybody else in between."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

T = TypeVar("T")

AT_ONCE = 200
"""Records in one turn, at the most."""

LONGEST = 0.003
"""Seconds after which a turn ends however few there were: what has to be read from the
disk takes longer, and some records are more work than others."""


class Turn:
    """Says when it is others' turn. It begins when it is made."""

    def __init__(self, clock: IReactorTime, size: int = AT_ONCE) -> None:
        self._clock = clock
        self._left = size
        self._began = clock.seconds()

    def is_over(self) -> bool:
        """To be asked once after each thing that was done."""
        self._left -= 1
        # Less than nothing has passed when the system's clock was set back.
        return self._left <= 0 or not 0 <= self._clock.seconds() - self._began < LONGEST


async def pause(clock: IReactorTime, seconds: float = 0) -> None:
    """Lets others have the reactor; goes on after `seconds` at the earliest."""
    await deferLater(clock, seconds)


async def in_turns(
    things: Iterable[T], clock: IReactorTime, size: int = AT_ONCE
) -> AsyncIterator[T]:
    """The things one by one, with a pause after every `size` of them, or sooner.

    Pass all there are and choose among them afterwards: while `things` passes some
    over, nobody looks at the time.
    """
    turn = Turn(clock, size)
    for thing in things:
        yield thing
        if turn.is_over():
            await pause(clock)
            turn = Turn(clock, size)


async def change_in_turns(
    store: Store,
    things: Iterable[T],
    change_one: Callable[[Transaction, T], bool],
    clock: IReactorTime,
    size: int = AT_ONCE,
    running: Callable[[], bool] = lambda: True,
) -> int:
    """Lets `change_one` look at each thing and change what is to be changed, if
    anything is, which it says. Returns how often that was.

    Each turn is a transaction; all is durable when this returns. It stops early,
    between two turns, when `running` says no.
    """
    rest = iter(things)
    changed = 0
    more = True
    while more and running():
        turn = Turn(clock, size)
        with store.transaction(essential=True) as change:
            more = False
            for thing in rest:
                changed += change_one(change, thing)
                if turn.is_over():
                    more = True
                    break
            durable = change.commit()
        await durable
        if more:
            await pause(clock)
    return changed
