"""Access tokens are ready at any time, and refresh tokens are never lost."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxUnreachable, SignInNeeded, SignInRefused, StoreError
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.oauth.endpoint import context_of
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.identity.oauth.token_cache import AHEAD, MIN_AGE_WHEN_REJECTED
from pexschedd.identity.oauth.token_caches import IDLE
from pexschedd.model import tables
from tests.identity.oauth_support import HOUR, Bench, bench_in, reactor, refused


@pytest_twisted.ensureDeferred
async def test_one_token_for_many(bench: Bench) -> None:
    """Whoever asks at the same time waits for one request, and later ones for none."""
    await bench.signed_in()
    assert [await a for a in [bench.ask() for _ in range(5)]] == ["access-1"] * 5
    assert await bench.ask() == "access-1"
    (form,) = bench.provider.asked
    assert form["grant_type"] == "refresh_token"
    assert form["refresh_token"] == "refresh-0"
    assert form["client_id"] == "client"
    assert "client_secret" not in form


@pytest_twisted.ensureDeferred
async def test_new_refresh_token_is_durable_first(bench: Bench) -> None:
    """Nobody gets an access token before the new refresh token is on the disk."""
    await bench.signed_in()
    durable: list[Deferred[None]] = []
    commit = bench.store._commit  # the one place where the disk comes in

    def slow(transaction: Any) -> "Deferred[None]":
        written: Deferred[None] = Deferred()
        commit(transaction).addCallback(lambda _: durable.append(written))
        return written

    bench.store._commit = slow  # type: ignore[method-assign]  # a slow disk
    asking = bench.ask()
    while not durable:
        await _turn()
    assert not asking.called
    durable.pop().callback(None)
    assert await asking == "access-1"
    assert bench.refresh_token == "refresh-1"


async def _turn() -> None:
    """Lets the reactor do what has come."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0.001, turned.callback, None)
    await turned


@pytest_twisted.ensureDeferred
async def test_a_failed_commit_gives_no_token(bench: Bench) -> None:
    """When the refresh token cannot be kept, the access token is not used."""
    await bench.signed_in()

    def broken(transaction: Any) -> "Deferred[None]":
        transaction._open = True
        transaction.undo()
        failed: Deferred[None] = Deferred()
        failed.errback(StoreError("disk full"))
        return failed

    bench.store._commit = broken  # type: ignore[method-assign]  # a broken disk
    with pytest.raises(StoreError):
        await bench.ask()
    assert bench.refresh_token == "refresh-0"
    assert bench.cache.expires_in() is None


@pytest_twisted.ensureDeferred
async def test_survives_a_restart(tmp_path: Path) -> None:
    """After a restart the refresh token that came last is used."""
    async with bench_in(tmp_path / "state") as bench:
        await bench.signed_in()
        await bench.ask()
        connector = bench.connector
    async with bench_in(tmp_path / "state") as bench:
        assert bench.connector == connector
        assert bench.refresh_token == "refresh-1"
        assert "refresh-1" not in connector.oauth_refresh_token


@pytest_twisted.ensureDeferred
async def test_renewed_ahead_of_time(bench: Bench) -> None:
    """Five minutes before the end it is renewed; until then the old one serves."""
    await bench.signed_in()
    await bench.ask()
    bench.clock.advance(HOUR - AHEAD - 1)
    assert await bench.ask() == "access-1"
    assert len(bench.provider.asked) == 1
    bench.clock.advance(1)
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    assert bench.ask().result == "access-1"
    await arrived
    assert bench.ask().result == "access-1"
    bench.provider.release()
    await bench.cache.settled()
    assert await bench.ask() == "access-2"
    assert [f["refresh_token"] for f in bench.provider.asked] == [
        "refresh-0",
        "refresh-1",
    ]


@pytest_twisted.ensureDeferred
async def test_rejected_token_is_replaced(bench: Bench) -> None:
    """A token that Exchange takes no more is replaced, but a brand-new one is not:
    then something else is wrong."""
    await bench.signed_in()
    first = await bench.ask()
    bench.cache.rejected(first)
    assert await bench.ask() == first
    bench.clock.advance(MIN_AGE_WHEN_REJECTED)
    bench.cache.rejected("somebody else's")
    assert await bench.ask() == first
    bench.cache.rejected(first)
    assert await bench.ask() == "access-2"


@pytest_twisted.ensureDeferred
async def test_without_rotation(bench: Bench) -> None:
    """A provider that gives no new refresh token means the old one to be kept."""
    bench.provider.rotate = False
    await bench.signed_in()
    await bench.ask()
    assert bench.refresh_token == "refresh-0"


@pytest_twisted.ensureDeferred
async def test_idle_sign_ins_are_used_weekly(bench: Bench) -> None:
    """A sign-in that nobody used for a week is used, also of an integration that is
    switched off; one that cannot be used is left alone."""
    await bench.signed_in(enable_dynamic_vmrs=False)
    bench.clock.advance(IDLE.total_seconds() - 1)
    await bench.caches.use_idle()
    assert bench.provider.asked == []
    bench.clock.advance(1)
    await bench.caches.use_idle()
    await bench.caches.use_idle()
    assert len(bench.provider.asked) == 1
    found = signed_in(bench.connector)
    assert found is not None
    assert found.refreshed == bench.now()
    assert found.since < found.refreshed
    await bench.put(replace(bench.connector, username="other@example.test"))
    bench.clock.advance(IDLE.total_seconds())
    await bench.caches.use_idle()
    assert len(bench.provider.asked) == 1


@pytest_twisted.ensureDeferred
async def test_stops_after_the_renewal(bench: Bench) -> None:
    """Stopping waits until what is under way is durable; giving up waiting for a token
    does not break the renewal off."""
    await bench.signed_in()
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    asking = bench.ask()
    await arrived
    stopped = bench.caches.stopService()
    assert not stopped.called
    asking.addErrback(lambda _: None)
    asking.cancel()
    bench.provider.release()
    await stopped
    assert bench.refresh_token == "refresh-1"
    bench.clock.advance(HOUR)
    await refused(bench.ask(), MailboxUnreachable)
    assert len(bench.provider.asked) == 1


@pytest_twisted.ensureDeferred
async def test_changed_while_renewing(bench: Bench) -> None:
    """A token that was asked for before a change is not used after it; the refresh
    token that came with it is kept if the sign-in still holds."""
    await bench.signed_in()
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    asking = bench.ask()
    await arrived
    await bench.put(replace(bench.connector, oauth_resource="urn:other"))
    bench.provider.release()
    assert await asking == "access-2"
    assert [f["refresh_token"] for f in bench.provider.asked] == [
        "refresh-0",
        "refresh-1",
    ]
    assert bench.provider.asked[1]["resource"] == "urn:other"
    await bench.put(replace(bench.connector, oauth_resource=""))
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    asking = bench.ask()
    await arrived
    await bench.put(replace(bench.connector, username="other@example.test"))
    bench.provider.release()
    await refused(asking, SignInRefused)
    assert bench.refresh_token == "refresh-2"
    await refused(bench.ask(), SignInNeeded)


@pytest_twisted.ensureDeferred
async def test_token_is_for_one_server(bench: Bench) -> None:
    """A token at hand is not shown to another server than the one it was obtained
    for, even where it names its resource by itself."""
    await bench.signed_in(oauth_resource="urn:exchange")
    assert await bench.ask() == "access-1"
    elsewhere = "https://evil.example.test/EWS"
    await bench.put(replace(bench.connector, url=elsewhere, oauth_refresh_token=""))
    await refused(bench.ask(), SignInNeeded)


@pytest_twisted.ensureDeferred
async def test_a_newer_refresh_token_stays(bench: Bench) -> None:
    """A renewal that was begun before somebody signed in anew does not undo that."""
    await bench.signed_in()
    bench.provider.hold = True
    arrived = bench.provider.arrival()
    asking = bench.ask()
    await arrived
    context = context_of(bench.connector, "oauth_refresh_token")
    sealed = bench.store.vault.seal("another", context)
    await bench.put(replace(bench.connector, oauth_refresh_token=sealed))
    bench.provider.release()
    await refused(asking, SignInRefused)
    assert bench.refresh_token == "another"
    assert await bench.ask() == "access-2"


@pytest_twisted.ensureDeferred
async def test_application_with_secret(bench: Bench) -> None:
    """An application gets tokens without anybody signing in, and keeps nothing."""
    await bench.integrate(authentication_method="APP_PERM", username="")
    connector = bench.connector
    context = context_of(connector, "oauth_client_secret")
    secret = bench.store.vault.seal("s3cret", context)
    await bench.put(replace(connector, oauth_client_secret=secret))
    assert await bench.ask() == "access-1"
    (form,) = bench.provider.asked
    assert form["grant_type"] == "client_credentials"
    assert form["client_secret"] == "s3cret"
    assert bench.connector.oauth_refresh_token == ""
    bench.clock.advance(HOUR)
    bench.provider.answers = [(401, {"error": "invalid_grant"})]
    await refused(bench.ask(), SignInRefused)


@pytest_twisted.ensureDeferred
async def test_application_with_certificate(bench: Bench) -> None:
    """Without a secret the application signs, with a key that is sealed at rest."""
    await bench.integrate(authentication_method="APP_PERM", username="")

    def at_once(work: Any) -> "Deferred[Any]":
        done: Deferred[Any] = Deferred()
        done.callback(work())
        return done

    applications = Applications(bench.store, bench.now, at_once)
    certificate = await applications.make_certificate(1)
    assert bench.connector.public_key == certificate
    assert bench.connector.private_key.startswith("sealed:")
    assert await bench.ask() == "access-1"
    (form,) = bench.provider.asked
    assert form["client_assertion"].count(".") == 2
    assert "client_secret" not in form


@pytest_twisted.ensureDeferred
async def test_deleted(bench: Bench) -> None:
    """The cache of an integration that is gone says so, and is forgotten."""
    await bench.signed_in()
    cache, connector = bench.cache, bench.connector
    change = bench.store.transaction()
    change.delete(tables.CONNECTOR, 1)
    await change.commit()
    with pytest.raises(SignInRefused):
        await cache.token()
    assert bench.caches.of(connector) is not cache
