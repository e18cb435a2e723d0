"""Calls to a mailbox that are tried again when it is busy or out of reach."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxBusy, MailboxUnreachable
from pexschedd.util.cooperate import pause

T = TypeVar("T")

TRIES = 5
FIRST = 2.0
MOST = 300.0
"""Seconds between two tries, unless the server asks for more."""


async def patiently(call: Callable[[], Awaitable[T]], clock: IReactorTime) -> T:
    """The call's result; raises the error of the last try."""
    for tried in range(1, TRIES):
        try:
            return await call()
        except (MailboxBusy, MailboxUnreachable) as error:
            delay = max(min(FIRST * 2.0**tried, MOST), error.retry_after or 0)
        await pause(clock, delay)
    return await call()


async def pages(
    read: Callable[[str], Awaitable[tuple[list[T], str]]], clock: IReactorTime
) -> AsyncIterator[list[T]]:
    """All pages that `read` gives, from the empty cursor to the empty cursor."""
    cursor = ""
    while True:
        page, cursor = await patiently(partial(read, cursor), clock)
        yield page
        if not cursor:
            return
