"""The watcher over a sandbox Exchange, on a bad day."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.exchange.throttle import Throttles
from pexschedd.model import tables
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.inbox.quarantine import PAUSES
from tests.ews.ews_exchange import ALICE, EQUIPMENT, Exchange
from tests.scheduling.process_support import Process, tag
from tests.turns import some_turns

KINDS = [
    "ErrorServerBusy",
    "ErrorExceededConnectionCount",
    "ErrorExceededFindCountLimit",
    "ErrorTimeoutExpired",
    "ErrorInternalServerError",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxFailover",
    "ErrorInvalidSyncStateData",
    "ErrorImpersonateUserDenied",
    "ErrorInvalidServerVersion",
    "ErrorSchemaValidation",
    "http-302",
    "http-401",
    "http-429",
    "http-440",
    "http-503",
    "login-page",
    "garbage",
    "truncate",
    "reset",
    "close",
    "wrong-content",
]
OPERATIONS = ["*", "SyncFolderItems", "GetItem", "CreateItem", "GetFolder"]


class Day:
    """A daemon's scheduling half, and the Exchange that it works with."""

    def __init__(self, folder: Path, exchange: Exchange) -> None:
        self.exchange = exchange
        self.calm = Clock()
        throttle = Throttles(self.calm, lambda: 0.0).of("http://127.0.0.1", EQUIPMENT)
        self.mailbox = exchange.mailbox(
            fetch_batch=4, answer_batch=4, throttle=throttle
        )
        organizers: Any = exchange.organizers()
        self.process = Process(folder, cast(Any, self.mailbox), organizers)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.exchange.sandbox.behaviour.configure({"faults": list(faults)})

    async def until(self, done: Callable[[], bool]) -> None:
        for _ in range(400):
            if done():
                return
            await some_turns()
            self.calm.advance(60)
            self.process.clock.advance(60)
        raise AssertionError("it never came so far")

    def is_drained(self) -> bool:
        return self.exchange.folder(EQUIPMENT, "inbox") == []

    def told(self) -> list[str]:
        inbox = self.exchange.sandbox.exchange.mailbox(ALICE).items("inbox")
        return sorted(item.subject for item in inbox)

    def alarms(self) -> list[str]:
        return [
            alarm.name
            for alarm in self.process.store.all(tables.ALARM)
            if alarm.time_lowered is None
        ]


@pytest_twisted.async_yield_fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    exchange = Exchange()
    day = Day(tmp_path / "state", exchange)
    await day.process.book(*(tag(n) for n in range(1, 10)))
    yield day
    day.faults()
    await day.process.end()
    await exchange.close()


@pytest.mark.parametrize("seed", range(12))
@pytest_twisted.ensureDeferred
async def test_after_a_bad_day_everybody_was_told_once(day: Day, seed: int) -> None:
    """Whatever goes wrong in whatever order: when it is over, all is as if nothing had
    been. (No fault here is one message's own.)"""
    chances = random.Random(seed)  # noqa: S311 - a bad day, not a secret
    for number in range(1, 10):
        day.exchange.invite(f"m{number}", f"PXPS:-{tag(number)}#")
    day.faults(
        *(
            {
                "kind": chances.choice(KINDS),
                "operation": chances.choice(OPERATIONS),
                "times": chances.randint(1, 2),
                "after": chances.random() < 0.5,
            }
            for _ in range(6)
        )
    )
    day.process.watcher.start()
    await day.until(day.is_drained)
    day.faults()
    await day.until(
        lambda: not day.alarms() and not day.process.store.count(tables.OUTBOX)
    )
    assert day.told() == [f"Accepted: m{number}" for number in range(1, 10)]
    assert day.process.store.count(tables.CONFERENCE) == 9
    assert not [t for t in day.process.store.all(tables.TROUBLED) if t.set_aside_time]


@pytest_twisted.ensureDeferred
async def test_a_mailbox_that_moves(day: Day) -> None:
    """Waited for without an alarm; afterwards it is read from the beginning."""
    day.exchange.invite("m1", f"PXPS:-{tag(1)}#")
    day.process.watcher.start()
    await day.until(day.is_drained)
    day.exchange.invite("m2", f"PXPS:-{tag(2)}#")
    day.faults(
        {"kind": "ErrorMailboxMoveInProgress", "times": 4},
        {"kind": "ErrorInvalidSyncStateData", "operation": "SyncFolderItems"},
    )
    await day.until(day.is_drained)
    assert day.told() == ["Accepted: m1", "Accepted: m2"]
    assert not list(day.process.store.all(tables.ALARM))


@pytest_twisted.ensureDeferred
async def test_a_message_that_breaks_every_request(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are accepted as soon as ever; that one is declined after three tries
    and set aside."""
    for number in range(1, 10):
        day.exchange.invite(f"m{number}", f"PXPS:-{tag(number)}#")
    newest_first = (await day.mailbox.arrivals("")).arrived
    poison_id = newest_first[-5].item_id
    serve = day.exchange.sandbox.serve
    asked: list[bytes] = []

    def sick(caller: Any, body: bytes, *rest: Any) -> Any:
        if b":GetItem" in body and poison_id.encode() in body:
            asked.append(body)
            body = body.replace(b"GetItem", b"GetFolder")  # not valid: a fault
        return serve(caller, body, *rest)

    monkeypatch.setattr(day.exchange.sandbox, "serve", sick)
    day.process.watcher.start()
    others = [f"Accepted: m{number}" for number in range(1, 10) if number != 5]
    await day.until(lambda: day.told() == others)
    assert asked
    await day.until(day.is_drained)
    assert day.told() == [*others, "Declined: m5"]
    await day.until(lambda: names.SET_ASIDE in day.alarms())
    assert sum(PAUSES) <= day.process.clock.seconds() < 3600


@pytest_twisted.ensureDeferred
async def test_a_good_day_costs_few_calls(day: Day) -> None:
    """Nothing is asked twice, and nothing that has to do with bad days."""
    for number in range(1, 10):
        day.exchange.invite(f"m{number}", f"PXPS:-{tag(number)}#")
    calls = day.exchange.sandbox.calls
    calls.clear()
    day.process.watcher.start()
    await day.until(day.is_drained)
    assert dict(calls) == {"SyncFolderItems": 1, "GetItem": 3, "CreateItem": 3}
