"""Removing records that nobody needs any more, one by one in slices of time."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from pexschedd.model.table import Table
from pexschedd.store.transaction import Transaction

RemoveOne = Callable[[Transaction, int], bool]
"""Removes the record with an id; returns whether there was anything to remove."""

Remove = Callable[[Iterable[int], RemoveOne], Awaitable[int]]
"""Removes records by their ids; returns how many it has removed."""


def removal_from(table: Table[Any]) -> RemoveOne:
    """Return a function that removes records of a table."""

    def remove(transaction: Transaction, id: int) -> bool:
        transaction.delete(table, id)
        return True

    return remove
