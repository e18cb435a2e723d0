"""The pace of visits to endpoints. Pure."""

from collections.abc import Callable

from pexschedd.onetouch.pushing.problems import ProblemKind

LOOK_EVERY = 300.0
"""Seconds between two looks at an endpoint whose list does not change: as long may a
restarted one be without buttons."""
MOST_LOOKS = 8.0
"""Looks at all endpoints together in a second: each is a TLS connection of its own."""
FIRST_RETRY = 15.0
LONGEST_RETRY = 900.0
LONGEST_WAIT = 86_400.0
"""Seconds after which a refused password is tried again by itself."""
SPREAD = 30.0
"""Seconds over which endpoints are visited when all of them are due: at the start, or
when a profile changes."""

Backoff = Callable[[int], float]
"""Gives the seconds to wait, by the number of failures before the last one."""

_SLOWLY = (ProblemKind.UNTRUSTED, ProblemKind.NOT_ALLOWED, ProblemKind.REFUSED)
"""These last until somebody does something about them."""


def delay_after(
    kind: ProblemKind, failures: int, backoff: Backoff, chance: Callable[[], float]
) -> float | None:
    """Return the seconds until an endpoint is visited again; None for never by itself.

    `failures` is the number of visits that have failed one after another.
    """
    if kind is ProblemKind.SETTINGS:
        return None
    if kind is ProblemKind.CREDENTIALS:
        return LONGEST_WAIT * jitter(chance)
    if kind in _SLOWLY:
        return max(LOOK_EVERY * jitter(chance), backoff(failures - 1))
    return backoff(failures - 1)


def delay_as_asked(retry_after: float, chance: Callable[[], float]) -> float:
    """Return the seconds until the next visit where `retry_after` was asked for: all
    that were told so come apart again."""
    return max(retry_after, 1.0) + chance() * SPREAD


def look_interval(endpoints: int) -> float:
    """Return the seconds between two looks at one endpoint of so many."""
    return max(LOOK_EVERY, endpoints / MOST_LOOKS)


def jitter(chance: Callable[[], float]) -> float:
    """Return a random factor around 1: many that are visited at once come apart."""
    return 0.75 + chance() / 2
