"""API tokens, over HTTP: made, used, revoked, expired, and refused."""

from hashlib import sha256
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from pexschedd.identity.api_tokens import is_well_formed, new_token
from pexschedd.model import tables
from tests.web_admin.test_admin_roles import (
    ADMINISTRATOR,
    ANNA,
    FULL,
    HELP,
    READ,
    RUDI,
    WORD,
    both,
    status,
)
from tests.web_admin.web_admin_support import API, CONFERENCE, Answer, Server

TOKEN = f"{API}/api_token/"
CLIENT = f"{API}/oauth2_client/"


async def made(
    server: Server, role: str = FULL, auth: Any = None, **fields: object
) -> Any:
    payload = {"name": "backup", "role": role, **fields}
    arguments = {} if auth is None else {"auth": auth}
    answer = await server.client.ask("POST", TOKEN, payload, **arguments)
    assert answer.status == 201, answer.body
    return answer.json


async def bearing(
    server: Server, token: str, method: str, path: str, payload: object = None
) -> Answer:
    headers = {"authorization": f"Bearer {token}"}
    return await server.client.ask(method, path, payload, headers=headers, auth=None)


@pytest_twisted.ensureDeferred
async def test_a_token_is_shown_once(server: Server) -> None:
    """The answer that makes it has the token; nothing else, and not the store."""
    answer = await server.client.ask("POST", TOKEN, {"name": "backup", "role": READ})
    assert answer.status == 201
    assert answer.location == f"{TOKEN}1/"
    token = answer.json["token"]
    assert is_well_formed(token)
    found = await server.client.get(f"{TOKEN}1/")
    assert found == {
        "id": 1,
        "name": "backup",
        "role": READ,
        "expiration_time": "2027-02-19T09:00:00.000000",
        "administrator": f"{ADMINISTRATOR}1/",
        "creation_time": "2026-11-21T09:00:00.000000",
        "last_used_time": None,
        "starts_with": token[:14],
        "resource_uri": f"{TOKEN}1/",
    }
    schema = await server.client.ask("GET", f"{TOKEN}schema/")
    for body in (schema.body, (await server.client.ask("GET", TOKEN)).body):
        assert token.encode() not in body
        assert b"token_hash" not in body
    stored = server.store.get(tables.API_TOKEN, 1)
    assert stored is not None
    assert stored.token_hash == sha256(token.encode()).hexdigest()
    assert token not in str(stored)
    assert (await bearing(server, token, "GET", CONFERENCE)).status == 200
    server.clock.advance(minutes=11)
    assert (await bearing(server, token, "GET", CONFERENCE)).status == 200
    used = (await server.client.get(f"{TOKEN}1/"))["last_used_time"]
    assert used == "2026-11-21T09:11:00.000000"


@pytest_twisted.ensureDeferred
async def test_a_token_has_its_role(server: Server) -> None:
    """It may do what its role may, whatever its maker may."""
    token = (await made(server, READ))["token"]
    answer = await bearing(server, token, "POST", CONFERENCE, {"name": "x"})
    assert answer.status == 403
    full = (await made(server, FULL))["token"]
    answer = await bearing(
        server, full, "POST", CONFERENCE, {"name": "x", "pin": "1234"}
    )
    assert answer.status == 201
    assert b"1234" not in (await bearing(server, token, "GET", CONFERENCE)).body
    answer = await bearing(server, token, "GET", f"{CONFERENCE}?pin=1234")
    assert answer.status == 400


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"role": FULL}, "role"),
        ({"role": HELP}, "role"),
        ({"role": None}, "role"),
        ({"name": ""}, "name"),
        ({"expiration_time": "2026-11-21T09:00:00"}, "expiration_time"),
        ({"expiration_time": "2020-01-01T00:00:00"}, "expiration_time"),
        ({"expiration_time": "2028-01-01T00:00:00"}, "expiration_time"),
        ({"token_hash": "0"}, "token_hash"),
        ({"token": "pexschedd_mine"}, "token"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_tokens(
    server: Server, fields: dict[str, object], field: str
) -> None:
    """A reader makes no token that may do more, or that lives too long."""
    await both(server)
    payload = {"name": "x", "role": READ, **fields}
    answer = await server.client.ask("POST", TOKEN, payload, auth=RUDI)
    assert answer.status == 400
    assert set(answer.json["api_token"]) == {field}
    assert server.store.count(tables.API_TOKEN) == 0


@pytest_twisted.ensureDeferred
async def test_the_maker_cannot_be_chosen(server: Server) -> None:
    """What only the server sets is ignored: the token is its maker's."""
    await both(server)
    token = await made(server, READ, RUDI, administrator=f"{ADMINISTRATOR}1/")
    assert token["administrator"] == f"{ADMINISTRATOR}3/"


@pytest_twisted.ensureDeferred
async def test_tokens_are_private(server: Server) -> None:
    """Others' tokens are not listed, found or deleted, but by the role Full."""
    await both(server)
    await made(server)
    mine = await made(server, READ, ANNA)
    await made(server, READ, RUDI)
    answer = await server.client.ask("GET", TOKEN, auth=ANNA)
    assert [each["id"] for each in answer.json["objects"]] == [mine["id"]]
    assert answer.json["meta"]["total_count"] == 1
    for number in (1, 3):
        for method in ("GET", "DELETE"):
            assert await status(server, ANNA, method, f"{TOKEN}{number}/") == 404
    assert await status(server, ANNA, "DELETE", f"{TOKEN}?name=backup") == 204
    assert [t["id"] for t in await server.client.objects(TOKEN)] == [1, 3]
    assert await status(server, ANNA, "PATCH", f"{TOKEN}2/", {"name": "x"}) == 405
    bulk = {"deleted_objects": [f"{TOKEN}1/"]}
    assert await status(server, ANNA, "PATCH", TOKEN, bulk) == 405
    assert (await server.client.ask("DELETE", f"{TOKEN}3/")).status == 204


@pytest_twisted.ensureDeferred
async def test_a_token_ends_at_once(server: Server) -> None:
    """Revoked, expired, its maker deleted: the next request is a 401; a maker who may
    do less takes the token along."""
    await both(server)
    revoked = await made(server)
    assert (await bearing(server, revoked["token"], "GET", CONFERENCE)).status == 200
    await server.client.ask("DELETE", revoked["resource_uri"])
    answer = await bearing(server, revoked["token"], "GET", CONFERENCE)
    assert (answer.status, answer.json["code"]) == (401, "not_authenticated")
    challenges = answer.headers.getRawHeaders("www-authenticate")
    assert any(each.startswith("Bearer") for each in challenges)

    short = await made(server, expiration_time="2026-11-21T10:00:00")
    server.clock.advance(minutes=59)
    assert (await bearing(server, short["token"], "GET", CONFERENCE)).status == 200
    server.clock.advance(minutes=1)
    answer = await bearing(server, short["token"], "GET", CONFERENCE)
    assert answer.status == 401
    assert "expired" in answer.json["error"]

    token = (await made(server, HELP, ANNA))["token"]
    answer = await bearing(server, token, "POST", CONFERENCE, {"name": "a"})
    assert answer.status == 201
    await server.client.ask("PATCH", f"{ADMINISTRATOR}2/", {"role": READ})
    answer = await bearing(server, token, "POST", CONFERENCE, {"name": "b"})
    assert answer.status == 403
    await server.client.ask("DELETE", f"{ADMINISTRATOR}2/")
    assert (await bearing(server, token, "GET", CONFERENCE)).status == 401
    assert [t.name for t in server.store.all(tables.API_TOKEN)] == ["backup"]


@pytest_twisted.ensureDeferred
async def test_tokens_make_no_accounts(server: Server, logged: list[str]) -> None:
    """Whoever has copied a token cannot stay longer than it, or shut others out."""
    token = (await made(server))["token"]
    for path, payload in (
        (TOKEN, {"name": "x", "role": READ}),
        (ADMINISTRATOR, {"name": "x", "password": WORD, "role": FULL}),
        (CLIENT, {"client_name": "x", "role": FULL}),
    ):
        answer = await bearing(server, token, "POST", path, payload)
        assert answer.status == 403
        assert "password" in answer.json["error"]
        assert (await bearing(server, token, "DELETE", path)).status == 403
        assert (await bearing(server, token, "GET", path)).status == 200
    answer = await bearing(
        server, token, "PATCH", f"{ADMINISTRATOR}1/", {"password": WORD}
    )
    assert answer.status == 403
    assert any("needed=password" in line for line in logged)


@pytest_twisted.ensureDeferred
async def test_guessed_tokens(server: Server, logged: list[str]) -> None:
    """After five, the next wrong one is put off; each is logged without the token, and
    the right one passes all the same."""
    right = (await made(server))["token"]
    wrong = [new_token() for _ in range(4)]
    for token in (*wrong, "not-even-a-token"):
        assert (await bearing(server, token, "GET", CONFERENCE)).status == 401
    answer = await bearing(server, new_token(), "GET", CONFERENCE)
    assert answer.status == 429
    assert answer.headers.getRawHeaders("retry-after") == ["1"]
    assert (await bearing(server, right, "GET", CONFERENCE)).status == 200
    refused = [line for line in logged if line.startswith("sign-in refused")]
    assert refused[0] == (
        f"sign-in refused address=127.0.0.1 administrator={wrong[0][:14]}"
    )
    assert refused[-1] == "sign-in refused address=127.0.0.1 administrator=-"
    text = "".join(logged)
    assert not [token for token in (right, *wrong) if token in text]


@pytest_twisted.ensureDeferred
async def test_all_kinds_of_failures_count_together(server: Server) -> None:
    """An address cannot try five passwords and five tokens: they are one number."""
    for number in range(3):
        stranger = (f"n{number}", "wrong")
        assert await status(server, stranger, "GET", CONFERENCE) == 401
    for expected in (401, 401, 429):
        answer = await bearing(server, new_token(), "GET", CONFERENCE)
        assert answer.status == expected
    assert await status(server, ("another", "x"), "GET", CONFERENCE) == 429


@pytest_twisted.ensureDeferred
async def test_the_actions_of_a_token_name_it(server: Server) -> None:
    """The log says which token of which administrator it was."""
    token = (await made(server))["token"]
    users = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "record created" in str(event.get("log_format")):
            users.append(event.get("user"))

    globalLogPublisher.addObserver(observe)
    await bearing(server, token, "POST", CONFERENCE, {"name": "x"})
    globalLogPublisher.removeObserver(observe)
    assert users == ["admin (token backup)"]


def test_the_form_can_be_scanned_for() -> None:
    """One changed character is noticed, and what is shown of a token is its start."""
    token = new_token()
    assert len({new_token() for _ in range(100)}) == 100
    for place in range(len(token)):
        other = "a" if token[place] != "a" else "b"
        assert not is_well_formed(token[:place] + other + token[place + 1 :])
    assert not is_well_formed("")
    assert not is_well_formed(token + "0")


@pytest_twisted.ensureDeferred
async def test_tokens_are_bounded(server: Server) -> None:
    """Who may make tokens can neither fill the disk with them nor use up the number
    that all may have."""
    kept = server.store.get(tables.API_TOKEN, (await made(server))["id"])
    assert kept is not None
    with server.store.transaction() as transaction:
        for number in range(2, 101):
            other = replace(kept, id=number, token_hash=str(number))
            transaction.put(tables.API_TOKEN, other)
        await transaction.commit()
    new = {"name": "x", "role": READ}
    answer = await server.client.ask("POST", TOKEN, new)
    assert answer.status == 400
    assert "100 tokens" in answer.body.decode()
    assert (await server.client.ask("DELETE", f"{TOKEN}100/")).status == 204
    assert (await server.client.ask("POST", TOKEN, new)).status == 201
    with server.store.transaction() as transaction:
        for number in range(200, 1100):
            other = replace(
                kept, id=number, administrator=number, token_hash=str(number)
            )
            transaction.put(tables.API_TOKEN, other)
        await transaction.commit()
    await both(server)
    answer = await server.client.ask("POST", TOKEN, new, auth=ANNA)
    assert answer.status == 400
    assert "1000" in answer.body.decode()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "bearer \xe9\xff",
        "Bearer pexschedd_",
        "Bearer pexscheddat_",
        "Bearer pexscheddat_1.2.3",
        "Bearer pexscheddat_..",
        "Bearer pexscheddat_9999999999999999999999.99999999999.x",
        "Bearer pexscheddat_1.99999999999.AAAAAAAAAAAAAAAAAAAAAA",
        "Bearer " + "x" * 5000,
    ],
)
@pytest_twisted.ensureDeferred
async def test_unreadable_tokens(server: Server, header: str) -> None:
    """What is no token is a 401, whatever it looks like."""
    answer = await server.client.ask(
        "GET",
        CONFERENCE,
        headers={"authorization": header},
        auth=None,
    )
    assert answer.status == 401
