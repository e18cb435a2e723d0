"""Status that only the running daemon knows, and the caller's own permissions."""

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted

from pexschedd.composition.monitoring import certificate_records
from pexschedd.management.computed.live import (
    IntegrationStatus,
    LiveRecords,
    MessageCount,
)
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.model import tables
from pexschedd.model.outbox import ProcessedMessage
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.certificate_expiry import (
    CertificateExpiry,
    ExpiringCertificate,
)
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.page.routes import PageRoutes
from tests.web_admin.web_admin_support import (
    Client,
    Server,
    admin_site,
    open_store,
    reactor,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STATUS = "/api/admin/status/v1"
MESSAGES = "/api/admin/history/v1/scheduling_message/"


def integrations() -> list[IntegrationStatus]:
    return [
        IntegrationStatus(
            id=number,
            exchange_connector_id=number,
            name=name,
            mailbox_protocol="EWS",
            status="ok",
            alarms_count=0,
            set_aside_count=0,
            queue=number,
            queue_age=60 * number,
            notifications="streaming",
            back_off=0,
            last_activity=NOW if number == 1 else None,
        )
        for number, name in ((1, "Head office"), (2, "Lyon"))
    ]


def counts() -> list[MessageCount]:
    return [
        MessageCount(
            id=1,
            exchange_connector_id=2,
            start_time=NOW,
            accepted=3,
            declined=0,
            other=1,
            failed=0,
        )
    ]


class Expiry:
    """What `CertificateExpiry` knows."""

    def certificates(self) -> list[ExpiringCertificate]:
        day = datetime(2026, 12, 21, 10, 0, tzinfo=UTC)
        return [
            ExpiringCertificate(names.CA_EXPIRES, "CN=Root", day, "The …", "Upload."),
            ExpiringCertificate(
                names.CERTIFICATE_EXPIRES,
                "mail.example.com",
                datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
                "The …",
                "Renew.",
            ),
        ]


@pytest_twisted.async_yield_fixture()
async def client(tmp_path: Any) -> Any:
    expiry: Any = Expiry()
    live: LiveRecords = {
        "exchange_integration": integrations,
        "message_count": counts,
        "certificate": lambda: certificate_records(expiry, lambda: NOW),
    }
    store = open_store(tmp_path / "state")
    queries = ComputedQueries(store, reactor, lambda: NOW, live)
    site = admin_site(ComputedRoutes(queries), PageRoutes())
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    yield Client(port.getHost().port)
    await port.stopListening()
    await store.close()


@pytest_twisted.ensureDeferred
async def test_integrations(client: Client) -> None:
    """Each with its state; their list is like the others."""
    found = await client.get(f"{STATUS}/exchange_integration/1/")
    assert found == {
        "id": 1,
        "exchange_connector_id": 1,
        "name": "Head office",
        "mailbox_protocol": "EWS",
        "status": "ok",
        "alarms_count": 0,
        "set_aside_count": 0,
        "queue": 1,
        "queue_age": 60,
        "notifications": "streaming",
        "back_off": 0,
        "last_activity": "2026-11-21T09:00:00.000000",
        "resource_uri": f"{STATUS}/exchange_integration/1/",
    }
    slow = await client.objects(f"{STATUS}/exchange_integration/?queue_age__gt=60")
    assert [(each["name"], each["last_activity"]) for each in slow] == [("Lyon", None)]
    (count,) = await client.objects(f"{STATUS}/message_count/")
    assert (count["exchange_connector_id"], count["accepted"], count["other"]) == (
        2,
        3,
        1,
    )
    schema = await client.get(f"{STATUS}/exchange_integration/schema/")
    assert schema["fields"]["last_activity"]["nullable"]


@pytest_twisted.ensureDeferred
async def test_certificates(client: Client) -> None:
    """The most urgent one first, if that is asked for; those that are due by the day
    from which an alarm is raised."""
    found = await client.objects(f"{STATUS}/certificate/?order_by=end_date")
    assert [
        (each["kind"], each["name"], each["days_left"], each["is_due"])
        for each in found
    ] == [
        ("exchange", "mail.example.com", -1, True),
        ("trusted", "CN=Root", 30, False),
    ]
    assert hasattr(CertificateExpiry, "certificates")


@pytest.mark.parametrize("path", ["/admin/", "/admin/static/0/app.js"])
@pytest_twisted.ensureDeferred
async def test_the_pages_files(client: Client, path: str) -> None:
    """The page needs no credentials; its parts are served in their version only, each
    for ever, and as what they are."""
    answer = await client.ask("GET", path, auth=None)
    if path == "/admin/":
        assert answer.status == 200
        version = answer.body.split(b"/admin/static/")[1].split(b"/")[0].decode()
        script = await client.ask("GET", f"/admin/static/{version}/app.js", auth=None)
        assert script.status == 200
        caching = script.headers.getRawHeaders("cache-control")
        assert caching == ["public, max-age=31536000, immutable"]
        other = f"/admin/static/{version}/index.html"
        assert (await client.ask("GET", other, auth=None)).status == 404
    else:
        assert answer.status == 404


@pytest_twisted.ensureDeferred
async def test_ones_own_permissions(server: Server) -> None:
    """Each is told their role, what they may see and what they may change, by the
    subjects of the table; a token changes no accounts. A challenge for a password is
    left out for a page that asks for it itself."""
    accounts = "/api/admin/configuration/v1/administrator/"
    helper = {"name": "hanna", "password": "help desk", "role": 2}
    await server.client.create(accounts, helper)
    own = f"{STATUS}/principal/1/"
    answer = await server.client.ask("GET", own, auth=("hanna", "help desk"))
    told = answer.json
    assert (told["name"], told["role"], told["role_name"]) == ("hanna", 2, "Help desk")
    assert "configuration/conference" in told["changes"]
    assert "command/ms_exchange_connector/check" not in told["changes"]
    assert "history/alarm" in told["reads"]
    assert "configuration/administrator" not in told["reads"]
    token = {"name": "script", "role": 3}
    tokens = "/api/admin/configuration/v1/api_token/"
    made = await server.client.ask("POST", tokens, token)
    bearer = {"authorization": f"Bearer {made.json['token']}"}
    full = (await server.client.ask("GET", own, headers=bearer, auth=None)).json
    assert "configuration/conference" in full["changes"]
    assert "configuration/administrator" not in full["changes"]
    for headers, challenges in (({}, 2), ({"X-Requested-With": "page"}, 1)):
        refused = await server.client.ask("GET", own, auth=None, headers=headers)
        assert refused.status == 401
        assert len(refused.headers.getRawHeaders("www-authenticate")) == challenges


@pytest_twisted.ensureDeferred
async def test_messages(server: Server) -> None:
    """What was decided about messages is found by any of their ids, by alias and by
    organizer, and cannot be changed."""
    with server.store.transaction() as change:
        for id in (1, 2):
            message = ProcessedMessage(
                id=id,
                exchange_connector=1,
                time=NOW,
                correlation_id=f"id-{id}",
                action="accept",
                note="scheduled",
                uid="0400",
                organizer="alice@example.test",
                alias=f"55500{id}@example.test",
                conference=id,
            )
            change.put(tables.PROCESSED_MESSAGE, message)
        await change.commit()
    for query in (
        "correlation_id=id-2",
        "conference_id=2",
        "alias__startswith=555002",
        "name=555002@example.test",
        "organizer=alice@example.test&order_by=-id&limit=1",
    ):
        (found,) = await server.client.objects(f"{MESSAGES}?{query}")
        assert found["id"] == 2, query
    assert (await server.client.ask("DELETE", f"{MESSAGES}2/")).status == 405
    assert await server.client.objects(f"{MESSAGES}?conference_id=0") == []
