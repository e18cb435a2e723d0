"""Answers that are wrong in what they hold, from a sandbox over real sockets."""

from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.exchange.throttle import Throttles
from pexschedd.scheduling.ports.mailbox import Action, Answer, OutcomeKind
from tests.ews.ews_exchange import ALICE, EQUIPMENT, Exchange, waiting
from tests.ews.test_ews_stream_sandbox import Told


@pytest_twisted.ensureDeferred
async def test_forbidden_characters(exchange: Exchange) -> None:
    """Texts of senders that XML does not allow keep nothing else from being read."""
    exchange.invite("Plans", "<p>PXPS:-1#</p>")
    mailbox = exchange.mailbox()
    exchange.misbehave(kind="forbidden-characters", times=None)
    (message,) = await waiting(mailbox)
    assert message.subject == "Plans"
    assert "PXPS:-1#" in message.html
    (outcome,) = await mailbox.answer(
        [Answer(message.ref, Action.ACCEPT, "<p>Yes</p>")]
    )
    assert outcome.kind is OutcomeKind.DONE
    meeting = await exchange.organizers().find(ALICE, message.uid)
    assert meeting is not None
    assert meeting.subject == "Plans"


@pytest.mark.parametrize("kind", ["item-missing", "item-extra"])
@pytest_twisted.ensureDeferred
async def test_a_wrong_number_of_items(exchange: Exchange, kind: str) -> None:
    """Nothing is taken for another thing's: it is as if no answer had come, and it is
    read again."""
    exchange.invite("one")
    exchange.invite("two")
    mailbox = exchange.mailbox()
    exchange.misbehave(kind=kind, operation="GetItem")
    found = await waiting(mailbox)
    assert [each.subject for each in found] == ["one", "two"]
    exchange.misbehave(kind=kind, operation="SyncFolderItems", times=None)
    with pytest.raises(MailboxUnreachable, match="did not answer as an Exchange"):
        await mailbox.arrivals("")


@pytest_twisted.ensureDeferred
async def test_codes_that_are_made_up(exchange: Exchange) -> None:
    """Metrics and traces have none of them: each would be a series of its own."""
    told: list[str] = []
    mailbox = exchange.mailbox(observer=Seeing(told))
    for kind in ("ErrorServerBusy", "ErrorOfAlice4711"):
        exchange.misbehave(kind=kind, operation="GetFolder")
        with pytest.raises(MailboxError):
            await mailbox.check()
    await mailbox.check()
    assert told == ["ErrorServerBusy", "other", "ok"]


class Seeing:
    """An observer that keeps the results."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def begins(self, _operation: str) -> Callable[[str, str], None]:
        return lambda result, _date: self._told.append(result)


@pytest.mark.parametrize("dated", [True, False], ids=["with Date", "without"])
@pytest_twisted.ensureDeferred
async def test_a_pause_until_a_date(exchange: Exchange, dated: bool) -> None:
    """The date is the server's: the pause is as long as it means, whatever its clock
    says, where it says so."""
    throttles = Throttles(Clock(), lambda: 0.0)
    account = exchange.account()
    shared = throttles.of(account.url, EQUIPMENT)
    fault = {"kind": "http-503", "retry_after_date_s": 90, "no_date": not dated}
    exchange.sandbox.behaviour.configure({"clock_skew_s": 3000, "faults": [fault]})
    with pytest.raises(MailboxBusy):
        await exchange.mailbox(throttle=shared).check()
    if dated:
        assert 85 <= shared.back_off_seconds <= 90
    else:
        # Only our own clock can be asked: a pause, but never of more than an hour.
        assert 0 < shared.back_off_seconds <= 3600
    exchange.sandbox.behaviour.configure({})


@pytest_twisted.ensureDeferred
async def test_foreign_cookies(exchange: Exchange) -> None:
    """Cookies of what stands in between neither keep requests from being answered nor
    a stream from being told of what arrives."""
    exchange.sandbox.behaviour.configure(
        {
            "cookies": [
                "BIGipServer=1; Path=/",
                "theirs=2; Domain=elsewhere.example",
                "X-BackEndOverrideCookie=nonsense; Path=/; Domain=.example.test",
                "nonsense",
                "=; ;",
                "long=" + "x" * 4000,
            ]
        }
    )
    told = Told(exchange, pull=False)
    told.listen()
    await told.until(alive=1)
    exchange.invite()
    await told.until(arrived=1)
    mailbox = exchange.mailbox()
    (message,) = await waiting(mailbox)
    (outcome,) = await mailbox.answer([Answer(message.ref, Action.ACCEPT)])
    assert outcome.kind is OutcomeKind.DONE
    await told.notifications.close()
    await told.over


@pytest_twisted.ensureDeferred
async def test_an_error_beside_a_good_status(exchange: Exchange) -> None:
    """The error counts: the stream is over, the next one has a subscription of its own,
    and what arrives is told again."""
    told = Told(exchange, pull=False)
    told.listen()
    await told.until(alive=1)
    (stream,) = exchange.sandbox.streams()
    stream.misbehave("error-beside", "ErrorSubscriptionNotFound")
    error = await told.over
    assert isinstance(error, MailboxBusy)
    assert "ErrorSubscriptionNotFound" in error.message
    told.listen()
    await told.until(alive=2)
    assert exchange.sandbox.calls["Subscribe"] == 2
    before = told.arrived
    exchange.invite()
    await told.until(arrived=before + 1)
    await told.notifications.close()
    await told.over
