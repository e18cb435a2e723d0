"""What the log keeps of requests that were not answered."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from pexschedd.onetouch.emulation.support_log import (
    LONGEST,
    MOST_LOGGED,
    LoggedRequests,
    without_credentials,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "sent",
    [
        "<a:Password>hush</a:Password>",
        "<Password Type='x'>hush</Password>",
        "<Password><![CDATA[hush]]></Password>",
        "<wsse:BinarySecurityToken>hush</wsse:BinarySecurityToken>",
        "<Password><b>hush</b></Password>",
        "<Login password='hush'/>",
        '<Login AccessToken = "hush"/>',
        "<Password>hush",
        "Authorization: Basic hushhushhush",
        "NTLM hushhushhush==",
    ],
)
def test_credentials_are_removed(sent: str) -> None:
    """Passwords and tokens go wherever they stand; what is around them stays."""
    found = without_credentials(f"<begin/>{sent}<end/>".encode())
    assert "hush" not in found
    assert "<begin/>" in found


def test_the_rest_is_whole() -> None:
    """A request without any is logged as it came, up to a length."""
    assert without_credentials("<Späti>1</Späti>".encode()) == "<Späti>1</Späti>"
    assert len(without_credentials(b"x" * 1_000_000)) == LONGEST
    assert "\ufffd" in without_credentials(b"\xff")


@pytest.mark.parametrize(
    "sent",
    [b"a." * 500_000, b"<" * 500_000, b"<password " * 50_000, b"token" * 100_000],
)
def test_nothing_takes_long(sent: bytes) -> None:
    """What is made to be slow to search takes no time that anybody would notice."""
    began = time.process_time()
    without_credentials(sent)
    assert time.process_time() - began < 2


def test_once_an_hour() -> None:
    """The same of the same account is due again after an hour, others at once; a clock
    that is set back delays nothing."""
    logged = LoggedRequests()
    assert logged.is_due(1, "Guess", NOW)
    assert not logged.is_due(1, "Guess", NOW + timedelta(minutes=59))
    assert logged.is_due(2, "Guess", NOW)
    assert logged.is_due(1, "Other", NOW)
    assert logged.is_due(1, "Guess", NOW + timedelta(hours=1))
    assert logged.is_due(1, "Guess", NOW)
    for number in range(12_000):
        logged.is_due(number, "Guess", NOW)
    assert len(logged._logged) <= 10_000


def test_a_client_that_invents_operations() -> None:
    """A client cannot fill the log by asking for something else each time; it is logged
    again an hour later, and others meanwhile."""
    logged = LoggedRequests()
    asked = [logged.is_due(1, f"Guess{n}", NOW) for n in range(1_000)]
    assert sum(asked) == MOST_LOGGED
    assert logged.is_due(2, "Guess0", NOW)
    assert logged.is_due(1, "Guess1", NOW + timedelta(hours=1))
