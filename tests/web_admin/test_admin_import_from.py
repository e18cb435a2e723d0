"""Import from another deployment: another pexschedd, over TLS."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from pexschedd.model import tables
from pexschedd.net.tls import Trust
from tests.net.net_support import Authority
from tests.web_admin.deployment_support import over_tls
from tests.web_admin.transfer_support import COMMANDS, exported, fill
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    NAME,
    PASSWORD,
    Server,
    serving,
)

IMPORT_FROM = f"{COMMANDS}import_from/"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Test Root")


@pytest_twisted.async_yield_fixture
async def here(tmp_path: Path, authority: Authority) -> AsyncIterator[Server]:
    """An empty installation that trusts the deployment's authority."""
    trust = Trust([("the test", authority.pem)])
    async with serving(tmp_path / "here", trust=trust) as running:
        yield running


def asked(address: str, **more: Any) -> dict[str, Any]:
    return {"address": address, "username": NAME, "password": PASSWORD, **more}


async def answer(here: Server, payload: dict[str, Any]) -> Any:
    found = await here.client.ask("POST", IMPORT_FROM, payload)
    assert found.status == 200, found.body
    return found.json


@pytest_twisted.ensureDeferred
async def test_a_deployment_is_taken_over(
    server: Server, here: Server, authority: Authority
) -> None:
    """All of its configuration but accounts, with the passwords that are sent along;
    a dry run asks for those. What it has of meetings stays there."""
    await fill(server)
    await server.client.create(
        CONFERENCE, {"name": "Meeting", "aliases": [{"alias": "9"}]}
    )
    times = {"start_time": "2026-11-21T09:00:00", "end_time": "2026-11-21T10:00:00"}
    meeting = {"conference": f"{CONFERENCE}4/", **times}
    await server.client.create(f"{API}/scheduled_conference/", meeting)
    async with over_tls(server.site, authority) as address:
        plan = await answer(here, asked(address, dry_run=True))
        assert plan["created"] == 25
        needed = plan["secrets_needed"]
        assert [*needed] == [f"{CONNECTOR}1/", *ROOM_SECRETS]
        for uri, fields in ROOM_SECRETS.items():
            assert needed[uri].keys() == fields.keys()
        ((field, text),) = needed[f"{CONNECTOR}1/"].items()
        assert field == "password"
        assert "Head office" in text
        assert plan["left_out"] == [
            "conference: rooms of meetings, which Exchange brings (1)",
            "conference_alias: aliases of what is left out (1)",
        ]
        assert here.store.count(tables.CONNECTOR) == 0
        refused = await here.client.refused("POST", IMPORT_FROM, asked(address))
        assert [*refused] == [
            'ms_exchange_connector[0] "Head office": password',
            'mjx_exchange_deployment[0] "Rooms": service_account_password',
            'mjx_google_deployment[0] "Workspace": private_key',
        ]
        secrets = {f"{CONNECTOR}1/": {"password": "entered here"}, **ROOM_SECRETS}
        plan = await answer(here, asked(address, secrets=secrets))
        assert (plan["created"], plan["secrets_needed"]) == (25, {})
        again = await answer(here, asked(address, secrets=secrets))
        assert again["records"] == []
    there, taken = await exported(server), await exported(here)
    for name, records in there["resources"].items():
        wanted = [
            {**each, "public_key": ""} if "public_key" in each else each
            for each in records
        ]
        assert taken["resources"][name] == wanted, name
    (connector, _) = here.store.all(tables.CONNECTOR)
    context = f"ms_exchange_connector/{connector.uuid}/password"
    assert here.store.vault.unseal(connector.password, context) == "entered here"


ROOM_SECRETS = {
    f"{API}/mjx_exchange_deployment/1/": {"service_account_password": "entered"},
    f"{API}/mjx_google_deployment/1/": {"private_key": "entered"},
}
"""The secrets without which the deployments of One-Touch Join cannot be made."""


class Elsewhere(Resource):
    """A deployment that behaves in some way."""

    isLeaf = True

    def __init__(self, **how: Any) -> None:
        super().__init__()
        self.how = how
        self.asked = 0

    def render_GET(self, request: Request) -> bytes:
        self.asked += 1
        request.setResponseCode(self.how.get("status", 200))
        for name, value in self.how.get("headers", {}).items():
            request.setHeader(name, value)
        body: bytes = self.how.get("body", b"{}")
        return body


def listed(records: bytes, total: int = 1) -> bytes:
    """A page of a list."""
    return b'{"meta": {"total_count": %d}, "objects": [%s]}' % (total, records)


DEEP = 200_000
"""Lists in lists, too many for each Python."""

HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "sends us away": (
        {"status": 302, "headers": {"location": "https://127.0.0.1:9/"}},
        "no redirection is followed",
    ),
    "refuses": ({"status": 401}, "refuses the username or the password"),
    "is something else": ({"body": b"<html>"}, "not a list of the management API"),
    "is endless": ({"body": b" " * (9 << 20)}, "larger than 8388608 bytes"),
    "fails": ({"status": 500}, "HTTP status 500"),
    "has an unknown number": ({"body": b'{"objects": [{}]}'}, "`meta`"),
    "has an endless number": ({"body": listed(b'{"name": 1e999}')}, "out of range"),
    "has many digits": (
        {"body": listed(b'{"a": %s}' % (b"1" * 9_999))},
        "out of range",
    ),
    "has no records": ({"body": listed(b"7")}, "Expected `object`"),
    "is deep": (
        {"body": listed(b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}")},
        "not a",
    ),
    "has odd URIs": (
        {"body": listed(b'{"name": {}}, {"id": "x", "resource_uri": {}}')},
        "a resource_uri in its list of ivr_theme is no text",
    ),
    "has a URI twice": (
        {"body": listed(b'{"resource_uri": "a"}, {"resource_uri": "a"}')},
        "its list of ivr_theme has a twice",
    ),
    "is large": ({"body": listed(b"{}", total=20_001)}, "more than 20000 records"),
    "has many values": ({"body": listed(b"{}," * 500_000 + b"{}")}, "500000 values"),
    "ends early": ({"body": listed(b"", total=3)}, "ends after 0 of 3 records"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest_twisted.ensureDeferred
async def test_a_deployment_that_is_none(
    here: Server, authority: Authority, name: str
) -> None:
    """It is asked once, and the answer says what is wrong with it."""
    how, words = HOSTILE[name]
    elsewhere = Elsewhere(**how)
    async with over_tls(Site(elsewhere), authority) as address:
        found = await here.client.ask("POST", IMPORT_FROM, asked(address))
    assert (found.status, found.json["code"]) == (503, "deployment_unavailable")
    assert words in found.json["error"]
    assert PASSWORD not in found.body.decode()
    assert elsewhere.asked == 1


@pytest_twisted.ensureDeferred
async def test_a_deployment_that_is_not_trusted(here: Server) -> None:
    """Nothing is sent to a server whose certificate is another authority's."""
    elsewhere = Elsewhere()
    async with over_tls(Site(elsewhere), Authority("Other")) as address:
        found = await here.client.ask("POST", IMPORT_FROM, asked(address))
    assert found.status == 503
    assert "not trusted" in found.json["error"]
    assert elsewhere.asked == 0


def pages(records: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, bytes]]:
    for name, objects in records.items():
        yield (
            name,
            json.dumps(
                {"meta": {"total_count": len(objects)}, "objects": objects}
            ).encode(),
        )


class Platform(Resource):
    """Lists as the platform shows them, with fields and records that are unknown."""

    isLeaf = True

    def __init__(self, **records: list[dict[str, Any]]) -> None:
        super().__init__()
        self._pages = dict(pages(records))

    def render_GET(self, request: Request) -> bytes:
        name = request.path.decode().rstrip("/").rpartition("/")[2]
        if name not in self._pages:
            request.setResponseCode(404)
        return self._pages.get(name, b"")


@pytest_twisted.ensureDeferred
async def test_what_the_platform_has_more(here: Server, authority: Authority) -> None:
    """Fields, values and services that are not honoured here are left out and told; a
    theme that is shown nested is found."""
    theme = f"{API}/ivr_theme/7/"
    room = {
        "resource_uri": f"{CONFERENCE}20/",
        "name": "Board",
        "service_type": "conference",
        "pin": "1234",
        "ivr_theme": {"id": 7, "name": "Night", "resource_uri": theme},
        "gms_access_token": f"{API}/gms_access_token/1/",
        "aliases": [{"alias": "board@example.test"}],
        "scheduled_conferences": [],
        "automatic_participants": [f"{API}/automatic_participant/1/"],
        "colour": "red",
    }
    alias = {"alias": "board@example.test", "conference": room["resource_uri"]}
    platform = Platform(
        ivr_theme=[{"name": "Night", "resource_uri": theme, "custom_layouts": "x"}],
        conference=[room, {"name": "IVR", "service_type": "two_stage_dialing"}],
        conference_alias=[alias, {"alias": "ivr", "conference": f"{CONFERENCE}21/"}],
        end_user=[{"primary_email_address": "a@example.test", "user_groups": []}],
    )
    async with over_tls(Site(platform), authority) as address:
        plan = await answer(here, asked(address))
    assert plan["left_out"] == [
        "conference: gms_access_token, which is not honoured here (1)",
        "conference: services that are not conferences or lectures (1)",
        "conference_alias: aliases of what is left out (1)",
        "ivr_theme: custom_layouts, which is not honoured here (1)",
    ]
    (made,) = await here.client.objects(CONFERENCE)
    assert (made["name"], made["ivr_theme"]["name"]) == ("Board", "Night")
    assert [each["alias"] for each in made["aliases"]] == ["board@example.test"]


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost",
        "https://",
        "https://user:secret@localhost",
        "https://localhost/other/path",
        "https://localhost?x=1",
        "https://localhost:99999",
        "file:///etc/passwd",
        "",
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_address_is_a_server(here: Server, address: str) -> None:
    """With TLS, and nothing but name and port."""
    refused = await here.client.refused("POST", IMPORT_FROM, asked(address))
    assert [*refused] == ["address"]
