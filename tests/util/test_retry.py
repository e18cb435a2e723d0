"""Calls to a mailbox that are repeated."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.util.retry import TRIES, pages, with_retries

CASE = SynchronousTestCase()


class Mailbox:
    """Fails with the given errors, one after the other, then answers."""

    def __init__(self, clock: Clock, *errors: MailboxError) -> None:
        self.called: list[float] = []
        self._clock = clock
        self._errors = list(errors)

    async def call(self) -> str:
        self.called.append(self._clock.seconds())
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    async def page(self, cursor: str) -> tuple[list[int], str]:
        await self.call()
        number = int(cursor or "0")
        return [number], str(number + 1) if number < 2 else ""


def unreachable() -> MailboxError:
    return MailboxUnreachable("out of reach")


def test_delays_grow() -> None:
    """Four seconds at first, then twice as long each time."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(4)))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock))
    clock.pump([1] * 60)
    assert CASE.successResultOf(calling) == "answer"
    assert mailbox.called == [0, 4, 12, 28, 60]


def test_a_longer_pause_is_kept() -> None:
    """The server says how long it wants to be left alone; less is not believed."""
    clock = Clock()
    busy = [MailboxBusy("busy", retry_after=after) for after in (100, 1)]
    mailbox = Mailbox(clock, *busy)
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock))
    clock.pump([1] * 108)
    assert CASE.successResultOf(calling) == "answer"
    assert mailbox.called == [0, 100, 108]


def test_tries_are_limited() -> None:
    """The error of the last try is raised."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(9)))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock))
    clock.pump([1] * 100)
    CASE.failureResultOf(calling, MailboxUnreachable)
    assert len(mailbox.called) == TRIES


def test_a_refusal_is_final() -> None:
    """Only what may pass by itself is waited for."""
    clock = Clock()
    mailbox = Mailbox(clock, MailboxRefused("no"))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock))
    CASE.failureResultOf(calling, MailboxRefused)


@pytest.mark.parametrize("errors", [0, 1])
def test_all_pages(errors: int) -> None:
    """Every page comes once, also when one of them has to be asked for again."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(errors)))

    async def read() -> list[list[int]]:
        return [page async for page in pages(mailbox.page, clock)]

    reading = Deferred.fromCoroutine(read())
    clock.advance(10)
    assert CASE.successResultOf(reading) == [[0], [1], [2]]
