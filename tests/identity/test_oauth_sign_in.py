"""A person signs the service account in."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.errors import NotFound
from pexschedd.identity.oauth.service_accounts import INTEGRATIONS
from pexschedd.identity.oauth.sign_in import (
    VALID_FOR,
    SignInFailed,
    SignInOutcome,
    SignIns,
)
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.identity.oauth.token_requests import challenge
from pexschedd.model import tables
from tests.identity.oauth_support import Bench, bench_in, jwt_of, query_of, reactor


@pytest_twisted.async_yield_fixture()
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_in(tmp_path / "state") as bench:
        await bench.integrate()
        yield bench


async def state_of(bench: Bench) -> str:
    link = await bench.sign_ins.begin(1)
    return query_of(link.url)["state"]


async def come_back(bench: Bench, **answer: str) -> SignInOutcome:
    given = {"state": await state_of(bench), "code": "the-code", **answer}
    return await bench.sign_ins.finish(given)


def unchanged(bench: Bench) -> bool:
    connector = bench.connector
    return not (connector.oauth_refresh_token or connector.oauth_signed_in_for)


@pytest_twisted.ensureDeferred
async def test_signed_in(bench: Bench) -> None:
    """The code is exchanged with the verifier of the link, and the tokens serve."""
    bench.provider.account = "SVC@Example.test"
    link = await bench.sign_ins.begin(1)
    asked = query_of(link.url)
    assert link.expires == bench.now() + VALID_FOR
    answer = {"state": asked["state"], "code": "the-code"}
    outcome = await bench.sign_ins.finish(answer)
    assert outcome.problem == ""
    assert outcome.account == "SVC@Example.test"
    (form,) = bench.provider.asked
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "the-code"
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert challenge(form["code_verifier"]) == asked["code_challenge"]
    assert bench.refresh_token == "refresh-1"
    found = signed_in(bench.connector)
    assert found is not None
    assert found.account == "SVC@Example.test"
    assert await bench.ask() == "access-1"
    assert len(bench.provider.asked) == 1
    assert bench.cache.needed_because() == ""


@pytest_twisted.ensureDeferred
async def test_a_link_is_good_once(bench: Bench) -> None:
    """The same answer again, or while the first is looked at, brings nothing."""
    state = await state_of(bench)
    answer = {"state": state, "code": "c"}
    both = [Deferred.fromCoroutine(bench.sign_ins.finish(answer)) for _ in range(2)]
    outcomes = [await each for each in both]
    assert [bool(o.problem) for o in outcomes] == [False, True]
    assert (await bench.sign_ins.finish(answer)).problem
    assert len(bench.provider.asked) == 1


@pytest_twisted.ensureDeferred
async def test_a_link_is_good_for_ten_minutes(bench: Bench) -> None:
    """It is shown as long as it works, and not longer."""
    link = await bench.sign_ins.begin(1)
    bench.clock.advance(VALID_FOR.total_seconds() - 1)
    assert bench.sign_ins.link(1) == link
    bench.clock.advance(1)
    assert bench.sign_ins.link(1) is None
    state = query_of(link.url)["state"]
    outcome = await bench.sign_ins.finish({"state": state, "code": "c"})
    assert "ten minutes" in outcome.problem
    assert bench.provider.asked == []


@pytest_twisted.ensureDeferred
async def test_a_newer_link_replaces_it(bench: Bench) -> None:
    """Of several links the last works."""
    first, second = await state_of(bench), await state_of(bench)
    assert first != second
    assert (await bench.sign_ins.finish({"state": first, "code": "c"})).problem
    assert not (await bench.sign_ins.finish({"state": second, "code": "c"})).problem


@pytest.mark.parametrize(
    "state",
    [
        "",
        "1",
        "1.",
        "2.{}",
        "1.{}x",
        "01.{}",
        "1.x",
        "9999999999.{}",
        "1.\u00e9",
        "x" * 9999,
    ],
)
@pytest_twisted.ensureDeferred
async def test_invented_states(bench: Bench, state: str) -> None:
    """A state that was not given out changes nothing; the pending sign-in stays."""
    right = await state_of(bench)
    invented = state.format(right.partition(".")[2])
    before = bench.connector
    outcome = await bench.sign_ins.finish({"state": invented, "code": "c"})
    assert outcome.record is None
    assert outcome.problem
    assert bench.connector == before
    assert bench.provider.asked == []


@pytest_twisted.ensureDeferred
async def test_a_restart_in_between(bench: Bench) -> None:
    """Whoever ends a sign-in knows the store alone; what it waits for is sealed."""
    state = await state_of(bench)
    assert state.partition(".")[2] not in bench.connector.oauth_state
    after = SignIns(
        INTEGRATIONS,
        bench.store,
        bench.endpoint,
        bench.caches,
        now=bench.now,
        random=bench.random,
    )
    assert not (await after.finish({"state": state, "code": "c"})).problem


@pytest_twisted.ensureDeferred
async def test_the_wrong_account(bench: Bench) -> None:
    """Another account is refused with both names, and the sign-in before stays."""
    bench.provider.account = "eve@example.test"
    outcome = await come_back(bench)
    assert "eve@example.test" in outcome.problem
    assert "svc@example.test" in outcome.problem
    assert unchanged(bench)
    bench.provider.account = "svc@example.test"
    assert not (await come_back(bench)).problem
    before = bench.connector
    bench.provider.account = "eve@example.test"
    assert (await come_back(bench)).problem
    assert bench.connector == before
    assert await bench.ask() == "access-2"


@pytest_twisted.ensureDeferred
async def test_an_unnamed_account(bench: Bench) -> None:
    """A provider that does not say who signed in is believed; the log says so."""
    answer = {
        "access_token": "opaque",
        "refresh_token": "r",
        "id_token": jwt_of(sub="1"),
    }
    bench.provider.answers = [(200, answer)]
    outcome = await come_back(bench)
    assert outcome.problem == ""
    assert outcome.account == "svc@example.test"
    found = signed_in(bench.connector)
    assert found is not None
    assert found.account == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "access_denied"}, "declined"),
        (
            {
                "error": "access_denied",
                "error_description": "AADSTS65004: <b>User declined</b>",
            },
            "AADSTS65004",
        ),
        ({"error": "server_error"}, "trouble"),
        ({"error": "<script>"}, "Its sign-in log"),
        ({"code": ""}, "without a code"),
        ({"code": "c" * 20000}, "without a code"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_errors_of_the_redirect(
    bench: Bench, answer: dict[str, str], words: str
) -> None:
    """What the provider says in the browser becomes our words, and ends the attempt."""
    outcome = await come_back(bench, **answer)
    assert words in outcome.problem
    assert bench.provider.asked == []
    assert unchanged(bench)
    assert bench.sign_ins.link(1) is None


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, {"error": "invalid_grant"}, "Sign in"),
        (401, {"error": "invalid_client"}, "oauth_client_id"),
        (503, b"", "HTTP 503"),
        (
            200,
            {"access_token": "a", "id_token": jwt_of(upn="svc@example.test")},
            "offline",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_errors_of_the_endpoint(
    bench: Bench, status: int, answer: Any, words: str
) -> None:
    """A code that brings no lasting tokens changes nothing, and says what to do."""
    bench.provider.answers = [(status, answer)]
    outcome = await come_back(bench)
    assert words in outcome.problem
    assert unchanged(bench)


@pytest_twisted.ensureDeferred
async def test_changed_meanwhile(bench: Bench) -> None:
    """Tokens of a configuration that is not any more are not kept."""
    state = await state_of(bench)
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    finishing = Deferred.fromCoroutine(
        bench.sign_ins.finish({"state": state, "code": "c"})
    )
    await arrived
    await bench.put(replace(bench.connector, oauth_client_id="another"))
    bench.provider.release()
    assert "changed" in (await finishing).problem
    assert unchanged(bench)


@pytest_twisted.ensureDeferred
async def test_a_changed_configuration_ends_the_link(bench: Bench) -> None:
    """A link that would lead to the wrong place is not shown any more."""
    await bench.sign_ins.begin(1)
    before = bench.connector
    for change in (
        {"username": "other@example.test"},
        {"oauth_token_endpoint": "https://idp.example.test/oauth2/token"},
        {"oauth_auth_endpoint": "https://idp.example.test/oauth2/authorize"},
    ):
        await bench.put(replace(before, **change))
        assert bench.sign_ins.link(1) is None
    await bench.put(before)
    assert bench.sign_ins.link(1) is not None


@pytest_twisted.ensureDeferred
async def test_only_for_oauth(bench: Bench) -> None:
    """Nobody signs in where passwords or applications do, or nothing is configured."""
    await bench.put(replace(bench.connector, authentication_method="NTLM"))
    with pytest.raises(SignInFailed, match="NTLM"):
        await bench.sign_ins.begin(1)
    with pytest.raises(NotFound):
        await bench.sign_ins.begin(2)
    await bench.integrate(oauth_auth_endpoint="", username="")
    with pytest.raises(SignInFailed, match="username, oauth_auth_endpoint"):
        await bench.sign_ins.begin(1)


@pytest_twisted.ensureDeferred
async def test_whoever_waits_gets_the_new_token(bench: Bench) -> None:
    """A watcher that is woken by the new sign-in uses its token, and only after it is
    durable."""
    tokens: list[Deferred[str]] = []
    state = await state_of(bench)
    bench.store.subscribe(tables.CONNECTOR, lambda old, new: tokens.append(bench.ask()))
    outcome = await bench.sign_ins.finish({"state": state, "code": "c"})
    assert not outcome.problem
    first, second = tokens
    first.addErrback(lambda _: "none yet")
    assert await first == "none yet"
    assert await second == "access-1"
    assert len(bench.provider.asked) == 1


@pytest_twisted.ensureDeferred
async def test_durable_before_it_is_used(bench: Bench) -> None:
    """Nobody gets the access token of a sign-in that the disk does not have yet."""
    state = await state_of(bench)
    written: list[Deferred[None]] = []
    commit = bench.store._commit  # the one place where the disk comes in
    arrived: Deferred[None] = Deferred()

    def slow(transaction: Any) -> "Deferred[None]":
        done = commit(transaction)
        if bench.connector.oauth_refresh_token and not written:
            done = Deferred()
            written.append(done)
            reactor.callLater(0, arrived.callback, None)  # when all else is done
        return done

    bench.store._commit = slow  # type: ignore[method-assign]  # a slow disk
    answer = {"state": state, "code": "c"}
    finishing = Deferred.fromCoroutine(bench.sign_ins.finish(answer))
    await arrived
    asking = bench.ask()
    assert not asking.called
    assert bench.cache.expires_in() is None
    written[0].callback(None)
    assert await asking == "access-1"
    assert not (await finishing).problem
    assert len(bench.provider.asked) == 1
