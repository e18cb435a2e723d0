"""Where refused tokens came from, as a hint."""

from datetime import UTC, datetime

import pytest
from twisted.internet.task import Clock

from pexschedd.doctor.refused_tokens import KEPT, RefusedTokens, host_in
from pexschedd.sandbox import Sandbox
from tests.doctor.doctor_support import ALICE, accounts
from tests.doctor.test_doctor_powershell import PLAIN


@pytest.fixture(scope="module")
def exchange() -> Sandbox:
    return Sandbox(
        now=lambda: datetime(2026, 11, 21, tzinfo=UTC),
        clock=Clock(),
        accounts=accounts(),
    )


def token(exchange: Sandbox, host: str) -> str:
    return exchange.identity_token(ALICE, "https://pex.example.test", f"https://{host}")


def test_hosts_of_refused_tokens(exchange: Sandbox) -> None:
    """They are remembered, the latest last, a few only."""
    refused = RefusedTokens()
    for number in range(KEPT + 2):
        refused.note(PLAIN, token(exchange, f"exch{number}.example.test"))
    refused.note(PLAIN, token(exchange, "exch5.example.test"))
    refused.note(PLAIN, "no token at all")
    hosts = refused.hosts(PLAIN.id)
    assert len(hosts) == KEPT
    assert hosts[-1] == "exch5.example.test"
    assert "exch0.example.test" not in hosts
    assert refused.hosts(1) == ()


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "x" * 100_000])
def test_no_host(text: str) -> None:
    """What is no token names no host."""
    assert host_in(text) == ""


def test_a_strange_host(exchange: Sandbox) -> None:
    """What is no host name is not shown to anybody."""
    assert host_in(token(exchange, "exch1.example.test")) == "exch1.example.test"
    assert host_in(token(exchange, "<b>bold</b>")) == ""
