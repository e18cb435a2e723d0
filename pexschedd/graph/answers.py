"""Answering a batch of messages over Graph, so that every answer is given once.

A batch looks up the messages and their events, a second one answers the events, a third
takes the messages away; a decline is marked before it is given, and an answer by mail
needs a batch for the mail. What becomes of each answer is decided by `answer_steps`.
"""

from collections.abc import Sequence
from functools import partial

from pexschedd.bodies.plain_text import plain_text
from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.exchange.batches import batches
from pexschedd.exchange.error_policy import Retry
from pexschedd.graph.answering.answer_mails import AnsweringMailbox, TextAnswer
from pexschedd.graph.answering.answer_steps import answer_steps
from pexschedd.graph.answering.batched_steps import in_batches
from pexschedd.graph.answering.removal_steps import outcome_of
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import rule_of
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.removal import find_folders
from pexschedd.scheduling.ports.mailbox import Answer, Outcome, OutcomeKind

MAIL = "MAIL"
"""The `graph_answer_method` whose words go in a mail of our own; any other gives them
to Exchange as the comment of the response."""


async def answer_batch(
    client: GraphClient,
    answers: Sequence[Answer],
    *,
    method: str,
    now: Now,
    profile: MailboxProfile | None = None,
) -> list[Outcome]:
    """Give answers about different meetings; return one outcome for each, in order.

    `profile` keeps what is found out about the mailbox from one call to the next.
    Raises `MailboxError` when nothing was done, or its fate is unknown.
    """
    profile = profile or MailboxProfile()
    outcomes: list[Outcome] = []
    if answers:
        await find_folders(client, profile)
    for batch in batches(answers, MOST):
        mailbox = AnsweringMailbox(
            client.target.mailbox, method == MAIL, now(), profile
        )
        try:
            outcomes += await _answer(client, mailbox, batch)
        except MailboxError as error:
            if not outcomes:
                raise
            rest = Outcome(OutcomeKind.RETRY, error.message)
            return outcomes + [rest] * (len(answers) - len(outcomes))
    return outcomes


async def _answer(
    client: GraphClient, mailbox: AnsweringMailbox, answers: Sequence[Answer]
) -> list[Outcome]:
    """Give at most twenty answers; raises the error unless something was done that
    must be recorded."""
    words = [each.body for each in answers]
    texts = await client.heavy_work(partial(plain_texts, words), sum(map(len, words)))
    steps = [
        answer_steps(
            mailbox,
            TextAnswer(
                each.ref,
                each.action,
                each.body,
                unsure=each.unsure or each.replaces,
                text=text,
            ),
        )
        for each, text in zip(answers, texts, strict=True)
    ]
    results = await in_batches(client, steps)
    found = [_outcome(client, each) for each in results]
    errors = [each for each in found if isinstance(each, MailboxError)]
    if errors and not any(_counts(each) for each in found):
        raise errors[0]
    return [
        Outcome(OutcomeKind.RETRY, each.message)
        if isinstance(each, MailboxError)
        else each
        for each in found
    ]


def plain_texts(words: Sequence[str]) -> list[str]:
    """Return HTML as plain text, each by itself."""
    return [plain_text(each) for each in words]


def _outcome(
    client: GraphClient, result: Outcome | GraphProblem | MailboxError
) -> Outcome | MailboxError:
    """Return the outcome of an answer, or the error of the mailbox that it has met."""
    if not isinstance(result, GraphProblem):
        return result
    if rule_of(result).of_one is Retry.ALARM:
        return client.error_for(result)
    return outcome_of(result)


def _counts(result: Outcome | MailboxError) -> bool:
    """Return whether an outcome is more than that nothing has happened yet."""
    if isinstance(result, MailboxError):
        return False
    return result.kind is not OutcomeKind.RETRY or result.remaining is not None
