"""Token endpoints that fail, refuse, are busy, or answer nonsense."""

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import (
    MailboxBusy,
    MailboxUnreachable,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.identity.oauth.endpoint import MAX_ANSWER, TIMEOUT, context_of
from pexschedd.identity.oauth.token_cache import RETRY_SIGN_IN, RETRY_UNREACHABLE
from tests.identity.oauth_support import HOUR, Bench, refused


@pytest_twisted.ensureDeferred
async def test_a_failing_endpoint_is_bridged(bench: Bench) -> None:
    """A token that is still valid serves while no new one can be had; then the error
    says why."""
    await bench.signed_in()
    await bench.ask()
    bench.provider.answers = [(503, b"")] * 3
    bench.clock.advance(HOUR - 60)
    assert await bench.ask() == "access-1"
    await bench.cache.settled()
    assert await bench.ask() == "access-1"
    assert len(bench.provider.asked) == 2, "not asked again at once"
    bench.clock.advance(60)
    await refused(bench.ask(), MailboxUnreachable)
    await refused(bench.ask(), MailboxUnreachable)
    assert len(bench.provider.asked) == 3
    bench.provider.answers = []
    bench.clock.advance(RETRY_UNREACHABLE)
    assert await bench.ask() == "access-2"


@pytest_twisted.ensureDeferred
async def test_busy_is_obeyed(bench: Bench) -> None:
    """The endpoint is asked again when it said so, not earlier."""
    await bench.signed_in()
    bench.provider.answers = [(429, b"")]
    bench.provider.headers = {"Retry-After": "120"}
    error = await refused(bench.ask(), MailboxBusy)
    assert error.retry_after == 120
    bench.clock.advance(119)
    await refused(bench.ask(), MailboxBusy)
    bench.clock.advance(1)
    assert await bench.ask() == "access-1"
    assert len(bench.provider.asked) == 2


@pytest_twisted.ensureDeferred
async def test_invalid_grant_is_not_hammered(bench: Bench) -> None:
    """A refused refresh token is tried again hours later, a new one at once."""
    await bench.signed_in()
    answer = {"error": "invalid_grant", "error_description": "AADSTS50173: Gone."}
    bench.provider.answers = [(400, answer)]
    for _ in range(3):
        error = await refused(bench.ask(), SignInNeeded)
        assert "revoked" in error.message
        assert "AADSTS50173" in error.message
    assert len(bench.provider.asked) == 1
    assert "revoked" in bench.cache.needed_because()
    bench.clock.advance(RETRY_SIGN_IN - 1)
    await refused(bench.ask(), SignInNeeded)
    assert len(bench.provider.asked) == 1
    context = context_of(bench.connector, "oauth_refresh_token")
    sealed = bench.store.vault.seal("another", context)
    await bench.put(replace(bench.connector, oauth_refresh_token=sealed))
    assert await bench.ask() == "access-1"
    assert bench.cache.needed_because() == ""


@pytest_twisted.ensureDeferred
async def test_sign_in_needed_without_asking(bench: Bench) -> None:
    """Nobody signed in, or for something else: the endpoint is not even asked."""
    await bench.integrate()
    await refused(bench.ask(), SignInNeeded)
    await bench.signed_in()
    await bench.ask()
    for change in (
        {"username": "other@example.test"},
        {"oauth_client_id": "another"},
        {"oauth_token_endpoint": f"{bench.url}/elsewhere/oauth2/token"},
    ):
        before = bench.connector
        await bench.put(replace(before, **change))
        error = await refused(bench.ask(), SignInNeeded)
        assert "changed after the sign-in" in error.message
        await bench.put(before)
        assert await bench.ask() == "access-1"
    assert len(bench.provider.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"x" * (MAX_ANSWER + 1), f"larger than {MAX_ANSWER} bytes"),
        (b"<html>Sign in</html>", "no access token"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_strange_answers(bench: Bench, answer: bytes, words: str) -> None:
    """An answer that is too long or no JSON is an unreachable token endpoint."""
    await bench.signed_in()
    bench.provider.answers = [(200, answer)]
    error = await refused(bench.ask(), MailboxUnreachable)
    assert words in error.message


@pytest_twisted.ensureDeferred
async def test_silence_ends(bench: Bench) -> None:
    """An endpoint that does not answer is waited for fifteen seconds."""
    await bench.signed_in()
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    asking = bench.ask()
    await arrived
    bench.clock.advance(TIMEOUT)
    error = await refused(asking, MailboxUnreachable)
    assert "did not answer within 15 seconds" in error.message
    assert "127.0.0.1" in error.message


@pytest_twisted.ensureDeferred
async def test_redirects_are_not_followed(bench: Bench) -> None:
    """A form with a refresh token goes to the configured address alone."""
    await bench.signed_in()
    bench.provider.answers = [(307, b"")]
    bench.provider.headers = {"Location": f"{bench.url}/elsewhere"}
    await refused(bench.ask(), MailboxUnreachable)
    assert len(bench.provider.asked) == 1


@pytest_twisted.ensureDeferred
async def test_plain_http_is_for_loopback(bench: Bench) -> None:
    """Elsewhere than on this machine no secret goes over plain http."""
    await bench.signed_in(oauth_token_endpoint="http://idp.example.test/oauth2/token")
    await refused(bench.ask(), SignInRefused)


@pytest_twisted.ensureDeferred
async def test_nobody_listens(bench: Bench) -> None:
    """An endpoint that cannot be reached is named."""
    await bench.signed_in(oauth_token_endpoint="http://127.0.0.1:9/oauth2/token")
    error = await refused(bench.ask(), MailboxUnreachable)
    assert "http://127.0.0.1:9/oauth2/token" in error.message


@pytest_twisted.ensureDeferred
async def test_asked_anew(bench: Bench) -> None:
    """What the endpoint has refused may be mended there: it can be asked before the
    pause is over. A person's sign-in is not mended so; a busy endpoint is not asked."""
    await bench.signed_in()
    for status, answer, kind, count in (
        (401, {"error": "invalid_client"}, SignInRefused, 1),
        (429, {}, MailboxBusy, 0),
        (400, {"error": "invalid_grant"}, SignInNeeded, 0),
    ):
        asked = len(bench.provider.asked)
        bench.provider.answers = [(status, answer)] * 2
        await refused(bench.ask(), kind)
        bench.cache.ask_anew()
        await refused(bench.ask(), kind)
        assert len(bench.provider.asked) == asked + 1 + count, kind
        bench.clock.advance(RETRY_SIGN_IN)
    bench.provider.answers = []
    bench.cache.ask_anew()
    assert await bench.ask() == "access-1"
    bench.cache.ask_anew()
    assert await bench.ask() == "access-1"
