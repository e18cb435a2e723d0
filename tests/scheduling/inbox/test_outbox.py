"""Answers go out in batches in which no meeting has two, and nobody gets two mails."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.outbox import PendingAnswer
from pexschedd.scheduling.inbox.outbox import of_different_meetings
from tests.ews.ews_exchange import ALICE, EQUIPMENT, Exchange
from tests.scheduling.process_support import Process, tag
from tests.turns import some_turns

TOKEN = ".".join(
    ["eyJhbGciOiJSUzI1NiJ9" * 4, "c2lnbmVkX2J5X2V4Y2hhbmdl" * 8, "AbCd" * 60]
)


def answers(meetings: list[str]) -> list[PendingAnswer]:
    return [
        PendingAnswer(
            id=number,
            exchange_connector=1,
            item_id=str(number),
            uid=uid,
            action="accept",
            created=datetime(2026, 11, 23, tzinfo=UTC),
        )
        for number, uid in enumerate(meetings, 1)
    ]


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=30), st.integers(1, 9))
def test_batches(meetings: list[str], most: int) -> None:
    """Nothing is lost, no batch has two of a meeting, each meeting keeps its order."""
    batches = list(of_different_meetings(answers(meetings), most))
    assert all(0 < len(batch) <= most for batch in batches)
    for batch in batches:
        named = [each.uid for each in batch if each.uid]
        assert len(named) == len(set(named))
    told = [each for batch in batches for each in batch]
    assert sorted(each.id for each in told) == list(range(1, len(meetings) + 1))
    for uid in {"a", "b", "c"}:
        own = [each.id for each in told if each.uid == uid]
        assert own == sorted(own)


# Over a real socket: nobody gets two mails


@pytest_twisted.async_yield_fixture
async def exchange() -> AsyncIterator[Exchange]:
    exchange = Exchange()
    yield exchange
    await exchange.close()


def process_at(folder: Path, exchange: Exchange) -> Process:
    mailbox: Any = exchange.mailbox(answer_batch=2)
    return Process(folder, mailbox, cast(Any, exchange.organizers()))


async def until(process: Process, done: Callable[[], bool]) -> None:
    """Runs the watcher until that is so."""
    process.watcher.start()
    for _ in range(100):
        if done():
            break
        await some_turns()
        process.clock.advance(30)
    await process.watcher.stop()
    assert done()


def responses(exchange: Exchange) -> list[str]:
    """What the organizer has got, by subject."""
    inbox = exchange.sandbox.exchange.mailbox(ALICE).items("inbox")
    return sorted(item.subject for item in inbox)


LOST = [
    *("reset", "truncate", "garbage", "close", "http-503", "http-302"),
    *("item-missing", "item-extra"),
]


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "lives on"])
@pytest.mark.parametrize("kind", LOST)
@pytest_twisted.ensureDeferred
async def test_an_answer_that_was_lost_is_given_once(
    tmp_path: Path, exchange: Exchange, kind: str, killed: bool
) -> None:
    """Exchange did as asked, and nobody heard: no organizer is told twice, not even by
    the next life of a daemon that was killed at that moment."""
    for number in range(1, 6):
        exchange.invite(f"m{number}", f"PXPS:-{tag(number)}#")
    exchange.misbehave(kind=kind, operation="CreateItem", after=True, times=2)
    first = process_at(tmp_path / "first", exchange)
    await first.book(*(tag(n) for n in range(1, 6)))

    def all_told() -> bool:
        return exchange.folder(EQUIPMENT, "inbox") == []

    if killed:
        first.watcher.start()
        while not responses(exchange):
            await some_turns()
        # What is on the disk at this moment is all that the next life gets.
        shutil.copytree(tmp_path / "first", tmp_path / "second")
        await first.end()
        assert len(responses(exchange)) >= 2
        first = process_at(tmp_path / "second", exchange)
    await until(first, all_told)
    await first.store.close()
    assert responses(exchange) == [f"Accepted: m{number}" for number in range(1, 6)]


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "lives on"])
@pytest.mark.parametrize("kind", LOST)
@pytest_twisted.ensureDeferred
async def test_a_rewrite_that_was_lost_is_sent_once(
    tmp_path: Path, exchange: Exchange, kind: str, killed: bool
) -> None:
    """The meeting is read before it is rewritten again: attendees get one update."""
    exchange.invite("offline", f"<p>TOK:-{TOKEN}#</p>")
    exchange.misbehave(kind=kind, operation="UpdateItem", after=True)
    first = process_at(tmp_path / "first", exchange)
    await first.book()

    def sent() -> int:
        return len(exchange.folder(ALICE, "sentitems"))

    if killed:
        first.watcher.start()
        while sent() < 2:
            await some_turns()
        shutil.copytree(tmp_path / "first", tmp_path / "second")
        await first.end()
        first = process_at(tmp_path / "second", exchange)
    await until(first, lambda: bool(responses(exchange)))
    await first.store.close()
    assert sent() == 2  # the invitation, and one update
    assert responses(exchange) == ["Accepted: offline"]
