"""Calls to a mailbox that are repeated while it is busy or out of reach."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxBusy, MailboxUnreachable
from pexschedd.util.backoff import backoff
from pexschedd.util.sleep import Sleep

T = TypeVar("T")

TRIES = 5
FIRST = 4.0
MOST = 300.0
"""Seconds between two tries, unless the server asks for more."""

_delay = backoff(FIRST, MOST)


async def with_retries(call: Callable[[], Awaitable[T]], clock: IReactorTime) -> T:
    """Return the call's result, of up to five tries.

    Raises the error of the last try; any other than `MailboxBusy` and
    `MailboxUnreachable` at once.
    """
    for failures in range(TRIES - 1):
        try:
            return await call()
        except (MailboxBusy, MailboxUnreachable) as error:
            delay = max(_delay(failures), error.retry_after or 0)
        await Sleep(clock, delay)
    return await call()


async def pages(
    read: Callable[[str], Awaitable[tuple[list[T], str]]], clock: IReactorTime
) -> AsyncIterator[list[T]]:
    """Yield all pages that `read` gives, each as by `with_retries`.

    `read` takes the cursor of a page, at first an empty one, and returns the page and
    the next cursor, after the last page an empty one.
    """
    cursor = ""
    while True:
        page, cursor = await with_retries(partial(read, cursor), clock)
        yield page
        if not cursor:
            return
