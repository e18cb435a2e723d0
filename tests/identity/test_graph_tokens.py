"""Tokens for Microsoft Graph, from the sandbox's token endpoint over a socket."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as global_reactor

from pexschedd.errors import SignInRefused, StoreError
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.identity.oauth.assertion import client_assertion, make_certificate
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.graph_tokens import GraphTokens
from pexschedd.identity.oauth.service_accounts import GraphRecord
from pexschedd.identity.oauth.settings import graph_settings_of
from pexschedd.identity.oauth.token_cache import MIN_AGE_WHEN_REJECTED
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.store.store import Store
from tests.graph.msgraph_support import GraphWorld, document
from tests.identity.oauth_support import connector_with
from tests.sandbox.graph.graph_support import CLIENT, EQUIPMENT, SECRET, START, TENANT

reactor = cast(Any, global_reactor)
OTHER = "99999999-2222-3333-4444-555555555555"
CERTIFICATE = make_certificate("pexschedd", START)


class GraphBench:
    """A store, the sandbox, and what gets tokens for the store's records from it."""

    def __init__(self, store: Store, world: GraphWorld) -> None:
        self.store, self.world = store, world
        network = Network(reactor, Trust())
        self.endpoint = TokenEndpoint(
            lambda _: network.http_client(),
            store.vault,
            world.clock,
            now=lambda: world.sandbox.moment,
            uuid4=lambda: "an-id",
        )
        self.tokens = GraphTokens(store, self.endpoint, world.clock)

    @property
    def url(self) -> str:
        return f"http://{self.world.domain}/{TENANT}/oauth2/v2.0/token"

    def connector(self, **values: Any) -> Connector:
        """An integration; its secrets are plain here, and sealed in the record."""
        given = {
            "mailbox_protocol": "GRAPH",
            "graph_api_domain": self.world.domain,
            "authentication_method": "NTLM",
            "oauth_token_endpoint": self.url,
            "oauth_client_id": CLIENT,
            "url": "",
            **values,
        }
        record = connector_with(**given)
        return replace(
            record,
            **{
                name: self.store.vault.seal(text, context_of(record, name))
                for name in ("oauth_client_secret", "private_key")
                if (text := getattr(record, name))
            },
        )

    def deployment(self, **values: Any) -> GraphDeployment:
        record = GraphDeployment(
            **{
                "id": 1,
                "name": "Tenant",
                "client_id": CLIENT,
                "oauth_token_url": self.url,
                "graph_api_domain": self.world.domain,
                **values,
            }
        )
        context = context_of(record, "client_secret")
        sealed = self.store.vault.seal(SECRET, context)
        return replace(record, client_secret=sealed)

    async def put(self, record: GraphRecord) -> None:
        with self.store.transaction() as change:
            if isinstance(record, Connector):
                change.put(tables.CONNECTOR, record)
            else:
                change.put(tables.MJX_GRAPH_DEPLOYMENT, record)
            durable = change.commit()
        await durable

    def later(self, seconds: float) -> None:
        """Let time pass for the daemon and the sandbox."""
        self.world.sandbox.later(seconds=seconds)
        self.world.clock.advance(seconds)

    async def read_inbox(self) -> object:
        """Ask Graph something with the record's token; return what it says."""
        client = self.world.client()
        client._tokens = self.tokens.of(self.stored)
        assert isinstance(client.target, GraphTarget)
        request = ApiRequest(
            name="messages",
            method="GET",
            path=user_path(EQUIPMENT, "mailFolders", "inbox"),
        )
        return await client.read(request, document)

    @property
    def stored(self) -> Connector:
        found = self.store.get(tables.CONNECTOR, 1)
        assert found is not None
        return found


@pytest_twisted.async_yield_fixture()
async def graph_bench(tmp_path: Path) -> AsyncIterator[GraphBench]:
    def failed(error: StoreError) -> None:
        raise AssertionError(error)

    store = Store.open(
        tmp_path / "state", tables.TABLES, reactor=reactor, failed=failed
    )
    world = GraphWorld()
    yield GraphBench(store, world)
    await world.close()
    await store.close()


def claims_in(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest_twisted.ensureDeferred
async def test_by_secret(graph_bench: GraphBench) -> None:
    """The token is for Graph's host, and Graph takes it."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    token = await graph_bench.tokens.of(graph_bench.stored).token()
    claims = claims_in(token)
    assert claims["aud"] == f"https://{graph_bench.world.domain}"
    assert claims["appid"] == CLIENT
    found = await graph_bench.read_inbox()
    assert not isinstance(found, GraphProblem)


@pytest_twisted.ensureDeferred
async def test_by_certificate(graph_bench: GraphBench) -> None:
    """An assertion that the certificate's key has signed, by PS256 and x5t#S256, is as
    good; the method of EWS does not matter."""
    graph_bench.world.sandbox.add(secret=None, certificate=CERTIFICATE.certificate)
    await graph_bench.put(
        graph_bench.connector(
            authentication_method="BASIC",
            public_key=CERTIFICATE.certificate,
            private_key=CERTIFICATE.private_key,
        )
    )
    assert await graph_bench.tokens.of(graph_bench.stored).token()
    made = client_assertion(
        graph_settings_of(graph_bench.stored),
        CERTIFICATE.private_key,
        now=START,
        id="an-id",
    )
    header = jwt.get_unverified_header(made)
    assert header["alg"] == "PS256"
    assert header["x5t#S256"]


@pytest_twisted.ensureDeferred
async def test_a_deployment_of_one_touch_join(graph_bench: GraphBench) -> None:
    """Its fields have other names; errors speak of those."""
    await graph_bench.put(graph_bench.deployment())
    tokens = graph_bench.tokens
    assert await tokens.of(graph_bench.deployment()).token()
    wrong = graph_bench.deployment(client_id=OTHER)
    with pytest.raises(SignInRefused, match=r"Check client_id.*oauth_token_url"):
        await tokens.of(wrong).token()
    with pytest.raises(SignInRefused, match="enter client_secret"):
        await tokens.of(replace(wrong, client_secret="")).token()


@pytest_twisted.ensureDeferred
async def test_all_share_one_token(graph_bench: GraphBench) -> None:
    """Of one record; another one has its own, and so has one that is tried out."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    await graph_bench.put(graph_bench.deployment())
    tokens, record = graph_bench.tokens, graph_bench.stored
    assert tokens.of(record) is tokens.of(replace(record, description="other"))
    stored_deployment = graph_bench.store.get(tables.MJX_GRAPH_DEPLOYMENT, 1)
    assert stored_deployment is not None
    assert tokens.of(stored_deployment) is not tokens.of(record)
    draft = replace(record, oauth_client_id=OTHER)
    assert tokens.of(draft) is not tokens.of(draft)
    first = await tokens.of(record).token()
    assert await tokens.of(record).token() == first


@pytest.mark.parametrize(
    ("values", "is_dropped"),
    [
        ({"description": "other"}, False),
        ({"poll_interval": 7}, False),
        ({"oauth_client_id": OTHER}, True),
        ({"oauth_client_secret": "another, sealed"}, True),
        ({"oauth_token_endpoint": "http://127.0.0.1:1/x/oauth2/v2.0/token"}, True),
        ({"graph_api_domain": "127.0.0.1:1"}, True),
        ({"private_key": "another, sealed"}, True),
        ({"disable_proxy": True}, True),
    ],
)
@pytest_twisted.ensureDeferred
async def test_dropped_with_the_settings(
    graph_bench: GraphBench, values: dict[str, Any], is_dropped: bool
) -> None:
    """A token that was got by other settings is not used any more."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    before = graph_bench.tokens.of(graph_bench.stored)
    await graph_bench.put(replace(graph_bench.stored, **values))
    after = graph_bench.tokens.of(graph_bench.stored)
    assert (after is not before) == is_dropped


@pytest_twisted.ensureDeferred
async def test_dropped_with_the_record(graph_bench: GraphBench) -> None:
    """A record that is deleted leaves no token behind."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    record = graph_bench.stored
    before = graph_bench.tokens.of(record)
    with graph_bench.store.transaction() as change:
        change.delete(tables.CONNECTOR, 1)
        durable = change.commit()
    await durable
    assert graph_bench.tokens.of(record) is not before
    assert not graph_bench.tokens._sources


@pytest_twisted.ensureDeferred
async def test_expired_early(graph_bench: GraphBench) -> None:
    """A token that Graph takes no more before its time is replaced by itself."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    assert not isinstance(await graph_bench.read_inbox(), GraphProblem)
    source = graph_bench.tokens.of(graph_bench.stored)
    first = await source.token()
    graph_bench.world.sandbox.later(hours=2)  # the sandbox's time alone
    graph_bench.world.clock.advance(MIN_AGE_WHEN_REJECTED)
    assert not isinstance(await graph_bench.read_inbox(), GraphProblem)
    assert await source.token() != first


@pytest_twisted.ensureDeferred
async def test_revoked(graph_bench: GraphBench) -> None:
    """A challenge for claims is answered at once, by a token got with them."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    assert not isinstance(await graph_bench.read_inbox(), GraphProblem)
    first = await graph_bench.tokens.of(graph_bench.stored).token()
    graph_bench.world.sandbox.graph.applications.revoke(CLIENT)
    assert not isinstance(await graph_bench.read_inbox(), GraphProblem)
    assert await graph_bench.tokens.of(graph_bench.stored).token() != first


REFUSED = [
    ({"oauth_client_secret": "wrong"}, r"value, not its id.*\(AADSTS7000215\)"),
    ({"oauth_client_id": OTHER}, r"Check oauth_client_id.*\(AADSTS700016\)"),
    ({"oauth_client_secret": ""}, "enter oauth_client_secret, or have the command"),
    (
        {
            "oauth_client_secret": "",
            "public_key": CERTIFICATE.certificate,
            "private_key": CERTIFICATE.private_key,
        },
        r"Upload the integration's public_key there\. \(AADSTS700027\)",
    ),
    (
        {
            "oauth_client_secret": "",
            "public_key": "no certificate",
            "private_key": CERTIFICATE.private_key,
        },
        "cannot be used. Make new ones with the command make_certificate",
    ),
    (
        {
            "oauth_client_secret": "",
            "public_key": CERTIFICATE.certificate,
            "private_key": "no key",
        },
        "cannot be used. Make new ones with the command make_certificate",
    ),
]


@pytest.mark.parametrize(("values", "text"), REFUSED)
@pytest_twisted.ensureDeferred
async def test_refused(
    graph_bench: GraphBench, values: dict[str, Any], text: str
) -> None:
    """What is wrong, in which field, and what would be right."""
    record = graph_bench.connector(**{"oauth_client_secret": SECRET, **values})
    await graph_bench.put(record)
    with pytest.raises(SignInRefused, match=text):
        await graph_bench.tokens.of(graph_bench.stored).token()


@pytest_twisted.ensureDeferred
async def test_an_unknown_tenant(graph_bench: GraphBench) -> None:
    """The tenant's place in the endpoint is named."""
    url = graph_bench.url.replace(TENANT, "other.test")
    await graph_bench.put(
        graph_bench.connector(oauth_client_secret=SECRET, oauth_token_endpoint=url)
    )
    text = r"tenant in oauth_token_endpoint.*\(AADSTS90002\)"
    with pytest.raises(SignInRefused, match=text):
        await graph_bench.tokens.of(graph_bench.stored).token()


@pytest_twisted.ensureDeferred
async def test_an_expired_certificate(graph_bench: GraphBench) -> None:
    """It is named as the app registration names it."""
    graph_bench.world.sandbox.add(secret=None, certificate=CERTIFICATE.certificate)
    await graph_bench.put(
        graph_bench.connector(
            public_key=CERTIFICATE.certificate, private_key=CERTIFICATE.private_key
        )
    )
    graph_bench.later(timedelta(days=731).total_seconds())
    with pytest.raises(SignInRefused, match="or has expired"):
        await graph_bench.tokens.of(graph_bench.stored).token()


@pytest_twisted.ensureDeferred
async def test_it_stops_after_a_renewal(graph_bench: GraphBench) -> None:
    """A renewal that is under way ends before the store closes."""
    await graph_bench.put(graph_bench.connector(oauth_client_secret=SECRET))
    source = graph_bench.tokens.of(graph_bench.stored)
    first = await source.token()
    graph_bench.later(3400)
    assert await source.token() == first
    await graph_bench.tokens.stopService()
    assert await source.token() != first
