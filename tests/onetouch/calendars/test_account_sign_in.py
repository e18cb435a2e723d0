"""A person signs in to the service account of a deployment, and its rooms are read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.web.server import Site

from pexschedd.identity.oauth.endpoint import context_of
from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.model import tables
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.onetouch.calendars.reading_alarms import ReadingAlarms
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.scheduling.alarms import names
from tests.identity.oauth_support import Provider, jwt_of, query_of
from tests.onetouch.calendars.room_world import ASH, DIAL, OAK, ZOOM, RoomWorld
from tests.stories.story_clock import reactor
from tests.stories.story_terms import AT_TEN, HOUR
from tests.turns import until
from tests.web_admin.web_admin_support import Answer, Client

AUTH = ("admin", "correct horse battery")
PAGES = "/admin/platform/mjxexchangedeployment"
PAGE = f"{PAGES}/1/sign_in/"
COMMAND = "/api/admin/command/v1/mjx_exchange_deployment/1/sign_in/"
STATUS = "/api/admin/status/v1/mjx_service_account/"
PATH = "/api/admin/configuration/v1/mjx_exchange_deployment/1/"
ACCOUNT = "otj@example.test"


class Rooms:
    """A daemon whose service account reads a room by tokens."""

    def __init__(self, world: RoomWorld) -> None:
        self.world = world
        self.provider = Provider()
        self.provider.account = ACCOUNT
        self._port: Any = reactor.listenTCP(
            0, Site(self.provider), interface="127.0.0.1"
        )
        self.idp = f"http://127.0.0.1:{self._port.getHost().port}"
        for number in range(1, 6):
            world.sandbox.tokens.register(f"access-{number}", impersonates=(OAK,))
        world.sign_in("Bearer", "Basic")  # Alice has a password

    async def configure(self, **values: Any) -> None:
        here = "http://127.0.0.1:8081"
        given = {
            "authentication_method": "OAUTH",
            "service_account_password": "",
            "oauth_client_id": "rooms",
            "oauth_auth_endpoint": f"{self.idp}/oauth2/authorize",
            "oauth_token_endpoint": f"{self.idp}/oauth2/token",
            "oauth_redirect_uri": f"{here}{PAGES}/oauth_redirect/",
        }
        await self.world.configure(OAK, **(given | values))

    @property
    def deployment(self) -> ExchangeDeployment:
        found = self.world.store.get(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
        assert found is not None
        return found

    @property
    def refresh_token(self) -> str:
        context = context_of(self.deployment, "oauth_refresh_token")
        sealed = self.deployment.oauth_refresh_token
        return self.world.store.vault.unseal(sealed, context)

    @property
    def alarms(self) -> list[str]:
        return [
            alarm.details
            for alarm in self.world.store.all(tables.ALARM)
            if alarm.name == names.ONE_TOUCH_EXCHANGE and alarm.time_lowered is None
        ]

    async def ask(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        client = Client(self.world.daemon.http_servers.port("admin"))
        return await client.ask(method, path, *args, **({"auth": AUTH} | more))

    async def come_back(self, **query: str) -> Answer:
        """The browser of the person who signed in, without a password of ours."""
        path = f"{PAGES}/oauth_redirect/?{urlencode(query)}"
        return await self.ask("GET", path, auth=None)

    async def sign_in(self) -> dict[str, str]:
        """A person opens a new link, and signs in; return what the link asks for."""
        made = (await self.ask("POST", COMMAND)).json
        asked = query_of(made["sign_in_link"])
        before = self.readers
        answer = await self.come_back(state=asked["state"], code="the-code")
        assert answer.status == 200, answer.body
        await until(lambda: bool(self.readers) and self.readers != before)
        return asked

    async def look(self) -> None:
        """Wait for a problem, and look for alarms, as is done every minute."""
        daemon = self.world.daemon
        for reader in self.readers:
            for room in reader.rooms:
                reader.read_now(room)
        await until(lambda: any(r.problem for r in self.readers))
        for reader in self.readers:
            await ReadingAlarms(daemon.alarms, reactor).look("Head office", reader)

    @property
    def readers(self) -> list[ReadingSchedule]:
        return list(self.world.daemon.one_touch.reading.readers.values())

    async def put(self, deployment: ExchangeDeployment) -> None:
        """Store the deployment."""
        with self.world.store.transaction() as change:
            change.put(tables.MJX_EXCHANGE_DEPLOYMENT, deployment)
            durable = change.commit()
        await durable

    @property
    def is_read(self) -> bool:
        return self.world.daemon.one_touch.lists.stale(1) is not None

    async def read(self) -> None:
        """Read the rooms."""
        await self.world.read()
        assert self.is_read

    async def close(self) -> None:
        await self._port.stopListening()


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    world = RoomWorld(tmp_path)
    await world.start()
    rooms = Rooms(world)
    yield rooms
    await world.stop()
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_signed_in_and_read(rooms: Rooms) -> None:
    """Until a person signs in there is an alarm with the page on which to do so; then
    it is gone, and the screen has its meetings. Only the EWS URL gets the token, and no
    address of Autodiscover's."""
    world = rooms.world
    elsewhere = AutodiscoverUrl(
        id=1,
        name="Elsewhere",
        url=f"{rooms.idp}/autodiscover/autodiscover.xml",
        exchange_deployment=1,
    )
    with world.store.transaction() as change:
        change.put(tables.MJX_AUTODISCOVER_URL, elsewhere)
        durable = change.commit()
    await durable
    await rooms.configure()
    await rooms.look()
    (text,) = rooms.alarms
    assert "Nobody has signed in to the service account yet." in text
    assert PAGE in text
    asked = await rooms.sign_in()
    assert asked["login_hint"] == ACCOUNT
    assert asked["resource"] == world.url
    await rooms.read()
    assert not rooms.alarms
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await world.shows() == [("Plan", DIAL)]
    assert rooms.refresh_token == "refresh-1"
    assert [form["grant_type"] for form in rooms.provider.asked] == [
        "authorization_code"
    ]
    (status,) = (await rooms.ask("GET", STATUS)).json["objects"]
    assert (status["signed_in"], status["account"]) == (True, ACCOUNT)
    assert status["deployment_name"] == "Head office"
    assert status["sign_in_page"] == PAGE


@pytest_twisted.ensureDeferred
async def test_the_page(rooms: Rooms) -> None:
    """It names the deployment and its account, makes the link by its button, and tells
    the person who used it of success."""
    await rooms.configure()
    page = await rooms.ask("GET", PAGE)
    assert page.status == 200
    assert b"Head office" in page.body
    assert ACCOUNT.encode() in page.body
    made = await rooms.ask("POST", PAGE)
    assert (made.status, made.location) == (303, PAGE)
    link = rooms.world.daemon.clients.room_accounts.sign_ins.link(1)
    assert link is not None
    state = query_of(link.url)["state"]
    answer = await rooms.come_back(state=state, code="c")
    assert b"Successfully signed in." in answer.body
    assert b"Signed in" in (await rooms.ask("GET", PAGE)).body
    again = await rooms.come_back(state=state, code="c")
    assert (again.status, b"not valid any more" in again.body) == (400, True)


@pytest_twisted.ensureDeferred
async def test_a_command_sent_twice(rooms: Rooms) -> None:
    """A new link takes the last one back, so the command heeds no Idempotency-Key, and
    says so instead of making a link."""
    await rooms.configure()
    answer = await rooms.ask("POST", COMMAND, headers={"idempotency-key": "again"})
    assert answer.status == 400
    assert "Idempotency-Key is heeded with POST on a list" in answer.json["error"]
    assert rooms.world.daemon.clients.room_accounts.sign_ins.link(1) is None


@pytest_twisted.ensureDeferred
async def test_a_renewed_token_keeps_the_connection(rooms: Rooms) -> None:
    """The next refresh token is durable before its access token is used, and the rooms
    are read on as before."""
    world = rooms.world
    await rooms.configure()
    await rooms.sign_in()
    await rooms.read()
    (reader,) = rooms.readers
    cache = world.daemon.clients.room_accounts.token_caches.of(rooms.deployment)
    await cache.renewed()
    assert rooms.provider.asked[-1]["refresh_token"] == "refresh-1"
    assert rooms.refresh_token == "refresh-2"
    ash = Endpoint(id=2, name="Ash", room_resource_email=ASH, mjx_endpoint_group=1)
    with world.store.transaction() as change:
        change.put(tables.MJX_ENDPOINT, ash)
        durable = change.commit()
    await durable
    await until(lambda: [len(each.rooms) for each in rooms.readers] == [2])
    assert rooms.readers == [reader]


@pytest_twisted.ensureDeferred
async def test_a_revoked_sign_in(rooms: Rooms) -> None:
    """If the provider takes the refresh token no more, an alarm says what to do, and
    another sign-in ends that at once."""
    world = rooms.world
    await rooms.configure()
    deployment = rooms.deployment
    stored = replace(
        deployment,
        oauth_refresh_token=world.store.vault.seal(
            "revoked", context_of(deployment, "oauth_refresh_token")
        ),
        oauth_signed_in_for=new_sign_in(deployment, ACCOUNT, world.now()).as_text(),
    )
    error = {"error": "invalid_grant", "error_description": "AADSTS50173: revoked"}
    rooms.provider.answers = [(400, error)]
    before = rooms.readers
    await rooms.put(stored)
    await until(lambda: bool(rooms.readers) and rooms.readers != before)
    rooms.readers[0].read_now(OAK)
    await rooms.look()
    assert rooms.provider.asked[-1]["refresh_token"] == "revoked"
    (text,) = rooms.alarms
    assert "was revoked" in text
    assert "Sign in to the service account again" in text
    (status,) = (await rooms.ask("GET", STATUS)).json["objects"]
    assert "was revoked" in status["needed_because"]
    world.now.time += HOUR
    await rooms.sign_in()
    await rooms.read()
    assert not rooms.readers[0].problem


@pytest_twisted.ensureDeferred
async def test_another_account_is_refused(rooms: Rooms) -> None:
    """Nothing is stored for whoever else signs in."""
    await rooms.configure()
    rooms.provider.account = "eve@example.test"
    made = (await rooms.ask("POST", COMMAND)).json
    state = query_of(made["sign_in_link"])["state"]
    answer = await rooms.come_back(state=state, code="c")
    assert answer.status == 400
    assert b"eve@example.test signed in, but the service account is otj" in answer.body
    assert rooms.deployment.oauth_refresh_token == ""


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("ews_url", "EWS/Exchange.asmx"),
        ("oauth_token_endpoint", "oauth2/token"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_another_server_ends_the_sign_in(
    rooms: Rooms, field: str, path: str
) -> None:
    """The token is not sent to a changed address: neither to Exchange elsewhere nor to
    another token endpoint."""
    await rooms.configure()
    await rooms.sign_in()
    assert rooms.deployment.oauth_refresh_token
    change = {field: f"https://other.example.test/{path}"}
    answer = await rooms.ask("PATCH", PATH, change)
    assert answer.status == 202, answer.body
    assert rooms.deployment.oauth_refresh_token == ""
    (status,) = (await rooms.ask("GET", STATUS)).json["objects"]
    assert "changed after the sign-in" in status["needed_because"]


@pytest_twisted.ensureDeferred
async def test_nothing_of_a_sign_in_is_shown(rooms: Rooms) -> None:
    """The record has neither token nor state, and no client writes them."""
    await rooms.configure()
    await rooms.ask("POST", COMMAND)
    state = rooms.deployment.oauth_begun
    assert state
    await rooms.sign_in()
    before = rooms.deployment
    for name in ("oauth_refresh_token", "oauth_begun", "oauth_signed_in_for"):
        await rooms.ask("PATCH", PATH, {name: "mine"})
    assert rooms.deployment == before
    shown = (await rooms.ask("GET", PATH)).json
    assert shown["oauth_state"] is None
    assert not {"oauth_refresh_token", "oauth_begun", "oauth_signed_in_for"} & set(
        shown
    )


@pytest_twisted.ensureDeferred
async def test_an_integration_and_a_deployment_of_one_number(rooms: Rooms) -> None:
    """A link of one is nothing at the address of the other."""
    await rooms.configure()
    made = (await rooms.ask("POST", COMMAND)).json
    state = query_of(made["sign_in_link"])["state"]
    query = urlencode({"state": state, "code": "c"})
    other = f"/admin/platform/msexchangeconnector/oauth_redirect/?{query}"
    answer = await rooms.ask("GET", other, auth=None)
    assert answer.status == 400
    assert rooms.provider.asked == []
    assert (await rooms.come_back(state=state, code="c")).status == 200


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_signed_in_to(rooms: Rooms) -> None:
    """Another method, no EWS URL and no such deployment are said in words."""
    await rooms.configure()
    await rooms.put(replace(rooms.deployment, ews_url=""))
    answer = await rooms.ask("POST", COMMAND)
    assert answer.status == 400
    assert answer.json["error"] == "The deployment's configuration lacks ews_url."
    await until(lambda: bool(rooms.alarms))
    assert "Enter the EWS URL of the deployment" in rooms.alarms[0]
    await rooms.put(replace(rooms.deployment, authentication_method="APP_PERM"))
    answer = await rooms.ask("GET", PAGE)
    assert b"This deployment&#39;s service account needs no sign-in" in answer.body
    absent = await rooms.ask("POST", COMMAND.replace("/1/", "/2/"))
    assert absent.status == 404


@pytest_twisted.ensureDeferred
async def test_for_administrators(rooms: Rooms) -> None:
    """Everything but coming back asks for an administrator's password."""
    await rooms.configure()
    for method, path in (("GET", PAGE), ("POST", PAGE), ("POST", COMMAND)):
        assert (await rooms.ask(method, path, auth=None)).status == 401
    assert rooms.deployment.oauth_begun == ""
    rooms.provider.answers = [(200, {"id_token": jwt_of(upn=ACCOUNT)})]
    assert (await rooms.come_back(state="1.x", code="c")).status == 400
    assert rooms.provider.asked == []
