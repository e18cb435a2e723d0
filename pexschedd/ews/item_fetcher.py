"""Fetching a batch of items with GetItem, even if some of them cannot be read."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from pexschedd.errors import MailboxError
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, Sid
from pexschedd.ews.error_messages import WHOLE_MAILBOX, EwsTarget, said
from pexschedd.ews.operations.get_folder import build_get_folder, parse_get_folder
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import in_halves
from pexschedd.exchange.error_policy import (
    Retry,
    TooMuch,
    blame_of_item,
    blame_of_request,
    rule,
)
from pexschedd.exchange.response_codes import Category, category
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Build = Callable[[str, Sequence[MessageRef]], bytes]


class ParseItems(Protocol[T_co]):
    """Reads the answer to a GetItem for so many items; see `EwsClient` for its form."""

    def __call__(self, data: bytes, expected: int) -> "Sequence[T_co | ItemProblem]":
        """Return one thing for each item that was asked for, in their order."""


_UNFINISHED = frozenset((Category.THROTTLED, Category.TRANSIENT))
"""Categories of a problem that an item may not have when it is asked for again."""
_FEW = 3
"""The largest number of items that count as damaged at the same time; if more fail, the
server is to blame."""


class ItemFetcher(Generic[T]):
    """Fetches items with one kind of GetItem request.

    `build` makes the request, `parse` reads its response. For an item that cannot be
    read, the smaller request that `smaller` builds is tried; its result is taken if
    `suffices` returns True for it.
    """

    def __init__(
        self,
        client: EwsClient,
        target: EwsTarget,
        build: Build,
        parse: ParseItems[T],
        *,
        portion: BatchSize | None = None,
        smaller: Build | None = None,
        suffices: Callable[[T], bool] = lambda _: True,
        sid: Sid = Sid.PRIMARY,
    ) -> None:
        self._client = client
        self._target = target
        self._build = build
        self._parse = parse
        self._portion = portion
        self._smaller = smaller
        self._suffices = suffices
        self._sid = sid

    async def fetch(self, refs: Sequence[MessageRef]) -> list[T | Unreadable]:
        """Return the items that still exist; `Unreadable` stands for one that fails.

        What the server left undone is asked for again, as long as that leads anywhere.
        An item that keeps failing while others can be read is unreadable: it must not
        hold up the rest. Raises `MailboxError` when nothing can be read.
        """
        found: list[T | Unreadable] = []
        something_was_read = False
        while refs:
            unfinished: list[tuple[MessageRef, ItemProblem]] = []
            answers = await self._get(refs)
            self._raise_if_all(answers)
            for ref, answer in zip(refs, answers, strict=True):
                if not isinstance(answer, (ItemProblem, Unreadable)):
                    found.append(answer)
                    something_was_read = True
                elif isinstance(answer, Unreadable):
                    found += await self._with_less(answer)
                elif category(answer.code) in _UNFINISHED:
                    unfinished.append((ref, answer))
                elif category(answer.code) is not Category.GONE:
                    found += await self._with_less(_unreadable(ref, answer))
            if len(unfinished) == len(refs):
                # A damaged item may get a code for passing trouble every time.
                busy = [p for _, p in unfinished if _is_the_servers(p)]
                few = something_was_read or len(refs) <= _FEW
                if busy or not few:
                    raise self._client.error_for((busy or [unfinished[0][1]])[0])
                if not something_was_read:
                    await self._prove_server()
                for ref, problem in unfinished:
                    found += await self._with_less(_unreadable(ref, problem))
                break
            refs = [ref for ref, _ in unfinished]
        return found

    async def _get(
        self, refs: Sequence[MessageRef]
    ) -> list[T | Unreadable | ItemProblem]:
        """Return one answer for each item, from smaller requests if one fails."""
        return await in_halves(
            refs,
            self._get_at_once,
            alone=lambda ref, error: Unreadable(
                ref, error.message, blame_of_request(error)
            ),
            prove_server=self._prove_server,
        )

    async def _get_at_once(
        self, refs: Sequence[MessageRef]
    ) -> list[T | Unreadable | ItemProblem]:
        try:
            found = await self._client.read(
                self._build(self._target.mailbox, refs),
                partial(self._parse, expected=len(refs)),
            )
        except TooMuch:
            if self._portion:
                self._portion.too_much()
            raise
        if self._portion:
            self._portion.succeeded()
        return [*found]

    async def _with_less(self, unreadable: Unreadable) -> list[T | Unreadable]:
        """Read an item without its body; that may be enough."""
        if self._smaller is None:
            return [unreadable]
        try:
            (found,) = await self._client.read(
                self._smaller(self._target.mailbox, [unreadable.ref]),
                partial(self._parse, expected=1),
            )
        except MailboxError:
            return [unreadable]
        if isinstance(found, ItemProblem):
            return [] if rule(found.code).of_one is Retry.SKIP else [unreadable]
        return [found] if self._suffices(found) else [unreadable]

    async def _prove_server(self) -> None:
        """Open the inbox: proves that the server works. Raises `MailboxError`."""
        await self._client.read(
            build_get_folder(self._target.mailbox, sid=self._sid), parse_get_folder
        )

    def _raise_if_all(self, answers: Sequence[T | Unreadable | ItemProblem]) -> None:
        """A problem that all items share is not the items' fault."""
        problems = [answer for answer in answers if isinstance(answer, ItemProblem)]
        if len(problems) == len(answers) and all(
            category(problem.code) in WHOLE_MAILBOX for problem in problems
        ):
            raise self._client.error_for(problems[0])


def _unreadable(ref: MessageRef, problem: ItemProblem) -> Unreadable:
    return Unreadable(ref, said(problem), blame_of_item(problem.code))


def _is_the_servers(problem: ItemProblem) -> bool:
    """Return whether the server asks for a pause, or has stopped in the middle."""
    return (
        category(problem.code) is Category.THROTTLED
        or blame_of_item(problem.code) is Blame.SERVER
    )
