"""Host names, URLs and points in time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.fields import addresses
from pexschedd.model.fields.times import format_time, parse_time


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("[::1]", True),
        ("127.0.0.1.example.test", False),
        ("localhost.example.test", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """Only what can be nothing else counts as this machine."""
    assert addresses.is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("mail", True),
        ("mail.example.test", True),
        ("a-b.c_d.test", True),
        ("192.0.2.1", True),
        ("[2001:db8::1]", True),
        ("2001:db8::1", False),
        ("300.0.2.1", False),
        ("1.2.3", False),
        ("-a.test", False),
        ("a-.test", False),
        ("a..test", False),
        (".test", False),
        ("a" * 64 + ".test", False),
        ("a.test/", False),
        ("a.test\n", False),
        ("bücher.test", False),
        ("", False),
    ],
)
def test_hosts(host: str, expected: bool) -> None:
    """Host names and addresses are told from everything else."""
    assert addresses.is_host(host) is expected


@given(st.text())
def test_checks_never_raise(text: str) -> None:
    """Every check says something about every text."""
    for check in (
        addresses.http_url,
        addresses.http_urls,
        addresses.host,
        addresses.host_and_port,
        addresses.host_or_url,
        addresses.mail_address,
        addresses.origins,
    ):
        assert check(text) is None or check(text)


@given(st.text(alphabet="htps:/.@[]0129ab#?;\\ \n", max_size=40))
def test_accepted_urls_are_harmless(text: str) -> None:
    """What passes as a URL can be put into an attribute or a header."""
    if text and addresses.http_url("https://" + text) is None:
        assert not set(text) & set(" \n\r\"'<>\\@")


@given(st.datetimes(timezones=st.timezones()).filter(lambda t: 2 < t.year < 9998))
def test_times_survive(moment: datetime) -> None:
    """A time is the same after it was written and read."""
    assert parse_time(format_time(moment)) == moment.astimezone(UTC)


def test_time_forms() -> None:
    """Without an offset a time is UTC; an offset or Z is understood."""
    expected = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert format_time(expected) == "2026-11-21T09:30:00.000000"
    for text in (
        "2026-11-21T09:30:00",
        "2026-11-21T09:30:00.000000",
        "2026-11-21T09:30:00Z",
        "2026-11-21T10:30:00+01:00",
        "2026-11-21 09:30",
    ):
        assert parse_time(text) == expected
    ist = timezone(timedelta(hours=5, minutes=30))
    assert format_time(expected.astimezone(ist)) == "2026-11-21T09:30:00.000000"


@pytest.mark.parametrize("value", ["https://mail.example.com/", "mail.example.com/a"])
def test_an_address_where_a_host_is_wanted(value: str) -> None:
    """Who pastes a URL is told that the host alone is wanted, and nothing of ports."""
    problem = addresses.host_and_port(value)
    assert problem is not None
    assert "a host name alone" in problem
    assert "number" not in problem
