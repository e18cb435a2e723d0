"""Reading a batch of messages, whatever some of them are like."""

from collections.abc import Sequence

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
from pexschedd.ews.operations.get_item import build_get_messages, parse_messages
from pexschedd.ews.response_codes import Category, category
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.mailbox import Unreadable

_DAMAGED = "ErrorInternalServerError"
"""Said in passing trouble, and of a damaged message for ever."""

_Read = list[MeetingMessage | Unreadable]


async def read_batch(
    client: EwsClient, site: Site, refs: Sequence[MessageRef]
) -> _Read:
    """The messages that are still there; those that cannot be read say so.

    What the server left undone is asked for again, as long as that leads anywhere. A
    message that keeps failing while others can be read is unreadable: it must not hold
    up the rest. Raises `MailboxError` when nothing can be read.
    """
    found: _Read = []
    something_was_read = False
    while refs:
        unfinished: list[tuple[MessageRef, Problem]] = []
        answers = await _get(client, site, refs)
        _raise_if_all(answers, site)
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
                raise server_error(unfinished[0][1], site)
            found += [Unreadable(ref, said(problem)) for ref, problem in unfinished]
            break
        refs = [ref for ref, _ in unfinished]
    return found


async def _get(
    client: EwsClient, site: Site, refs: Sequence[MessageRef]
) -> list[MeetingMessage | Unreadable | Problem]:
    """One answer for each reference. What is too large for one is read in halves."""
    try:
        return [
            *await client.read(
                build_get_messages(site.mailbox, refs),
                lambda data: parse_messages(data, len(refs)),
            )
        ]
    except AnswerTooLarge as error:
        if len(refs) == 1:
            return [Unreadable(refs[0], error.message)]
        half = len(refs) // 2
        return [
            *await _get(client, site, refs[:half]),
            *await _get(client, site, refs[half:]),
        ]


def _raise_if_all(
    answers: Sequence[MeetingMessage | Unreadable | Problem], site: Site
) -> None:
    """A problem that all messages share is not the messages' fault."""
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    if len(problems) == len(answers) and all(
        category(problem.code) in WHOLE_MAILBOX for problem in problems
    ):
        raise server_error(problems[0], site)
