"""Null, "" and what is left out are three things, for every field of every resource."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_twisted

from pexschedd.management.resources import CONFIGURATION
from pexschedd.model.fields.validation import is_writable
from tests.net.net_support import DAY, Authority
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Client,
    Server,
    serving,
)

CERTIFICATES = f"{API}/ca_certificate/"
PERSONAL = {
    "name": "Personal rooms",
    "addin_server_domain": "px.example.test",
    "enable_dynamic_vmrs": False,
    "enable_personal_vmrs": True,
    "personal_vmr_oauth_auth_endpoint": "https://adfs.example.test/adfs/oauth2/authorize",
    "personal_vmr_oauth_token_endpoint": "https://adfs.example.test/adfs/oauth2/token",
    "personal_vmr_adfs_relying_party_trust_identifier": "https://vc.example.test/",
}
ROOM = {"name": "Board", "pin": "1234", "allow_guests": True, "guest_pin": "9876"}


def certificate() -> str:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    root = Authority("Root", begins=begin, expires=begin + 3650 * DAY)
    return root.pem.decode()


NEW: dict[str, dict[str, Any]] = {
    "ms_exchange_connector": PERSONAL,
    "exchange_domain": {"exchange_connector": 1, "domain": "mail.example.test"},
    "scheduled_alias": {
        "uuid": "11111111-2222-3333-4444-555555555555",
        "alias": "555123456@example.test",
        "numeric_alias": "555123456",
        "alias_number": 123456,
        "exchange_connector": 1,
    },
    "conference": {"name": "Board"},
    "conference_alias": {"alias": "board@example.test", "conference": 1},
    "end_user": {"primary_email_address": "alice@example.test"},
    "scheduled_conference": {
        "conference": 1,
        "start_time": "2026-11-21T09:00:00",
        "end_time": "2026-11-21T10:00:00",
    },
    "ca_certificate": {"certificate": certificate()},
    "ivr_theme": {"name": "Night"},
    "identity_provider_group": {"name": "Staff"},
    "system_location": {"name": "Oslo"},
    "mjx_exchange_deployment": {
        "name": "Rooms",
        "service_account_username": "rooms",
        "service_account_password": "correct horse",
    },
    "mjx_exchange_autodiscover_url": {
        "name": "First",
        "url": "https://mail.example.test/autodiscover/autodiscover.xml",
        "exchange_deployment": 1,
    },
    "mjx_graph_deployment": {
        "name": "Tenant",
        "client_id": "app",
        "oauth_token_url": "https://login.example.test/token",
    },
    "mjx_google_deployment": {
        "name": "Workspace",
        "client_email": "rooms@example.test",
        "private_key": "key",
    },
    "mjx_integration": {"name": "Office", "exchange_deployment": 1},
    "mjx_meeting_processing_rule": {
        "name": "Zoom",
        "mjx_integration": 1,
        "priority": 30,
        "meeting_type": "zoom",
    },
    "mjx_endpoint_group": {"name": "Floor"},
    "mjx_endpoint": {
        "name": "Oak",
        "room_resource_email": "oak@example.test",
        "api_address": "oak.example.test",
    },
    "administrator": {"name": "anna", "password": "long enough", "role": 2},
    "oauth2_client": {"client_name": "script", "role": 1},
}
"""A new record of each resource, with what it needs and nothing else."""

NEEDED: dict[str, set[str]] = {
    "ms_exchange_connector": {
        "addin_server_domain",
        "name",
        "personal_vmr_adfs_relying_party_trust_identifier",
        "personal_vmr_oauth_auth_endpoint",
        "personal_vmr_oauth_client_id",
        "personal_vmr_oauth_token_endpoint",
    },
    "exchange_domain": {"exchange_connector", "domain"},
    "scheduled_alias": {
        "uuid",
        "alias",
        "numeric_alias",
        "alias_number",
        "exchange_connector",
    },
    "conference": {"name"},
    "conference_alias": {"alias", "conference"},
    "end_user": {"primary_email_address"},
    "scheduled_conference": {"conference", "start_time", "end_time"},
    "ca_certificate": {"certificate"},
    "ivr_theme": {"name"},
    "identity_provider_group": {"name"},
    "system_location": {"name"},
    "mjx_exchange_deployment": {"name", "service_account_username"},
    "mjx_exchange_autodiscover_url": {"name", "url", "exchange_deployment"},
    "mjx_graph_deployment": {"name", "client_id", "oauth_token_url"},
    "mjx_google_deployment": {"name", "client_email"},
    "mjx_integration": {"name", "exchange_deployment"},
    "mjx_meeting_processing_rule": {
        "name",
        "mjx_integration",
        "priority",
        "meeting_type",
    },
    "mjx_endpoint_group": {"name"},
    "mjx_endpoint": {"name", "room_resource_email", "api_address"},
    "administrator": {"name", "role"},
    "oauth2_client": {"client_name", "role"},
}
"""The fields that cannot be cleared, neither by null nor by an empty text."""

KINDS_OF_ROOMS = ("enable_dynamic_vmrs", "enable_personal_vmrs")
"""Cleared, they would be the default, which needs other fields here."""


def writable(resource: str) -> dict[str, Any]:
    return {
        name: declared
        for name, declared in CONFIGURATION[resource].fields.items()
        if is_writable(declared) and not declared.field.secret
    }


async def make(server: Server, resource: str) -> str:
    """A new record of the resource; what it refers to is there."""
    return await server.client.create(f"{API}/{resource}/", NEW[resource])


async def make_others(server: Server) -> None:
    """The records that new ones refer to."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(CONFERENCE, {"name": "Room"})
    for resource in ("mjx_exchange_deployment", "mjx_integration"):
        await server.client.create(
            f"{API}/{resource}/", NEW[resource] | {"name": "First"}
        )


def test_every_writable_resource_is_looked_at() -> None:
    """No resource that clients can write is left out here."""
    assert set(NEW) == {
        r.name for r in CONFIGURATION.values() if r.writable and not r.fixed
    }


TURNS = (
    ("PUT", None, False),
    ("PATCH", "", False),
    ("PUT", "", True),
    ("PATCH", None, True),
)
"""The requests that each field is cleared with, one after the other, and whether the
last field comes first: what a request does to another field can be seen unless that one
is cleared later, so each method has each field before and after each other."""


@pytest_twisted.ensureDeferred
async def test_three_different_things(server: Server) -> None:
    """Null and "" come back as they were sent where a field can be both, and clear it
    otherwise; what is left out stays, cleared or not; no other field changes."""
    await make_others(server)
    for resource in NEW:
        uri = await make(server, resource)
        await clear_each_field(server.client, resource, uri)


async def clear_each_field(client: Client, resource: str, uri: str) -> None:
    refused = set()
    expected = await client.get(uri)
    fields = list(writable(resource).items())
    for method, sent, is_backwards in TURNS:
        for name, declared in reversed(fields) if is_backwards else fields:
            default = None if declared.nullable else declared.default
            is_text = declared.type is str and not declared.field.related
            keeps_empty = is_text and (declared.nullable or not declared.field.choices)
            answer = await client.ask(method, uri, {name: sent})
            if answer.status == 400:
                if name not in KINDS_OF_ROOMS:
                    assert list(answer.json[resource]) == [name]
                    # A text that has to be something has a default that is.
                    if sent is None or not default:
                        refused.add(name)
                continue
            assert answer.status in (202, 204), answer.body
            if name != "uuid":  # one is made, for ever
                expected[name] = "" if sent == "" and keeps_empty else default
        # All else was left out or refused, so it has to be as it was.
        assert await client.get(uri) == expected, (method, sent)
    assert refused == NEEDED[resource]


@pytest_twisted.ensureDeferred
async def test_new_records(server: Server) -> None:
    """A new record may name every field that may be null as null, or as ""; what is
    left out is the default that the schema tells."""
    await make_others(server)
    for resource in NEW:
        await clear_new_records(server.client, resource, await make(server, resource))


async def clear_new_records(client: Client, resource: str, uri: str) -> None:
    fields = (await client.get(f"{API}/{resource}/schema/"))["fields"]
    shown = await client.get(uri)
    own = {"uuid", "personal_vmr_oauth_client_id"}  # another one for each record
    for name in writable(resource).keys() - NEW[resource].keys() - own:
        assert shown[name] == fields[name]["default"], name
    needed = NEEDED[resource]
    nullable = {
        n: d for n, d in writable(resource).items() if d.nullable and n not in needed
    }
    for value in (None, ""):
        await client.ask("DELETE", uri)
        sent = dict.fromkeys(nullable, value)
        uri = await client.create(f"{API}/{resource}/", NEW[resource] | sent)
        shown = await client.get(uri)
        for name, declared in nullable.items():
            is_text = declared.type is str and not declared.field.related
            assert shown[name] == (value if is_text else None), name


@pytest_twisted.ensureDeferred
async def test_stored_values_stay(tmp_path: Path) -> None:
    """An empty text that is stored stays one, and null stays null, when the daemon
    starts again."""
    async with serving(tmp_path) as server:
        sent = PERSONAL | {"addin_application_id": "", "oauth_client_id": None}
        uri = await server.client.create(CONNECTOR, sent)
        before = await server.client.get(uri)
        assert (before["addin_application_id"], before["oauth_client_id"]) == ("", None)
    async with serving(tmp_path) as server:
        assert await server.client.get(uri) == before


@pytest_twisted.ensureDeferred
async def test_a_partial_put_keeps_a_room_closed(server: Server) -> None:
    """A PUT of a room without its PINs leaves them, and guests as they were; null and
    "" take them away."""
    client = server.client
    uri = await client.create(CONFERENCE, ROOM)
    await client.ask("PUT", uri, {"name": "Board", "description": "x"})
    shown = await client.get(uri)
    assert {name: shown[name] for name in ROOM} == ROOM
    for nothing in (None, ""):
        none = {"pin": nothing, "guest_pin": nothing, "allow_guests": nothing}
        assert (await client.ask("PUT", uri, none)).status == 204
        shown = await client.get(uri)
        assert (shown["pin"], shown["allow_guests"], shown["guest_pin"]) == (
            "",
            False,
            "",
        )
        await client.ask("PUT", uri, ROOM)


@pytest_twisted.ensureDeferred
async def test_relations_that_a_client_does_not_manage(server: Server) -> None:
    """Null leaves the records that belong to one; an empty list removes them."""
    client = server.client
    uri = await client.create(CONFERENCE, ROOM | {"aliases": [{"alias": "board"}]})
    unmanaged = {
        "aliases": None,
        "scheduled_conferences": None,
        "scheduled_conferences_count": 0,
        "automatic_participants": None,
    }
    for method in ("PUT", "PATCH"):
        assert (await client.ask(method, uri, unmanaged)).status in (202, 204)
        assert [a["alias"] for a in (await client.get(uri))["aliases"]] == ["board"]
    assert (await client.get(uri))["automatic_participants"] == []
    called = {"automatic_participants": [f"{API}/automatic_participant/1/"]}
    problems = await client.refused("PUT", uri, called)
    assert list(problems) == ["automatic_participants"]
    assert (await client.ask("PUT", uri, {"aliases": []})).status == 204
    assert (await client.get(uri))["aliases"] == []
    assert await client.objects(ALIAS) == []


@pytest_twisted.ensureDeferred
async def test_numbers_and_truth_as_text(server: Server) -> None:
    """Texts that can be read in one way only are read; a PIN is a text."""
    client = server.client
    uri = await client.create(CONFERENCE, ROOM | {"participant_limit": "25"})
    sent = {"mute_all_guests": "True", "max_callrate_in": "0512", "breakout_rooms": ""}
    assert (await client.ask("PATCH", uri, sent)).status == 202
    shown = await client.get(uri)
    assert shown["participant_limit"] == 25
    assert (shown["mute_all_guests"], shown["max_callrate_in"]) == (True, 512)
    assert shown["breakout_rooms"] is False
    wrong = {"participant_limit": "some", "mute_all_guests": "1", "pin": 1234}
    assert set(await client.refused("PATCH", uri, wrong)) == set(wrong)


@pytest_twisted.ensureDeferred
async def test_a_note_on_a_certificate(server: Server) -> None:
    """What a client notes on a certificate is kept, with the same certificate too."""
    uri = await server.client.create(
        CERTIFICATES, NEW["ca_certificate"] | {"trusted_intermediate": True}
    )
    assert (await server.client.get(uri))["trusted_intermediate"] is True
    sent = NEW["ca_certificate"] | {"trusted_intermediate": False}
    assert (await server.client.ask("PATCH", uri, sent)).status == 202
    assert (await server.client.get(uri))["trusted_intermediate"] is False
