"""The OpenAPI document as the API serves it, and what it made the API say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.model.accounts.administrator import RoleLevel
from tests.web_admin.web_admin_support import (
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Server,
    serving,
)

DOCUMENT = "/api/admin/openapi.json"


@pytest_twisted.async_yield_fixture()
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "state") as running:
        yield running


@pytest_twisted.ensureDeferred
async def test_it_is_listed_and_served(server: Server) -> None:
    """`/api/admin/` leads to it; the role Read-only is enough, and no credentials are
    not."""
    client = server.client
    assert (await client.get("/api/admin/"))["openapi"] == DOCUMENT
    document = await client.get(DOCUMENT)
    assert document["openapi"] == "3.1.0"
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]
    here = f"http://127.0.0.1:{client.port}/oauth/token/"
    assert flow["clientCredentials"]["tokenUrl"] == here
    assert (await client.ask("GET", DOCUMENT, auth=None)).status == 401
    role = f"/api/admin/configuration/v1/role/{int(RoleLevel.READ_ONLY)}/"
    await client.create(
        "/api/admin/configuration/v1/administrator/",
        {"name": "anna", "password": "correct horse", "role": role},
    )
    answer = await client.ask("GET", DOCUMENT, auth=("anna", "correct horse"))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", CONFERENCE, "GET, POST, PATCH, DELETE"),
        ("OPTIONS", "/api/admin/configuration/v1/role/", "GET"),
        ("TRACE", "/api/admin/configuration/v1/role/1/", "GET"),
        ("OPTIONS", "/api/admin/configuration/v1/api_token/1/", "GET, DELETE"),
        ("PUT", "/api/admin/status/v1/licensing/", "GET"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_allow_has_the_methods_of_the_path(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """A method that no path has is answered 405 with those that this path has, not
    with those of all paths of its rule."""
    answer = await server.client.ask(method, path)
    assert answer.status == 405
    assert answer.headers.getRawHeaders("allow") == [allowed]


@pytest_twisted.ensureDeferred
async def test_a_read_only_reference_is_ignored(server: Server) -> None:
    """A reference that only the server sets may be sent as anything: it is not looked
    up."""
    tokens = "/api/admin/configuration/v1/api_token/"
    role = "/api/admin/configuration/v1/role/1/"
    values: tuple[object, ...] = (
        {},
        "/api/admin/configuration/v1/administrator/99/",
        99,
    )
    for sent in values:
        payload = {"name": "backup", "role": role, "administrator": sent}
        answer = await server.client.ask("POST", tokens, payload)
        assert answer.status == 201, answer.body
        assert answer.json["administrator"].endswith("/administrator/1/")


@pytest_twisted.ensureDeferred
async def test_an_address_of_the_wrong_type_is_refused(server: Server) -> None:
    """An item of a list whose resource_uri is no text names no record, whatever its id:
    it is not changed by that."""
    made = await server.client.create(CONFERENCE, {"name": "Room"})
    values: tuple[object, ...] = ({}, [], 0, False)
    for wrong in values:
        item = {"resource_uri": wrong, "id": 1, "name": "Other"}
        problems = await server.client.refused("PATCH", CONFERENCE, {"objects": [item]})
        assert problems["objects"] == [f"1: This must be a URI such as {made}."]
    assert (await server.client.get(made))["name"] == "Room"


@pytest_twisted.ensureDeferred
async def test_whole_numbers_may_have_a_point(server: Server) -> None:
    """5.0 is the number 5, as a value and as a reference; 5.5 is no whole number."""
    client = server.client
    connector = await client.create(CONNECTOR, {**HEAD_OFFICE, "poll_interval": 25.0})
    assert (await client.get(connector))["poll_interval"] == 25
    domain = {"exchange_connector": 1.0, "domain": "mail.example.test"}
    made = await client.create("/api/admin/configuration/v1/exchange_domain/", domain)
    assert (await client.get(made))["exchange_connector"] == connector
    wrong = await client.refused("PATCH", connector, {"poll_interval": 25.5})
    assert wrong == {"poll_interval": ["This must be a whole number."]}
