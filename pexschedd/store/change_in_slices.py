"""Changes of many records, in time slices: a transaction for each slice."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import AT_ONCE, TimeSlice, pause

T = TypeVar("T")


async def change_in_slices(
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
        turn = TimeSlice(clock, size)
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
