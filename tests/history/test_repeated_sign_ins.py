"""Sign-ins that are alike become one line."""

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.clock import system_now
from pexschedd.history.audit_entries import (
    ACCEPTED,
    LOCKED_OUT,
    REFUSED,
    SignInEntry,
    sign_in_entry,
)
from pexschedd.history.repeated_sign_ins import MOST, RepeatedSignIns

NOW = system_now()


def entry(outcome: str, name: str = "admin", address: str = "192.0.2.7") -> SignInEntry:
    return sign_in_entry(NOW, outcome, name, address, "password", "c")


def test_the_first_is_written_at_once() -> None:
    """Those that follow are one line with their number, when the time is over."""
    repeated = RepeatedSignIns()
    assert repeated.take(entry(REFUSED), 0) == [entry(REFUSED)]
    assert repeated.take(entry(REFUSED), 10) == []
    assert repeated.take(entry(REFUSED), 59) == []
    assert repeated.take(entry(REFUSED, "other"), 59) == [entry(REFUSED, "other")]
    assert repeated.due(59) == []
    (counted,) = repeated.due(60)
    assert counted.times == 2
    assert repeated.due(1000) == []
    assert repeated.take(entry(REFUSED), 1000) == [entry(REFUSED)]


def test_scripts_are_one_line_an_hour() -> None:
    """What is accepted again and again is counted for longer."""
    repeated = RepeatedSignIns()
    repeated.take(entry(ACCEPTED), 0)
    assert repeated.take(entry(ACCEPTED), 3599) == []
    assert [each.times for each in repeated.take(entry(ACCEPTED), 3600)] == [1, 1]


def test_names_do_not_multiply_what_costs_nothing() -> None:
    """Attempts that are not looked at are one line for each network."""
    repeated = RepeatedSignIns()
    lines = [
        line
        for number in range(1000)
        for line in repeated.take(
            entry(LOCKED_OUT, f"n{number}", f"2001:db8::{number:x}"), 0
        )
    ]
    assert len(lines) == 1
    (counted,) = repeated.all()
    assert counted.times == 999


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ACCEPTED, REFUSED, LOCKED_OUT]),
            st.sampled_from("abc"),
            st.floats(0, 50),
        )
    )
)
def test_none_is_lost(events: list[tuple[str, str, float]]) -> None:
    """The numbers of all lines add up to the number of sign-ins."""
    repeated, seconds, written = RepeatedSignIns(), 0.0, list[SignInEntry]()
    for outcome, name, pause in events:
        seconds += pause
        written += repeated.due(seconds)
        written += repeated.take(entry(outcome, name), seconds)
    written += repeated.all()
    assert sum(each.times for each in written) == len(events)


def test_it_is_bounded() -> None:
    """With too many kinds the oldest count is written early."""
    repeated = RepeatedSignIns()
    repeated.take(entry(REFUSED, "first"), 0)
    repeated.take(entry(REFUSED, "first"), 0)
    lines = [
        line
        for number in range(2 * MOST)
        for line in repeated.take(entry(REFUSED, f"n{number}"), 0)
    ]
    assert len(lines) == 2 * MOST + 1
    assert len(repeated._counted) == MOST
