"""The part of a calendar that is read again, and the differences of two readings."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.model.meeting import MessageRef
from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    RoomCalendar,
    RoomMeeting,
)
from pexschedd.onetouch.calendars.changes import (
    ChangeKind,
    changes_between,
    merged,
    plan_of,
)
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing, ListedMeeting
from tests.thorough import examples

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DETAILS = JoinDetails("1@a.example", "SIP", "Zoom", "Zoom")


def listed(
    item: str, key: str = "1", start: datetime = NOW, **fields: Any
) -> ListedMeeting:
    given_fields: dict[str, Any] = {"uid": item, "end": start + HOUR}
    return ListedMeeting(
        ref=MessageRef(item, key), start=start, **given_fields | fields
    )


def occurrence(day: int, key: str = "1", **fields: Any) -> ListedMeeting:
    """One day's occurrence of a daily series."""
    start = NOW + day * DAY
    given_fields: dict[str, Any] = {"uid": "series", "is_plain": True}
    return listed(f"day{day}", key, start, **given_fields | fields)


def read(each: ListedMeeting, **fields: Any) -> RoomMeeting:
    """The meeting as it is stored once it was read."""
    return RoomMeeting(
        item_id=each.ref.item_id,
        change_key=each.ref.change_key,
        uid=each.uid,
        start=each.start,
        end=each.end,
        recurrence_id=each.start if each.uid == "series" else None,
        details=DETAILS,
        **fields,
    )


def stored(*meetings: RoomMeeting, rules: str = "r") -> RoomCalendar:
    return RoomCalendar(
        id=1, room_email="oak@a.example", deployment=1, rules=rules, meetings=meetings
    )


def test_only_what_changed_is_read() -> None:
    """A meeting with another change key, or none known, is read; others are kept."""
    same, other, new = listed("a"), listed("b", "2"), listed("c")
    before = stored(read(same), read(listed("b", "1")), read(listed("gone")))
    plan = plan_of(CalendarListing((same, other, new)), before, "r")
    assert plan.kept == (read(same),)
    assert plan.fetched == (other.ref, new.ref)
    assert merged(plan, [read(other)]) == (read(same), read(other))


def test_other_rules_read_all_again() -> None:
    """Texts are not stored, so the results of other rules need them again; the same
    holds for a meeting that was read without its key."""
    each = listed("a")
    again = (each.ref,)
    listing = CalendarListing((each,))
    assert plan_of(listing, stored(read(each), rules="x"), "r").fetched == again
    keyless = listed("a", "")
    assert plan_of(listing, stored(read(keyless)), "r").fetched == again
    empty = CalendarListing((keyless,))
    assert plan_of(empty, stored(read(keyless)), "r").fetched == (keyless.ref,)
    assert plan_of(listing, None, "r").fetched == again


def test_a_series_is_read_once() -> None:
    """One occurrence is read for all that are as the series has them, and none if one
    is known; an exception is read by itself."""
    days = [occurrence(n) for n in range(5)]
    moved = occurrence(5, is_plain=False)
    plan = plan_of(CalendarListing((*days, moved)), None, "r")
    assert plan.fetched == (days[0].ref, moved.ref)
    meetings = merged(plan, [read(days[0]), read(moved)])
    assert meetings == tuple(read(each) for each in (*days, moved))
    following = CalendarListing((*days[1:], moved, occurrence(6)))
    later = plan_of(following, stored(*meetings), "r")
    assert later.fetched == ()
    assert merged(later, [])[-1] == read(occurrence(6))


def test_a_changed_series_is_read_again() -> None:
    """With another key of the series, one occurrence is read anew."""
    before = stored(*(read(occurrence(n)) for n in range(3)))
    days = tuple(occurrence(n, "2") for n in range(3))
    plan = plan_of(CalendarListing(days), before, "r")
    assert plan.fetched == (days[0].ref,)
    assert plan.kept == ()


def test_an_unreadable_example_leaves_the_series_out() -> None:
    """Nothing is invented for occurrences whose example could not be read."""
    plan = plan_of(CalendarListing((occurrence(0), occurrence(1))), None, "r")
    assert merged(plan, []) == ()


def test_an_item_that_is_listed_twice() -> None:
    """It is read once."""
    plan = plan_of(CalendarListing((listed("a"), listed("a"))), None, "r")
    assert plan.fetched == (listed("a").ref,)


_NUMBERS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from("12"), st.booleans()),
    unique_by=lambda each: each[0],
)


@given(_NUMBERS, _NUMBERS)
@settings(max_examples=examples(100), deadline=None)
def test_a_reading_shows_what_is_listed(
    before: list[tuple[int, str, bool]], now: list[tuple[int, str, bool]]
) -> None:
    """Whatever was known before, the meetings of the listing come out, each with its
    own times and key, and a second reading of the same list reads nothing."""
    old = [occurrence(n, key, is_plain=plain) for n, key, plain in before]
    new = [occurrence(n, key, is_plain=plain) for n, key, plain in now]
    listing = CalendarListing(tuple(new))
    plan = plan_of(listing, stored(*map(read, old)), "r")
    by_id = {each.ref.item_id: each for each in new}
    found = merged(plan, [read(by_id[ref.item_id]) for ref in plan.fetched])
    assert sorted(found, key=lambda m: m.item_id) == sorted(
        map(read, new), key=lambda m: m.item_id
    )
    assert plan_of(listing, stored(*found), "r").fetched == ()


def test_differences() -> None:
    """New, changed and missing meetings are told apart; what is past, and a key that
    changed alone, are no differences. A cancelled meeting counts as deleted."""
    a, b, c = (read(listed(each)) for each in "abc")
    past = read(listed("old", start=NOW - 3 * DAY))
    new_key = read(listed("a", "2"))
    moved = read(listed("b", start=NOW + HOUR))
    off = read(listed("c"), is_cancelled=True)
    d = read(listed("d"))
    changes = changes_between([a, b, c, past], [new_key, moved, off, d], NOW - DAY)
    assert [(each.kind, each.meeting) for each in changes] == [
        (ChangeKind.CHANGED, moved),
        (ChangeKind.CREATED, d),
        (ChangeKind.DELETED, c),
    ]
