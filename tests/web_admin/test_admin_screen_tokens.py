"""`mjx_screen_token`: tokens with which screens read the meetings of one endpoint."""

import pytest_twisted

from pexschedd.identity.api_tokens import hash_of, is_well_formed
from pexschedd.model import tables
from tests.web_admin.web_admin_support import API, Server

TOKEN, ENDPOINT = f"{API}/mjx_screen_token/", f"{API}/mjx_endpoint/"
OAK = {
    "name": "Oak",
    "room_resource_email": "oak@example.com",
    "api_address": "oak.example.com",
}


@pytest_twisted.ensureDeferred
async def test_a_token_is_shown_once(server: Server) -> None:
    """The answer that makes it has the token; nothing else, and not the store."""
    endpoint = await server.client.create(ENDPOINT, OAK)
    answer = await server.client.ask(
        "POST", TOKEN, {"name": "Door sign", "mjx_endpoint": endpoint}
    )
    assert answer.status == 201
    token = answer.json["token"]
    assert is_well_formed(token)
    found = await server.client.get(f"{TOKEN}1/")
    assert found == {
        "id": 1,
        "name": "Door sign",
        "mjx_endpoint": endpoint,
        "creation_time": "2026-11-21T09:00:00.000000",
        "last_used_time": None,
        "starts_with": token[:14],
        "resource_uri": f"{TOKEN}1/",
    }
    stored = server.store.get(tables.SCREEN_TOKEN, 1)
    assert stored is not None
    assert stored.token_hash == hash_of(token)
    changes = "/api/admin/history/v1/configuration_change/"
    history = await server.client.ask("GET", changes)
    for body in ((await server.client.ask("GET", TOKEN)).body, history.body):
        assert token.encode() not in body
        assert stored.token_hash.encode() not in body


@pytest_twisted.ensureDeferred
async def test_it_is_no_token_of_an_administrator(server: Server) -> None:
    """Whoever has a screen's token can ask the management API nothing."""
    endpoint = await server.client.create(ENDPOINT, OAK)
    made = await server.client.ask(
        "POST", TOKEN, {"name": "Door sign", "mjx_endpoint": endpoint}
    )
    headers = {"authorization": f"Bearer {made.json['token']}"}
    answer = await server.client.ask("GET", ENDPOINT, headers=headers, auth=None)
    assert answer.status == 401


@pytest_twisted.ensureDeferred
async def test_it_is_made_and_deleted_only(server: Server) -> None:
    """It needs a name and an endpoint, is never changed, and goes with its endpoint."""
    endpoint = await server.client.create(ENDPOINT, OAK)
    for wrong, field in (
        ({"name": "x"}, "mjx_endpoint"),
        ({"mjx_endpoint": endpoint}, "name"),
        ({"name": "x", "mjx_endpoint": f"{ENDPOINT}7/"}, "mjx_endpoint"),
        ({"name": "x", "mjx_endpoint": endpoint, "token": "own"}, "token"),
    ):
        answer = await server.client.ask("POST", TOKEN, wrong)
        assert answer.status == 400, wrong
        assert set(answer.json["mjx_screen_token"]) == {field}
    sent = {"name": "Door", "mjx_endpoint": endpoint}
    await server.client.create(TOKEN, sent)
    made = await server.client.create(TOKEN, sent)
    answer = await server.client.ask("PATCH", made, {"name": "y"})
    assert answer.status == 405
    assert (await server.client.ask("DELETE", made)).status == 204
    assert server.store.count(tables.SCREEN_TOKEN) == 1
    assert (await server.client.ask("DELETE", endpoint)).status == 204
    assert server.store.count(tables.SCREEN_TOKEN) == 0
