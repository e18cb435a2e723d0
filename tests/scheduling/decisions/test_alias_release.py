"""Which unused aliases are given up when few are free."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.scheduling.decisions.alias_release import (
    KEPT_PER_USER,
    MIN_AGE,
    UnusedAlias,
    given_up,
    missing,
    user_key,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def aliases(user: str, count: int, *, first: int) -> list[UnusedAlias]:
    """A user's aliases, the oldest first; all are old enough."""
    return [
        UnusedAlias(first + n, user, NOW - MIN_AGE - timedelta(minutes=count - n))
        for n in range(count)
    ]


def test_how_many_are_missing() -> None:
    """A fifth of the range is to be free; a range that has more misses nothing."""
    assert missing(5, 0) == 0
    assert missing(5, 79_999) == 0
    assert missing(5, 80_000) == 1
    assert missing(5, 99_999) == 20_000


def test_who_has_most_loses_the_oldest() -> None:
    """The oldest of the user with most go first; then users lose in turn."""
    many, some = aliases("a", 12, first=1), aliases("b", 10, first=101)
    assert given_up([*some, *many], 2, NOW) == [1, 2]
    assert Counter(id_ > 100 for id_ in given_up([*many, *some], 6, NOW)) == {
        False: 4,
        True: 2,
    }


def test_everybody_keeps_a_few() -> None:
    """Users with few keep them, whatever is missing."""
    assert given_up(aliases("a", KEPT_PER_USER, first=1), 100, NOW) == []
    found = given_up(aliases("a", KEPT_PER_USER + 2, first=1), 100, NOW)
    assert found == [1, 2]


def test_young_ones_stay() -> None:
    """An alias of the last hour is never given up; older ones of others still are."""
    young = [
        UnusedAlias(n, "a", NOW - MIN_AGE + timedelta(seconds=1)) for n in range(50)
    ]
    assert given_up(young, 10, NOW) == []
    assert given_up([*young, *aliases("b", 7, first=101)], 10, NOW) == [101, 102]


@given(
    held=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=60),
    count=st.integers(0, 60),
)
def test_bounds(held: list[tuple[str, int]], count: int) -> None:
    """Never more than asked for, none that is young, and nobody below their share."""
    unused = [
        UnusedAlias(n, user, NOW - timedelta(minutes=age))
        for n, (user, age) in enumerate(held)
    ]
    gone = set(given_up(unused, count, NOW))
    assert len(gone) <= count
    assert all(NOW - each.created >= MIN_AGE for each in unused if each.id in gone)
    before = Counter(each.user for each in unused)
    after = Counter(each.user for each in unused if each.id not in gone)
    for user, number in before.items():
        assert after[user] >= min(number, KEPT_PER_USER)


def test_keys_say_no_name() -> None:
    """A user has one key in an integration, and another in the next."""
    assert user_key("u1", "anna") == user_key("u1", "anna")
    assert (
        len({user_key("u1", "anna"), user_key("u2", "anna"), user_key("u1", "b")}) == 3
    )
    assert "anna" not in user_key("u1", "anna")
