"""Several things that each need several requests, taken forward together: in each round
the next request of all of them, in as few batches as possible.

What one thing needs next is a pure generator: it yields a request, gets the result, and
returns what came of it. An error of the whole batch is raised within it, where it
waits: so it can say what was done before, or go another way.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from pexschedd.errors import MailboxError, MailboxRefused, SignInRefused
from pexschedd.graph.answering.answer_lookup import Found, Steps, parse_found
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest

T = TypeVar("T")

MAX_BATCH = 2_500_000
"""Characters of texts in a batch: Graph takes requests of 4 MB."""


async def in_batches(
    client: GraphClient, things: Sequence[Steps[T]]
) -> list[T | MailboxError]:
    """Return what came of each thing, or the error that ended its steps.

    One batch is under way at a time. After an error nothing more is sent but what the
    things themselves want instead of what was refused.
    """
    walks = [_Walk(each) for each in things]
    while waiting := [each for each in walks if each.request is not None]:
        for batch in _batches(waiting):
            requests = [each.request for each in batch if each.request is not None]
            try:
                results = await client.batch(requests, parse_found)
            except MailboxError as error:
                # A refusal is that of these requests; others may be allowed.
                refused = isinstance(error, MailboxRefused)
                refused = refused and not isinstance(error, SignInRefused)
                for each in batch if refused else walks:
                    each.fail(error)
                if refused:
                    continue
                break
            for each, result in zip(batch, results, strict=True):
                each.hear(result)
    return [each.result() for each in walks]


class _Walk(Generic[T]):
    """One thing on its way."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._results: list[T | MailboxError] = []
        self.request: ApiRequest | None = None
        """The next request; None: it has ended."""
        try:
            self.request = next(steps)
        except StopIteration as end:
            self._results.append(end.value)

    def hear(self, result: Found | GraphProblem) -> None:
        """Go on with the result of the request."""
        try:
            self.request = self._steps.send(result)
        except StopIteration as end:
            self._end(end.value)

    def fail(self, error: MailboxError) -> None:
        """Go on after an error of the batch, unless it has ended."""
        if self.request is None:
            return
        try:
            self.request = self._steps.throw(error)
        except StopIteration as end:
            self._end(end.value)
        except MailboxError as unhandled:
            self._end(unhandled)

    def _end(self, result: T | MailboxError) -> None:
        self.request = None
        self._results.append(result)

    def result(self) -> T | MailboxError:
        """Return what came of it."""
        (result,) = self._results
        return result


def _batches(waiting: Sequence[_Walk[T]]) -> Iterator[list[_Walk[T]]]:
    """Yield batches that are neither too many requests nor too large."""
    batch: list[_Walk[T]] = []
    size = 0
    for each in waiting:
        more = _size(each.request)
        if batch and (len(batch) == MOST or size + more > MAX_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += more
    if batch:
        yield batch


def _size(request: ApiRequest | None) -> int:
    body = request.body if request is not None else None
    texts = body.values() if isinstance(body, dict) else (body,)
    return sum(len(each) for each in texts if isinstance(each, str))
