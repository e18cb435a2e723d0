"""Which rooms share a stream, and when changed rooms are read."""

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.onetouch.calendars.change_pace import (
    CHANGES_APART,
    CHANGES_AT_ONCE,
    COLLECTED_FOR,
    ChangeAllowance,
    share_of,
    time_after_change,
)
from pexschedd.onetouch.calendars.pace import DAY, interval_of, safety_interval
from pexschedd.onetouch.calendars.stream_groups import (
    MOST_ROOMS,
    StreamGroup,
    arranged,
)
from pexschedd.onetouch.ports.room_notifications import RoomServer

ONE, OTHER = RoomServer("https://one/", "A"), RoomServer("https://one/", "B")
ROOMS = st.dictionaries(
    st.integers(0, 30).map(lambda n: f"room{n}"), st.sampled_from([ONE, OTHER])
)


def test_groups_are_made_by_server_and_size() -> None:
    """Rooms of one server share streams, 200 in each; others have their own."""
    servers = {f"room{n:03}": ONE for n in range(MOST_ROOMS + 1)} | {"apart": OTHER}
    groups = arranged((), servers)
    assert [(g.server, len(g.rooms)) for g in groups] == [
        (OTHER, 1),
        (ONE, MOST_ROOMS),
        (ONE, 1),
    ]


def test_rooms_stay_in_their_groups() -> None:
    """A room that goes leaves the others where they are, and a new one takes its
    place; the last one leaves an empty group."""
    before = (StreamGroup(ONE, ("a", "c")), StreamGroup(OTHER, ("x",)))
    after = arranged(before, {"b": ONE, "c": ONE}, most=2)
    assert after == (StreamGroup(ONE, ("b", "c")), StreamGroup(OTHER, ()))


@given(ROOMS, ROOMS, st.integers(1, 5))
def test_every_room_is_in_one_group(
    before: dict[str, RoomServer], after: dict[str, RoomServer], most: int
) -> None:
    """Whatever comes and goes, each room is in exactly one group, of its server, and
    none is too large."""
    groups = arranged(arranged((), before, most), after, most)
    found = [(room, g.server) for g in groups for room in g.rooms]
    assert sorted(found, key=str) == sorted(after.items(), key=str)
    assert all(len(g.rooms) <= most for g in groups)


def test_the_time_after_a_change() -> None:
    """A room is read a second later, or when its last reading is three seconds old."""
    free = ChangeAllowance()
    assert time_after_change(100, None, free, 5) == 100 + COLLECTED_FOR
    assert time_after_change(100, 99.5, free, 5) == 99.5 + CHANGES_APART


def test_one_room_does_not_use_up_the_quota() -> None:
    """Ten changes in succession are read at once, and from then on one for each share
    of time."""
    allowance, share, now = ChangeAllowance(), 60.0, 1000.0
    times = []
    for _ in range(CHANGES_AT_ONCE + 2):
        now = time_after_change(now, now, allowance, share)
        allowance.use(now, share)
        times.append(now)
    assert times[CHANGES_AT_ONCE - 1] == 1000 + CHANGES_APART * CHANGES_AT_ONCE
    assert times[-1] - times[-2] == share


@given(st.integers(1, 5000), st.integers(10_000, 10_000_000))
def test_changes_and_safety_stay_within_the_quota(rooms: int, quota: int) -> None:
    """If every room changes all the time, readings after changes and readings for
    safety make no more calls a day than the quota allows."""
    for_safety = rooms * DAY / safety_interval(interval_of(rooms, quota))
    after_changes = rooms * DAY / share_of(rooms, quota)
    assert for_safety + after_changes <= quota * (1 + 1e-9)
