"""OAuth 2.0 clients of the management API, as the platform's own tool uses them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import pytest_twisted
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pexschedd.model import tables
from tests.web_admin.test_admin_roles import ADMINISTRATOR, FULL, HELP, READ, WORD
from tests.web_admin.web_admin_support import API, CONFERENCE, Answer, Server

CLIENT = f"{API}/oauth2_client/"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Claims = dict[str, Any]


async def made(server: Server, role: str = HELP, name: str = "script") -> Any:
    payload = {"client_name": name, "role": role}
    answer = await server.client.ask("POST", CLIENT, payload)
    assert answer.status == 201, answer.body
    return answer.json


def claims(server: Server, client: Any, **changed: Any) -> Claims:
    """What the platform's command-line tool claims."""
    now = int(server.clock().timestamp())
    found = {
        "iss": client["client_id"],
        "aud": f"http://127.0.0.1:{server.client.port}/oauth/token/",
        "sub": client["client_id"],
        "iat": now,
        "exp": now + 3600,
        "jti": f"{now}-{len(changed)}",
    }
    found |= changed
    return {name: value for name, value in found.items() if value is not None}


async def ask(server: Server, assertion: str, **changed: Any) -> Answer:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    } | changed
    kept = {name: value for name, value in form.items() if value is not None}
    return await server.client.ask(
        "POST",
        "/oauth/token/",
        body=urlencode(kept).encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=None,
    )


async def token(server: Server, client: Any, jti: str = "first") -> str:
    signed = jwt.encode(
        claims(server, client, jti=jti), client["private_key_jwt"], "ES256"
    )
    answer = await ask(server, signed)
    assert answer.status == 200, answer.body
    assert answer.headers.getRawHeaders("cache-control") == ["no-store"]
    assert {**answer.json, "access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    return str(answer.json["access_token"])


async def used(
    server: Server, access: str, method: str, path: str, payload: object = None
) -> int:
    headers = {"authorization": f"Bearer {access}"}
    answer = await server.client.ask(method, path, payload, headers=headers, auth=None)
    return answer.status


@pytest_twisted.ensureDeferred
async def test_the_platforms_way(server: Server) -> None:
    """A client is made with a key that is shown once, signs an assertion with it, and
    uses the access token with its role."""
    client = await made(server)
    key = serialization.load_pem_private_key(client["private_key_jwt"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    found = await server.client.get(client["resource_uri"])
    assert found == {**client, "private_key_jwt": ""}
    assert set(found) == {
        "id", "client_id", "client_name", "role", "private_key_jwt", "resource_uri",
        "last_used_time",
    }  # fmt: skip
    assert "PRIVATE" not in str(server.store.get(tables.OAUTH2_CLIENT, 1))
    access = await token(server, client)
    assert await used(server, access, "POST", CONFERENCE, {"name": "x"}) == 201
    assert await used(server, access, "POST", f"{API}/exchange_domain/", {}) == 403
    assert await used(server, access, "GET", ADMINISTRATOR) == 403


@pytest_twisted.ensureDeferred
async def test_the_last_use_is_noted(server: Server) -> None:
    """With the client, and not at each use: it is right to ten minutes."""
    client = await made(server)
    uri = client["resource_uri"]
    assert (await server.client.get(uri))["last_used_time"] is None
    access = await token(server, client)
    for minutes, noted in ((0, "00"), (9, "00"), (2, "11")):
        server.clock.advance(minutes=minutes)
        assert await used(server, access, "GET", CONFERENCE) == 200
        found = (await server.client.get(uri))["last_used_time"]
        assert found == f"2026-11-21T09:{noted}:00.000000"
    history = "/api/admin/history/v1/configuration_change/?resource=oauth2_client"
    assert len(await server.client.objects(history)) == 1


@pytest_twisted.ensureDeferred
async def test_clients_are_changed_and_named_once(server: Server) -> None:
    """Clients send whole records back; the key stays, and nobody can choose it."""
    client = await made(server)
    access = await token(server, client)
    whole = {**client, "client_name": "other", "role": READ, "client_id": "mine"}
    answer = await server.client.ask("PUT", client["resource_uri"], whole)
    assert answer.status in (202, 204)
    found = await server.client.get(client["resource_uri"])
    assert (found["client_name"], found["client_id"]) == ("other", client["client_id"])
    assert await used(server, access, "GET", CONFERENCE) == 200
    assert await used(server, access, "POST", CONFERENCE, {"name": "x"}) == 403
    again = {"client_name": "OTHER", "role": FULL}
    problems = await server.client.refused("POST", CLIENT, again)
    assert set(problems) == {"client_name"}
    bulk = {"objects": [{"client_name": "b", "role": READ}]}
    assert set(await server.client.refused("PATCH", CLIENT, bulk)) == {"objects"}


@pytest_twisted.ensureDeferred
async def test_access_tokens_end(server: Server) -> None:
    """After an hour, or with their client; another one's id does not help."""
    client, other = await made(server), await made(server, FULL, "other")
    access = await token(server, client)
    server.clock.advance(minutes=59, seconds=59)
    assert await used(server, access, "GET", CONFERENCE) == 200
    server.clock.advance(seconds=1)
    assert await used(server, access, "GET", CONFERENCE) == 401
    access = await token(server, client, "second")
    head, number, rest = access.partition("1.")
    forged = f"{head}{other['id']}.{rest}"
    assert number
    assert forged != access
    assert await used(server, forged, "GET", CONFERENCE) == 401
    body, _, digest = access.rpartition(".")
    _, _, expires = body.rpartition(".")
    longer = access.replace(expires, str(int(expires) + 9))
    assert await used(server, longer, "GET", CONFERENCE) == 401
    await server.client.ask("DELETE", client["resource_uri"])
    assert await used(server, access, "GET", CONFERENCE) == 401
    assert digest


@pytest_twisted.ensureDeferred
async def test_clients_make_no_accounts(server: Server) -> None:
    """A client with the role Full changes all but accounts."""
    access = await token(server, await made(server, FULL))
    new = {"name": "x", "password": WORD, "role": FULL}
    assert await used(server, access, "POST", ADMINISTRATOR, new) == 403
    own = {"name": "x", "role": READ}
    assert await used(server, access, "POST", f"{API}/api_token/", own) == 403
    assert await used(server, access, "GET", ADMINISTRATOR) == 200


WRONG: dict[str, Callable[[int], Claims]] = {
    "another subject": lambda now: {"sub": "x"},
    "no subject": lambda now: {"sub": None},
    "no issuer": lambda now: {"iss": None},
    "an unknown issuer": lambda now: {"iss": "x", "sub": "x"},
    "a number as subject": lambda now: {"sub": 1},
    "no audience": lambda now: {"aud": None},
    "another server": lambda now: {"aud": "https://other.test/oauth/token/"},
    "another path": lambda now: {"aud": "http://127.0.0.1/other/"},
    "a list of others": lambda now: {"aud": ["x", 1, None, "http://["]},
    "no end": lambda now: {"exp": None},
    "expired": lambda now: {"exp": now - 301},
    "too long": lambda now: {"exp": now + 3600 + 301},
    "text as end": lambda now: {"exp": "tomorrow"},
    "not yet": lambda now: {"nbf": now + 301},
    "made tomorrow": lambda now: {"iat": now + 301},
    "no id": lambda now: {"jti": None},
    "an empty id": lambda now: {"jti": ""},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest_twisted.ensureDeferred
async def test_wrong_claims(server: Server, wrong: str) -> None:
    """An assertion that is not for here, now and this client is refused, and says in
    which way it is wrong."""
    client = await made(server)
    changed = WRONG[wrong](int(server.clock().timestamp()))
    sent = claims(server, client, **changed)
    answer = await ask(server, jwt.encode(sent, client["private_key_jwt"], "ES256"))
    assert answer.status == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.json["error_description"]


@pytest_twisted.ensureDeferred
async def test_wrong_signatures(server: Server, logged: list[str]) -> None:
    """Another key, no signature, the public key as a password, or no token at all."""
    client, other = await made(server), await made(server, FULL, "other")
    sent = claims(server, client)
    record = server.store.get(tables.OAUTH2_CLIENT, 1)
    assert record is not None
    for signed in (
        jwt.encode(sent, other["private_key_jwt"], "ES256"),
        jwt.encode(sent, "", "none"),
        jwt.encode(sent, "x" * 32, "HS256"),
        "a.b.c",
        "x" * 5000,
    ):
        assert (await ask(server, signed)).status == 401
        server.clock.advance(minutes=1)
    refused = [line for line in logged if line.startswith("sign-in refused")]
    assert len(refused) == 5
    assert client["client_id"] in refused[0]


@pytest_twisted.ensureDeferred
async def test_an_assertion_works_once(server: Server) -> None:
    """One that was seen on its way is worth nothing."""
    client = await made(server)
    signed = jwt.encode(claims(server, client), client["private_key_jwt"], "ES256")
    assert (await ask(server, signed)).status == 200
    answer = await ask(server, signed)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


@pytest_twisted.ensureDeferred
async def test_guesses_are_put_off(server: Server) -> None:
    """Refused assertions count against their address, and the right one passes."""
    client = await made(server)
    for _ in range(5):
        assert (await ask(server, "a.b.c")).status == 401
    answer = await ask(server, "a.b.c")
    assert answer.status == 429
    assert answer.json["error"] == "temporarily_unavailable"
    assert answer.headers.getRawHeaders("retry-after") == ["1"]
    await token(server, client)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_request"),
        ({"client_assertion_type": None}, "invalid_request"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_forms(server: Server, changed: Claims, error: str) -> None:
    """Forms that ask for something else are refused in the words of the standard."""
    answer = await ask(server, "x", **changed)
    assert (answer.status, answer.json["error"]) == (400, error)


@pytest_twisted.ensureDeferred
async def test_nothing_in_the_address(server: Server) -> None:
    """Addresses are logged, so an assertion in one is refused."""
    answer = await server.client.ask(
        "POST", "/oauth/token/?client_assertion=x", body=b"", auth=None
    )
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert (await server.client.ask("GET", "/oauth/token/", auth=None)).status == 405
