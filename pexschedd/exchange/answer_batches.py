"""Giving answers in batches, each of which may fail as a whole."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pexschedd.errors import MailboxError
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import at_once, batches, in_halves
from pexschedd.exchange.error_policy import TooMuch, blame_of_request
from pexschedd.scheduling.ports.mailbox import Answer, Outcome, OutcomeKind

GiveBatch = Callable[[Sequence[Answer]], Awaitable[list[Outcome]]]
"""Gives at most a batch of answers; raises `MailboxError` if it could do nothing, or if
its fate is unknown."""


class AnswerBatches:
    """Gives answers by `give`, at most `size` of them in one batch.

    `parallel` batches are under way at once. `prove_server` raises if the server is in
    trouble anyway, before an answer is blamed.
    """

    def __init__(
        self,
        give: GiveBatch,
        prove_server: Callable[[], Awaitable[object]],
        *,
        size: int,
        parallel: int = 1,
    ) -> None:
        self._give_batch = give
        self._prove_server = prove_server
        self._size = BatchSize(size)
        self._parallel = parallel

    async def give(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give answers about different meetings; return one outcome for each, in order.

        After an error the outcomes of other batches still count, and the rest is to be
        tried again; the error is raised only when nothing was done.
        """
        todo = batches(answers, self._size.size)
        results = await at_once(todo, self._parallel, self._give)
        errors = [each for each in results if isinstance(each, MailboxError)]
        if errors and not any(isinstance(each, list) for each in results):
            raise errors[0]
        outcomes: list[Outcome] = []
        for batch, result in zip(todo, results, strict=True):
            if isinstance(result, list):
                outcomes += result
            else:
                error = result or errors[0]
                outcomes += [Outcome(OutcomeKind.RETRY, error.message)] * len(batch)
        return outcomes

    async def _give(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give one batch of answers; one that fails is divided in halves."""
        asked: set[str] = set()

        async def work(some: Sequence[Answer]) -> list[Outcome]:
            # What a failed batch was about may have been done all the same.
            some = [
                msgspec.structs.replace(a, unsure=a.unsure or a.ref.item_id in asked)
                for a in some
            ]
            asked.update(answer.ref.item_id for answer in some)
            try:
                outcomes = await self._give_batch(some)
            except TooMuch:
                self._size.too_much()
                raise
            self._size.succeeded()
            return outcomes

        return await in_halves(
            answers, work, alone=_not_given, prove_server=self._prove_server
        )


def _not_given(_: Answer, error: MailboxError) -> Outcome:
    """Return the outcome for an answer whose batch fails although it is alone in it.

    It is to be tried again whatever the error: that is about the request, and the
    caller counts the attempts.
    """
    return Outcome(OutcomeKind.RETRY, error.message, blame=blame_of_request(error))
