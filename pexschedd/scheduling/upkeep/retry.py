"""Calls to a mailbox that are repeated while it is busy or out of reach."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxBusy, MailboxUnreachable, WorkStopped
from pexschedd.util.backoff import backoff
from pexschedd.util.stop_signal import StopSignal

T = TypeVar("T")

TRIES = 5
FIRST = 4.0
MOST = 300.0
"""Seconds between two tries, unless the server asks for more."""

_delay = backoff(FIRST, MOST)


async def with_retries(
    call: Callable[[], Awaitable[T]], clock: IReactorTime, stop: StopSignal
) -> T:
    """Return the call's result, of up to five tries.

    Raises the error of the last try; any other than `MailboxBusy` and
    `MailboxUnreachable` at once. Raises `WorkStopped` instead of waiting for another
    try once `stop` is set; a call that is under way is never cut short.
    """
    for failures in range(TRIES - 1):
        try:
            return await call()
        except (MailboxBusy, MailboxUnreachable) as error:
            delay = max(_delay(failures), error.retry_after or 0)
            reason = error.message
        try:
            await stop.sleep(clock, delay)
        except WorkStopped:
            text = f"It was stopped while it waited to try again: {reason}"
            raise WorkStopped(text) from None
    return await call()


async def read_with_retries(
    call: Callable[[], Coroutine[Any, Any, T]], clock: IReactorTime, stop: StopSignal
) -> T:
    """Do what `with_retries` does with a call that changes nothing: it is cut short,
    too, when `stop` is set."""

    async def read() -> T:
        return await stop.wait(Deferred.fromCoroutine(call()))

    return await with_retries(read, clock, stop)


async def pages(
    read: Callable[[str], Coroutine[Any, Any, tuple[list[T], str]]],
    clock: IReactorTime,
    stop: StopSignal,
) -> AsyncIterator[list[T]]:
    """Yield all pages that `read` gives, each as by `read_with_retries`.

    `read` takes the cursor of a page, at first an empty one, and returns the page and
    the next cursor, after the last page an empty one.
    """
    cursor = ""
    while True:
        page, cursor = await read_with_retries(partial(read, cursor), clock, stop)
        yield page
        if not cursor:
            return
