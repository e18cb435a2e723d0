"""Providers that refuse, are slow, or answer nonsense: sign-ins end with a reason."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.identity.personal import token_client
from pexschedd.identity.personal.attempts import Phase
from tests.identity.personal.provider_support import (
    ENDLESS,
    NEVER,
    SECRET,
    TENANT,
    SignInBench,
)
from tests.turns import until


@pytest_twisted.ensureDeferred
async def test_a_code_that_was_used_before(bench: SignInBench) -> None:
    """A provider that refuses a code leaves nobody signed in, and sends nobody to an
    administrator: signing in again helps."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path] = (
        400,
        {"error": "invalid_grant", "error_description": "AADSTS54005: redeemed"},
    )
    new, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "code_refused"
    assert outcome.failure.can_retry
    assert "administrator" not in outcome.failure.message
    attempt = bench.sign_ins.progress(bench.known, new.attempt)
    assert (attempt.phase, attempt.session) == (Phase.FAILED, "")
    assert bench.records.came == []


ANSWERS: dict[str, tuple[Any, str]] = {
    "5xx": ((500, {}), "provider_unreachable"),
    "too many": ((429, {}), "provider_unreachable"),
    "redirect": ((302, {}, "http://127.0.0.1:1/"), "provider_unreachable"),
    "not found": ((404, {}), "provider_unreachable"),
    "no JSON": ((200, b"<html>"), "provider_refuses"),
    "deep": ((200, b"[" * 60_000), "provider_refuses"),
    "no token": ((200, {"access_token": "only"}), "provider_refuses"),
    "list": ((200, [1]), "provider_refuses"),
    "endless": (ENDLESS, "provider_unreachable"),
    "server error": ((400, {"error": "server_error"}), "provider_unreachable"),
    "access denied": ((400, {"error": "access_denied"}), "sign_in_declined"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest_twisted.ensureDeferred
async def test_a_token_endpoint_that_misbehaves(bench: SignInBench, name: str) -> None:
    """Whatever the token endpoint answers, the sign-in ends with a reason."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path], code = ANSWERS[name]
    new, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == code
    assert bench.sign_ins.progress(bench.known, new.attempt).phase is Phase.FAILED


@pytest_twisted.ensureDeferred
async def test_a_token_endpoint_that_is_slow(bench: SignInBench) -> None:
    """A token endpoint that does not answer in time ends the sign-in."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path] = NEVER
    new = bench.begin()
    query = bench.start(new)
    coming = Deferred.fromCoroutine(bench.come_back(query["state"]))
    await until(lambda: bool(bench.idp.forms))
    bench.clock.advance(token_client.TIMEOUT)
    outcome = await coming
    assert outcome.failure is not None
    assert outcome.failure.code == "provider_unreachable"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("v2.0/.well-known/openid-configuration", (302, {}, "http://127.0.0.1:1/")),
        ("v2.0/.well-known/openid-configuration", (200, b"[")),
        (
            "v2.0/.well-known/openid-configuration",
            (200, {"issuer": "x", "jwks_uri": "http://127.0.0.1:1/keys"}),
        ),
        ("discovery/v2.0/keys", (200, {"keys": []})),
        ("discovery/v2.0/keys", (500, {})),
        ("discovery/v2.0/keys", ENDLESS),
    ],
)
@pytest_twisted.ensureDeferred
async def test_documents_that_cannot_be_read(
    bench: SignInBench, path: str, answer: Any
) -> None:
    """Without the provider's keys nobody is signed in, and no other server is asked."""
    bench.play("AZURE")
    bench.idp.answers[f"/{TENANT}/{path}"] = answer
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "provider_unreachable"
    assert bench.idp.forms == []


@pytest_twisted.ensureDeferred
async def test_a_refused_secret_is_told(bench: SignInBench) -> None:
    """A client secret that has expired is told of, and that a new one is good."""
    bench.play("AZURE")
    answer = bench.idp.answers[bench.idp.token_path]
    bench.idp.answers[bench.idp.token_path] = (
        401,
        {"error": "invalid_client", "error_description": "AADSTS7000222: Expired."},
    )
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert "administrator" in outcome.failure.message
    ((integration, problem),) = bench.secrets
    assert integration == 1
    assert "expired" in problem
    assert "personal_vmr_oauth_client_secret" in problem
    assert SECRET not in problem
    bench.idp.answers[bench.idp.token_path] = answer
    await bench.whole_way()
    assert bench.secrets[-1] == (1, "")


@pytest_twisted.ensureDeferred
async def test_a_user_declines(bench: SignInBench) -> None:
    """An error in the redirect ends the sign-in without a request for tokens."""
    bench.play("AZURE")
    _, outcome = await bench.whole_way(error="access_denied", code="")
    assert outcome.failure is not None
    assert outcome.failure.code == "sign_in_declined"
    assert bench.idp.forms == []
