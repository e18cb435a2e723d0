"""The choice of unused aliases that are given up before their time. Pure.

An alias that was put into an invitation is kept for weeks while the invitation is not
sent. When the free aliases of a range run low, those who hold many unused ones give up
the oldest, so that others get any.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heapify, heapreplace

import msgspec

LOW_SHARE = 0.2
"""The share of a range that should be free."""
KEPT_PER_USER = 5
"""Unused aliases that each user keeps, the youngest ones."""
MIN_AGE = timedelta(hours=1)
"""The age below which an alias is never given up: its invitation is being written, or
on its way."""


class UnusedAlias(msgspec.Struct, frozen=True):
    """An alias that was handed out and that no meeting has used yet."""

    id: int
    user: str
    """The key of the user; see `user_key`."""
    created: datetime


def user_key(integration: str, user: str) -> str:
    """Return the key under which a user's aliases are counted: no name, and another
    one in each integration. `integration` is its uuid."""
    key = integration.encode()
    return blake2b(user.encode(), digest_size=9, key=key).hexdigest()


def range_size(digits: int) -> int:
    """Return the number of aliases in a range: all numbers of so many digits but 0."""
    return int(10**digits) - 1


def missing(digits: int, taken: int) -> int:
    """Return how many aliases have to be given up so that enough are free."""
    size = range_size(digits)
    return max(0, round(size * LOW_SHARE) - (size - taken))


def given_up(unused: Iterable[UnusedAlias], count: int, now: datetime) -> list[int]:
    """Return the ids of at most `count` aliases to give up.

    Each is the oldest of a user who then has most: nobody loses any while somebody else
    has more, and everybody keeps `KEPT_PER_USER`. Aliases younger than `MIN_AGE` count
    as held, and are not given up.
    """
    held: dict[str, list[UnusedAlias]] = {}
    for alias in unused:
        held.setdefault(alias.user, []).append(alias)
    heap = []
    for user, aliases in held.items():
        aliases.sort(key=lambda alias: (alias.created, alias.id), reverse=True)
        heap.append((-len(aliases), user))
    heapify(heap)
    result: list[int] = []
    while heap and len(result) < count:
        left, user = heap[0]
        if -left <= KEPT_PER_USER:
            break
        if now - held[user][-1].created < MIN_AGE:
            heapreplace(heap, (0, user))  # the others of this user are younger still
            continue
        result.append(held[user].pop().id)
        heapreplace(heap, (left + 1, user))
    return result
