"""The cancellation of what is waited for: kept from the work, or certain for the
waiter."""

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def shield(deferred: "Deferred[T]") -> "Deferred[T]":
    """Return a Deferred with the same outcome that ignores being cancelled."""
    outer: Deferred[T] = Deferred()

    def deliver(result: T | Failure) -> None:
        # A cancelled Deferred swallows the one result that still comes.
        outer.callback(result)

    deferred.addBoth(deliver)
    return outer


def ended_by_cancelling(deferred: "Deferred[T]") -> "Deferred[T]":
    """Return a Deferred with the same outcome; cancelling it cancels the work.

    It fails with `CancelledError` then, whatever the work makes of that: Twisted tells
    of a name that was not found if it was still looked for.
    """
    is_over = False

    def cancel(_: object) -> None:
        nonlocal is_over
        is_over = True
        deferred.cancel()

    def deliver(result: T | Failure) -> None:
        if not is_over:
            outer.callback(result)

    outer: Deferred[T] = Deferred(cancel)
    deferred.addBoth(deliver)
    return outer
