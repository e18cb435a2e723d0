"""Organizers do whatever they like, in any order; the rooms are open when they meet.

The organizers' own calendars in the sandbox say what is right.
"""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pexschedd.model import tables
from pexschedd.sandbox import Item, ItemKind, SeriesRecurrence
from pexschedd.sandbox.errors import EwsError
from pexschedd.scheduling.records import occurrence_window
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT
from tests.stories.local_exchange import (
    local_graph_mailbox,
    local_mailbox,
    new_sandbox,
)
from tests.stories.one_process import AFTER, BEFORE, Life
from tests.thorough import examples

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
HORIZON = 40 * DAY
PAUSE, SOON = 6 * MINUTE, 3
"""The longest pause before something is tried again, and the most of them."""
MOST = 6
"""Meetings; more of them would meet each other no more often."""
ZONES = ("W. Europe Standard Time", "AUS Eastern Standard Time", "UTC")

starts = st.integers(-40, 24 * 10).map(lambda hours: hours * HOUR)
lengths = st.sampled_from([30 * MINUTE, HOUR, 3 * HOUR, 30 * HOUR])
shifts = st.sampled_from([-25, -3, -1, 1, 2, 24, 26, 24 * 7]).map(lambda h: h * HOUR)
counts = st.sampled_from([None, 1, 2, 4, 30])
patterns = st.sampled_from(
    [
        SeriesRecurrence.daily(),
        SeriesRecurrence.daily(interval=3),
        SeriesRecurrence.weekly("Monday", "Wednesday", "Friday"),
        SeriesRecurrence.weekly("Tuesday", interval=2),
        SeriesRecurrence.monthly(24),
        SeriesRecurrence.monthly_on("Last", "Weekday"),
    ]
)
which = st.integers(0, MOST - 1)
nths = st.integers(0, 5)


class Booked:
    """A booking, and the meeting that was made with it."""

    def __init__(self, alias: str, item: Item) -> None:
        self.alias = alias
        self.item = item
        self.cancelled = False
        self.probes: set[datetime] = set()
        """Whenever its room has ever been about to open or close."""
        self.had_room = False
        """A request that comes when the meeting is over gets none."""


class Organizers(RuleBasedStateMachine):
    graph = False
    """The daemon comes by Microsoft Graph."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = START
        self.sandbox = new_sandbox(lambda: self.moment, graph=self.graph)
        self.exchange = self.sandbox.exchange
        self.folder = Path(mkdtemp(prefix="pexschedd-machine-"))
        self.life = self.open()
        self.booked: list[Booked] = []
        self.holding = False
        self.confused: set[bytes] = set()
        """The meetings of which Exchange itself got messages in the wrong order: what
        its calendar makes of that is its own affair."""

    def open(self) -> Life:
        mailbox = local_graph_mailbox if self.graph else local_mailbox
        return Life(self.folder / "state", self.sandbox, lambda: self.moment, mailbox)

    def teardown(self) -> None:
        self.life.end()
        shutil.rmtree(self.folder)

    # What organizers do

    @initialize()
    def first(self) -> None:
        self.invite(2 * HOUR, HOUR, ZONES[0], None, None)

    @precondition(lambda self: sum(not b.cancelled for b in self.booked) < MOST)
    @rule(
        start=starts,
        length=lengths,
        zone=st.sampled_from(ZONES),
        pattern=st.one_of(st.none(), patterns),
        count=counts,
    )
    def invite(
        self,
        start: timedelta,
        length: timedelta,
        zone: str,
        pattern: SeriesRecurrence | None,
        count: int | None,
    ) -> None:
        room = self.life.book()
        (alias,) = (
            each.alias
            for each in self.life.store.all(tables.SCHEDULED_ALIAS)
            if each.uuid in room.tag
        )
        try:
            item = self.exchange.schedule(
                ALICE,
                subject="Meeting",
                start=self.moment + start,
                end=self.moment + start + length,
                resources=[EQUIPMENT],
                body=room.instructions,
                zone=zone,
                recurrence=pattern and msgspec.structs.replace(pattern, count=count),
            )
        except EwsError:
            return
        self.booked.append(Booked(alias, item))
        self.happened()

    @rule(number=which, shift=shifts)
    def move(self, number: int, shift: timedelta) -> None:
        item = self.chosen(number)
        if item is not None and item.meeting is not None:
            start, end = item.meeting.start + shift, item.meeting.end + shift
            self.change(item, start=start, end=end)

    @rule(number=which, subject=st.sampled_from(["Meeting", "Other", "Third"]))
    def rename(self, number: int, subject: str) -> None:
        item = self.chosen(number)
        if item is not None:
            self.change(item, subject=subject)

    @rule(number=which, pattern=st.one_of(st.none(), patterns), count=counts)
    def repeat(
        self, number: int, pattern: SeriesRecurrence | None, count: int | None
    ) -> None:
        item = self.chosen(number)
        if item is None:
            return
        if pattern is not None:
            pattern = msgspec.structs.replace(pattern, count=count)
        self.change(item, recurrence=pattern)

    @rule(number=which, count=counts)
    def end_elsewhere(self, number: int, count: int | None) -> None:
        item = self.chosen(number)
        if item is not None and item.meeting and item.meeting.recurrence:
            ended = msgspec.structs.replace(item.meeting.recurrence, count=count)
            self.change(item, recurrence=ended)

    @rule(number=which)
    def cancel(self, number: int) -> None:
        item = self.chosen(number)
        if item is not None:
            self.exchange.cancel(item)
            self.booked[number % len(self.booked)].cancelled = True
            self.happened()

    @rule(number=which, nth=nths, shift=shifts)
    def move_one(self, number: int, nth: int, shift: timedelta) -> None:
        item, original, one = self.chosen_one(number, nth)
        if item is None or one is None or one.meeting is None:
            return
        start, end = one.meeting.start + shift, one.meeting.end + shift
        self.change(item, occurrence=original, start=start, end=end)

    @rule(number=which, nth=nths)
    def cancel_one(self, number: int, nth: int) -> None:
        item, original, _ = self.chosen_one(number, nth)
        if item is not None:
            self.exchange.cancel(item, occurrence=original)
            # With its last occurrence a series goes, too.
            gone = self.exchange.mailbox(ALICE).get(item.id) is None
            self.booked[number % len(self.booked)].cancelled = gone
            self.happened()

    def change(self, item: Item, **changes: Any) -> None:
        try:
            self.exchange.update(item, **changes)
        except EwsError:
            return  # Exchange does not let them
        self.happened()

    def chosen(self, number: int) -> Item | None:
        booked = self.booked[number % len(self.booked)]
        return None if booked.cancelled else booked.item

    def chosen_one(
        self, number: int, nth: int
    ) -> tuple[Item | None, datetime | None, Item | None]:
        item = self.chosen(number)
        if item is None or item.meeting is None or item.meeting.recurrence is None:
            return None, None, None
        near = self.exchange.occurrences(
            item, item.meeting.start, self.moment + HORIZON
        )
        if not near:
            return None, None, None
        one = near[nth % len(near)]
        assert one.meeting is not None
        return item, one.meeting.recurrence_id, one

    # What else happens

    @precondition(lambda self: not self.holding)
    @rule()
    def keep_back(self) -> None:
        """The post is slow from now on."""
        self.exchange.hold(EQUIPMENT)
        self.holding = True

    @precondition(lambda self: self.holding)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """In any order, and some of it twice."""
        held = self.exchange.held(EQUIPMENT)
        order = data.draw(st.permutations(range(len(held))))
        again = data.draw(st.lists(st.integers(0, len(held) - 1))) if held else []
        order = [*order, *again]
        if order != sorted(order):
            self.confused |= {each.meeting.goid for each in held if each.meeting}
        self.exchange.release(EQUIPMENT, order)
        self.holding = False
        self.happened()

    @precondition(lambda self: not self.holding)
    @rule(
        number=which,
        pattern=st.one_of(st.none(), patterns),
        actions=st.lists(
            st.tuples(
                st.sampled_from(
                    ["move_one", "move_one", "cancel_one", "rename", "move", "end"]
                ),
                nths,
                shifts,
            ),
            min_size=2,
            max_size=4,
        ),
        data=st.data(),
    )
    def all_at_once(
        self,
        number: int,
        pattern: SeriesRecurrence | None,
        actions: list[tuple[str, int, timedelta]],
        data: st.DataObject,
    ) -> None:
        """Several changes of one meeting, perhaps a new series, in any order."""
        self.keep_back()
        if pattern is not None:
            self.invite(actions[0][1] * 5 * HOUR, HOUR, ZONES[0], pattern, None)
            number = len(self.booked) - 1
        for action, nth, shift in actions:
            match action:
                case "move_one":
                    self.move_one(number, nth, shift)
                case "cancel_one":
                    self.cancel_one(number, nth)
                case "rename":
                    self.rename(number, f"Subject {nth}")
                case "move":
                    self.move(number, shift)
                case "end":
                    self.end_elsewhere(number, nth + 1)
        self.deliver(data)

    @rule(hours=st.sampled_from([1, 3, 20, 50, 24 * 9]))
    def wait(self, hours: int) -> None:
        self.moment += hours * HOUR
        self.life.follow_the_time()
        self.agrees()

    @rule()
    def restart(self) -> None:
        self.life.end()
        self.life = self.open()
        self.agrees()

    # What must be

    def happened(self) -> None:
        self.moment += MINUTE
        if not self.holding:
            self.life.look()
            self.settle()
        self.agrees()

    def settle(self) -> None:
        """Let what came too early wait for what it needs: an occurrence for its series,
        and over Graph an answer for its event."""
        for _ in range(SOON):
            if not self.exchange.mailbox(EQUIPMENT).inbox():
                return
            self.moment += PAUSE
            self.life.look_after(PAUSE)

    def agrees(self) -> None:
        if self.holding:
            return
        store = self.life.store
        assert store.count(tables.OUTBOX) == 0
        assert store.count(tables.ALARM) == 0
        assert self.exchange.mailbox(EQUIPMENT).inbox() == []
        self.check_answers()
        for booked in self.booked:
            self.check_room(booked)
        for series in store.all(tables.RECURRING_CONFERENCE):
            rows = store.find_all(tables.SCHEDULED_BY_SERIES, series.id)
            assert [
                (row.meeting_start, row.meeting_end) for row in _by_start(rows)
            ] == [
                (each.start, each.end)
                for each in occurrence_window.visible(series, self.moment)
            ] or self.lagging(series, rows)
        rooms = {room.id for room in store.all(tables.CONFERENCE)}
        for alias in store.all(tables.CONFERENCE_ALIAS):
            assert alias.conference in rooms
        for meeting in store.all(tables.SCHEDULED_CONFERENCE):
            assert meeting.conference in rooms

    def lagging(self, series: Any, rows: Any) -> bool:
        """The rows follow the time by a sweep: they may be as of a minute ago."""
        before = {
            (each.start, each.end)
            for each in occurrence_window.visible(series, self.moment - 60 * MINUTE)
        }
        return {(row.meeting_start, row.meeting_end) for row in rows} <= before | {
            (each.start, each.end)
            for each in occurrence_window.visible(series, self.moment)
        }

    def check_answers(self) -> None:
        """Nothing is declined but what is over, or was cancelled by a message that
        was faster."""
        for item in self.exchange.mailbox(ALICE).inbox():
            if item.kind is ItemKind.RESPONSE and item.item_class.endswith("Neg"):
                text = item.body.text
                gone = self.confused and "its alias has been deleted" in text
                assert "past" in text or gone, text
            self.exchange.take_away(item)

    def check_room(self, booked: Booked) -> None:
        taking_place = self.taking_place(booked)
        aliases = self.life.store.all(tables.CONFERENCE_ALIAS)
        booked.had_room |= any(each.alias == booked.alias for each in aliases)
        if not booked.had_room:
            taking_place = [each for each in taking_place if each[1] > self.moment]
        for start, end in taking_place:
            opens, closes = start - BEFORE, end + AFTER
            booked.probes |= {opens - SECOND, opens, closes - SECOND, closes}
        end = self.moment + HORIZON - 3 * DAY
        probes = sorted(each for each in booked.probes if self.moment <= each < end)
        expected = [
            any(start - BEFORE <= at < end + AFTER for start, end in taking_place)
            for at in probes
        ]
        found = self.life.is_open(booked.alias, probes)
        wrong = [
            f"{at}: open {is_open}"
            for at, is_open, right in zip(probes, found, expected, strict=True)
            if is_open is not right
        ]
        assert not wrong, (booked.alias, wrong)
        meeting = booked.item.meeting
        if meeting is None or meeting.goid in self.confused:
            return
        theirs = {each for each in taking_place if each[1] > self.moment}
        assert self.equipment(booked) == theirs

    def taking_place(self, booked: Booked) -> list[tuple[datetime, datetime]]:
        if booked.cancelled:
            return []
        return list(self.times(booked.item))

    def times(self, item: Item) -> Iterable[tuple[datetime, datetime]]:
        """From the past as well: a room may be open behind the meeting's end."""
        low, high = self.moment - 3 * DAY, self.moment + HORIZON
        assert item.meeting is not None
        if item.meeting.recurrence is None:
            items = [item]
        else:
            items = self.exchange.occurrences(item, low, high)
        for each in items:
            meeting = each.meeting
            if meeting is not None and meeting.end > low and meeting.start < high:
                yield meeting.start, meeting.end

    def equipment(self, booked: Booked) -> set[tuple[datetime, datetime]]:
        """What is still to come in the equipment mailbox's own calendar."""
        assert booked.item.meeting is not None
        found = set()
        for item in self.exchange.mailbox(EQUIPMENT).calendar():
            assert item.meeting is not None
            if item.meeting.goid == booked.item.meeting.goid:
                found |= {each for each in self.times(item) if each[1] > self.moment}
        return found


def _by_start(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.meeting_start, row.recurrence_id))


class OrganizersOverGraph(Organizers):
    graph = True


@pytest.mark.timeout(600)  # much work: a busy machine takes its time for it
@pytest.mark.parametrize("machine", [Organizers, OrganizersOverGraph])
def test_rooms_are_open_when_the_organizers_meet(machine: type[Organizers]) -> None:
    """Whatever the organizers do, over EWS and over Graph."""
    limits = settings(
        max_examples=examples(40),
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(machine, settings=limits)
