"""Changes to many records in short time slices, with one transaction for each slice."""

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
    finish: Callable[[Transaction], object] = lambda transaction: None,
) -> int:
    """Call `change_one` for each item, and return how many items it changed.

    `change_one` changes the records it needs to in the given transaction and returns
    whether it changed anything. Each slice is one transaction, and all of them are
    durable when this returns. It stops early, between two slices, once `running`
    returns False. `finish` may add to each transaction before it is committed.
    """
    rest = iter(things)
    changed = 0
    more = True
    while more and running():
        turn = TimeSlice(clock, size)
        with store.transaction(essential=True) as transaction:
            more = False
            for thing in rest:
                changed += change_one(transaction, thing)
                if turn.is_over():
                    more = True
                    break
            finish(transaction)
            durable = transaction.commit()
        await durable
        if more:
            await pause(clock)
    return changed
