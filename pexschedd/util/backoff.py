"""Delays that grow while something goes on failing."""

from collections.abc import Callable

from twisted.application.internet import backoffPolicy

Backoff = Callable[[int], float]
"""Gives the seconds to wait before an attempt is repeated, by the number of attempts
that failed before it: 0 for the first failure."""


def backoff(
    first: float, most: float, stretch: Callable[[], float] = lambda: 1.0
) -> Backoff:
    """Return a back-off that begins with `first` seconds and doubles up to `most`.

    Each delay is multiplied by what `stretch` returns then, such as a random number
    around 1: many that failed together do not come back together. (The jitter of
    Twisted's own policy is added, so it would spread short delays and long ones by
    the same few seconds.)
    """
    grow = backoffPolicy(first, most, factor=2.0, jitter=lambda: 0.0)
    return lambda failures: grow(failures) * stretch()
