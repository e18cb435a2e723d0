"""Answering a batch of messages, so that every answer is given once.

In this order:

1. An answer that may have been given before, because its outcome is unknown, is looked
   up: a message that has been answered is not under its id any more.
2. One CreateItem sends accepts, declines, removals and replies.
3. What it could not do is sent once more, as far as the reason for the failure lets
   that succeed.
4. Where a server does not know RemoveItem, the cancelled meeting is looked for in the
   calendar and deleted there.
5. Messages that only have to leave the inbox, and those replied to, are moved to the
   deleted items.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from pexschedd.errors import MailboxError
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, ServerError, Sid
from pexschedd.ews.error_messages import EwsTarget, common_problem, outcome
from pexschedd.ews.meeting_search import MeetingSearch
from pexschedd.ews.operations.create_item import build_answers, parse_answers
from pexschedd.ews.operations.delete_item import (
    build_delete,
    build_discard,
    parse_delete,
    parse_discard,
)
from pexschedd.ews.operations.get_item import (
    build_get_refs,
    build_get_subjects,
    parse_messages,
    parse_refs,
)
from pexschedd.exchange.error_policy import RequestNotUnderstood
from pexschedd.exchange.response_codes import Category, category
from pexschedd.exchange.throttle import RefusedRequest
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.ports.mailbox import Action, Answer, Outcome, OutcomeKind

_NO_MEETING = frozenset((Category.GONE, Category.MEETING_STATE))
"""A removal found nothing in the calendar that it could take out."""

_NOT_OURS = ("ErrorCalendarIsOrganizerFor", "ErrorCalendarIsDelegatedFor")
"""Beginnings of codes for a message that is not this mailbox's to answer: it is the
organizer itself, or got a copy as somebody's delegate."""

_SENDS_MAIL = (Action.ACCEPT, Action.DECLINE, Action.REPLY)

_NOT_UNDERSTOOD = frozenset((Category.PROTOCOL_BUG, Category.OTHER))

_REMOVAL_REFUSED = ItemProblem(
    "ErrorInvalidOperation", "The server does not know RemoveItem."
)


async def answer_batch(
    client: EwsClient, target: EwsTarget, answers: Sequence[Answer]
) -> list[Outcome]:
    """One outcome for each answer, in order.

    Raises `MailboxError` when nothing was done or its fate is unknown.
    """
    return await _Batch(client, target, answers).run()


class _Batch:
    def __init__(
        self, client: EwsClient, target: EwsTarget, answers: Sequence[Answer]
    ) -> None:
        self._client = client
        self._target = target
        self._answers = list(answers)
        self._problems: dict[int, ItemProblem | None] = {}
        """Outcomes of the answers tried so far, by index; None: it was done."""
        self._replied: set[int] = set()
        """Replies that were sent; their messages still have to be moved."""
        self._search = MeetingSearch(client, target.mailbox, Sid.PRIMARY)

    async def run(self) -> list[Outcome]:
        await self._look_up([i for i, a in enumerate(self._answers) if a.unsure])
        to_send = [
            i
            for i, answer in enumerate(self._answers)
            if answer.action != Action.DISCARD and i not in self._problems
        ]
        if self._client.refuses(RefusedRequest.REMOVE):
            refused = [i for i in to_send if self._removes(i)]
            self._problems.update(dict.fromkeys(refused, _REMOVAL_REFUSED))
            await self._send([i for i in to_send if i not in refused])
        else:
            await self._send_unless_refused(to_send)
        problem = common_problem([self._problems[i] for i in to_send])
        if problem is not None:
            raise self._client.error_for(problem)
        later: str | None = None
        try:
            await self._retry(to_send)
            refused = self._with_problem(to_send, _NOT_UNDERSTOOD)
            await self._delete_cancelled([i for i in refused if self._removes(i)])
            await self._move(self._to_move())
        except MailboxError as error:
            if not self._problems:
                raise
            later = error.message
        return [self._outcome(index, later) for index in range(len(self._answers))]

    async def _send(self, indexes: Sequence[int]) -> None:
        """Send these answers in one CreateItem, if there are any."""
        if not indexes:
            return
        said = await self._client.write(
            build_answers(self._target.mailbox, [self._answers[i] for i in indexes]),
            partial(parse_answers, expected=len(indexes)),
        )
        self._problems.update(zip(indexes, said, strict=True))

    async def _send_unless_refused(self, indexes: Sequence[int]) -> None:
        """Send these answers; note a refusal if it is of nothing but removals."""
        try:
            await self._send(indexes)
        except RequestNotUnderstood as error:
            if not all(map(self._removes, indexes)):
                raise  # in smaller requests each kind shows what it is worth
            said = error.__cause__
            problem = said.problem if isinstance(said, ServerError) else None
            self._problems.update(dict.fromkeys(indexes, problem or _REMOVAL_REFUSED))

    async def _look_up(self, indexes: Sequence[int]) -> None:
        """Find out which answers were given already, and read the other messages' ids.

        Removals and discards tell nobody: to repeat them does no harm.
        """
        indexes = [i for i in indexes if self._answers[i].action in _SENDS_MAIL]
        if indexes:
            await self._reread(indexes)

    async def _retry(self, indexes: Iterable[int]) -> None:
        """Send failed answers once more if the next attempt may succeed."""
        indexes = list(indexes)
        sends_mail = any(self._answers[i].action in _SENDS_MAIL for i in indexes)
        await self._refresh(self._with_problem(indexes, {Category.CONCURRENCY}))
        if sends_mail:
            # Removals may need a request of their own: they send nothing.
            refused = self._with_problem(indexes, _NOT_UNDERSTOOD)
            again = [i for i in refused if self._removes(i)]
            if not self._client.refuses(RefusedRequest.REMOVE):
                await self._send_unless_refused(again)

    async def _delete_cancelled(self, indexes: Sequence[int]) -> None:
        """Delete from the calendar what these cancellations are about. They then only
        have to be moved; a problem remains for those whose meeting stays there."""
        if not indexes:
            return
        problems = {i: self._problems.pop(i) for i in indexes}
        messages = await self._client.read(
            build_get_subjects(
                self._target.mailbox, [self._answers[i].ref for i in indexes]
            ),
            partial(parse_messages, expected=len(indexes)),
        )
        deleted = False
        for index, message in zip(indexes, messages, strict=True):
            if isinstance(message, ItemProblem):
                self._problems[index] = message
                continue
            try:
                refs = await self._cancelled_items(message)
                problem = await self._delete(refs)
            except RequestNotUnderstood:
                refs, problem = [], problems[index]
            if problem is not None:
                self._problems[index] = problem
            deleted = deleted or bool(refs and problem is None)
        if deleted:
            self._client.refused(RefusedRequest.REMOVE)

    async def _cancelled_items(self, message: MeetingMessage) -> list[MessageRef]:
        """The calendar items that a cancellation takes away; none if it was never
        accepted. A series goes only if the message says that it means all of it."""
        original = message.recurrence_id
        found = await self._search.entries(message.uid, original or message.start)
        theirs = [entry for entry in found if not entry.organizes]
        masters = [e.ref for e in theirs if e.kind == "RecurringMaster"]
        singles = [e for e in theirs if e.kind != "RecurringMaster"]
        if original is None:
            return [e.ref for e in singles] + (
                masters if message.names_its_part else []
            )
        if masters:
            ref = await self._search.occurrence(masters[0], message.uid, original)
            return [ref] if ref is not None else []
        # Occurrences that are there without their series.
        day = original.astimezone(ZoneInfo(message.zone)).date()
        return [e.ref for e in singles if e.day == day]

    async def _delete(self, refs: Sequence[MessageRef]) -> ItemProblem | None:
        """Return what kept an item in the calendar, if anything did."""
        if not refs:
            return None
        problems = await self._client.write(
            build_delete(self._target.mailbox, refs),
            partial(parse_delete, expected=len(refs)),
        )
        return next(
            (p for p in problems if p and category(p.code) is not Category.GONE), None
        )

    async def _refresh(self, indexes: Sequence[int]) -> None:
        """Answer messages that have changed since they were read, as they are now."""
        if indexes:
            await self._send(await self._reread(indexes))

    async def _reread(self, indexes: Sequence[int]) -> list[int]:
        """Read the references again; return the indexes of those that still exist."""
        refs = await self._client.read(
            build_get_refs(
                self._target.mailbox, [self._answers[i].ref for i in indexes]
            ),
            partial(parse_refs, expected=len(indexes)),
        )
        current = []
        for index, ref in zip(indexes, refs, strict=True):
            if isinstance(ref, ItemProblem):
                self._problems[index] = ref
            else:
                old = self._answers[index]
                self._answers[index] = Answer(ref, old.action, old.body)
                current.append(index)
        return current

    def _to_move(self) -> list[int]:
        """Discards and replied messages; and what cannot be done but still has to go:
        removals without a meeting, replies to nobody, answers that nobody awaits."""
        indexes = range(len(self._answers))
        absent = self._with_problem(indexes, _NO_MEETING)
        hopeless = self._with_problem(indexes, (*_NO_MEETING, *_NOT_UNDERSTOOD))
        return sorted(
            {i for i in indexes if i not in self._problems or self._is_replied(i)}
            | {i for i in absent if self._removes(i) or self._is_not_ours(i)}
            | {i for i in hopeless if self._replies(i) and not self._is_gone(i)}
        )

    async def _move(self, indexes: Sequence[int]) -> None:
        if not indexes:
            return
        self._replied.update(filter(self._is_replied, indexes))
        for index in indexes:
            self._problems.pop(index, None)
        moved = await self._client.write(
            build_discard(
                self._target.mailbox, [self._answers[i].ref for i in indexes]
            ),
            partial(parse_discard, expected=len(indexes)),
        )
        self._problems.update(zip(indexes, moved, strict=True))

    def _with_problem(
        self, indexes: Iterable[int], categories: Iterable[Category]
    ) -> list[int]:
        return [
            index
            for index in indexes
            if (problem := self._problems.get(index)) is not None
            and category(problem.code) in categories
        ]

    def _removes(self, index: int) -> bool:
        return self._answers[index].action is Action.REMOVE

    def _replies(self, index: int) -> bool:
        return self._answers[index].action is Action.REPLY

    def _is_replied(self, index: int) -> bool:
        return self._replies(index) and self._problems.get(index, self) is None

    def _is_gone(self, index: int) -> bool:
        problem = self._problems[index]
        return problem is not None and category(problem.code) is Category.GONE

    def _is_not_ours(self, index: int) -> bool:
        problem = self._problems[index]
        return problem is not None and problem.code.startswith(_NOT_OURS)

    def _outcome(self, index: int, later: str | None) -> Outcome:
        if index in self._problems:
            result = outcome(self._problems[index])
        else:
            result = Outcome(OutcomeKind.RETRY, later or "not tried")
        if index in self._replied and result.kind is OutcomeKind.RETRY:
            return msgspec.structs.replace(result, remaining=Action.DISCARD)
        return result
