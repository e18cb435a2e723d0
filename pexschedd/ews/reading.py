"""Reading a batch of items, whatever some of them are like."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import Problem
from pexschedd.ews.faults import (
    PASSING,
    WHOLE_MAILBOX,
    AnswerTooLarge,
    Site,
    said,
    server_error,
)
from pexschedd.ews.response_codes import Category, category
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.mailbox import Unreadable

T = TypeVar("T")

_DAMAGED = "ErrorInternalServerError"
"""Said in passing trouble, and of a damaged message for ever."""


class BatchReader(Generic[T]):
    """Reads items with one kind of GetItem."""

    def __init__(
        self,
        client: EwsClient,
        site: Site,
        build: Callable[[str, Sequence[MessageRef]], bytes],
        parse: Callable[[bytes, int], list[T | Problem]],
    ) -> None:
        self._client = client
        self._site = site
        self._build = build
        self._parse = parse

    async def read(self, refs: Sequence[MessageRef]) -> list[T | Unreadable]:
        """The items that are still there; those that cannot be read say so.

        What the server left undone is asked for again, as long as that leads anywhere.
        An item that keeps failing while others can be read is unreadable: it must not
        hold up the rest. Raises `MailboxError` when nothing can be read.
        """
        found: list[T | Unreadable] = []
        something_was_read = False
        while refs:
            unfinished: list[tuple[MessageRef, Problem]] = []
            answers = await self._get(refs)
            self._raise_if_all(answers)
            for ref, answer in zip(refs, answers, strict=True):
                if not isinstance(answer, Problem):
                    found.append(answer)
                    something_was_read = True
                elif category(answer.code) in PASSING:
                    unfinished.append((ref, answer))
                elif category(answer.code) is not Category.GONE:
                    found.append(Unreadable(ref, said(answer)))
            if len(unfinished) == len(refs):
                damaged = all(problem.code == _DAMAGED for _, problem in unfinished)
                if not (something_was_read and damaged):
                    raise server_error(unfinished[0][1], self._site)
                found += [Unreadable(ref, said(problem)) for ref, problem in unfinished]
                break
            refs = [ref for ref, _ in unfinished]
        return found

    async def _get(self, refs: Sequence[MessageRef]) -> list[T | Unreadable | Problem]:
        """One answer for each. What is too large for one call is read in halves."""
        try:
            return [
                *await self._client.read(
                    self._build(self._site.mailbox, refs),
                    lambda data: self._parse(data, len(refs)),
                )
            ]
        except AnswerTooLarge as error:
            if len(refs) == 1:
                return [Unreadable(refs[0], error.message)]
            half = len(refs) // 2
            return [*await self._get(refs[:half]), *await self._get(refs[half:])]

    def _raise_if_all(self, answers: Sequence[T | Unreadable | Problem]) -> None:
        """A problem that all items share is not the items' fault."""
        problems = [answer for answer in answers if isinstance(answer, Problem)]
        if len(problems) == len(answers) and all(
            category(problem.code) in WHOLE_MAILBOX for problem in problems
        ):
            raise server_error(problems[0], self._site)
