"""Administrators and their roles, over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import (
    HashParameters,
    is_outdated,
    is_password,
    make_hash,
)
from pexschedd.model import tables
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
    NAME,
    PASSWORD,
    SCHEDULED,
    Answer,
    Server,
    serving,
)

ADMINISTRATOR = f"{API}/administrator/"
ROLE = f"{API}/role/"
USER = f"{API}/end_user/"
READ, HELP, FULL = (f"{ROLE}{number}/" for number in (1, 2, 3))
WORD = "a long enough password"

ANNA = ("anna", WORD)
"""The help desk."""
RUDI = ("rudi", WORD)
"""Reads only."""


async def add(server: Server, name: str, role: str) -> str:
    payload = {"name": name, "password": WORD, "role": role}
    return await server.client.create(ADMINISTRATOR, payload)


async def both(server: Server) -> None:
    await add(server, "anna", HELP)
    await add(server, "rudi", READ)


async def status(
    server: Server,
    auth: tuple[str, str],
    method: str,
    path: str,
    payload: object = None,
) -> int:
    return (await server.client.ask(method, path, payload, auth=auth)).status


def problems(answer: Answer) -> Any:
    assert answer.status == 400, (answer.status, answer.body)
    return answer.json.get("administrator") or answer.json.get("fields")


@pytest_twisted.ensureDeferred
async def test_administrators_are_records(server: Server) -> None:
    """They are made, listed, changed and deleted like other records; no answer has a
    password or its hash, and the store has the hash alone."""
    uri = await add(server, "anna", HELP)
    found = await server.client.get(uri)
    assert found == {
        "id": 2,
        "name": "anna",
        "role": HELP,
        "created": "2026-11-21T09:00:00.000000",
        "resource_uri": uri,
    }
    assert [a["name"] for a in await server.client.objects(ADMINISTRATOR)] == [
        NAME,
        "anna",
    ]
    stored = server.store.get(tables.ADMINISTRATOR, 2)
    assert stored is not None
    assert is_password(WORD, stored.password)
    schema = await server.client.get(f"{ADMINISTRATOR}schema/")
    assert "Never returned." in schema["fields"]["password"]["help_text"]
    assert "password" not in schema["filtering"]
    assert "known_addresses" not in schema["fields"]
    assert (await server.client.ask("DELETE", uri)).status == 204
    assert await status(server, ANNA, "GET", CONFERENCE) == 401


@pytest_twisted.ensureDeferred
async def test_roles_are_listed(server: Server) -> None:
    """The three roles are records that nobody changes."""
    assert [role["name"] for role in await server.client.objects(ROLE)] == [
        "Read-only",
        "Help desk",
        "Full",
    ]
    answer = await server.client.ask("POST", ROLE, {"name": "Boss"})
    assert answer.status == 405


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"name": "x", "role": FULL}, "password"),
        ({"name": "x", "password": "short", "role": FULL}, "password"),
        ({"name": "x", "password": " " * 20, "role": FULL}, "password"),
        ({"name": "x", "password": "x" * 1025, "role": FULL}, "password"),
        ({"name": "x", "password": 12345678, "role": FULL}, "password"),
        ({"name": "x", "password": None, "role": FULL}, "password"),
        ({"name": "x", "password": WORD}, "role"),
        ({"name": "x", "password": WORD, "role": f"{ROLE}9/"}, "role"),
        ({"name": "a:b", "password": WORD, "role": FULL}, "name"),
        ({"name": "ADMIN", "password": WORD, "role": FULL}, "name"),
        ({"name": "x", "password": WORD, "role": FULL, "password_hash": "x"},
         "password_hash"),
        ({"name": "x", "password": WORD, "role": FULL, "known_addresses": ["x"]},
         "known_addresses"),
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_wrong_accounts(
    server: Server, payload: dict[str, object], field: str
) -> None:
    """An account that will not do is refused by the field, and nothing is kept."""
    answer = await server.client.ask("POST", ADMINISTRATOR, payload)
    assert set(problems(answer)) == {field}
    assert server.store.count(tables.ADMINISTRATOR) == 1


@pytest_twisted.ensureDeferred
async def test_a_new_password_counts_at_once(server: Server) -> None:
    """The old one is refused although it was right a moment ago; what leaves the
    password out keeps it."""
    uri = await add(server, "anna", HELP)
    assert await status(server, ANNA, "GET", CONFERENCE) == 200
    changed = await server.client.ask("PATCH", uri, {"role": READ})
    assert changed.status == 202
    assert await status(server, ANNA, "GET", CONFERENCE) == 200
    other = {"password": "another long password"}
    assert (await server.client.ask("PATCH", uri, other)).status == 202
    assert await status(server, ANNA, "GET", CONFERENCE) == 401
    new = ("anna", other["password"])
    assert await status(server, new, "GET", CONFERENCE) == 200
    (everyone,) = (
        await server.client.ask(
            "PATCH",
            ADMINISTRATOR,
            {"objects": [{"resource_uri": uri, "password": "a third long one"}]},
        ),
    )
    assert everyone.status == 202
    assert await status(server, new, "GET", CONFERENCE) == 401


@pytest_twisted.ensureDeferred
async def test_many_passwords_at_once_are_refused(server: Server) -> None:
    """A request cannot keep the processors busy with hundreds of hashes."""
    objects = [{"name": f"n{n}", "password": WORD, "role": READ} for n in range(11)]
    answer = await server.client.ask("PATCH", ADMINISTRATOR, {"objects": objects})
    assert "objects" in problems(answer)
    answer = await server.client.ask("PATCH", ADMINISTRATOR, {"objects": objects[:10]})
    assert answer.status == 202


@pytest.mark.parametrize(
    ("method", "path", "payload"),
    [
        ("DELETE", f"{ADMINISTRATOR}1/", None),
        ("DELETE", f"{ADMINISTRATOR}?confirm=yes", None),
        ("DELETE", f"{ADMINISTRATOR}?name={NAME}", None),
        ("PATCH", f"{ADMINISTRATOR}1/", {"role": HELP}),
        ("PUT", f"{ADMINISTRATOR}1/", {"name": NAME, "role": READ}),
        ("PATCH", ADMINISTRATOR, {"deleted_objects": [f"{ADMINISTRATOR}1/"]}),
        ("PATCH", ADMINISTRATOR, {"objects": [{"id": 1, "role": READ}]}),
        (
            "PATCH",
            ADMINISTRATOR,
            {
                "objects": [{"name": "new", "password": WORD, "role": HELP}],
                "deleted_objects": [f"{ADMINISTRATOR}1/"],
            },
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_one_full_administrator_stays(
    server: Server, method: str, path: str, payload: object
) -> None:
    """The last one cannot be deleted or demoted in any way, and with a second one the
    same request is done."""
    await add(server, "anna", HELP)
    answer = await server.client.ask(method, path, payload)
    assert "role" in problems(answer)
    assert server.store.count(tables.ADMINISTRATOR) == 2
    if method != "DELETE" or path.endswith("1/"):
        await add(server, "second", FULL)
        answer = await server.client.ask(method, path, payload)
        assert answer.status in (202, 204), answer.body


@pytest_twisted.ensureDeferred
async def test_what_the_help_desk_may(server: Server) -> None:
    """Rooms, their aliases and users are read and changed; all else only read, the
    accounts not even that, and the answer names the role it takes."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await both(server)
    room = {"name": "Board", "pin": "1234", "aliases": [{"alias": "board"}]}
    assert await status(server, ANNA, "POST", CONFERENCE, room) == 201
    answer = await server.client.ask("GET", f"{CONFERENCE}1/", auth=ANNA)
    assert answer.json["pin"] == "1234"
    assert await status(server, ANNA, "PATCH", f"{ALIAS}1/", {"alias": "b"}) == 202
    user = {"primary_email_address": "a@example.test"}
    assert await status(server, ANNA, "POST", USER, user) == 201
    assert await status(server, ANNA, "DELETE", f"{USER}1/") == 204
    for path in (CONNECTOR, DOMAIN, SCHEDULED):
        assert await status(server, ANNA, "GET", path) == 200
        for method in ("POST", "PATCH", "DELETE"):
            answer = await server.client.ask(method, path, {}, auth=ANNA)
            assert answer.status == 403
            assert answer.json["error"] == (
                "This takes the role Full; yours is Help desk."
            )
    assert await status(server, ANNA, "GET", ADMINISTRATOR) == 403
    assert await status(server, ANNA, "GET", f"{ADMINISTRATOR}schema/") == 403
    answer = await server.client.ask("GET", f"{API}/", auth=ANNA)
    assert "administrator" not in answer.json
    assert "conference" in answer.json


@pytest_twisted.ensureDeferred
async def test_read_only_changes_nothing(server: Server) -> None:
    """Every writing method on every resource is a 403 that names the role."""
    await both(server)
    for name in await server.client.get(f"{API}/"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await server.client.ask(method, f"{API}/{name}/", {}, auth=RUDI)
            expected = (400, 405) if name == "api_token" else (403,)
            assert answer.status in expected or method == "DELETE", name
    answer = await server.client.ask("POST", CONFERENCE, {"name": "x"}, auth=RUDI)
    assert answer.json["error"] == (
        "This takes the role Help desk; yours is Read-only."
    )
    assert answer.json["code"] == "forbidden"
    schema = await server.client.ask("GET", f"{CONFERENCE}schema/", auth=RUDI)
    assert schema.json["allowed_list_http_methods"] == ["get"]


@pytest_twisted.ensureDeferred
async def test_pins_are_not_for_readers(server: Server) -> None:
    """Neither shown nor found by: no filter, order or relation tells a digit, also
    right after the whole record was read by another administrator."""
    await both(server)
    room = {"name": "Board", "pin": "1234", "guest_pin": "9999", "allow_guests": True}
    await server.client.create(CONFERENCE, room)
    await server.client.create(ALIAS, {"alias": "b", "conference": f"{CONFERENCE}1/"})
    for path in (CONFERENCE, f"{CONFERENCE}1/", f"{CONFERENCE}?limit=5&order_by=name"):
        for auth, sees in (((NAME, PASSWORD), True), (RUDI, False), (ANNA, True)):
            answer = await server.client.ask("GET", path, auth=auth)
            assert answer.status == 200
            assert (b"9999" in answer.body) == sees
            assert (b'"pin"' in answer.body) == sees
            assert (b'"guest_pin"' in answer.body) == sees
    for query in (
        "pin=1234",
        "pin__startswith=1",
        "guest_pin__gt=1",
        "pin__isnull=true",
        "order_by=pin",
        "order_by=-guest_pin",
        "order_by=name,pin",
    ):
        path = f"{CONFERENCE}?{query}"
        assert await status(server, RUDI, "GET", path) == 400, query
    for path in (
        f"{ALIAS}?conference__pin=1234",
        f"{ALIAS}?conference__guest_pin__startswith=9",
        f"{SCHEDULED}?conference__pin__contains=2",
    ):
        assert await status(server, RUDI, "GET", path) == 400, path
        assert await status(server, ANNA, "GET", path) == 200, path
    schema = (await server.client.ask("GET", f"{CONFERENCE}schema/", auth=RUDI)).json
    told = {*schema["fields"], *schema["filtering"], *schema["ordering"]}
    assert not [name for name in told if "pin" in name.split("_")]


@pytest_twisted.ensureDeferred
async def test_nested_records_take_their_own_role(server: Server) -> None:
    """A room is no way to meetings: what the help desk may not change stays as it is
    when it is sent along, and sending back what was read is accepted."""
    await both(server)
    await server.client.create(CONFERENCE, {"name": "Board"})
    times = {"start_time": "2026-11-22T09:00:00", "end_time": "2026-11-22T10:00:00"}
    meeting = await server.client.create(
        SCHEDULED, {"conference": f"{CONFERENCE}1/", "subject": "S", **times}
    )
    for sent in (
        [],
        [{**times, "subject": "new"}],
        [meeting, {**times, "subject": "new"}],
    ):
        answer = await server.client.ask(
            "PATCH", f"{CONFERENCE}1/", {"scheduled_conferences": sent}, auth=ANNA
        )
        assert answer.status == 400, sent
        assert set(answer.json["conference"]) == {"scheduled_conferences"}
        bulk = {"objects": [{"id": 1, "scheduled_conferences": sent}]}
        assert await status(server, ANNA, "PATCH", CONFERENCE, bulk) == 400
    new = {"name": "Other", "scheduled_conferences": [meeting]}
    assert await status(server, ANNA, "POST", CONFERENCE, new) == 400
    whole = (await server.client.ask("GET", f"{CONFERENCE}1/", auth=ANNA)).json
    whole["description"] = "changed"
    assert await status(server, ANNA, "PUT", f"{CONFERENCE}1/", whole) == 204
    assert (await server.client.get(meeting))["subject"] == "S"
    assert server.store.count(tables.SCHEDULED_CONFERENCE) == 1


@pytest_twisted.ensureDeferred
async def test_a_role_counts_from_the_next_request(server: Server) -> None:
    """What an administrator may do changes at once, although the password is
    remembered."""
    uri = await add(server, "anna", FULL)
    assert await status(server, ANNA, "GET", ADMINISTRATOR) == 200
    await server.client.ask("PATCH", uri, {"role": READ})
    assert await status(server, ANNA, "GET", ADMINISTRATOR) == 403
    assert await status(server, ANNA, "POST", CONFERENCE, {"name": "x"}) == 403


@pytest_twisted.ensureDeferred
async def test_refusals_are_logged(server: Server, logged: list[str]) -> None:
    """A denied request is one line: who, from where, what, and the role it takes."""
    await both(server)
    await status(server, RUDI, "DELETE", f"{CONFERENCE}?name=x")
    (line,) = [text for text in logged if text.startswith("request denied")]
    assert line == (
        "request denied address=127.0.0.1 administrator=rudi method=DELETE "
        "resource=configuration/conference needed=Help desk"
    )
    assert WORD not in "".join(logged)


@pytest_twisted.ensureDeferred
async def test_accounts_of_earlier_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored administrator of the time before roles signs in as ever, has the role
    Full, and the hash becomes one of today's costs."""
    state = tmp_path / "state"
    async with serving(state) as server:
        await add(server, "anna", HELP)
    file = next(state.rglob("administrators.json"))
    document = json.loads(file.read_text())
    document.pop("crc", None)
    table = document["tables"]["administrator"]
    table["v"] = 1
    with monkeypatch.context() as patch:
        patch.setattr(password_hashes, "CURRENT", HashParameters(4, 1, 1))
        old = make_hash(PASSWORD, b"salt" * 4)
    for record in table["records"]:
        del record["role"]
        record["password_hash"] = old
    del document["tables"]["role"]
    file.write_text(json.dumps(document))
    async with serving(state) as server:
        for name in (NAME, "anna"):
            auth = (name, PASSWORD)
            assert await status(server, auth, "GET", ADMINISTRATOR) == 200
            assert await status(server, auth, "GET", ADMINISTRATOR) == 200
        for found in server.store.all(tables.ADMINISTRATOR):
            assert not is_outdated(found.password)
            assert is_password(PASSWORD, found.password)


@pytest_twisted.ensureDeferred
async def test_tags_tell_readers_nothing_of_pins(server: Server) -> None:
    """A room's entity tag is made of what its reader may see."""
    await both(server)
    await server.client.create(CONFERENCE, {"name": "Board", "pin": "1234"})
    tags = []
    for pin in ("4321", "1234"):
        answer = await server.client.ask("GET", f"{CONFERENCE}1/", auth=RUDI)
        tags.append(answer.headers.getRawHeaders("etag"))
        await server.client.ask("PATCH", f"{CONFERENCE}1/", {"pin": pin})
    assert tags[0] == tags[1]
