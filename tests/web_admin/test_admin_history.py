"""The history of the configuration, over HTTP: who changed what, from where, when."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pexschedd.history.recorded_tables import RECORDED
from pexschedd.management.resources import BY_KIND, CONFIGURATION
from pexschedd.model import tables
from pexschedd.model.fields.validation import is_writable
from tests.web_admin.test_admin_api_tokens import TOKEN, bearing
from tests.web_admin.test_admin_roles import (
    ADMINISTRATOR,
    ANNA,
    HELP,
    READ,
    RUDI,
    WORD,
    add,
    both,
)
from tests.web_admin.test_admin_schema_client import SchemaClient
from tests.web_admin.test_admin_set_aside import PATH as SET_ASIDE
from tests.web_admin.test_admin_set_aside import put as put_set_aside
from tests.web_admin.web_admin_support import (
    ALIAS,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    NAME,
    SCHEDULED,
    Server,
    serving,
)

HISTORY = "/api/admin/history/v1/configuration_change/"
ROOM = {"name": "Room 1", "aliases": [{"alias": "one@example.test"}]}
WRITABLE = sorted(name for name, each in CONFIGURATION.items() if each.writable)

PIN = "481516"
SECRET = "correct horse of the history"
SECRET_VALUES: dict[str, dict[str, object]] = {
    "pin": {"pin": PIN},
    "guest_pin": {"guest_pin": "234242", "allow_guests": True},
    "api_password": {"api_password": SECRET, "api_username": "admin"},
}
"""What is sent to set a secret, where that is not `SECRET`."""


async def entries(
    server: Server, query: str = "", auth: Any = None
) -> list[dict[str, Any]]:
    """The history, the oldest first."""
    arguments = {} if auth is None else {"auth": auth}
    path = f"{HISTORY}?limit=0&order_by=id{query and '&'}{query}"
    answer = await server.client.ask("GET", path, **arguments)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["objects"]
    return found


async def of(server: Server, uri: str, auth: Any = None) -> list[dict[str, Any]]:
    """The history of one record."""
    *_, resource, number, _ = uri.split("/")
    return await entries(server, f"resource={resource}&object_id={number}", auth)


def changed(entry: dict[str, Any]) -> dict[str, tuple[object, object]]:
    return {each["field"]: (each["old"], each["new"]) for each in entry["changes"]}


def stored_lines(folder: Path) -> str:
    """The lines of the state folder that are the history's."""
    lines = [
        line
        for path in (folder / "journal").glob("*.jsonl")
        for line in path.read_text().splitlines()
        if "configuration_change" in line
    ]
    assert lines
    for path in folder.glob("*.json"):
        text = path.read_text()
        name = f"{path.stem}_configuration_change"
        if name in text:
            lines.append(text.partition(name)[2].partition('"v":')[0])
    return "\n".join(lines)


def secret_fields(name: str) -> list[str]:
    return [
        field
        for field, declared in CONFIGURATION[name].fields.items()
        if (declared.field.secret or declared.field.confidential)
        and is_writable(declared)
    ]


def test_nothing_writable_is_forgotten() -> None:
    """Each table that administrators can write or delete from is recorded."""
    for resources in BY_KIND.values():
        for resource in resources.values():
            if resource.writable or resource.deletable:
                assert RECORDED[resource.table.name] == resource.name


@pytest.mark.parametrize("name", WRITABLE)
@pytest_twisted.ensureDeferred
async def test_every_resource(server: Server, tmp_path: Path, name: str) -> None:
    """A record of each writable resource leaves three entries or more: who, from where,
    when, the old and the new; no secret is in an answer or in the store's lines."""
    client, resource = server.client, CONFIGURATION[name]
    by_schema = SchemaClient(client)
    uri = await by_schema.make(resource.uri)
    (made,) = await of(server, uri)
    assert made["action"] == "created"
    assert {old for old, _ in changed(made).values()} == {None}
    expected = 1
    before: dict[str, Any] = {}
    if not resource.fixed:
        before = await client.get(uri)
        server.clock.advance(minutes=1)
        field = await by_schema.change(resource.uri, uri)
        after = await client.get(uri)
        *_, entry = await of(server, uri)
        assert entry["action"] == "changed"
        assert entry["time"] == "2026-11-21T09:01:00.000000"
        assert changed(entry)[field] == (before[field], after[field])
        expected += 1
    sent = []
    for secret in secret_fields(name):
        payload = SECRET_VALUES.get(secret, {secret: SECRET})
        answer = await client.ask("PATCH", uri, payload)
        assert answer.status == 202, (secret, answer.body)
        *_, entry = await of(server, uri)
        word = "changed" if secret in changed(made) else "set"
        assert changed(entry)[secret] == (None, word)
        assert [entry["correlation_id"]] == answer.headers.getRawHeaders("x-request-id")
        sent.append(str(payload[secret]))
    answer = await client.ask("DELETE", uri)
    assert answer.status == 204
    found = await of(server, uri)
    assert len(found) >= expected + 1
    gone = found[-1]
    assert gone["action"] == "deleted"
    assert {new for _, new in changed(gone).values()} <= {None, "removed"}
    for each in found:
        assert (each["administrator"], each["address"]) == (NAME, "127.0.0.1")
        assert each["resource"] == name
        assert each["object_name"] or not before.get("subject", "x")
        assert each["resource_uri"] == f"{HISTORY}{each['id']}/"
        assert await client.get(each["resource_uri"]) == each
    answers = (await client.ask("GET", f"{HISTORY}?limit=0")).body.decode()
    for text in (answers, stored_lines(tmp_path / "state")):
        for secret in (*sent, "$scrypt", "scrypt$", "sealed:", "PRIVATE KEY"):
            assert secret not in text


@pytest_twisted.ensureDeferred
async def test_the_newest_come_first(server: Server) -> None:
    """Without an order; other orders, filters and pages are as in every list."""
    uri = await server.client.create(CONFERENCE, ROOM)
    server.clock.advance(minutes=1)
    for name in ("Room 2", "Room 3"):
        await server.client.ask("PATCH", uri, {"name": name})
    answer = await server.client.get(f"{HISTORY}?limit=2")
    assert [each["object_name"] for each in answer["objects"]] == ["Room 3", "Room 2"]
    # The first administrator is made by no request.
    assert answer["meta"]["total_count"] == 5
    found = await server.client.objects(f"{HISTORY}?order_by=-time,id&limit=1")
    assert [each["object_name"] for each in found] == ["Room 2"]
    for query, count in (
        ("resource=conference", 3),
        ("resource=conference_alias", 1),
        ("resource=conference&object_id=1&action=changed", 2),
        ("object_id=1&resource__in=conference,conference_alias", 4),
        ("administrator=admin", 4),
        ("administrator=anna", 0),
        ("administrator=schedulingservice", 1),
        ("name__icontains=ROOM", 3),
        ("time__lt=2026-11-21T09:00:30", 3),
        ("address__startswith=127.", 4),
    ):
        assert len(await entries(server, query)) == count, query
    for query in ("changes=x", "order_by=changes"):
        assert (await server.client.ask("GET", f"{HISTORY}?{query}")).status == 400
    schema = await server.client.get(f"{HISTORY}schema/")
    assert schema["fields"]["changes"]["type"] == "list"
    assert "changes" not in schema["filtering"]
    assert schema["allowed_list_http_methods"] == ["get"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest_twisted.ensureDeferred
async def test_nobody_writes_it(server: Server, method: str) -> None:
    """Entries are neither made, nor changed, nor deleted by anyone."""
    await server.client.create(CONFERENCE, ROOM)
    before = await entries(server)
    for path in (HISTORY, f"{HISTORY}1/"):
        payload = None if method == "DELETE" else {"administrator": "nobody"}
        assert (await server.client.ask(method, path, payload)).status == 405
    assert await entries(server) == before


@pytest_twisted.ensureDeferred
async def test_what_changes_nothing_is_not_recorded(server: Server) -> None:
    """Neither a refused request, nor one that sends what is there, secrets included."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    room = await server.client.create(CONFERENCE, ROOM)
    before = await entries(server)
    client = server.client
    assert (await client.ask("PUT", room, await client.get(room))).status == 204
    same = {"password": HEAD_OFFICE["password"]}
    assert (await client.ask("PATCH", uri, same)).status == 202
    wrong = {"objects": [{"name": "Room 9"}, {"name": ""}]}
    assert (await client.ask("PATCH", CONFERENCE, wrong)).status == 400
    assert (await client.ask("POST", CONFERENCE, ROOM)).status == 400
    assert (await client.ask("DELETE", CONNECTOR)).status == 400
    assert (await client.ask("PATCH", room, {}, auth=("admin", "x"))).status == 401
    assert await entries(server) == before
    other = {**same, "poll_interval": 17}
    assert (await client.ask("PATCH", uri, other)).status == 202
    (entry,) = [each for each in await entries(server) if each not in before]
    assert changed(entry) == {"poll_interval": (5, 17)}


@pytest_twisted.ensureDeferred
async def test_what_belongs_to_a_record_goes_with_it(server: Server) -> None:
    """The aliases and meetings of a room, and the tokens of an account, are recorded
    one by one, under the request that has taken them along."""
    room = await server.client.create(CONFERENCE, ROOM)
    meeting = {
        "conference": room,
        "subject": "Weekly",
        "start_time": "2026-12-01T10:00:00",
        "end_time": "2026-12-01T11:00:00",
        "ews_item_id": "i",
        "ews_item_uid": "u",
    }
    await server.client.create(SCHEDULED, meeting)
    anna = await add(server, "anna", HELP)
    token = {"name": "hers", "role": HELP}
    assert (await server.client.ask("POST", TOKEN, token, auth=ANNA)).status == 201
    for uri, expected in (
        (room, ["conference", "conference_alias", "scheduled_conference"]),
        (anna, ["administrator", "api_token"]),
    ):
        answer = await server.client.ask("DELETE", uri)
        assert answer.status == 204
        (id_,) = answer.headers.getRawHeaders("x-request-id")
        found = await entries(server, f"correlation_id={id_}")
        assert sorted(each["resource"] for each in found) == expected
        assert {each["action"] for each in found} == {"deleted"}


@pytest_twisted.ensureDeferred
async def test_many_at_once(server: Server) -> None:
    """A bulk request leaves an entry for each record that it has changed."""
    first = await server.client.create(CONFERENCE, {"name": "Room 1"})
    other = await server.client.create(CONFERENCE, {"name": "Room 2"})
    before = await entries(server)
    bulk = {
        "objects": [{"resource_uri": first, "description": "x"}, {"name": "Room 3"}],
        "deleted_objects": [other],
    }
    assert (await server.client.ask("PATCH", CONFERENCE, bulk)).status == 202
    found = [each for each in await entries(server) if each not in before]
    assert [(each["action"], each["object_name"]) for each in found] == [
        ("deleted", "Room 2"),
        ("changed", "Room 1"),
        ("created", "Room 3"),
    ]
    assert (
        await server.client.ask("DELETE", f"{CONFERENCE}?name=Room%203")
    ).status == 204
    assert (await entries(server))[-1]["action"] == "deleted"


@pytest_twisted.ensureDeferred
async def test_an_integration_with_rooms(server: Server) -> None:
    """It is recorded with its values, and each record that went with it by name."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    change = server.store.transaction()
    change.put(
        tables.SCHEDULED_ALIAS,
        tables.SCHEDULED_ALIAS.record(
            id=1,
            exchange_connector=1,
            uuid="u",
            alias="555000001@example.test",
            numeric_alias="555000001",
            alias_number=1,
            creation_time=server.clock(),
        ),
    )
    await change.commit()
    path = f"{uri}?confirm=yes"
    assert (await server.client.ask("DELETE", path)).status == 204
    found = {each["resource"]: each for each in await entries(server, "action=deleted")}
    assert set(found) == {"ms_exchange_connector", "exchange_domain", "scheduled_alias"}
    assert found["scheduled_alias"]["object_name"] == "555000001@example.test"
    assert found["scheduled_alias"]["changes"] == []
    assert changed(found["ms_exchange_connector"])["password"] == (None, "removed")
    assert changed(found["exchange_domain"])["exchange_connector"] == (uri, None)


@pytest_twisted.ensureDeferred
async def test_an_icon(server: Server) -> None:
    """Another icon is recorded as a change of its integration, with digests."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    icon = (await server.client.ask("GET", f"{uri}icon/")).body
    path = f"{uri}icon/"
    assert (await server.client.ask("PUT", path, body=icon)).status == 202
    assert (await server.client.ask("DELETE", path)).status == 204
    *_, put, reset = await of(server, uri)
    old, new = changed(put)["icon"]
    assert old is None
    assert new
    assert changed(reset)["icon"] == (new, None)
    assert "manifest_revision" in changed(put)


@pytest_twisted.ensureDeferred
async def test_a_message_that_was_set_aside(server: Server) -> None:
    """That an administrator has taken note of one is recorded."""
    await put_set_aside(server, 7, set_aside=True)
    assert (await server.client.ask("DELETE", f"{SET_ASIDE}7/")).status == 204
    (entry,) = await of(server, f"{SET_ASIDE}7/")
    assert (entry["action"], entry["resource"]) == (
        "deleted",
        "exchange_set_aside_message",
    )


@pytest_twisted.ensureDeferred
async def test_a_token_acts_in_its_own_name(server: Server) -> None:
    """Changes by a script name the account and the token."""
    made = await server.client.ask("POST", TOKEN, {"name": "backup", "role": HELP})
    token = made.json["token"]
    answer = await bearing(server, token, "POST", CONFERENCE, {"name": "By script"})
    assert answer.status == 201
    (entry,) = await of(server, answer.location)
    assert entry["administrator"] == "admin (token backup)"


@pytest_twisted.ensureDeferred
async def test_what_a_role_does_not_see(server: Server) -> None:
    """Lesser roles see no account in the history, and who may not see PINs does not see
    that one was changed: neither listed, nor by id, nor counted."""
    await both(server)
    assert (
        await server.client.ask("POST", TOKEN, {"name": "t", "role": READ}, auth=RUDI)
    ).status == 201
    room = await server.client.create(CONFERENCE, {**ROOM, "pin": PIN})
    await server.client.ask("PATCH", room, {"pin": "987654"})
    pin_alone = (await entries(server))[-1]
    await server.client.ask("PATCH", room, {"pin": "123456", "description": "x"})
    assert {each["resource"] for each in await entries(server)} == {
        "administrator", "api_token", "conference", "conference_alias",
    }  # fmt: skip
    for auth, fields in ((ANNA, {"pin", "description"}), (RUDI, {"description"})):
        found = await entries(server, auth=auth)
        assert {each["resource"] for each in found} == {
            "conference",
            "conference_alias",
        }
        assert set(changed(found[-1])) == fields
        created = next(each for each in found if each["resource"] == "conference")
        assert ("pin" in changed(created)) == (auth == ANNA)
        assert (pin_alone in found) == (auth == ANNA)
        answer = await server.client.ask("GET", pin_alone["resource_uri"], auth=auth)
        assert answer.status == (200 if auth == ANNA else 404)
        path = f"{HISTORY}?limit=1&resource=administrator"
        answer = await server.client.ask("GET", path, auth=auth)
        assert answer.json["meta"]["total_count"] == 0
        assert answer.json["objects"] == []


@pytest_twisted.ensureDeferred
async def test_long_texts(server: Server) -> None:
    """Of a long text the history has the part that has changed."""
    long = "a" * 3000 + "{{old}}" + "z" * 3000
    uri = await server.client.create(
        ADMINISTRATOR, {"name": "a" * 100, "password": WORD, "role": READ}
    )
    assert len((await of(server, uri))[0]["object_name"]) == 100
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    field = "meeting_instructions_template"
    before = (await server.client.get(uri))[field]
    text = before + "<p>" + long.replace("{{old}}", "old") + "</p>"
    assert (await server.client.ask("PATCH", uri, {field: text})).status == 202
    other = text.replace("old", "new")
    assert (await server.client.ask("PATCH", uri, {field: other})).status == 202
    old, new = changed((await of(server, uri))[-1])[field]
    assert isinstance(old, str)
    assert isinstance(new, str)
    assert len(old) <= 1000
    assert len(new) <= 1000
    assert "aoldz" in old
    assert "anewz" in new
    assert "more characters]" in new


@pytest_twisted.ensureDeferred
async def test_it_survives_a_restart(tmp_path: Path) -> None:
    """What is in a document and what is in the journal are there afterwards, once."""
    async with serving(tmp_path) as server:
        await server.client.create(CONNECTOR, HEAD_OFFICE)
        await server.client.create(ALIAS, {**await alias(server)})
        before = await entries(server)
    async with serving(tmp_path) as server:
        assert await entries(server) == before


async def alias(server: Server) -> dict[str, str]:
    room = await server.client.create(CONFERENCE, {"name": "x"})
    return {"alias": "two@example.test", "conference": room}
