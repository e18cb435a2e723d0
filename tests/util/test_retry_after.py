"""How long a server wants to be left alone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.util.retry_after import seconds_of

DATE = "Sun, 29 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Sun, 29 Nov 2026 08:00:40 GMT", 40),
        ("Sunday, 29-Nov-26 08:02:00 GMT", 120),
        ("Sun Nov 29 08:00:01 2026", 1),
        ("Sun, 29 Nov 2026 07:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9999999", None),
        ("²", None),
    ],
)
def test_both_forms(value: str, seconds: float | None) -> None:
    """Seconds, and the three ways of writing a date."""
    assert seconds_of(value, DATE) == seconds


def test_a_date_without_the_servers_date() -> None:
    """It is compared with our own clock, which may be wrong, but only then."""
    value, own = "Sun, 29 Nov 2026 08:00:40 GMT", datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert seconds_of(value, "") is None
    assert seconds_of(value, "", own) == 40
    assert seconds_of(value, "", own.replace(microsecond=999_999)) == 40
    assert seconds_of(value, "Sun, 29 Nov 2026 08:00:39 GMT", own) == 1
    assert seconds_of(value, "no date", own) is None
    assert seconds_of("7", "") == 7


@given(st.text(max_size=60), st.text(max_size=60))
def test_anything_else(value: str, date: str) -> None:
    """Whatever a server writes there, nothing breaks."""
    found = seconds_of(value, date)
    assert found is None or found >= 0
