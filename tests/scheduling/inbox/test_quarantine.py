"""Who is to blame when a message fails: it is tried as often as that takes, and what
nobody else suffers from holds up nobody."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.model.outbox import TroubledMessage
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.quarantine import (
    LONGEST,
    PAUSES,
    PAUSES_IN_DOUBT,
    TRIES,
    TRIES_IN_DOUBT,
    UNCOUNTED_MOST,
    Quarantine,
)
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    ArrivalPage,
    Blame,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import Process, request, tag, turn

HOUR = 3600.0


class Sick(MemoryMailbox):
    """Something is wrong with what `fails` says."""

    def __init__(self, inbox: MemoryInbox) -> None:
        super().__init__(inbox)
        self.fails: Callable[[Answer], bool] = lambda _: False
        self.unreadable: set[str] = set()
        self.blame = Blame.DOUBT
        self.tries: list[str] = []

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        self.tries += [r.item_id for r in refs if r.item_id in self.unreadable]
        found = await super().fetch(refs)
        return [
            Unreadable(each.ref, "it is torn", self.blame)
            if each.ref.item_id in self.unreadable
            else each
            for each in found
        ]

    def _answer(self, answer: Answer) -> Outcome:
        if self.fails(answer):
            self.tries.append(f"{answer.action} {answer.ref.item_id}")
            return Outcome(OutcomeKind.RETRY, "it is torn", self.blame)
        return super()._answer(answer)


class Day:
    def __init__(self, folder: Path) -> None:
        self.inbox = MemoryInbox()
        self.mailbox = Sick(self.inbox)
        self.process = Process(folder / "state", self.mailbox)
        self._others = 1000

    async def begin(self) -> None:
        await self.process.book(*(tag(n) for n in range(1, 10)))
        self.process.watcher.start()
        await turn(self.process.store)

    async def pass_(self, seconds: float, *, others: bool, steps: int = 8) -> None:
        """Time goes by; with others, somebody else's message is dealt with first."""
        if others:
            self._others += 1
            self.inbox.deliver(request(self._others))
            self.process.watcher.wake()
            await turn(self.process.store)
        for _ in range(steps):
            self.process.clock.advance(seconds / steps)
            await turn(self.process.store)

    def told(self, number: int) -> list[Action]:
        return [a for item, a, _ in self.inbox.told if item == f"item-{number}"]

    def record(self) -> TroubledMessage:
        (record,) = self.process.store.all(tables.TROUBLED)
        return record

    def alarms(self) -> list[str]:
        alarms = self.process.store.all(tables.ALARM)
        return [each.name for each in alarms if each.time_lowered is None]


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


def pauses() -> list[float]:
    last = PAUSES_IN_DOUBT[-1]
    missing = TRIES_IN_DOUBT - 1 - len(PAUSES_IN_DOUBT)
    return [*PAUSES_IN_DOUBT, *[last] * missing]


def test_doubt_lasts_for_hours() -> None:
    """Ten tries, with pauses that grow to an hour."""
    assert sum(pauses()) > 4 * HOUR
    assert pauses() == sorted(pauses())
    assert max(pauses()) == HOUR


@pytest_twisted.ensureDeferred
async def test_an_answer_in_doubt_is_given_up_after_hours(day: Day) -> None:
    """While others are answered: ten tries. Then the general error, which works."""
    day.mailbox.fails = lambda answer: (
        answer.action is Action.ACCEPT and answer.ref.item_id == "item-1"
    )
    day.inbox.deliver(request(1))
    await day.begin()
    for number, pause in enumerate(pauses(), 1):
        assert day.mailbox.tries == ["accept item-1"] * number
        assert day.record().attempts == number
        assert names.SET_ASIDE not in day.alarms()
        await day.pass_(pause + 1, others=True, steps=1)
    assert day.mailbox.tries == ["accept item-1"] * TRIES_IN_DOUBT
    await day.pass_(10, others=False, steps=2)
    assert day.told(1) == [Action.DECLINE]
    assert day.record().set_aside_time is not None
    assert day.record().correlation_id in day.inbox.told[-1][2]
    assert names.SET_ASIDE in day.alarms()
    await day.process.end()


@pytest.mark.parametrize(("blame", "tries"), [(Blame.DOUBT, 3), (Blame.MESSAGE, 1)])
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_said_either_goes_without_a_word(
    day: Day, blame: Blame, tries: int
) -> None:
    """The general error is tried three times when it is in doubt, once when it is not;
    then the message goes, and its record stays."""

    def fails(answer: Answer) -> bool:
        day.mailbox.blame = Blame.MESSAGE if answer.action is Action.ACCEPT else blame
        return answer.action is not Action.DISCARD

    day.mailbox.fails = fails
    day.inbox.deliver(request(1))
    await day.begin()
    await day.pass_(sum(PAUSES) + tries * PAUSES[-1], others=False, steps=60)
    assert day.mailbox.tries == ["accept item-1"] * 3 + ["decline item-1"] * tries
    assert day.told(1) == [Action.DISCARD]
    assert day.record().set_aside_time is not None
    assert day.process.store.count(tables.OUTBOX) == 0
    await day.process.end()


@pytest_twisted.ensureDeferred
async def test_a_server_that_does_nothing_right_blames_nobody(day: Day) -> None:
    """However long no answer works: nothing is set aside, and when one works again the
    others follow at once."""
    broken = True
    day.mailbox.fails = lambda _: broken
    for number in (1, 2, 3):
        day.inbox.deliver(request(number))
    await day.begin()
    await day.pass_(6 * HOUR, others=False, steps=200)
    assert day.inbox.told == []
    tries = len(day.mailbox.tries)
    assert tries <= 3 * (10 + 6 * HOUR / UNCOUNTED_MOST)
    assert {each.attempts for each in day.process.store.all(tables.TROUBLED)} == {1}
    broken = False
    await day.pass_(20, others=True, steps=3)
    assert [day.told(number) for number in (1, 2, 3)] == [[Action.ACCEPT]] * 3
    assert not list(day.process.store.all(tables.TROUBLED))
    await day.process.end()


@pytest_twisted.ensureDeferred
async def test_one_meetings_answers_keep_their_order(day: Day) -> None:
    """The answer to an update waits for the one to its request, which is in doubt."""
    broken = True
    day.mailbox.fails = lambda answer: broken and answer.ref.item_id == "item-1"
    day.inbox.deliver(request(1))
    await day.begin()
    day.inbox.deliver(request(2, uid=request(1).uid, text=request(1).text, sequence=1))
    day.inbox.deliver(request(3))
    await day.pass_(8, others=False, steps=2)
    assert [item for item, _, _ in day.inbox.told] == ["item-3"]
    broken = False
    await day.pass_(30, others=False)
    assert [item for item, _, _ in day.inbox.told] == ["item-3", "item-1", "item-2"]
    await day.process.end()


@pytest_twisted.ensureDeferred
async def test_a_message_that_is_torn_for_a_while_is_read_in_the_end(day: Day) -> None:
    """Half an hour of torn answers is no reason to decline."""
    day.mailbox.unreadable = {"item-1"}
    day.inbox.deliver(request(1))
    await day.begin()
    for _ in range(5):
        await day.pass_(6 * 60, others=True)
    assert len(day.mailbox.tries) > 3
    assert day.told(1) == []
    assert names.QUEUE not in day.alarms()  # the time of day has not moved
    day.mailbox.unreadable = set()
    await day.pass_(HOUR, others=False)
    assert day.told(1) == [Action.ACCEPT]
    assert not list(day.process.store.all(tables.TROUBLED))
    await day.process.end()


@pytest_twisted.ensureDeferred
async def test_doubt_and_certainty_are_told_apart(day: Day) -> None:
    """Three tries that are the message's own fault are enough, whatever was before."""
    day.mailbox.unreadable = {"item-1"}
    day.inbox.deliver(request(1))
    await day.begin()
    for pause in PAUSES_IN_DOUBT[:3]:
        await day.pass_(pause + 1, others=True, steps=1)
    assert (day.record().attempts, day.record().own) == (4, 0)
    day.mailbox.blame = Blame.MESSAGE
    await day.pass_(PAUSES_IN_DOUBT[3] + 2 * sum(PAUSES), others=False, steps=40)
    assert day.record().own == 3
    assert day.record().set_aside_time is not None
    assert day.told(1) == [Action.DECLINE]
    await day.process.end()


@pytest_twisted.ensureDeferred
async def test_the_last_attempt_does_not_wait(day: Day) -> None:
    """A message that comes too early is decided about before its attempts are used up,
    also when they have been of other kinds, or when a week has gone by."""
    store, clock = day.process.store, day.process.clock
    start = request(1).received
    time = [start]
    quarantine = Quarantine(
        1, store, Alarms(store, now=lambda: start), clock=clock, now=lambda: time[0]
    )

    def fails(number: int, blame: Blame) -> None:
        with store.transaction() as transaction:
            ref = MessageRef(f"early-{number}")
            quarantine.count(
                transaction, ref, "torn", "id", blame=blame, successes=fails_so_far()
            )
            transaction.commit()

    counter = itertools.count(1)

    def fails_so_far() -> int:
        return next(counter)

    for _ in range(TRIES_IN_DOUBT - 1):
        assert quarantine.may_wait("early-1")
        fails(1, Blame.DOUBT)
    assert not quarantine.may_wait("early-1")
    fails(2, Blame.MESSAGE)
    assert quarantine.may_wait("early-2")
    fails(2, Blame.MESSAGE)
    assert not quarantine.may_wait("early-2")
    fails(3, Blame.DOUBT)
    time[0] += LONGEST
    assert not quarantine.may_wait("early-3")


@pytest_twisted.ensureDeferred
async def test_a_reply_is_given_once(tmp_path: Path) -> None:
    """When only its message has to be moved away, nothing is told again."""

    class HalfDone(MemoryMailbox):
        def _answer(self, answer: Answer) -> Outcome:
            self.inbox.tried.append((answer.ref.item_id, answer.action, answer.body))
            if answer.action is Action.DISCARD:
                return Outcome(OutcomeKind.DONE)
            return Outcome(OutcomeKind.RETRY, "moved later", remaining=Action.DISCARD)

    inbox = MemoryInbox()
    process = Process(tmp_path / "state", HalfDone(inbox))
    await process.book(tag(1))
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    process.watcher.wake()
    await turn(process.store)
    process.clock.advance(HOUR)
    await turn(process.store)
    assert [action for _, action, _ in inbox.tried] == [Action.ACCEPT, Action.DISCARD]
    assert inbox.tried[-1][2] == ""


@pytest_twisted.ensureDeferred
async def test_a_message_that_cannot_be_moved_away_is_set_aside(tmp_path: Path) -> None:
    """It is answered once, even when the inbox is read from the beginning."""

    class Stuck(MemoryMailbox):
        async def arrivals(self, cursor: str) -> ArrivalPage:
            return await super().arrivals("")

        def _answer(self, answer: Answer) -> Outcome:
            self.inbox.tried.append((answer.ref.item_id, answer.action, answer.body))
            if answer.action is Action.DISCARD:
                return Outcome(OutcomeKind.FAILED, "HTTP 400")
            return Outcome(OutcomeKind.RETRY, "moved later", remaining=Action.DISCARD)

    inbox = MemoryInbox()
    process = Process(tmp_path / "state", Stuck(inbox))
    await process.book(tag(1))
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    for _ in range(60):
        process.watcher.wake()
        process.clock.advance(60)
        await turn(process.store)
    tried = [action for _, action, _ in inbox.tried]
    assert tried == [Action.ACCEPT] + [Action.DISCARD] * TRIES
    (record,) = process.store.all(tables.TROUBLED)
    assert record.set_aside_time is not None
    assert "did not move a message that is done with" in record.reason
    assert process.store.count(tables.OUTBOX) == 0
    await process.end()
