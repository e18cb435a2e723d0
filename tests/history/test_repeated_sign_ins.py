"""Sign-ins that are alike become one line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.clock import system_now
from pexschedd.history.audit_entries import (
    ACCEPTED,
    LOCKED_OUT,
    LONGEST_NAME,
    LONGEST_REASON,
    REFUSED,
    ROOM_SYSTEM,
    SERVICE_ACCOUNT,
    HeardSignIn,
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


def heard(kind: str, outcome: str, **more: Any) -> SignInEntry:
    said = {"method": "basic", "address": "192.0.2.7", "account": "oak"} | more
    return HeardSignIn(kind=kind, outcome=outcome, **said).entry(NOW)


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        (entry(REFUSED), entry(ACCEPTED)),
        (
            heard(ROOM_SYSTEM, REFUSED),
            heard(ROOM_SYSTEM, ACCEPTED, resource="mjx_endpoint", object_id=3),
        ),
        (
            heard(SERVICE_ACCOUNT, REFUSED, object_id=3, reason="No."),
            heard(SERVICE_ACCOUNT, ACCEPTED, object_id=3),
        ),
    ],
)
def test_what_is_accepted_after_a_refusal(
    refused: SignInEntry, accepted: SignInEntry
) -> None:
    """It is written at once, within the hour as well, and what was counted before that
    comes before the refusal; the second refusal within a minute begins nothing anew."""
    repeated = RepeatedSignIns()
    assert repeated.take(accepted, 0) == [accepted]
    assert repeated.take(accepted, 1) == []
    assert repeated.take(refused, 2) == [accepted, refused]
    assert repeated.take(accepted, 3) == [accepted]
    assert repeated.take(refused, 4) == []
    assert repeated.take(accepted, 5) == []


def test_accounts_of_several_records() -> None:
    """The same service account of two records is two lines; a room system is known by
    its name alone."""
    repeated = RepeatedSignIns()
    lines = [
        repeated.take(heard(kind, ACCEPTED, object_id=id), 0)
        for kind in (SERVICE_ACCOUNT, ROOM_SYSTEM)
        for id in (1, 2)
    ]
    assert [len(each) for each in lines] == [1, 1, 1, 0]


def test_long_texts_are_cut() -> None:
    """What a client or an identity provider has sent takes no more than a bound."""
    cut = heard(SERVICE_ACCOUNT, REFUSED, account="a" * 9999, reason="r" * 9999)
    assert (len(cut.account), len(cut.reason)) == (LONGEST_NAME, LONGEST_REASON)


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
