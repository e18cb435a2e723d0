"""Many things in a few calls, several of them at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from pexschedd.errors import MailboxError
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.error_policy import TooMuch, one_may_be_to_blame

T = TypeVar("T")
R = TypeVar("R")


def batches(things: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut `things` into batches of at most `size`."""
    return [things[start : start + size] for start in range(0, len(things), size)]


async def at_once(
    todo: Sequence[T], most: int, work: Callable[[T], Awaitable[R]]
) -> list[R | MailboxError | None]:
    """Return the results of `work` in order, with at most `most` calls under way
    together.

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


async def in_halves(
    todo: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[list[R]]],
    *,
    alone: Callable[[T, MailboxError], R],
    prove_server: Callable[[], Awaitable[object]],
) -> list[R]:
    """Return the results of `work` for all of `todo`, in as small requests as
    necessary.

    One thing may make a whole request fail. So that the others do not suffer for it,
    they are tried in halves, and `alone` says what becomes of a thing that fails by
    itself. Before it is blamed, `prove_server` raises if the server is in trouble
    anyway.
    """
    try:
        return await work(todo)
    except MailboxError as error:
        if not one_may_be_to_blame(error):
            raise
        await prove_server()
        if len(todo) == 1:
            return [alone(todo[0], error)]
    half = len(todo) // 2
    return [
        *await in_halves(todo[:half], work, alone=alone, prove_server=prove_server),
        *await in_halves(todo[half:], work, alone=alone, prove_server=prove_server),
    ]


async def one_page(portion: BatchSize, read: Callable[[int], Awaitable[R]]) -> R:
    """Return what `read` gives when it asks for as much as the server can stand."""
    while True:
        try:
            page = await read(portion.size)
        except TooMuch:
            if not portion.too_much():
                raise
        else:
            portion.succeeded()
            return page
