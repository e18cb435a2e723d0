"""Edits of single occurrences, several in one series at once, against a dictionary.

The dictionary holds for each date of the pattern where the occurrence takes place, or
None; an edit is an assignment. That is all that a series with edits has to be.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.model.recurrence import Moved
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.decisions.series_edit import (
    with_newer,
    with_occurrence,
    without_occurrence,
)
from pexschedd.scheduling.decisions.versions import Version
from pexschedd.scheduling.recurrence.series_dates import occurrences
from tests.scheduling.decisions.decide_support import HOUR, NOW, UID, run
from tests.scheduling.decisions.series_support import (
    DAY,
    FIRST,
    daily,
    occurrence,
    scheduled,
    starts,
    the_series,
)

COUNT = 5
Plan = dict[datetime, datetime | None]
"""By the original start of an occurrence its start, or None if it is cancelled."""


class Edit(NamedTuple):
    """One occurrence is moved, put back to its own time (0), or cancelled (None)."""

    original: datetime
    shift: timedelta | None

    @property
    def start(self) -> datetime | None:
        return None if self.shift is None else self.original + self.shift


originals = st.integers(0, COUNT - 1).map(lambda number: FIRST + number * DAY)
shifts = st.none() | st.integers(-30, 30).map(lambda hours: hours * HOUR)
edits = st.builds(Edit, originals, shifts)
lists_of_edits = st.lists(edits, max_size=12)


def as_planned() -> Plan:
    return {FIRST + number * DAY: FIRST + number * DAY for number in range(COUNT)}


def a_series(sequence: int = 0, changed: datetime = NOW) -> RecurringConference:
    return RecurringConference(
        id=1,
        conference=1,
        exchange_connector=1,
        ews_item_uid=UID,
        recurrence=daily(COUNT),
        sequence=sequence,
        changed=changed,
    )


def edited(
    series: RecurringConference, edit: Edit, version: Version
) -> RecurringConference:
    if edit.start is None:
        return without_occurrence(series, edit.original, version)
    moved = Moved(edit.original, edit.start, edit.start + HOUR)
    return with_occurrence(series, moved, version)


def plan_of(series: RecurringConference) -> Plan:
    """The dictionary that a series amounts to."""
    found = occurrences(series.recurrence, NOW - 99 * DAY, NOW + 99 * DAY)
    return dict.fromkeys(as_planned()) | {each.original: each.start for each in found}


@given(lists_of_edits)
def test_edits_are_assignments(done: list[Edit]) -> None:
    """Each date is as its own last edit left it, and no edit touches another date."""
    series, plan = a_series(), as_planned()
    versions: dict[datetime, Version] = {}
    for number, edit in enumerate(done):
        version = Version(0, NOW + number * HOUR, f"answer {number}")
        series = edited(series, edit, version)
        plan[edit.original] = edit.start
        versions[edit.original] = version
    assert plan_of(series) == plan
    kept = [
        (v.original, Version(v.sequence, v.changed, v.answer)) for v in series.versions
    ]
    assert dict(kept) == versions
    assert len(kept) == len(versions)


@given(lists_of_edits)
def test_an_edited_occurrence_is_named_once(done: list[Edit]) -> None:
    """However often it is moved and cancelled, the record does not grow with it."""
    series = a_series()
    for number, edit in enumerate(done):
        series = edited(series, edit, Version(0, NOW + number * HOUR))
    moved = [each.original for each in series.recurrence.exceptions]
    named = [*moved, *series.recurrence.deleted]
    assert sorted(named) == sorted({edit.original for edit in done})
    assert series.recurrence.pattern == a_series().recurrence.pattern


@given(known=lists_of_edits, sent=lists_of_edits, newer=st.integers(0, 12))
def test_a_series_sent_again_keeps_what_is_newer(
    known: list[Edit], sent: list[Edit], newer: int
) -> None:
    """Edits that are newer than the message stay; all others are as the message says,
    whether it moves, cancels, or does not mention them."""
    old = a_series()
    for number, edit in enumerate(known):
        old = edited(old, edit, Version(0, NOW + number * HOUR))
    message = a_series(changed=NOW + (newer - 1) * HOUR)
    plan = as_planned()
    for edit in sent:
        message = edited(message, edit, Version(0, None))
        plan[edit.original] = edit.start
    last = {edit.original: number for number, edit in enumerate(known)}
    for original, number in last.items():
        if number >= newer:
            plan[original] = known[number].start
    assert plan_of(with_newer(message, [old])) == plan


@given(st.dictionaries(originals, st.tuples(st.integers(-30, 30), st.integers(0, 3))))
def test_a_series_takes_in_newer_occurrences(
    lone: dict[datetime, tuple[int, int]],
) -> None:
    """Occurrences that came without their series count if they are newer than it."""
    series, plan = a_series(sequence=1), as_planned()
    meetings = []
    for id, (original, (shift, sequence)) in enumerate(lone.items(), 1):
        start = original + shift * HOUR
        meetings.append(lone_occurrence(id, original, start, sequence))
        if sequence > series.sequence:
            plan[original] = start
    assert plan_of(with_newer(series, meetings)) == plan


def lone_occurrence(
    id: int, original: datetime, start: datetime, sequence: int
) -> ScheduledConference:
    return ScheduledConference(
        id=id,
        conference=1,
        start_time=start,
        end_time=start + HOUR,
        meeting_start=start,
        meeting_end=start + HOUR,
        recurrence_id=original,
        sequence=sequence,
        changed=NOW,
    )


def test_a_single_meeting_is_no_occurrence() -> None:
    """What was a single meeting before names no date of the series."""
    single = lone_occurrence(1, FIRST, FIRST + HOUR, 7)
    single = msgspec.structs.replace(single, recurrence_id=None)
    assert plan_of(with_newer(a_series(), [single])) == as_planned()


def letter(number: int, edit: Edit) -> MeetingMessage:
    """The message by which Exchange tells us of an edit, the later the newer."""
    kind = MessageKind.CANCELLATION if edit.shift is None else MessageKind.REQUEST
    return occurrence(
        (edit.original - FIRST).days,
        kind=kind,
        start=edit.start or edit.original,
        changed=NOW + number * HOUR,
        ref=MessageRef(f"letter-{number}"),
    )


@given(lists_of_edits.flatmap(lambda done: st.permutations([*enumerate(done)])))
def test_letters_may_arrive_in_any_order(arriving: list[tuple[int, Edit]]) -> None:
    """Of each date the newest edit counts, however they overtake one another, and
    whatever happens to other dates in between."""
    rooms = scheduled(recurrence=daily(COUNT))
    for number, edit in arriving:
        rooms.apply(run(letter(number, edit), rooms))
    plan = as_planned()
    plan.update({edit.original: edit.start for _, edit in sorted(arriving)})
    assert plan_of(the_series(rooms)) == plan
    assert starts(rooms) == sorted(start for start in plan.values() if start)
