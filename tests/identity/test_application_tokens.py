"""Access tokens of an application, for a deployment of One-Touch Join."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxError, MailboxUnreachable, SignInRefused
from pexschedd.identity.oauth.application_tokens import ApplicationTokens
from pexschedd.identity.oauth.settings import ProviderSettings
from pexschedd.identity.oauth.token_cache import (
    AHEAD,
    MIN_AGE_WHEN_REJECTED,
    RETRY_REFUSED,
    RETRY_UNREACHABLE,
)
from tests.identity.oauth_support import Bench, bench_in

EXCHANGE = "https://mail.example.test"


@pytest_twisted.async_yield_fixture()
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_in(tmp_path / "state") as bench:
        yield bench


def tokens_of(bench: Bench) -> ApplicationTokens:
    settings = ProviderSettings(
        app_only=True,
        username="",
        client_id="rooms",
        redirect_uri="",
        auth_endpoint="",
        token_endpoint=f"{bench.url}/oauth2/token",
        resource=EXCHANGE,
        exchange=EXCHANGE,
        client_secret="sealed",
        private_key="",
        certificate="",
        direct=False,
    )
    return ApplicationTokens(settings, lambda: "secret", bench.endpoint, bench.clock)


@pytest_twisted.ensureDeferred
async def test_one_token_for_many(bench: Bench) -> None:
    """All who ask get the same one, by one request with the application's secret, until
    it is to be renewed."""
    tokens = tokens_of(bench)
    asking = [Deferred.fromCoroutine(tokens.token()) for _ in range(5)]
    assert [await each for each in asking] == ["access-1"] * 5
    (form,) = bench.provider.asked
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "rooms",
        "client_secret": "secret",
        "resource": EXCHANGE,
    }
    bench.clock.advance(3600 - AHEAD - 1)
    assert await tokens.token() == "access-1"
    bench.clock.advance(1)
    assert await tokens.token() == "access-2"


@pytest_twisted.ensureDeferred
async def test_a_rejected_token(bench: Bench) -> None:
    """An old one is replaced; a new one is not the reason, and stays."""
    tokens = tokens_of(bench)
    first = await tokens.token()
    tokens.rejected(first)
    assert await tokens.token() == first
    bench.clock.advance(MIN_AGE_WHEN_REJECTED)
    tokens.rejected("another")
    tokens.rejected(first)
    assert await tokens.token() == "access-2"


@pytest.mark.parametrize(
    ("status", "answer", "kind", "wait"),
    [
        (401, {"error": "invalid_client"}, SignInRefused, RETRY_REFUSED),
        (400, {"error": "invalid_grant"}, SignInRefused, RETRY_REFUSED),
        (200, b"<html>", MailboxUnreachable, RETRY_UNREACHABLE),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_failure_is_not_repeated_at_once(
    bench: Bench, status: int, answer: object, kind: type[MailboxError], wait: float
) -> None:
    """The endpoint is left alone for a while; then it is asked again."""
    tokens = tokens_of(bench)
    bench.provider.answers = [(status, answer)]
    for _ in range(3):
        with pytest.raises(kind):
            await tokens.token()
    assert len(bench.provider.asked) == 1
    bench.clock.advance(wait)
    assert await tokens.token() == "access-1"
