"""Integrations and deployments with Microsoft Graph, over the management API."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.identity.oauth.assertion import make_certificate
from pexschedd.management.save_notes import Revision
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.web.admin.consequences import consequences
from pexschedd.web.admin.status.service_accounts import service_account_statuses
from tests.identity.oauth_support import Bench, bench_in
from tests.web_admin.test_admin_import_certificate import context
from tests.web_admin.transfer_support import (
    IMPORT,
    PASSPHRASE,
    another,
    exported,
    imported,
)
from tests.web_admin.web_admin_support import API, CONNECTOR, Server

ID = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
TOKENS = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
CLOUD = {
    "name": "Cloud",
    "mailbox_protocol": "GRAPH",
    "room_mailbox_email_address": "cloud@example.test",
    "oauth_client_id": ID,
    "oauth_client_secret": "a~secret-4711",
    "oauth_token_endpoint": TOKENS,
    "scheduled_alias_prefix": "777",
    "addin_server_domain": "vc.example.test",
}
URI = f"{CONNECTOR}1/"
HISTORY = "/api/admin/history/v1/configuration_change/"


@pytest_twisted.ensureDeferred
async def test_created_read_and_changed(server: Server) -> None:
    """By what Graph needs alone; its fields are seen, searched for and recorded."""
    client = server.client
    assert await client.create(CONNECTOR, CLOUD) == URI
    record = await client.get(URI)
    assert (record["url"], record["username"]) == ("", "")
    assert record["graph_api_domain"] == "graph.microsoft.com"
    assert record["graph_answer_method"] == "RESPONSE"
    assert record["graph_notification_method"] == "POLL"
    assert "oauth_client_secret" not in record
    for query, found in {"GRAPH": 1, "EWS": 0}.items():
        listed = await client.objects(f"{CONNECTOR}?mailbox_protocol={query}")
        assert len(listed) == found
    changed = {"graph_answer_method": "MAIL", "graph_notification_method": "WEBHOOK"}
    answer = await client.ask("PATCH", URI, changed)
    assert answer.status in (200, 202, 204)
    (entry, *_) = await client.objects(f"{HISTORY}?order_by=-id")
    shown = str(entry)
    assert "graph_answer_method" in shown
    assert "WEBHOOK" in shown
    assert "4711" not in str(await client.objects(f"{HISTORY}?limit=0"))


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"oauth_client_secret": ID}, "oauth_client_secret", "not its value"),
        (
            {"oauth_token_endpoint": TOKENS.replace("contoso.example", "common")},
            "oauth_token_endpoint",
            "any organization",
        ),
        (
            {
                "oauth_token_endpoint": TOKENS.replace(
                    "contoso.example", "outlook.office365.com"
                )
            },
            "oauth_token_endpoint",
            "a service of Microsoft and not a tenant",
        ),
        ({"graph_api_domain": "graph.example.test"}, "graph_api_domain", "your cloud"),
        *(
            (
                {"room_mailbox_email_address": address},
                "room_mailbox_email_address",
                "plain ASCII",
            )
            for address in ("zimmer-bär@example.test", "a@x_y.test")
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_wrong(
    server: Server, values: dict[str, object], field: str, text: str
) -> None:
    """It is told at its field, and nothing is saved."""
    problems = await server.client.refused("POST", CONNECTOR, {**CLOUD, **values})
    assert list(problems) == [field]
    assert text in problems[field][0]
    assert not list(server.store.all(tables.CONNECTOR))


@pytest_twisted.ensureDeferred
async def test_without_a_secret(server: Server) -> None:
    """A secret that is left out is asked for; one that is said to be none is not, as a
    certificate can be made only for an integration that is there."""
    given = {k: v for k, v in CLOUD.items() if k != "oauth_client_secret"}
    problems = await server.client.refused("POST", CONNECTOR, given)
    assert list(problems) == ["oauth_client_secret"]
    assert "make_certificate" in problems["oauth_client_secret"][0]
    await server.client.create(CONNECTOR, {**given, "oauth_client_secret": ""})
    (record,) = server.store.all(tables.CONNECTOR)
    assert record.lacks_credential


@pytest_twisted.ensureDeferred
async def test_the_secret_stays(server: Server) -> None:
    """A change of the cloud needs it again, as each change of where tokens go does."""
    client = server.client
    await client.create(CONNECTOR, CLOUD)
    moved = {
        "graph_api_domain": "graph.microsoft.us",
        "oauth_token_endpoint": TOKENS.replace(".com", ".us"),
    }
    problems = await client.refused("PATCH", URI, moved)
    assert "oauth_token_endpoint and graph_api_domain" in str(problems)
    problems = await client.refused(
        "PATCH", URI, {"graph_api_domain": "127.0.0.1:8080"}
    )
    assert "graph_api_domain" in problems["oauth_client_secret"][0]
    moved["oauth_client_secret"] = "another"
    assert (await client.ask("PATCH", URI, moved)).status < 300


@pytest_twisted.ensureDeferred
async def test_moved_elsewhere_with_its_certificate(
    server: Server, tmp_path: Path
) -> None:
    """Exported and imported whole; a certificate never without its key, nor the other
    way round."""
    await server.client.create(CONNECTOR, CLOUD)
    made = make_certificate("pexschedd", server.clock())
    (record,) = server.store.all(tables.CONNECTOR)
    sealed = server.store.vault.seal(made.private_key, context(record))
    change = server.store.transaction()
    change.put(
        tables.CONNECTOR,
        replace(
            record,
            oauth_client_secret="",
            public_key=made.certificate,
            private_key=sealed,
        ),
    )
    await change.commit()
    document = await exported(server, passphrase=PASSPHRASE)
    async with another(tmp_path) as other:
        await imported(other, document, passphrase=PASSPHRASE)
        (copy,) = other.store.all(tables.CONNECTOR)
        assert copy.uses_graph
        assert copy.public_key == made.certificate
        assert other.store.vault.unseal(copy.private_key, context(copy))
        # Another cloud's: what only the server sets is forgotten, both of it.
        moved = {
            "graph_api_domain": "graph.microsoft.us",
            "oauth_token_endpoint": TOKENS.replace(".com", ".us"),
            "oauth_client_secret": "another",
        }
        assert (await other.client.ask("PATCH", URI, moved)).status < 300
        (copy,) = other.store.all(tables.CONNECTOR)
        assert (copy.public_key, copy.private_key) == ("", "")
    for words in (None, PASSPHRASE):
        document = await exported(server, passphrase=words)
        (integration,) = document["resources"]["ms_exchange_connector"]
        if words:
            integration["public_key"] = ""
        extra = {"passphrase": words} if words else {}
        async with another(tmp_path / str(bool(words))) as other:
            problems = await other.client.refused("POST", IMPORT, {**document, **extra})
            assert ("missing" if words else "certificate") in str(problems)
            assert not list(other.store.all(tables.CONNECTOR))


DEPLOYMENT = {
    "name": "Tenant",
    "client_id": ID,
    "client_secret": "a~secret",
    "oauth_token_url": TOKENS,
}


@pytest_twisted.ensureDeferred
async def test_a_deployments_fields(server: Server) -> None:
    """Its secret and its cloud are checked."""
    path = f"{API}/mjx_graph_deployment/"
    await server.client.create(path, DEPLOYMENT)
    for values, field in (
        ({"client_secret": ID}, "client_secret"),
        ({"graph_api_domain": "graph.example.test"}, "graph_api_domain"),
    ):
        problems = await server.client.refused("POST", path, {**DEPLOYMENT, **values})
        assert field in problems


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (TOKENS, ""),
        (
            "https://login.example.test/token",
            "begin with https://login.microsoftonline",
        ),
        (TOKENS.replace("contoso.example", "common"), "any organization"),
        (TOKENS.replace("v2.0/", ""), "version 1"),
    ],
)
def test_a_deployments_endpoint_is_noted(url: str, text: str) -> None:
    """Clients of the API may save any; what cannot work is said in the answer."""
    record = GraphDeployment(id=1, name="Tenant", client_id=ID, oauth_token_url=url)
    notes = list(consequences(Revision(record, records=None)))  # type: ignore[arg-type]
    assert [each.field for each in notes] == (["oauth_token_url"] if text else [])
    assert all(text in each.text for each in notes)


@pytest_twisted.ensureDeferred
async def test_nobody_is_asked_to_sign_in(tmp_path: Path) -> None:
    """An account that EWS would use is of no concern while Graph is used."""
    async with bench_in(tmp_path / "state") as bench:
        await bench.integrate()
        before = bench.connector
        assert len(_accounts(bench)) == 1
        after = replace(before, mailbox_protocol="GRAPH")
        assert not list(_sign_in_notes(after, before))
        assert [note.field for note in _sign_in_notes(before, after)] == [
            "mailbox_protocol"
        ]
        await bench.put(after)
        assert _accounts(bench) == []


def _accounts(bench: Bench) -> list[Any]:
    return list(service_account_statuses(bench.store, bench.caches, bench.now))


def _sign_in_notes(record: Connector, current: Connector) -> list[Any]:
    revision = Revision(record, records=None, current=current)  # type: ignore[arg-type]
    return list(consequences(revision))
