"""Signing in at a real OpenID provider, up to the calls that Exchange takes."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import jwt
import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pexschedd.composition.connections import Connections, EquipmentMailbox
from pexschedd.errors import SignInNeeded, SignInRefused
from pexschedd.identity.oauth.assertion import ApplicationCertificate, make_certificate
from pexschedd.identity.oauth.endpoint import context_of
from pexschedd.identity.oauth.sign_in import SignInOutcome
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Sandbox, SignIn
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.signin.bearer_tokens import ApplicationCaller
from tests.identity.oauth_support import NOW, Bench, bench_in, reactor
from tests.peers.oidc_peer import (
    Person,
    Provider,
    certificate_client,
    public_client,
    secret_client,
)
from tests.sandbox.sandbox_support import EQUIPMENT, SVC

EXCHANGE = "https://mail.example.test"
V1 = {"authorization": "/oauth2/authorize", "token": "/oauth2/token"}


@pytest.fixture(scope="module")
def certificate() -> ApplicationCertificate:
    return make_certificate("pexschedd", NOW)


@pytest.fixture(scope="module")
def provider(certificate: ApplicationCertificate) -> Iterator[Provider]:
    provider = Provider(
        [
            public_client("pexschedd"),
            public_client("short"),
            secret_client("by-secret", "s3cret"),
            certificate_client("by-certificate", certificate.certificate),
        ]
    )
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def entra() -> Iterator[Provider]:
    """One with the addresses of Entra ID's v1 endpoints."""
    provider = Provider([public_client("pexschedd")], V1)
    yield provider
    provider.stop()


@pytest_twisted.async_yield_fixture()
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_in(tmp_path / "state") as bench:
        yield bench


async def integrate(bench: Bench, provider: Provider, **fields: Any) -> None:
    await bench.integrate(
        **{
            "username": SVC,
            "oauth_client_id": "pexschedd",
            "oauth_auth_endpoint": provider.auth_endpoint,
            "oauth_token_endpoint": provider.token_endpoint,
            **fields,
        }
    )


async def sign_in(
    bench: Bench, name: str = SVC, *, consent: bool = True
) -> SignInOutcome:
    """A person goes to the link and signs in."""
    link = await bench.sign_ins.begin(1)
    back = await deferToThread(Person().sign_in, link.url, name, consent=consent)
    return await bench.sign_ins.finish(dict(parse_qsl(urlsplit(back).query)))


def use(bench: Bench) -> "Deferred[str]":
    return Deferred.fromCoroutine(bench.cache.token())


async def renewed(bench: Bench) -> str:
    """A token that is newer than the one before."""
    bench.cache._held = None
    return await use(bench)


@pytest_twisted.ensureDeferred
async def test_signed_in(bench: Bench, provider: Provider) -> None:
    """The provider takes our link, code and verifier, and its tokens are for us."""
    await integrate(bench, provider)
    outcome = await sign_in(bench)
    assert outcome.problem == ""
    assert outcome.account == SVC
    claims = provider.claims(await use(bench), EXCHANGE)
    assert claims["upn"] == SVC
    assert claims["client_id"] == "pexschedd"


@pytest_twisted.ensureDeferred
async def test_endpoints_like_entra_ids(bench: Bench, entra: Provider) -> None:
    """Where the resource alone says what is wanted, it works as well."""
    await integrate(bench, entra)
    assert (await sign_in(bench)).problem == ""
    first = await use(bench)
    assert entra.claims(first, EXCHANGE)["upn"] == SVC
    assert await renewed(bench) != first


@pytest_twisted.ensureDeferred
async def test_rotation(bench: Bench, provider: Provider) -> None:
    """Each renewal brings another refresh token, and the next one uses that."""
    await integrate(bench, provider)
    await sign_in(bench)
    seen = {bench.refresh_token}
    for _ in range(3):
        await renewed(bench)
        seen.add(bench.refresh_token)
    assert len(seen) == 4


@pytest_twisted.ensureDeferred
async def test_reuse_is_detected(bench: Bench, provider: Provider) -> None:
    """When somebody uses an old refresh token, the provider ends the sign-in, and a
    person is asked for; signing in again mends it."""
    await integrate(bench, provider)
    await sign_in(bench)
    stolen = bench.refresh_token
    await renewed(bench)
    answer = await deferToThread(provider.refresh, "pexschedd", stolen)
    assert answer.json()["error"] == "invalid_grant"
    with pytest.raises(SignInNeeded):
        await renewed(bench)
    assert bench.cache.needed_because()
    assert (await sign_in(bench)).problem == ""
    assert bench.cache.needed_because() == ""
    assert await renewed(bench)


@pytest_twisted.ensureDeferred
async def test_revoked(bench: Bench, provider: Provider) -> None:
    """A sign-in that was revoked at the provider needs another one."""
    await integrate(bench, provider)
    await sign_in(bench)
    await deferToThread(provider.revoke, "pexschedd", bench.refresh_token)
    with pytest.raises(SignInNeeded):
        await renewed(bench)


@pytest_twisted.ensureDeferred
async def test_expired(bench: Bench, provider: Provider) -> None:
    """A refresh token that has expired at the provider needs another sign-in."""
    await integrate(bench, provider, oauth_client_id="short")
    await sign_in(bench)
    # The provider's clock cannot be moved.
    await deferToThread(Event().wait, 2.0)
    with pytest.raises(SignInNeeded):
        await renewed(bench)


@pytest_twisted.ensureDeferred
async def test_the_wrong_account(bench: Bench, provider: Provider) -> None:
    """Whoever signs in as somebody else is told both names."""
    await integrate(bench, provider)
    outcome = await sign_in(bench, "eve@example.test")
    assert "eve@example.test" in outcome.problem
    assert SVC in outcome.problem
    assert bench.connector.oauth_refresh_token == ""


@pytest_twisted.ensureDeferred
async def test_consent_denied(bench: Bench, provider: Provider) -> None:
    """Who does not accept is told what to do."""
    await integrate(bench, provider)
    outcome = await sign_in(bench, consent=False)
    assert "declined" in outcome.problem
    assert "access_denied" in outcome.problem


@pytest_twisted.ensureDeferred
async def test_a_code_is_good_once(bench: Bench, provider: Provider) -> None:
    """A code that was taken to another sign-in does not fit its verifier."""
    await integrate(bench, provider)
    link = await bench.sign_ins.begin(1)
    back = await deferToThread(Person().sign_in, link.url, SVC)
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    other = await bench.sign_ins.begin(1)
    state = dict(parse_qsl(urlsplit(other.url).query))["state"]
    outcome = await bench.sign_ins.finish({"code": code, "state": state})
    assert "invalid_grant" in outcome.problem


@pytest_twisted.ensureDeferred
async def test_an_unknown_resource(bench: Bench, provider: Provider) -> None:
    """A resource that the provider does not know is named as what to mend."""
    await integrate(bench, provider, oauth_resource="https://unknown.example.test")
    link = await bench.sign_ins.begin(1)
    back = await deferToThread(Person().sent_back, link.url)
    outcome = await bench.sign_ins.finish(dict(parse_qsl(urlsplit(back).query)))
    assert "oauth_resource" in outcome.problem


async def application(
    bench: Bench, provider: Provider, name: str, **secrets: str
) -> None:
    await integrate(
        bench,
        provider,
        authentication_method="APP_PERM",
        oauth_client_id=name,
        username="",
    )
    connector = bench.connector
    sealed = {
        field: bench.store.vault.seal(value, context_of(connector, field))
        for field, value in secrets.items()
    }
    await bench.put(replace(connector, **sealed))


@pytest_twisted.ensureDeferred
async def test_application_with_secret(bench: Bench, provider: Provider) -> None:
    """An application shows its secret and gets a token of its own; a wrong one is
    named."""
    await application(bench, provider, "by-secret", oauth_client_secret="s3cret")
    claims = provider.claims(await use(bench), EXCHANGE)
    assert claims["sub"] == "by-secret"
    await application(bench, provider, "by-secret", oauth_client_secret="wrong")
    with pytest.raises(SignInRefused, match="client secret or certificate"):
        await use(bench)


@pytest_twisted.ensureDeferred
async def test_application_with_certificate(
    bench: Bench, provider: Provider, certificate: ApplicationCertificate
) -> None:
    """An application signs with its key; another key is not accepted."""
    bench.endpoint._now = _today
    bench.endpoint._uuid4 = _fresh
    await application(
        bench, provider, "by-certificate", private_key=certificate.private_key
    )
    await bench.put(replace(bench.connector, public_key=certificate.certificate))
    claims = provider.claims(await use(bench), EXCHANGE)
    assert claims["sub"] == "by-certificate"
    other = make_certificate("another", NOW)
    await application(bench, provider, "by-certificate", private_key=other.private_key)
    await bench.put(replace(bench.connector, public_key=other.certificate))
    with pytest.raises(SignInRefused, match="client secret or certificate"):
        await use(bench)


def _today() -> datetime:
    return datetime.now(UTC)


def _fresh() -> str:
    return str(uuid4())


@pytest_twisted.ensureDeferred
async def test_exchange_takes_the_tokens(bench: Bench, provider: Provider) -> None:
    """An Exchange that believes this provider lets us look into the mailbox: with a
    person's token, with an application's, and after a token was refused."""
    seen: list[str] = []
    refused: set[str] = set()

    def judge(token: str) -> SandboxMailbox | None:
        seen.append(token)
        try:
            claims = provider.claims(token, bench_exchange)
        except jwt.InvalidTokenError:
            return None
        return None if token in refused else sandbox.exchange.mailbox(claims["upn"])

    sandbox = Sandbox(
        now=_today, clock=reactor, sign_in=SignIn(methods=("Bearer",)), bearer=judge
    )
    port = reactor.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    bench_exchange = f"http://127.0.0.1:{port.getHost().port}"
    await integrate(
        bench,
        provider,
        url=f"{bench_exchange}/EWS/Exchange.asmx",
        room_mailbox_email_address=EQUIPMENT,
    )
    await sign_in(bench)
    mailbox = mailbox_of(bench)
    page = await mailbox.arrivals("")
    assert page.cursor
    refused.update(seen)
    bench.clock.advance(61)
    assert (await mailbox.arrivals(page.cursor)).cursor
    assert len(set(seen)) == 2
    await mailbox.close()
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_exchange_takes_an_applications_token(
    bench: Bench, provider: Provider
) -> None:
    """An application has no mailbox: it acts as the equipment in every call."""

    def judge(token: str) -> SandboxMailbox | None:
        assert provider.claims(token, "urn:exchange")["sub"] == "by-secret"
        return ApplicationCaller(sandbox.exchange, (EQUIPMENT,))

    sandbox = Sandbox(
        now=_today, clock=reactor, sign_in=SignIn(methods=("Bearer",)), bearer=judge
    )
    port = reactor.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    await application(bench, provider, "by-secret", oauth_client_secret="s3cret")
    await bench.put(
        replace(
            bench.connector,
            url=f"http://127.0.0.1:{port.getHost().port}/EWS/Exchange.asmx",
            oauth_resource="urn:exchange",
            room_mailbox_email_address=EQUIPMENT,
        )
    )
    mailbox = mailbox_of(bench)
    assert (await mailbox.arrivals("")).cursor
    await mailbox.close()
    await port.stopListening()


def mailbox_of(bench: Bench) -> EquipmentMailbox:
    network = Network(reactor, Trust())
    connections = Connections(
        bench.store.vault, network, graph=cast(Any, None), tokens=bench.caches.of
    )
    return connections.mailbox(bench.connector)
