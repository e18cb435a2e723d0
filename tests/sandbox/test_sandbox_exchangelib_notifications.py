"""exchangelib listens: its own reading of streams and of pulled events."""

from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib.errors import ErrorSubscriptionNotFound
from twisted.internet.defer import Deferred

from tests.sandbox.exchangelib_support import Client, in_thread
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT, HOUR, START, CheckedSandbox
from tests.turns import some_turns


@pytest_twisted.ensureDeferred
async def test_a_streaming_subscription(sandbox: CheckedSandbox, served: str) -> None:
    """An invitation that arrives while it listens, with the item's own id."""

    def work(client: Client) -> tuple[Any, Any]:
        inbox = client.service().inbox
        with inbox.streaming_subscription() as name:
            (notification,) = inbox.get_streaming_events(
                name, connection_timeout=1, max_notifications_returned=1
            )
        (item,) = inbox.all().only("subject")
        return notification, item

    working = Deferred.fromCoroutine(in_thread(served, work))
    while not sandbox.streams():
        await some_turns()
    sandbox.exchange.schedule(
        ALICE, subject="Weekly", start=START, end=START + HOUR, required=[EQUIPMENT]
    )
    notification, item = await working
    created = [e for e in notification.events if e.ELEMENT_NAME == "CreatedEvent"]
    assert [event.item_id.id for event in created] == [item.id]
    kinds = {event.ELEMENT_NAME for event in notification.events}
    assert kinds == {"CreatedEvent", "NewMailEvent", "ModifiedEvent"}


@pytest_twisted.ensureDeferred
async def test_a_pull_subscription(served: str) -> None:
    """A status event first, then what happened, and after the last mark nothing."""

    def work(client: Client) -> list[list[str]]:
        seen = []
        inbox = client.account(ALICE).inbox
        with inbox.pull_subscription() as (name, mark):
            for _ in range(3):
                (notification,) = inbox.get_events(name, mark)
                seen.append([event.ELEMENT_NAME for event in notification.events])
                mark = notification.events[-1].watermark
                if len(seen) == 1:
                    ex.Message(
                        account=client.account(ALICE),
                        subject="Hello",
                        to_recipients=[ALICE],
                    ).send()
        with pytest.raises(ErrorSubscriptionNotFound):
            list(inbox.get_events(name, mark))
        return seen

    status, news = ["StatusEvent"], ["CreatedEvent", "NewMailEvent", "ModifiedEvent"]
    assert await in_thread(served, work) == [status, news, status]


@pytest_twisted.ensureDeferred
async def test_a_stream_that_closes(sandbox: CheckedSandbox, served: str) -> None:
    """It takes Closed for the end, and errors for what they are."""

    def work(client: Client) -> list[Any]:
        inbox = client.account(ALICE).inbox
        sandbox.behaviour.configure({"faults": [{"kind": "stream-close"}]})
        with inbox.streaming_subscription() as name:
            return list(inbox.get_streaming_events(name, connection_timeout=1))

    assert await in_thread(served, work) == []
