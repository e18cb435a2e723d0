"""Users sign in at a real OpenID provider that plays Entra ID and AD FS, in the real
daemon, and get their personal rooms."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.peers.oidc_peer import Person, Provider, web_client
from tests.system.system_support import ALICE, World

BASE = "/api/client/v2/msexchange_schedulers"
REDIRECT_PATH = f"{BASE}/oauth_redirect"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT, SECRET = "141c7f59-790b-46f7-add1-7490ee4b489e", "s3cret"
RESOURCE = "https://vc.example.test/personal"
BOB = "bob@example.test"

AZURE: dict[str, Any] = {
    "routes": {
        "authorization": f"/{TENANT}/oauth2/v2.0/authorize",
        "token": f"/{TENANT}/oauth2/v2.0/token",
        "jwks": f"/{TENANT}/discovery/v2.0/keys",
    },
    "plays": {
        "issuer": f"/{TENANT}/v2.0",
        "rewrite": {
            f"/{TENANT}/v2.0/.well-known/openid-configuration": (
                "/.well-known/openid-configuration"
            )
        },
        "claims": {
            "tid": TENANT,
            "oid": "99999999-8888-7777-6666-555555555555",
            "name": "Alice Adams",
        },
    },
}
ADFS: dict[str, Any] = {
    "routes": {
        "authorization": "/adfs/oauth2/authorize",
        "token": "/adfs/oauth2/token",
        "jwks": "/adfs/discovery/keys",
    },
    "plays": {
        "issuer": "/adfs",
        "rewrite": {
            "/adfs/.well-known/openid-configuration": (
                "/.well-known/openid-configuration"
            )
        },
        "claims": {"display_name": "Alice Adams", "appid": CLIENT},
        "scope": "user_impersonation",
    },
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The ports of all worlds here: the providers know where users come back to."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(place: World) -> Iterator[World]:
    """A daemon that knows nothing yet, and a sandbox."""
    with place:
        yield place
    shutil.rmtree(place.state)
    place.daemon.log.unlink()


@pytest.fixture(scope="module")
def providers(place: World) -> Iterator[dict[str, Provider]]:
    """A provider of each kind."""
    with ExitStack() as started:
        found = {}
        for kind in ("AZURE", "ADFS"):
            found[kind] = provider_of(kind, place)
            started.callback(found[kind].stop)
        yield found


class Pane:
    """What the add-in's pane asks, and the window that it opens."""

    def __init__(self, world: World, token: str) -> None:
        self._url = f"{world.addin}{BASE}/1/"
        self._redirect = f"{world.addin}{REDIRECT_PATH}"
        self._token = {"token": token}
        self._browser = requests.Session()

    def ask(self, method: str, path: str, **headers: str) -> requests.Response:
        return requests.request(method, self._url + path, headers=headers, timeout=10)

    def rooms(self, **headers: str) -> requests.Response:
        return self.ask("GET", "personal_rooms", **(headers or self._token))

    def begin(self) -> tuple[str, str]:
        """Return the attempt, and the URL that the window is sent to."""
        begun = self.ask("POST", "sign_in", **self._token).json()["result"]
        opened = self._browser.get(
            self._url + begun["start"],
            headers={"sec-fetch-site": "same-origin"},
            allow_redirects=False,
            timeout=10,
        )
        # Clients other than browsers hold plain loopback for insecure.
        for cookie in self._browser.cookies:
            cookie.secure = False
        return str(begun["attempt"]), opened.headers["location"]

    def sign_in(self, name: str) -> tuple[requests.Response, dict[str, Any], str]:
        """Return the window's last page, the result, and where it came back to."""
        attempt, link = self.begin()
        back = Person(REDIRECT_PATH).sign_in(link, name)
        page = self.come_back(back)
        return page, self.progress(attempt), back

    def come_back(self, back: str, slash: str = "/") -> requests.Response:
        """The address has the add-in's host; here it is that of loopback."""
        query = urlsplit(back).query
        return self._browser.get(f"{self._redirect}{slash}?{query}", timeout=10)

    def progress(self, attempt: str) -> dict[str, Any]:
        return dict(self.ask("GET", "sign_in", attempt=attempt).json()["result"])


def provider_of(kind: str, world: World) -> Provider:
    host = world.addin.removeprefix("http://")
    plays = AZURE if kind == "AZURE" else ADFS
    secret = SECRET if kind == "AZURE" else ""
    client = web_client(CLIENT, f"https://{host}{REDIRECT_PATH}", secret)
    return Provider([client], **plays)


def integrate(world: World, provider: Provider, kind: str, **changes: Any) -> None:
    world.create_integration(
        **{
            "enable_personal_vmrs": True,
            "auth_provider": kind,
            "personal_vmr_oauth_auth_endpoint": provider.auth_endpoint,
            "personal_vmr_oauth_token_endpoint": provider.token_endpoint,
            "personal_vmr_oauth_client_id": CLIENT,
            "personal_vmr_oauth_client_secret": SECRET if kind == "AZURE" else "",
            "personal_vmr_adfs_relying_party_trust_identifier": (
                RESOURCE if kind == "ADFS" else ""
            ),
            **changes,
        }
    )
    room = {
        "name": "Alice's room",
        "service_type": "conference",
        "primary_owner_email_address": ALICE.upper(),
        "aliases": [{"alias": "alice.room@example.test"}],
    }
    answer = world.ask("POST", "configuration/v1/conference/", room)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("kind", ["AZURE", "ADFS"])
def test_the_whole_way(world: World, providers: dict[str, Provider], kind: str) -> None:
    """A user signs in once, and has the rooms from then on: by the session, and later
    by the add-in's token alone; after signing out another sign-in is needed."""
    integrate(world, providers[kind], kind)
    pane = Pane(world, world.token())
    assert pane.rooms().json()["code"] == "sign_in_needed"
    page, result, _ = pane.sign_in(ALICE)
    assert page.status_code == 200, world.daemon.log.read_text()
    assert "Alice Adams" in page.text
    assert result["user"] == {"name": "Alice Adams", "email": ALICE}
    rooms = pane.rooms(session=result["session"]).json()["result"]["rooms"]
    assert [room["name"] for room in rooms] == ["Alice's room"]
    assert pane.rooms().json()["result"]["rooms"] == rooms
    (user,) = world.objects("end_user")
    assert user["primary_email_address"] == ALICE
    assert bool(user["user_oid"]) == (kind == "AZURE")
    assert pane.ask("DELETE", "session", token=world.token()).ok
    assert pane.rooms().status_code == 401
    log = world.daemon.log.read_text()
    for secret in (result["session"], SECRET, "eyJ"):
        assert secret not in log


@pytest.mark.parametrize("kind", ["AZURE", "ADFS"])
def test_a_code_is_used_once(
    world: World, providers: dict[str, Provider], kind: str
) -> None:
    """A redirect that is repeated, or brought with the state of another sign-in, signs
    in nobody: the provider wants the verifier of the attempt that the code is for."""
    integrate(world, providers[kind], kind)
    pane = Pane(world, world.token())
    page, _, back = pane.sign_in(ALICE)
    assert page.status_code == 200
    assert pane.come_back(back).status_code == 400
    attempt, link = pane.begin()
    stolen = Person(REDIRECT_PATH).sign_in(link, ALICE)
    own, other = pane.begin()
    state = urlsplit(other).query.partition("state=")[2].partition("&")[0]
    query = urlsplit(stolen).query
    old = query.partition("state=")[2].partition("&")[0]
    injected = pane.come_back(f"?{query.replace(old, state)}")
    assert injected.status_code == 400
    assert pane.progress(own)["code"] == "code_refused"
    assert pane.progress(attempt) == {"state": "waiting"}


def test_a_user_without_a_record(world: World, providers: dict[str, Provider]) -> None:
    """Where new users are not allowed, an unknown one sees the text for that."""
    integrate(world, providers["ADFS"], "ADFS", allow_new_users=False)
    pane = Pane(world, world.token())
    page, result, _ = pane.sign_in(BOB)
    assert (result["state"], result["code"]) == ("failed", "unknown_user")
    assert "There was a problem getting your personal VMRs" in result["text"]
    assert "There was a problem getting your personal VMRs" in page.text
    assert result["correlation_id"] in world.daemon.log.read_text()


def test_a_secret_that_is_refused(world: World, providers: dict[str, Provider]) -> None:
    """A wrong client secret raises an alarm; the right one lowers it again."""
    integrate(
        world, providers["AZURE"], "AZURE", personal_vmr_oauth_client_secret="wrong"
    )
    pane = Pane(world, world.token())
    _, result, _ = pane.sign_in(ALICE)
    assert result["code"] == "provider_refuses"
    told = [a for a in world.alarms() if "client_secret" in a]
    assert len(told) == 1
    assert "wrong" not in told[0]
    path = "configuration/v1/ms_exchange_connector/1/"
    change = {"personal_vmr_oauth_client_secret": SECRET}
    assert world.ask("PATCH", path, change).ok
    _, result, _ = pane.sign_in(ALICE)
    assert result["state"] == "done"
    assert not [a for a in world.alarms() if "client_secret" in a]
