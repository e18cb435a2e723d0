"""Access tokens of an application, for a deployment or for Microsoft Graph."""

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxError, MailboxUnreachable, SignInRefused
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.identity.oauth.application_tokens import MAX_CLAIMS, ApplicationTokens
from pexschedd.identity.oauth.settings import ProviderSettings
from pexschedd.identity.oauth.token_cache import (
    AHEAD,
    MIN_AGE_WHEN_REJECTED,
    RETRY_REFUSED,
    RETRY_UNREACHABLE,
)
from pexschedd.identity.oauth.token_requests import by_client
from tests.identity.oauth_support import Bench

EXCHANGE = "https://mail.example.test"
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'


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
    return ApplicationTokens(
        settings,
        lambda form: by_client(settings, form, secret="secret"),
        bench.endpoint,
        bench.clock,
        {"integration": 1},
    )


@pytest_twisted.ensureDeferred
async def test_one_token_for_many(bench: Bench) -> None:
    """All who ask get the same one, by one request with the application's secret."""
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


@pytest_twisted.ensureDeferred
async def test_renewed_ahead(bench: Bench) -> None:
    """The old token is used while the new one is on its way, which is asked for
    once."""
    tokens = tokens_of(bench)
    await tokens.token()
    bench.clock.advance(3600 - AHEAD - 1)
    assert await tokens.token() == "access-1"
    assert len(bench.provider.asked) == 1
    bench.clock.advance(1)
    assert [await tokens.token() for _ in range(3)] == ["access-1"] * 3
    await tokens.settled()
    assert await tokens.token() == "access-2"
    assert len(bench.provider.asked) == 2


@pytest_twisted.ensureDeferred
async def test_until_its_end_failures_do_not_matter(bench: Bench) -> None:
    """A token that cannot be renewed is used to its end; then the error is told."""
    tokens = tokens_of(bench)
    await tokens.token()
    bench.clock.advance(3600 - AHEAD)
    bench.provider.answers = [(500, {})] * 2
    assert await tokens.token() == "access-1"
    await tokens.settled()
    assert await tokens.token() == "access-1"
    assert len(bench.provider.asked) == 2  # it is left alone for a while
    bench.clock.advance(AHEAD)
    with pytest.raises(MailboxUnreachable):
        await tokens.token()
    bench.clock.advance(RETRY_UNREACHABLE)
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
    assert await tokens.token() == first
    tokens.rejected(first)
    assert await tokens.token() == "access-2"


@pytest_twisted.ensureDeferred
async def test_a_challenged_token(bench: Bench) -> None:
    """The next one is asked for with the claims, at once; those after it without."""
    tokens = tokens_of(bench)
    source: ChallengedTokenSource = tokens
    first = await tokens.token()
    source.challenged(first, CLAIMS)
    assert await tokens.token() == "access-2"
    assert bench.provider.asked[-1]["claims"] == CLAIMS
    # Challenged again at once, another one would not help: nothing is asked for.
    tokens.challenged("access-2", CLAIMS)
    tokens.challenged(first, CLAIMS)
    assert await tokens.token() == "access-2"
    bench.clock.advance(MIN_AGE_WHEN_REJECTED)
    tokens.rejected("access-2")
    assert await tokens.token() == "access-3"
    assert "claims" not in bench.provider.asked[-1]


@pytest_twisted.ensureDeferred
async def test_a_challenge_outlives_a_failure(bench: Bench) -> None:
    """The claims are sent until there is a token for them, or they are refused."""
    tokens = tokens_of(bench)
    tokens.challenged(await tokens.token(), CLAIMS)
    bench.provider.answers = [(500, {}), (400, {"error": "invalid_request"})]
    with pytest.raises(MailboxUnreachable):
        await tokens.token()
    bench.clock.advance(RETRY_UNREACHABLE)
    with pytest.raises(SignInRefused):
        await tokens.token()
    assert bench.provider.asked[-1]["claims"] == CLAIMS
    bench.clock.advance(RETRY_REFUSED)
    assert await tokens.token() == "access-2"
    assert "claims" not in bench.provider.asked[-1]


@pytest.mark.parametrize(
    "claims",
    ["", "{", "[]", "1", '"text"', '{"a":"' + "x" * MAX_CLAIMS + '"}', "[" * 4000],
)
@pytest_twisted.ensureDeferred
async def test_no_demand(bench: Bench, claims: str) -> None:
    """What is no small JSON object reaches no identity provider; the token was just
    refused."""
    tokens = tokens_of(bench)
    first = await tokens.token()
    tokens.challenged(first, claims)
    assert await tokens.token() == first
    bench.clock.advance(MIN_AGE_WHEN_REJECTED)
    tokens.challenged(first, claims)
    assert await tokens.token() == "access-2"
    assert all("claims" not in form for form in bench.provider.asked)


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


@pytest_twisted.ensureDeferred
async def test_asked_anew(bench: Bench) -> None:
    """What the endpoint has refused may be mended there: it can be asked before the
    pause is over. One that is out of reach is left alone, and a token stays."""
    tokens = tokens_of(bench)
    refusal = 401, {"error": "invalid_client"}
    bench.provider.answers = [refusal, refusal, (200, b"<html>")]
    kinds = (SignInRefused, SignInRefused, MailboxUnreachable)
    for asked, kind in enumerate(kinds, 1):
        tokens.ask_anew()
        with pytest.raises(kind):
            await tokens.token()
        assert len(bench.provider.asked) == asked
    tokens.ask_anew()
    with pytest.raises(MailboxUnreachable):
        await tokens.token()
    assert len(bench.provider.asked) == 3
    bench.clock.advance(RETRY_UNREACHABLE)
    assert await tokens.token() == "access-1"
    tokens.ask_anew()
    assert await tokens.token() == "access-1"
