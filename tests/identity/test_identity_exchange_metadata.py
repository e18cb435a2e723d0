"""The cache of signing keys, against a real server on loopback; the clock is ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from twisted.web.client import Agent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.addin import AddinIdentity
from pexschedd.identity.addin_tokens import ExchangeTokens
from pexschedd.identity.exchange_metadata import (
    MAX_DOCUMENT,
    REFRESH_AFTER,
    RETRY_FAILED,
    RETRY_UNKNOWN_KEY,
    TIMEOUT,
    ExchangeMetadata,
)
from pexschedd.identity.exchange_token import METADATA_PATH
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector
from pexschedd.net.http_client import http_client
from tests.identity.identity_support import (
    AMURL,
    NOW,
    context,
    metadata,
    payload,
    signer,
    token,
)


class Server(Resource):
    """Exchange's metadata page, as a test wants it to be."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.document = metadata(signer())
        self.status = 200
        self.headers: dict[bytes, bytes] = {}
        self.hold = False
        self.asked: list[bytes] = []
        self.held: list[Request] = []
        self._arrived: Deferred[None] | None = None

    def next_request(self) -> "Deferred[None]":
        """Fires when the next request has arrived."""
        self._arrived = Deferred()
        return self._arrived

    def render_GET(self, request: Request) -> bytes | int:
        self.asked.append(request.uri)
        if self._arrived is not None:
            self._arrived.callback(None)
            self._arrived = None
        if self.hold:
            self.held.append(request)
            # The client may give up first.
            request.notifyFinish().addErrback(lambda _: None)
            return int(NOT_DONE_YET)
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.document


class Setting:
    def __init__(self, port: int, server: Server) -> None:
        self.url = f"http://127.0.0.1:{port}{METADATA_PATH}"
        self.server = server
        self.clock = Clock()
        self.clock.advance(1000)
        self.metadata = ExchangeMetadata(
            http_client(Agent(reactor), reactor), self.clock
        )

    def ask(self, number: int = 0) -> "Deferred[Any]":
        return Deferred.fromCoroutine(self.metadata.keys(self.url, signer(number).x5t))


@pytest_twisted.async_yield_fixture()
async def setting() -> AsyncIterator[Setting]:
    server = Server()
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(Site(server))
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    yield Setting(address.port, server)
    await maybeDeferred(port.stopListening)


@pytest_twisted.ensureDeferred
async def test_fetched_once(setting: Setting) -> None:
    """A document that lists the key is fetched once and then used from memory."""
    for _ in range(3):
        assert signer().x5t in await setting.ask()
    assert setting.server.asked == [METADATA_PATH.encode()]


@pytest_twisted.ensureDeferred
async def test_single_flight(setting: Setting) -> None:
    """Requests that need the same document wait for one fetch together."""
    waiting = [setting.ask() for _ in range(5)]
    for each in waiting:
        assert signer().x5t in await each
    assert len(setting.server.asked) == 1


@pytest_twisted.ensureDeferred
async def test_refreshed_daily_without_waiting(setting: Setting) -> None:
    """After a day the document is fetched again, while the old one still serves."""
    await setting.ask()
    setting.clock.advance(REFRESH_AFTER)
    setting.server.document = metadata(signer(), signer(1))
    arrived = setting.server.next_request()
    assert setting.ask().called
    await arrived
    assert signer(1).x5t in await setting.ask(1)
    assert len(setting.server.asked) == 2


@pytest_twisted.ensureDeferred
async def test_rollover(setting: Setting) -> None:
    """An unknown key causes a fetch, but at most one a minute."""
    await setting.ask()
    with pytest.raises(InvalidToken, match="does not list"):
        await setting.ask(1)
    assert len(setting.server.asked) == 1
    setting.clock.advance(RETRY_UNKNOWN_KEY)
    setting.server.document = metadata(signer(1))
    assert signer(1).x5t in await setting.ask(1)
    assert len(setting.server.asked) == 2


@pytest_twisted.ensureDeferred
async def test_the_last_good_document_stays(setting: Setting) -> None:
    """While Exchange fails, known keys verify and unknown ones are unavailable."""
    await setting.ask()
    setting.server.status = 500
    setting.clock.advance(REFRESH_AFTER)
    with pytest.raises(Unavailable, match="HTTP status 500"):
        await setting.ask(1)
    assert signer().x5t in await setting.ask()


@pytest_twisted.ensureDeferred
async def test_recovery_after_a_failed_first_fetch(setting: Setting) -> None:
    """A failure answers for a few seconds, and is then tried again."""
    setting.server.status = 503
    for _ in range(3):
        with pytest.raises(Unavailable, match=f"{setting.url}: it answered with"):
            await setting.ask()
    assert len(setting.server.asked) == 1
    setting.server.status = 200
    setting.clock.advance(RETRY_FAILED)
    assert signer().x5t in await setting.ask()


@pytest_twisted.ensureDeferred
async def test_no_redirects(setting: Setting) -> None:
    """A redirect is a failure: it could lead anywhere."""
    setting.server.status = 302
    setting.server.headers = {b"location": setting.url.encode() + b"/elsewhere"}
    with pytest.raises(Unavailable, match="HTTP status 302"):
        await setting.ask()
    assert len(setting.server.asked) == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<html>Sign in</html>", "not a metadata document"),
        (b" " * (MAX_DOCUMENT + 1), "larger than"),
        (b'{"keys": []}', "no RSA signing key"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_useless_documents(setting: Setting, document: bytes, words: str) -> None:
    """What is no metadata document, or too large, is refused with the reason."""
    setting.server.document = document
    with pytest.raises(Unavailable, match=words) as caught:
        await setting.ask()
    assert "Exchange Metadata Domains" in caught.value.message


@pytest_twisted.ensureDeferred
async def test_a_server_that_never_answers(setting: Setting) -> None:
    """A fetch ends after its time, also for those who came later."""
    setting.server.hold = True
    arrived = setting.server.next_request()
    first = setting.ask()
    await arrived
    setting.clock.advance(TIMEOUT / 2)
    second = setting.ask()
    setting.clock.advance(TIMEOUT / 2)
    for each in (first, second):
        with pytest.raises(Unavailable, match="it did not answer within 10 seconds"):
            await each


@pytest_twisted.ensureDeferred
async def test_nobody_listens(setting: Setting) -> None:
    """A refused connection is told in one line."""
    setting.url = "http://127.0.0.1:1/autodiscover/metadata/json/1"
    with pytest.raises(Unavailable, match="refuses connections") as caught:
        await setting.ask()
    assert "\n" not in caught.value.message


INTEGRATION = Connector(
    id=1,
    uuid="6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f",
    name="Head office",
    addin_server_domain="vc.example.test",
)


def verifying(
    setting: Setting, text: str, of: Connector, domains: list[str]
) -> "Deferred[VerifiedUser]":
    return Deferred.fromCoroutine(identity_for(setting, domains).verify(of, text))


def identity_for(setting: Setting, domains: list[str]) -> AddinIdentity:
    exchange = ExchangeTokens(
        setting.metadata, lambda _: domains, lambda: tuple(domains)
    )
    return AddinIdentity({"EXCHANGE_USER_ID_TOKEN": exchange}, lambda: NOW)


@pytest_twisted.ensureDeferred
async def test_the_whole_way(setting: Setting) -> None:
    """A token is verified with the keys of the configured address."""
    text = token(payload(appctx=context(amurl=setting.url)))
    user = await verifying(setting, text, INTEGRATION, [setting.url])
    assert user.user_id.endswith(f" {setting.url}")


@pytest_twisted.ensureDeferred
async def test_nothing_is_fetched_for_a_token_that_is_refused(setting: Setting) -> None:
    """Only a token that passes every other check makes this server ask Exchange."""
    good = payload(appctx=context(amurl=setting.url))
    for text, domains in (
        (token(good), ["mail.example.test"]),
        (token(payload()), [setting.url]),
        (token(good | {"aud": AMURL}), [setting.url]),
        (token(good | {"exp": 1}), [setting.url]),
        ("", [setting.url]),
    ):
        with pytest.raises(InvalidToken):
            await verifying(setting, text, INTEGRATION, domains)
    assert setting.server.asked == []


@pytest_twisted.ensureDeferred
async def test_refusals_are_told(setting: Setting) -> None:
    """Listeners hear of refused tokens; of good ones, and of trouble, they do not."""
    identity = identity_for(setting, [setting.url])
    told: list[tuple[int, str]] = []
    identity.on_refusal(lambda connector, text: told.append((connector.id, text)))
    own = payload(appctx=context(amurl=setting.url))
    await identity.verify(INTEGRATION, token(own))
    with pytest.raises(Unavailable):
        await identity.verify(
            replace(INTEGRATION, addin_authentication_method="NAA_TOKEN"), token(own)
        )
    assert told == []
    foreign = token(payload())
    with pytest.raises(InvalidToken):
        await identity.verify(INTEGRATION, foreign)
    assert told == [(1, foreign)]


@pytest_twisted.ensureDeferred
async def test_a_verified_token_is_remembered(setting: Setting) -> None:
    """It is good until something changes that decided about it: then it is verified
    as if it were new, and refused where it would be."""
    domains = [setting.url]
    identity = identity_for(setting, domains)
    text = token(payload(appctx=context(amurl=setting.url)))
    first = await identity.verify(INTEGRATION, text)
    assert await identity.verify(INTEGRATION, text) is first
    assert await identity.verify(replace(INTEGRATION, description="x"), text) == first
    moved = replace(INTEGRATION, addin_server_domain="other.example.test")
    with pytest.raises(InvalidToken, match="not meant for"):
        await identity.verify(moved, text)
    assert await identity.verify(INTEGRATION, text) == first
    setting.server.document = metadata(signer(1))
    await setting.metadata.refresh(setting.url)
    with pytest.raises(InvalidToken, match="key"):
        await identity.verify(INTEGRATION, text)
    setting.server.document = metadata(signer())
    await setting.metadata.refresh(setting.url)
    assert await identity.verify(INTEGRATION, text) == first
    domains.clear()
    with pytest.raises(InvalidToken, match="names no Exchange server yet"):
        await identity.verify(INTEGRATION, text)
