"""Integrations through the management API, over a real socket with a real store."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.outbox import (
    MailboxCommandRun,
    MailboxCursor,
    PendingAnswer,
    PendingRewrite,
    TroubledMessage,
)
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import CancelledOccurrence, RecurringConference
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    DOMAIN,
    HEAD_OFFICE,
    SCHEDULED_ALIAS,
    Server,
    serving,
)


@pytest_twisted.ensureDeferred
async def test_documented_creation(server: Server) -> None:
    """The documented request makes an integration with all defaults and its domain."""
    answer = await server.client.ask("POST", CONNECTOR, HEAD_OFFICE)
    assert (answer.status, answer.body) == (201, b"")
    assert answer.location == f"{CONNECTOR}1/"
    record = await server.client.get(answer.location)
    for name, value in HEAD_OFFICE.items():
        if name not in ("password", "domains"):
            assert record[name] == value
    for name, declared in fields_of(Connector).items():
        special = declared.field.readonly or declared.field.secret
        special = special or declared.field.internal or name in HEAD_OFFICE
        if not special and name != "personal_vmr_oauth_client_id":
            assert record[name] == declared.default, name
    assert len(record["uuid"]) == len(record["personal_vmr_oauth_client_id"]) == 36
    (domain,) = record["domains"]
    assert domain == {
        "id": 1,
        "domain": "http://127.0.0.1:8082/autodiscover/metadata/json/1",
        "exchange_connector": f"{CONNECTOR}1/",
        "creation_time": "2026-11-21T09:00:00.000000",
        "resource_uri": f"{DOMAIN}1/",
    }


@pytest_twisted.ensureDeferred
async def test_restart_keeps_everything(tmp_path: Path) -> None:
    """What was answered is the same after the process was started anew."""
    async with serving(tmp_path) as first:
        await first.client.create(CONNECTOR, HEAD_OFFICE)
        before = await first.client.get(f"{CONNECTOR}1/")
    async with serving(tmp_path) as second:
        assert await second.client.get(f"{CONNECTOR}1/") == before


@pytest_twisted.ensureDeferred
async def test_put_keeps_what_it_leaves_out(server: Server) -> None:
    """A PUT changes what it names, and nothing else; null and "" clear a field."""
    uri = await server.client.create(
        CONNECTOR, HEAD_OFFICE | {"description": "old", "meeting_buffer_before": 5}
    )
    before = await server.client.get(uri)
    change = {"room_mailbox_name": "Rooms"}
    assert (await server.client.ask("PUT", uri, change)).status == 204
    assert await server.client.get(uri) == before | change
    assert (await server.client.ask("PUT", uri, {})).status == 204
    clear = {"description": "", "meeting_buffer_before": None, "domains": None}
    assert (await server.client.ask("PUT", uri, clear)).status == 204
    cleared = {"description": "", "meeting_buffer_before": 30}
    assert await server.client.get(uri) == before | change | cleared
    problems = await server.client.refused("PUT", uri, {"name": None, "url": None})
    assert set(problems) == {"name", "url"}


@pytest_twisted.ensureDeferred
async def test_manifest_revision(server: Server) -> None:
    """Only a change that alters the manifest raises its revision."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)

    async def revision_after(**change: object) -> int:
        answer = await server.client.ask("PATCH", uri, change)
        assert answer.status == 202
        revision: int = (await server.client.get(uri))["manifest_revision"]
        return revision

    assert await revision_after(description="x") == 1
    assert await revision_after(addin_button_label="Book") == 2
    assert await revision_after(addin_button_label="Book") == 2
    assert await revision_after(manifest_revision=9) == 2


@pytest_twisted.ensureDeferred
async def test_domains_become_the_list(server: Server) -> None:
    """A list of domains is all there are afterwards: kept, changed, new, removed."""
    first = {"domain": "mail1.example.test"}
    second = {"domain": "mail2.example.test"}
    uri = await server.client.create(
        CONNECTOR, HEAD_OFFICE | {"domains": [first, second]}
    )
    one, two = (await server.client.get(uri))["domains"]
    two["domain"] = "other.example.test"
    third = {"domain": "mail3.example.test"}
    change = {"domains": [two["resource_uri"], two, third]}
    assert (await server.client.ask("PATCH", uri, change)).status == 202
    domains = (await server.client.get(uri))["domains"]
    assert [(d["id"], d["domain"]) for d in domains] == [
        (two["id"], "other.example.test"),
        (3, "mail3.example.test"),
    ]
    assert (await server.client.ask("GET", one["resource_uri"])).status == 404
    other = HEAD_OFFICE | {"name": "B", "room_mailbox_email_address": "b@example.test"}
    moved = await server.client.create(CONNECTOR, other | {"domains": [f"{DOMAIN}3/"]})
    assert [d["id"] for d in (await server.client.get(moved))["domains"]] == [3]
    assert [d["id"] for d in (await server.client.get(uri))["domains"]] == [two["id"]]


@pytest_twisted.ensureDeferred
async def test_nothing_of_a_wrong_request_is_done(server: Server) -> None:
    """A wrong nested record refuses the whole request, and says which one it is."""
    domains: list[Any] = [{"domain": "good.example.test"}, {"domain": "bad domain"}, 7]
    problems = await server.client.refused(
        "POST", CONNECTOR, HEAD_OFFICE | {"name": "", "domains": domains}
    )
    assert set(problems) == {"name", "domains"}
    assert [text[:9] for text in problems["domains"]] == ["2: domain", "3: There "]
    assert await server.client.objects(CONNECTOR) == []
    assert await server.client.objects(DOMAIN) == []


@pytest_twisted.ensureDeferred
async def test_names_and_mailboxes_are_unique(server: Server) -> None:
    """No two integrations share a name or a mailbox; one may keep its own."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    again = HEAD_OFFICE | {"room_mailbox_email_address": "PexipMeeting@Example.test"}
    problems = await server.client.refused("POST", CONNECTOR, again)
    assert problems.pop("name") == [f"This is in use already: {uri} has it."]
    ((field, (text,)),) = problems.items()
    assert field == "room_mailbox_email_address"
    assert 'The integration "Head office" uses this mailbox already.' in text
    change = {"name": "Head office", "description": "the same"}
    assert (await server.client.ask("PATCH", uri, change)).status == 202


@pytest_twisted.ensureDeferred
async def test_bulk(server: Server) -> None:
    """A list is changed all at once, or not at all."""
    branch = HEAD_OFFICE | {"name": "B", "room_mailbox_email_address": "b@example.test"}
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    bad = {"objects": [{"resource_uri": uri, "name": "X"}, branch | {"name": "X"}]}
    problems = await server.client.refused("PATCH", CONNECTOR, bad)
    text = f"2: name: This is in use already: {uri} has it."
    assert problems == {"objects": [text]}
    assert (await server.client.get(uri))["name"] == "Head office"
    good = {"objects": [{"resource_uri": uri, "name": "X"}, branch]}
    assert (await server.client.ask("PATCH", CONNECTOR, good)).status == 202
    assert [c["name"] for c in await server.client.objects(CONNECTOR)] == ["X", "B"]
    gone = {"deleted_objects": [uri]}
    assert (await server.client.ask("PATCH", CONNECTOR, gone)).status == 202
    assert [c["name"] for c in await server.client.objects(CONNECTOR)] == ["B"]


@pytest_twisted.ensureDeferred
async def test_removal_takes_all_that_it_made(server: Server) -> None:
    """Deleting an integration leaves nothing of it, and all of the others."""
    store = server.store
    for number in (1, 2):
        mine = {"name": f"C{number}", "room_mailbox_email_address": f"c{number}@x.test"}
        await server.client.create(CONNECTOR, HEAD_OFFICE | mine)
        await server.client.create(
            SCHEDULED_ALIAS,
            {
                "uuid": f"uuid-{number}",
                "alias": f"55512345{number}@example.test",
                "numeric_alias": f"55512345{number}",
                "alias_number": 123450 + number,
                "exchange_connector": f"{CONNECTOR}{number}/",
            },
        )
        await server.client.create(
            CONFERENCE,
            {
                "name": f"room {number}",
                "aliases": [{"alias": f"room{number}@example.test"}],
                "scheduled_conferences": [
                    {
                        "start_time": "2026-11-21T10:00:00",
                        "end_time": "2026-11-21T11:00:00Z",
                        "scheduled_alias": number,
                    }
                ],
            },
        )
        change = store.transaction()
        (meeting,) = store.find_all(tables.SCHEDULED_BY_CONFERENCE, number)
        change.put(
            tables.SCHEDULED_CONFERENCE, replace(meeting, exchange_connector=number)
        )
        answer = PendingAnswer(
            id=change.new_id(tables.OUTBOX),
            exchange_connector=number,
            item_id=f"item {number}",
            action="accept",
            created=server.clock(),
        )
        change.put(tables.OUTBOX, answer)
        change.put(
            tables.CANCELLED_OCCURRENCE,
            CancelledOccurrence(
                id=change.new_id(tables.CANCELLED_OCCURRENCE),
                exchange_connector=number,
                ews_item_uid=f"0400{number}",
                recurrence_id=server.clock(),
                created=server.clock(),
            ),
        )
        rewrite = PendingRewrite(
            id=change.new_id(tables.REWRITE),
            exchange_connector=number,
            item_id=f"item {number}",
            uid=f"0400{number}",
            organizer="alice@example.test",
            token="a.b.c",
            created=server.clock(),
        )
        change.put(tables.REWRITE, rewrite)
        series = RecurringConference(
            id=change.new_id(tables.RECURRING_CONFERENCE),
            conference=number,
            exchange_connector=number,
            ews_item_uid=f"0400{number}",
            recurrence=Recurrence(
                pattern=Daily(),
                range=Range(server.clock().date()),
                duration=timedelta(hours=1),
            ),
        )
        change.put(tables.RECURRING_CONFERENCE, series)
        change.put(tables.CURSOR, MailboxCursor(id=number, cursor="x"))
        troubled = TroubledMessage(
            id=change.new_id(tables.TROUBLED),
            exchange_connector=number,
            item_id=f"troubled {number}",
            first_time=server.clock(),
            last_time=server.clock(),
        )
        change.put(tables.TROUBLED, troubled)
        run = MailboxCommandRun(
            id=change.new_id(tables.MAILBOX_COMMAND_RUN),
            exchange_connector=number,
            command="recover",
            administrator="anna",
            limits=(server.clock(),),
            started=server.clock(),
        )
        change.put(tables.MAILBOX_COMMAND_RUN, run)
        await change.commit()
    others = (
        tables.ADMINISTRATOR,
        tables.ALARM,
        tables.API_TOKEN,
        tables.CA_CERTIFICATE,
        tables.END_USER,
        tables.IDENTITY_PROVIDER_GROUP,
        tables.IVR_THEME,
        tables.MAILED_TOKEN,
        tables.OAUTH2_CLIENT,
        tables.PROCESSED_MESSAGE,
        tables.ROLE,
        tables.SWEEP,
        tables.SYSTEM_LOCATION,
        tables.UNFINISHED_CHANGE,
        # One-Touch Join has integrations of its own.
        *(t for t in tables.TABLES if ".onetouch." in t.record.__module__),
        *(each.table for each in tables.KEYED_REQUESTS.values()),
        tables.CONFIGURATION_CHANGE,
        *tables.UNSETTLED_CHANGES.values(),
    )
    counted = [t for t in tables.TABLES if t not in others]
    assert {store.count(table) for table in counted} == {2}
    path = f"{CONNECTOR}1/?confirm=yes"
    assert (await server.client.ask("DELETE", path)).status == 204
    assert {t.name: list(store.ids(t)) for t in counted} == {
        t.name: [2] for t in counted
    }


@pytest.mark.parametrize("resource", ["ms_exchange_connector", "conference"])
@pytest_twisted.ensureDeferred
async def test_schema_is_what_get_answers(server: Server, resource: str) -> None:
    """The schema describes each key of a record, and of secrets that they are one."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(CONFERENCE, {"name": "room"})
    schema = await server.client.get(f"{API}/{resource}/schema/")
    record = await server.client.get(f"{API}/{resource}/1/")
    described = set(schema["fields"])
    assert set(record) <= described
    for name in described - set(record):
        assert "Never returned." in schema["fields"][name]["help_text"]
    assert schema["default_limit"] == 20
    methods = ["post", "get", "put", "patch", "delete"]
    assert schema["allowed_detail_http_methods"] == methods
    for field in schema["fields"].values():
        assert {"type", "default", "nullable", "blank", "readonly", "unique"} <= set(
            field
        )
    json.dumps(schema)


@pytest_twisted.ensureDeferred
async def test_schema_of_fields(server: Server) -> None:
    """Choices, relations, defaults and uniqueness are in the schema."""
    fields = (await server.client.get(f"{CONNECTOR}schema/"))["fields"]
    assert fields["authentication_method"]["valid_choices"][0] == "BASIC"
    assert fields["authentication_method"]["default"] == "BASIC"
    assert fields["name"]["unique"] is True
    assert fields["name"]["default"] == "No default provided."
    assert fields["uuid"]["readonly"] is True
    assert fields["ivr_theme"]["type"] == "related"
    assert fields["ivr_theme"]["related_type"] == "to_one"
    assert fields["domains"]["related_type"] == "to_many"
    assert fields["meeting_buffer_before"]["type"] == "integer"
    assert "0 to 180 minutes" in fields["meeting_buffer_before"]["help_text"]
