"""What a mailbox has to do, whoever stands in front of Exchange."""

from datetime import timedelta
from typing import Any

from pexschedd.scheduling.ports.mailbox import Action, Answer, OutcomeKind
from tests.ews.ews_exchange import Exchange, waiting


async def work(exchange: Exchange, **account: Any) -> None:
    """The mailbox's main calls: a look, changes, reading, answering."""
    mailbox = exchange.mailbox(**account)
    await mailbox.check()
    exchange.invite("Plans")
    exchange.moment += timedelta(seconds=1)
    exchange.invite("More plans")
    messages = await waiting(mailbox)
    assert {message.subject for message in messages} == {"Plans", "More plans"}
    answers = [Answer(each.ref, Action.ACCEPT, "<p>yes</p>") for each in messages]
    outcomes = await mailbox.answer(answers)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DONE] * 2
    assert await waiting(mailbox) == []
