"""The certificate of an integration's application, on its way to another
installation."""

from pathlib import Path

import pytest_twisted
from msgspec.structs import replace

from pexschedd.identity.oauth.assertion import ApplicationCertificate, make_certificate
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from tests.web_admin.transfer_support import (
    IMPORT,
    PASSPHRASE,
    another,
    exported,
    imported,
)
from tests.web_admin.web_admin_support import CONNECTOR, HEAD_OFFICE, Server

URI = f"{CONNECTOR}1/"
PLACE = 'ms_exchange_connector[0] "Head office": public_key'
PASSWORDS = {URI: {"password": "svc"}}


async def with_certificate(server: Server) -> ApplicationCertificate:
    """An integration has a certificate now, as the command makes it."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    made = make_certificate("pexschedd", server.clock())
    (record,) = server.store.all(tables.CONNECTOR)
    sealed = server.store.vault.seal(made.private_key, context(record))
    change = server.store.transaction()
    change.put(
        tables.CONNECTOR,
        replace(record, public_key=made.certificate, private_key=sealed),
    )
    await change.commit()
    return made


def context(connector: Connector) -> str:
    return f"ms_exchange_connector/{connector.uuid}/private_key"


@pytest_twisted.ensureDeferred
async def test_a_certificate_comes_with_its_key(server: Server, tmp_path: Path) -> None:
    """Into an empty installation, whole; and once more it changes nothing."""
    made = await with_certificate(server)
    document = await exported(server, passphrase=PASSPHRASE)
    async with another(tmp_path) as empty:
        await imported(empty, document, passphrase=PASSPHRASE)
        (copy,) = empty.store.all(tables.CONNECTOR)
        key = empty.store.vault.unseal(copy.private_key, context(copy))
        assert (copy.public_key, key) == (made.certificate, made.private_key)
        again = await exported(empty, passphrase=PASSPHRASE)
        assert again["resources"] == document["resources"]
        plan = await imported(empty, document, passphrase=PASSPHRASE)
        assert plan["records"] == []


@pytest_twisted.ensureDeferred
async def test_without_secrets_there_is_no_certificate(
    server: Server, tmp_path: Path
) -> None:
    """A certificate whose key stays behind is of no use: neither comes along."""
    await with_certificate(server)
    document = await exported(server)
    async with another(tmp_path) as empty:
        await imported(empty, document, secrets=PASSWORDS)
        (copy,) = empty.store.all(tables.CONNECTOR)
        assert (copy.public_key, copy.private_key) == ("", "")


@pytest_twisted.ensureDeferred
async def test_a_key_may_be_sent_in_plain_text(server: Server, tmp_path: Path) -> None:
    """Also to another server than the sealed one was for; only the certificate that it
    belongs to is accepted."""
    made = await with_certificate(server)
    other = make_certificate("another", server.clock())
    document = await exported(server)
    (integration,) = document["resources"]["ms_exchange_connector"]
    integration["url"] = "https://moved.example.test/EWS/Exchange.asmx"
    key = {"private_key": made.private_key}
    sent = {URI: PASSWORDS[URI] | key}
    async with another(tmp_path) as empty:
        for wrong, words in {
            "": "which is missing",
            "no PEM": "as PEM text",
            made.certificate + other.certificate: "one certificate",
            other.certificate: "belongs to another certificate",
            "x" * 12_289: "12288 characters",
        }.items():
            integration["public_key"] = wrong
            payload = {**document, "secrets": sent}
            ((place, texts),) = (
                await empty.client.refused("POST", IMPORT, payload)
            ).items()
            assert place == PLACE
            assert words in texts[0]
        integration["public_key"] = made.certificate
        payload = {**document, "secrets": {URI: {**sent[URI], "private_key": "none"}}}
        problems = await empty.client.refused("POST", IMPORT, payload)
        assert "not an RSA key" in problems[PLACE][0]
        await imported(empty, document, secrets=sent)
        (copy,) = empty.store.all(tables.CONNECTOR)
        assert empty.store.vault.unseal(copy.private_key, context(copy))


@pytest_twisted.ensureDeferred
async def test_no_certificate(server: Server, tmp_path: Path) -> None:
    """An integration without one comes without one, with or without secrets."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    document = await exported(server, passphrase=PASSPHRASE)
    (integration,) = document["resources"]["ms_exchange_connector"]
    for number, empty_value in enumerate(("", None)):
        integration["public_key"] = empty_value
        async with another(tmp_path / str(number)) as empty:
            await imported(empty, document, passphrase=PASSPHRASE)
            (copy,) = empty.store.all(tables.CONNECTOR)
            assert (copy.public_key, copy.private_key) == ("", "")


@pytest_twisted.ensureDeferred
async def test_a_revision_is_a_number(server: Server) -> None:
    """Of the manifest, from 1 on; digits will do, as everywhere."""
    integration = HEAD_OFFICE | {"resource_uri": "i", "manifest_revision": 0}
    del integration["domains"], integration["password"]
    document = {"resources": {"ms_exchange_connector": [integration]}}
    secrets = {"i": {"password": "svc"}}
    problems = await server.client.refused(
        "POST", IMPORT, {**document, "secrets": secrets}
    )
    assert [*problems] == [PLACE.replace("public_key", "manifest_revision")]
    integration["manifest_revision"] = "5"
    await imported(server, document, secrets=secrets)
    (made,) = server.store.all(tables.CONNECTOR)
    assert made.manifest_revision == 5
