"""Where refused tokens came from, as a hint."""

from datetime import UTC, datetime

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.doctor.refused_tokens import KEPT, RefusedTokens, host_in
from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.exchange_token import ExchangeIdentity
from pexschedd.model.integration import Connector
from pexschedd.sandbox import Sandbox
from tests.doctor.doctor_support import ALICE, accounts
from tests.doctor.test_doctor_powershell import PLAIN

USER = ExchangeIdentity("u", "m", "a")


@pytest.fixture(scope="module")
def exchange() -> Sandbox:
    return Sandbox(
        now=lambda: datetime(2026, 11, 21, tzinfo=UTC),
        clock=Clock(),
        accounts=accounts(),
    )


def token(exchange: Sandbox, host: str) -> str:
    return exchange.identity_token(ALICE, "https://pex.example.test", f"https://{host}")


async def refuse(connector: Connector, token: str) -> ExchangeIdentity:
    raise InvalidToken("No.")


@pytest_twisted.ensureDeferred
async def test_hosts_of_refused_tokens(exchange: Sandbox) -> None:
    """They are remembered, the latest last, a few only; the refusal stays one."""
    refused = RefusedTokens(refuse)
    for number in range(KEPT + 2):
        with pytest.raises(InvalidToken):
            await refused.verify(PLAIN, token(exchange, f"exch{number}.example.test"))
    with pytest.raises(InvalidToken):
        await refused.verify(PLAIN, token(exchange, "exch5.example.test"))
    hosts = refused.hosts(PLAIN.id)
    assert len(hosts) == KEPT
    assert hosts[-1] == "exch5.example.test"
    assert "exch0.example.test" not in hosts
    assert refused.hosts(1) == ()


@pytest_twisted.ensureDeferred
async def test_others_are_let_through(exchange: Sandbox) -> None:
    """A good token, and trouble of another kind, leave nothing behind."""

    async def accept(connector: Connector, token: str) -> ExchangeIdentity:
        return USER

    async def unavailable(connector: Connector, token: str) -> ExchangeIdentity:
        raise Unavailable("Later.")

    good = token(exchange, "exch1.example.test")
    accepting = RefusedTokens(accept)
    assert await accepting.verify(PLAIN, good) is USER
    troubled = RefusedTokens(unavailable)
    with pytest.raises(Unavailable):
        await troubled.verify(PLAIN, good)
    assert accepting.hosts(PLAIN.id) == troubled.hosts(PLAIN.id) == ()


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "x" * 100_000])
def test_no_host(text: str) -> None:
    """What is no token names no host."""
    assert host_in(text) == ""


def test_a_strange_host(exchange: Sandbox) -> None:
    """What is no host name is not shown to anybody."""
    assert host_in(token(exchange, "exch1.example.test")) == "exch1.example.test"
    assert host_in(token(exchange, "<b>bold</b>")) == ""
