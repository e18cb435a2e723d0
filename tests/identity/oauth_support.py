"""An identity provider that says what a test wants, and an integration that uses it."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.errors import MailboxError, StoreError
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.service_accounts import INTEGRATIONS
from pexschedd.identity.oauth.sign_in import SignIns
from pexschedd.identity.oauth.signed_in import SignedIn
from pexschedd.identity.oauth.token_cache import TokenCache
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.store.store import Store

reactor: Any = _reactor
HOUR = 3600.0

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UUID = "6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f"
REDIRECT = "http://127.0.0.1:8081/admin/platform/msexchangeconnector/oauth_redirect/"


def jwt_of(**claims: object) -> str:
    """A token with these claims and a signature that nobody looks at."""

    def part(value: object) -> str:
        text = json.dumps(value).encode()
        return urlsafe_b64encode(text).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2ln"


def connector_with(**values: Any) -> Connector:
    return Connector(
        **{
            "id": 1,
            "uuid": UUID,
            "name": "Head office",
            "addin_server_domain": "vc.example.test",
            "url": "https://mail.example.test/EWS/Exchange.asmx",
            "authentication_method": "OAUTH",
            "username": "svc@example.test",
            "oauth_client_id": "client",
            "oauth_redirect_uri": REDIRECT,
            "oauth_auth_endpoint": "https://idp.example.test/t/oauth2/authorize",
            "oauth_token_endpoint": "https://idp.example.test/t/oauth2/token",
            **values,
        }
    )


class Provider(Resource):
    """Its token endpoint: answers with what is next in `answers`, else with a token
    that is new each time."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, str]] = []
        self.answers: list[tuple[int, object]] = []
        self.headers: dict[str, str] = {}
        self.rotate = True
        self.account = "svc@example.test"
        self.hold = False
        self._held: list[Request] = []
        self._arrived: list[Deferred[None]] = []
        self._number = 0

    def arrival(self) -> "Deferred[None]":
        """Fires when the next request has arrived."""
        arrived: Deferred[None] = Deferred()
        self._arrived.append(arrived)
        return arrived

    def release(self) -> None:
        self.hold = False
        for request in self._held:
            request.write(self._answer(request))
            request.finish()
        self._held = []

    def render_POST(self, request: Request) -> bytes | int:
        assert request.content is not None
        form = parse_qs(request.content.read().decode(), strict_parsing=True)
        self.asked.append({name: value for name, (value,) in form.items()})
        arrived, self._arrived = self._arrived, []
        for waiter in arrived:
            waiter.callback(None)
        if self.hold:
            request.notifyFinish().addErrback(lambda _: None)
            self._held.append(request)
            return int(NOT_DONE_YET)
        return self._answer(request)

    def _answer(self, request: Request) -> bytes:
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.answers:
            status, answer = self.answers.pop(0)
            request.setResponseCode(status)
            return answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self._number += 1
        answer = {
            "token_type": "Bearer",
            "expires_in": "3600",
            "access_token": f"access-{self._number}",
            "id_token": jwt_of(upn=self.account),
        }
        if self.rotate:
            answer["refresh_token"] = f"refresh-{self._number}"
        return json.dumps(answer).encode()


class Bench:
    """A store with integration 1, and everything that gets tokens for it."""

    def __init__(self, store: Store, provider: Provider, port: Any) -> None:
        self.store = store
        self.provider = provider
        self.port = port
        self.url = f"http://127.0.0.1:{port.getHost().port}"
        self.clock = Clock()
        self.clock.advance(1000)
        self.number = 0
        network = Network(reactor, Trust())
        self.endpoint = TokenEndpoint(
            lambda _: network.http_client(),
            store.vault,
            self.clock,
            now=self.now,
            uuid4=lambda: UUID,
        )
        self.caches = TokenCaches(
            INTEGRATIONS, store, self.endpoint, self.clock, self.now
        )
        self.sign_ins = SignIns(
            INTEGRATIONS,
            store,
            self.endpoint,
            self.caches,
            now=self.now,
            random=self.random,
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds() - 1000)

    def random(self, length: int) -> str:
        self.number += 1
        return urlsafe_b64encode(bytes([self.number]) * length).decode().rstrip("=")

    @property
    def connector(self) -> Connector:
        found = self.store.get(tables.CONNECTOR, 1)
        assert found is not None
        return found

    @property
    def cache(self) -> TokenCache[Connector]:
        return self.caches.of(self.connector)

    @property
    def refresh_token(self) -> str:
        context = context_of(self.connector, "oauth_refresh_token")
        return self.store.vault.unseal(self.connector.oauth_refresh_token, context)

    async def put(self, connector: Connector) -> None:
        change = self.store.transaction()
        change.put(tables.CONNECTOR, connector)
        await change.commit()

    async def integrate(self, **values: Any) -> None:
        """Integration 1, in which somebody has to sign in."""
        token_endpoint = f"{self.url}/oauth2/token"
        await self.put(
            connector_with(**{"oauth_token_endpoint": token_endpoint, **values})
        )

    async def signed_in(self, **values: Any) -> None:
        """Integration 1, in which somebody has signed in."""
        await self.integrate(**values)
        connector = self.connector
        context = context_of(connector, "oauth_refresh_token")
        found = SignedIn(
            username=connector.username,
            client_id=connector.oauth_client_id or "",
            token_endpoint=connector.oauth_token_endpoint,
            account=connector.username,
            since=self.now(),
            refreshed=self.now(),
        )
        await self.put(
            replace(
                connector,
                oauth_refresh_token=self.store.vault.seal("refresh-0", context),
                oauth_signed_in_for=found.as_text(),
            )
        )

    def ask(self) -> "Deferred[str]":
        return Deferred.fromCoroutine(self.cache.token())


def query_of(url: str) -> dict[str, str]:
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    return {name: value for name, (value,) in query.items()}


@asynccontextmanager
async def bench_in(folder: Path) -> AsyncIterator[Bench]:
    def failed(error: StoreError) -> None:
        raise AssertionError(error)

    store = Store.open(folder, tables.TABLES, reactor=reactor, failed=failed)
    provider = Provider()
    port = reactor.listenTCP(0, Site(provider), interface="127.0.0.1")
    try:
        yield Bench(store, provider, port)
    finally:
        await maybeDeferred(port.stopListening)
        await store.close()


async def refused(asking: "Deferred[str]", kind: type[MailboxError]) -> MailboxError:
    with pytest.raises(kind) as caught:
        await asking
    assert type(caught.value) is kind, caught.value
    return caught.value
