"""The users of the add-in, as administrators and their programs handle them."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from tests.web_admin.web_admin_support import API, Server

USERS = f"{API}/end_user/"
ALICE = {
    "primary_email_address": "Alice@example.com",
    "first_name": "Alice",
    "last_name": "Archer",
    "display_name": "Alice Archer",
    "title": "Archivist",
    "department": "Archive",
    "telephone_number": "+47 12",
    "mobile_number": "+47 34",
    "avatar_url": "https://people.example.com/alice.png",
    "description": "on leave",
    "sync_tag": "hr",
}


async def sign_in(server: Server, id: int, exchange_user: str, oid: str) -> None:
    """Attach identities to a record, as a sign-in does."""
    user = server.store.get(tables.END_USER, id)
    assert user is not None
    transaction = server.store.transaction()
    user = replace(user, exchange_user_id=exchange_user, user_oid=oid)
    transaction.put(tables.END_USER, user)
    await transaction.commit()


@pytest_twisted.ensureDeferred
async def test_a_user(server: Server) -> None:
    """A record is created, shown in full, changed, replaced and deleted."""
    client = server.client
    uri = await client.create(USERS, {**ALICE, "user_groups": []})
    shown = await client.get(uri)
    uuid = shown.pop("uuid")
    assert len(uuid) == 36
    assert shown == {
        **ALICE,
        "id": 1,
        "resource_uri": uri,
        "user_groups": [],
        "ms_exchange_guid": None,
        "exchange_user_id": "",
        "user_oid": "",
        "identity_provider": "",
    }
    assert (await client.ask("PATCH", uri, {"title": "Head"})).status == 202
    changed = await client.get(uri)
    assert changed["title"] == "Head"
    changed["display_name"] = "A. Archer"
    assert (await client.ask("PUT", uri, changed)).status == 204
    short = {"primary_email_address": "alice@example.com"}
    assert (await client.ask("PUT", uri, short)).status == 204
    replaced = await client.get(uri)
    assert (replaced["uuid"], replaced["title"]) == (uuid, "Head")
    assert (await client.ask("DELETE", uri)).status == 204
    assert (await client.ask("GET", uri)).status == 404


@pytest_twisted.ensureDeferred
async def test_identities_are_read_only(server: Server) -> None:
    """What a sign-in has attached is shown, and no client can set or clear it."""
    uri = await server.client.create(USERS, ALICE)
    await sign_in(server, 1, "alice@https://mail", "tenant:oid")
    wanted = {"exchange_user_id": "eve@https://mail", "user_oid": ""}
    assert (await server.client.ask("PATCH", uri, wanted)).status == 202
    assert (await server.client.ask("PUT", uri, {**ALICE, **wanted})).status == 204
    shown = await server.client.get(uri)
    assert shown["exchange_user_id"] == "alice@https://mail"
    assert shown["user_oid"] == "tenant:oid"
    await server.client.ask("DELETE", uri)
    await server.client.create(USERS, {**ALICE, **wanted})
    (fresh,) = server.store.all(tables.END_USER)
    assert (fresh.exchange_user_id, fresh.user_oid) == ("", "")


@pytest.mark.parametrize(
    ("wrong", "field", "text"),
    [
        ({"primary_email_address": ""}, "primary_email_address", "not be empty"),
        ({"primary_email_address": "alice"}, "primary_email_address", "such as"),
        ({"primary_email_address": "a" * 101}, "primary_email_address", "100"),
        ({"title": "t" * 129}, "title", "128"),
        ({"department": "d" * 101}, "department", "100"),
        ({"display_name": "n" * 251}, "display_name", "250"),
        ({"avatar_url": "javascript:alert(1)"}, "avatar_url", "URL"),
        ({"user_groups": [f"{API}/user_group/1/"]}, "user_groups", "no user groups"),
        ({"user_groups": "all"}, "user_groups", "no user groups"),
        ({"nickname": "Al"}, "nickname", "no such field"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_fields(
    server: Server, wrong: dict[str, Any], field: str, text: str
) -> None:
    """A wrong field is named, with what is wrong, and nothing is stored."""
    answer = await server.client.ask("POST", USERS, {**ALICE, **wrong})
    assert answer.status == 400
    assert list(answer.json["end_user"]) == [field]
    assert text in answer.json["end_user"][field][0]
    assert not list(server.store.all(tables.END_USER))


@pytest_twisted.ensureDeferred
async def test_addresses_and_uuids_are_unique(server: Server) -> None:
    """Two users have neither one address, in whatever case, nor one uuid."""
    uuid = "99999999-0000-4000-8000-000000000001"
    await server.client.create(USERS, {**ALICE, "uuid": uuid})
    again = {"primary_email_address": "ALICE@EXAMPLE.COM", "uuid": uuid}
    answer = await server.client.ask("POST", USERS, again)
    assert set(answer.json["end_user"]) == {"primary_email_address", "uuid"}


@pytest_twisted.ensureDeferred
async def test_filters_and_schema(server: Server) -> None:
    """Users are found by address and identity, and those without one are, too."""
    client = server.client
    await client.create(USERS, ALICE)
    await client.create(USERS, {"primary_email_address": "bob@example.com"})
    await sign_in(server, 1, "alice@https://mail", "tenant:oid")

    async def found(query: str) -> list[int]:
        return [each["id"] for each in await client.objects(f"{USERS}?{query}")]

    assert await found("primary_email_address=Alice%40example.com") == [1]
    assert await found("primary_email_address__iexact=alice%40example.com") == [1]
    assert await found("exchange_user_id=alice%40https%3A%2F%2Fmail") == [1]
    assert await found("user_oid=tenant%3Aoid&display_name__icontains=arch") == [1]
    assert await found("exchange_user_id=") == [2]
    assert await found("order_by=-primary_email_address") == [2, 1]
    fields = (await client.get(f"{USERS}schema/"))["fields"]
    assert fields["exchange_user_id"]["readonly"]
    assert fields["user_oid"]["readonly"]
    assert fields["primary_email_address"]["unique"]
    assert fields["user_groups"]["related_type"] == "to_many"
