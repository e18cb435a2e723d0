"""Secrets in exports and imports: only when asked for, and sent nowhere else."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.web_admin.transfer_support import (
    EXPORT,
    IMPORT,
    PASSPHRASE,
    SECRETS,
    URI,
    another,
    exported,
    fill,
    fill_one_touch_join,
    imported,
    sent,
)
from tests.web_admin.web_admin_support import API, CONNECTOR, HEAD_OFFICE, Server


@pytest_twisted.ensureDeferred
async def test_a_key_is_not_sent_to_an_integration_that_has_its_own(
    server: Server,
) -> None:
    """A private key in plain text for an integration that is there is refused: it would
    not be taken, and who sent it would think that it was."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    document = await exported(server)
    secrets = {URI: {"private_key": "-----BEGIN PRIVATE KEY-----"}}
    problems = await server.client.refused(
        "POST", IMPORT, {**document, "secrets": secrets}
    )
    ((place, (text,)),) = problems.items()
    assert place == 'ms_exchange_connector[0] "Head office": private_key'
    assert "already" in text


@pytest_twisted.ensureDeferred
async def test_secrets_come_along_only_when_asked(server: Server) -> None:
    """Without a passphrase there are neither secrets nor accounts; with one they are
    sealed, and nothing of them is readable."""
    await fill(server)
    document = await server.client.ask("POST", EXPORT)
    assert document.status == 200
    assert document.json["sealed_secrets"] is None
    assert "administrator" not in document.json["resources"]
    sealed = await server.client.ask("POST", EXPORT, {"passphrase": PASSPHRASE})
    for answer in (document, sealed):
        for secret in (*SECRETS.values(), "scrypt$", PASSPHRASE):
            assert secret.encode() not in answer.body
    disposition = document.headers.getRawHeaders("content-disposition")
    assert disposition == ['attachment; filename="pexschedd-20261121T090000Z.json"']
    short = await server.client.refused("POST", EXPORT, {"passphrase": "short"})
    assert "12 to 1024" in short["passphrase"][0]


@pytest_twisted.ensureDeferred
async def test_a_wrong_passphrase_is_said_first(server: Server, tmp_path: Path) -> None:
    """Whatever else is wrong; and a changed seal is as bad as a wrong passphrase."""
    await fill(server)
    document = await exported(server, passphrase=PASSPHRASE)
    document["resources"]["conference"].append({"name": ""})
    async with another(tmp_path) as empty:
        answer = await sent(empty, document, passphrase="another passphrase")
        assert answer.status == 400
        assert answer.json["code"] == "wrong_passphrase"
        none = await empty.client.refused("POST", IMPORT, document)
        assert list(none) == ["passphrase"]
        document["sealed_secrets"]["n"] = 2**30
        costly = await sent(empty, document, passphrase=PASSPHRASE)
        assert costly.json["code"] == "wrong_passphrase"


@pytest_twisted.ensureDeferred
async def test_a_sealed_secret_is_not_sent_elsewhere(
    server: Server, tmp_path: Path
) -> None:
    """A document whose addresses were changed brings no password along: it is to be
    entered again."""
    await fill(server)
    document = await exported(server, passphrase=PASSPHRASE)
    integration = document["resources"]["ms_exchange_connector"][0]
    integration["url"] = "https://attacker.example.test/EWS/Exchange.asmx"
    async with another(tmp_path) as empty:
        answer = await sent(empty, document, passphrase=PASSPHRASE)
        assert answer.status == 400
        (problems,) = answer.json.values()
        place = 'ms_exchange_connector[0] "Head office": '
        wrong = {"password", "oauth_client_secret"}
        assert set(problems) == {place + name for name in wrong}
        given = {URI: dict.fromkeys(wrong, "entered")}
        await imported(empty, document, passphrase=PASSPHRASE, secrets=given)


@pytest.mark.parametrize(
    ("resource", "moved", "secrets"),
    [
        ("mjx_endpoint", {"api_address": "evil.example.test"}, {"api_password"}),
        ("mjx_endpoint", {"api_port": 8443}, {"api_password"}),
        ("mjx_integration", {"ep_use_https": False}, {"ep_password"}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_sealed_secret_of_a_room_is_not_sent_elsewhere(
    server: Server,
    tmp_path: Path,
    resource: str,
    moved: dict[str, object],
    secrets: set[str],
) -> None:
    """Neither to another address or port of an endpoint, nor without TLS."""
    await fill_one_touch_join(server)
    document = await exported(server, passphrase=PASSPHRASE)
    document["resources"][resource][0] |= moved
    async with another(tmp_path) as empty:
        answer = await sent(empty, document, passphrase=PASSPHRASE)
        assert answer.status == 400
        (problems,) = answer.json.values()
        assert {place.rpartition(" ")[2] for place in problems} == secrets


@pytest_twisted.ensureDeferred
async def test_tokens_move_no_secrets_and_no_accounts(server: Server) -> None:
    """A token of the role Full exports and imports what has neither."""
    token = {"name": "nightly", "role": 3}
    answer = await server.client.ask("POST", f"{API}/api_token/", token)
    headers = {"authorization": f"Bearer {answer.json['token']}"}

    async def status(path: str, payload: object) -> int:
        found = await server.client.ask(
            "POST", path, payload, headers=headers, auth=None
        )
        return found.status

    assert await status(EXPORT, {}) == 200
    assert await status(EXPORT, {"passphrase": PASSPHRASE}) == 403
    nothing: dict[str, Any] = {"resources": {}}
    assert await status(IMPORT, nothing) == 200
    assert await status(IMPORT, nothing | {"passphrase": PASSPHRASE}) == 403
    accounts = {"resources": {"administrator": [{"name": "eve", "role": 3}]}}
    assert await status(IMPORT, accounts) == 403
