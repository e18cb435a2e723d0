"""Secrets of integrations: shown nowhere, kept until named, and sent nowhere else."""

from pathlib import Path

import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from tests.web_admin.web_admin_support import CONNECTOR, HEAD_OFFICE, Server

SECRETS = [n for n, d in fields_of(Connector).items() if d.field.secret]


@pytest_twisted.ensureDeferred
async def test_secrets_stay_inside(server: Server, tmp_path: Path) -> None:
    """A secret is in no answer and in no file, and can be unsealed by the daemon."""
    payload = HEAD_OFFICE | {
        "password": "pass-4711-word",
        "oauth_client_secret": "client-4711-secret",
        "personal_vmr_oauth_client_secret": "user-4711-secret",
    }
    uri = await server.client.create(CONNECTOR, payload)
    for path in (uri, CONNECTOR, f"{CONNECTOR}schema/"):
        answer = await server.client.ask("GET", path)
        assert b"4711" not in answer.body
    record = await server.client.get(uri)
    assert not set(SECRETS) & set(record)
    stored = server.store.get(tables.CONNECTOR, 1)
    assert stored is not None
    assert "4711" not in repr(stored)
    for name in ("password", "oauth_client_secret", "personal_vmr_oauth_client_secret"):
        context = f"ms_exchange_connector/{stored.uuid}/{name}"
        sealed = getattr(stored, name)
        assert server.store.vault.unseal(sealed, context) == payload[name]
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or b"-4711-" not in file.read_bytes(), file


@pytest_twisted.ensureDeferred
async def test_secrets_are_kept_until_named(server: Server) -> None:
    """PATCH and PUT without a secret keep it; an empty one clears it."""
    uri = await server.client.create(
        CONNECTOR, HEAD_OFFICE | {"oauth_client_secret": "geheim"}
    )

    def stored() -> Connector:
        record: Connector | None = server.store.get(tables.CONNECTOR, 1)
        assert record is not None
        return record

    sealed = stored().oauth_client_secret
    await server.client.ask("PATCH", uri, {"description": "new"})
    whole = await server.client.get(uri)
    assert (await server.client.ask("PUT", uri, whole)).status == 204
    assert stored().oauth_client_secret == sealed
    assert stored().password
    await server.client.ask("PATCH", uri, {"oauth_client_secret": ""})
    assert stored().oauth_client_secret == ""
    problems = await server.client.refused("PATCH", uri, {"password": ""})
    assert list(problems) == ["password"]


@pytest_twisted.ensureDeferred
async def test_password_does_not_follow_the_address(server: Server) -> None:
    """However an address is changed, the stored password goes along only if the same
    request has it: PATCH, PUT, many at once."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    whole = await server.client.get(uri)
    stored = server.store.get(tables.CONNECTOR, 1)
    elsewhere = {"url": "https://evil.example.test/EWS/Exchange.asmx"}
    for method, path, payload in (
        ("PATCH", uri, elsewhere),
        ("PUT", uri, whole | elsewhere),
        ("PATCH", CONNECTOR, {"objects": [{"resource_uri": uri} | elsewhere]}),
    ):
        problems = await server.client.refused(method, path, payload)
        (text,) = next(iter(problems.values()))
        assert "url" in text
        assert "password" in repr(problems)
        assert server.store.get(tables.CONNECTOR, 1) == stored
    answer = await server.client.ask("PATCH", uri, elsewhere | {"password": "again"})
    assert answer.status == 202
    assert (await server.client.get(uri))["url"] == elsewhere["url"]
    assert server.store.get(tables.CONNECTOR, 1) != stored


@pytest_twisted.ensureDeferred
async def test_forgotten_key_takes_its_certificate_along(server: Server) -> None:
    """A key that is removed because its address changed leaves no certificate behind
    that would not fit the next key."""
    await server.client.create(
        CONNECTOR, HEAD_OFFICE | {"oauth_token_endpoint": "https://a.test/token"}
    )
    stored = server.store.get(tables.CONNECTOR, 1)
    assert stored is not None
    with server.store.transaction() as change:
        with_key = replace(stored, public_key="PEM", private_key="sealed")
        change.put(tables.CONNECTOR, with_key)
        await change.commit()
    await server.client.ask(
        "PATCH", f"{CONNECTOR}1/", {"oauth_token_endpoint": "https://b.test/token"}
    )
    after = server.store.get(tables.CONNECTOR, 1)
    assert after is not None
    assert (after.public_key, after.private_key) == ("", "")
