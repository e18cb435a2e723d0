"""Many things in a few calls, several of them at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from pexschedd.errors import MailboxError

T = TypeVar("T")
R = TypeVar("R")


def batches(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]


async def at_once(
    todo: Sequence[T], most: int, work: Callable[[T], Awaitable[R]]
) -> list[R | MailboxError | None]:
    """What `work` gives for each, in order; at most `most` are under way together.

    The first error ends it: what is under way is waited for, nothing more is begun.
    None stands for what was not begun.
    """
    done: list[R | MailboxError | None] = [None] * len(todo)
    waiting = iter(enumerate(todo))
    failed = False

    async def worker() -> None:
        nonlocal failed
        for index, each in waiting:
            if failed:
                return
            try:
                done[index] = await work(each)
            except MailboxError as error:
                done[index] = error
                failed = True

    workers = [Deferred.fromCoroutine(worker()) for _ in range(min(most, len(todo)))]
    for _, failure in await DeferredList(workers, consumeErrors=True):
        if isinstance(failure, Failure):
            failure.raiseException()
    return done
