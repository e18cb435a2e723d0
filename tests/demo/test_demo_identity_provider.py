"""The demo's identity provider over a real socket: as strict as the one it plays."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import msgspec
import pytest
import pytest_twisted
from treq.client import HTTPClient
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.demo.authorizations import (
    LIFETIME,
    MOST,
    Authorizations,
    OneTime,
    Refused,
    s256,
)
from pexschedd.demo.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    PEOPLE,
    REDIRECT_PATH,
    TENANT,
    IdentityProvider,
    authorize_url,
    token_url,
)
from pexschedd.demo.ports import Ports
from tests.demo.demo_process import four_ports

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VERIFIER = "v" * 43
ALICE, BOB, CAROL = PEOPLE


class Visitor:
    """A browser and an application in one, at a provider whose time is `seconds`."""

    def __init__(self, http: HTTPClient, ports: Ports) -> None:
        self._http = http
        self.ports = ports
        self.seconds = 0.0
        self.redirect_uri = f"https://127.0.0.1:{ports.addin}{REDIRECT_PATH}"

    async def ask(self, url: str, form: dict[str, str] | None = None) -> Any:
        """Return status, headers and text of the answer."""
        answer = await self._http.request(
            "GET" if form is None else "POST", url, data=form, allow_redirects=False
        )
        text = (await answer.content()).decode()
        return answer.code, answer.headers.getRawHeaders("location", [""])[0], text

    async def authorize(self, **changes: str) -> Any:
        query = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid email",
            "state": "s&1",
            "nonce": "n1",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return await self.ask(f"{authorize_url(self.ports)}?{urlencode(query)}")

    async def choose(self, page: str, person: str) -> Any:
        key = re.findall(r'name="key" value="([^"]+)"', page)[0]
        url = f"{self.ports.desk_url}/identity/{TENANT}/sign-in"
        return await self.ask(url, {"key": key, "person": person})

    async def code(self) -> str:
        _, _, page = await self.authorize()
        _, location, _ = await self.choose(page, BOB.object_id)
        return query_of(location)["code"]

    async def exchange(self, code: str, **changes: str) -> tuple[int, Any]:
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            **changes,
        }
        status, _, text = await self.ask(token_url(self.ports), form)
        return status, msgspec.json.decode(text)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest_twisted.async_yield_fixture()
async def visitor() -> AsyncIterator[Visitor]:
    from twisted.internet import reactor as installed  # noqa: PLC0415 - by the plugin

    reactor: Any = installed
    ports = Ports.starting_at(four_ports())
    http = HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, False)))
    visitor = Visitor(http, ports)
    root = Resource()
    IdentityProvider(ports, now=lambda: NOON, seconds=lambda: visitor.seconds).mount(
        root
    )
    site = Site(root, parsePOSTFormSubmission=False)
    listening = reactor.listenTCP(ports.desk, site, interface="127.0.0.1")
    yield visitor
    await listening.stopListening()


@pytest_twisted.ensureDeferred
async def test_somebody_signs_in(visitor: Visitor) -> None:
    """The page lists the people; the window goes back, without TLS, to the application,
    which gets a token that its keys and its issuer verify."""
    status, _, page = await visitor.authorize()
    assert status == 200
    assert [person.name in page for person in PEOPLE] == [True] * 3
    status, location, _ = await visitor.choose(page, BOB.object_id)
    assert status == 303
    assert location.startswith(f"{visitor.ports.addin_url}{REDIRECT_PATH}?")
    assert query_of(location)["state"] == "s&1"
    status, answer = await visitor.exchange(query_of(location)["code"])
    assert status == 200
    base = f"{visitor.ports.desk_url}/identity/{TENANT}"
    _, _, text = await visitor.ask(f"{base}/v2.0/.well-known/openid-configuration")
    configuration = msgspec.json.decode(text)
    _, _, text = await visitor.ask(configuration["jwks_uri"])
    keys = jwt.PyJWKSet.from_json(text)
    claims = jwt.decode(
        answer["id_token"],
        keys[jwt.get_unverified_header(answer["id_token"])["kid"]],
        algorithms=["RS256"],
        audience=CLIENT_ID,
        issuer=configuration["issuer"],
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert (claims["tid"], claims["oid"]) == (TENANT, BOB.object_id)
    assert (claims["email"], claims["nonce"]) == (BOB.address, "n1")
    assert claims["exp"] == (NOON + timedelta(hours=1)).timestamp()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://attacker.test/"},
        {"redirect_uri": ""},
    ],
)
@pytest_twisted.ensureDeferred
async def test_nothing_leads_to_a_stranger(
    visitor: Visitor, changes: dict[str, str]
) -> None:
    """Another application or address gets a page with the reason, and no redirect."""
    status, location, page = await visitor.authorize(**changes)
    assert (status, location) == (400, "")
    assert "You cannot sign in" in page


@pytest_twisted.ensureDeferred
async def test_the_address_counts_letter_by_letter(visitor: Visitor) -> None:
    """A slash more is another address, and without TLS it is another one, too."""
    for wrong in ("/", "?"):
        uri = visitor.redirect_uri + wrong
        assert (await visitor.authorize(redirect_uri=uri))[0] == 400
    plain = visitor.redirect_uri.replace("https:", "http:")
    assert (await visitor.authorize(redirect_uri=plain))[0] == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_faulty_request(
    visitor: Visitor, changes: dict[str, str], error: str
) -> None:
    """Other faults go back to the application, with its state."""
    status, location, _ = await visitor.authorize(**changes)
    assert status == 303
    assert query_of(location)["error"] == error
    assert query_of(location)["state"] == "s&1"


@pytest_twisted.ensureDeferred
async def test_a_page_is_answered_once(visitor: Visitor) -> None:
    """Cancel goes back without a code; what is pressed afterwards leads nowhere."""
    _, _, page = await visitor.authorize()
    _, location, _ = await visitor.choose(page, "")
    assert query_of(location)["error"] == "access_denied"
    status, location, _ = await visitor.choose(page, ALICE.object_id)
    assert (status, location) == (400, "")


@pytest.mark.parametrize(
    ("changes", "status", "number"),
    [
        ({"client_secret": "wrong"}, 401, "AADSTS7000215"),
        ({"client_secret": ""}, 401, "AADSTS7000218"),
        ({"client_id": "another"}, 400, "AADSTS700016"),
        ({"grant_type": "password"}, 400, "AADSTS70003"),
        ({"code_verifier": "w" * 43}, 400, "AADSTS501481"),
        ({"redirect_uri": "https://attacker.test/"}, 400, "AADSTS500112"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_code_is_for_its_application(
    visitor: Visitor, changes: dict[str, str], status: int, number: str
) -> None:
    """Without its secret, the address and the verifier a code is worth nothing."""
    answered, answer = await visitor.exchange(await visitor.code(), **changes)
    assert answered == status
    assert number in answer["error_description"]
    assert "id_token" not in answer


@pytest_twisted.ensureDeferred
async def test_a_code_is_good_once_and_for_a_while(visitor: Visitor) -> None:
    """A code that was used, tried with another verifier, or is old, is refused."""
    used, tried, old = [await visitor.code() for _ in range(3)]
    assert (await visitor.exchange(used))[0] == 200
    await visitor.exchange(tried, code_verifier="w" * 43)
    visitor.seconds += LIFETIME
    for code in (used, tried, old):
        _, answer = await visitor.exchange(code)
        assert answer["error"] == "invalid_grant"


@pytest_twisted.ensureDeferred
async def test_a_parameter_that_comes_twice(visitor: Visitor) -> None:
    """It counts as missing, and an overlong query as none."""
    url = f"{authorize_url(visitor.ports)}?client_id={CLIENT_ID}&client_id={CLIENT_ID}"
    assert (await visitor.ask(url))[0] == 400
    assert (await visitor.authorize(state="s" * 9000))[0] == 400


def test_only_so_many_are_kept() -> None:
    """The oldest one makes room for another."""
    kept: OneTime[int] = OneTime(lambda: 0.0)
    keys = [kept.keep(number) for number in range(MOST + 1)]
    assert kept.take(keys[0]) is None
    assert kept.take(keys[-1]) == MOST


def test_an_unknown_code() -> None:
    """A code that was never given out is refused."""
    with pytest.raises(Refused):
        Authorizations(lambda: 0.0).exchange("x", redirect_uri="", verifier="")
