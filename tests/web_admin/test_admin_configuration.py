"""Whole configurations out of one installation and into another."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.management.resources import CONFIGURATION
from pexschedd.management.transfer.configuration import TRANSFERRED
from pexschedd.model import tables
from pexschedd.model.fields.validation import is_writable
from tests.web_admin.transfer_support import (
    COMMANDS,
    EXPORT,
    IMPORT,
    MJX_SECRETS,
    PASSPHRASE,
    SECRETS,
    URI,
    another,
    change_everything,
    exported,
    fill,
    imported,
    sent,
)
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Server,
)


def records(plan: Any, action: str) -> list[str]:
    return [
        f"{each['resource']} {each['record']}"
        for each in plan["records"]
        if each["action"] == action
    ]


@pytest_twisted.ensureDeferred
async def test_every_field_comes_along(server: Server, tmp_path: Path) -> None:
    """Exported, imported into an empty installation and exported again, a configuration
    is the same, with something in nearly every field; imported once more it changes
    nothing."""
    await fill(server)
    changed = await change_everything(server, lambda name: False)
    document = await exported(server, passphrase=PASSPHRASE)
    assert [*document["resources"]] == [each.name for each in TRANSFERRED]
    writable = {
        f"{resource.name}.{declared.name}"
        for resource in TRANSFERRED
        for declared in resource.fields.values()
        if is_writable(declared)
        and not (declared.field.secret or declared.field.related)
        and not declared.field.unsupported
    }
    assert len(changed & writable) > 0.9 * len(writable), writable - changed
    async with another(tmp_path) as empty:
        plan = await imported(empty, document, passphrase=PASSPHRASE)
        assert plan["created"] == 26
        assert records(plan, "changed") == ["administrator admin"]
        again = await exported(empty, passphrase=PASSPHRASE)
        assert again["resources"] == document["resources"]
        for target in (empty, server):
            plan = await imported(target, document, passphrase=PASSPHRASE)
            assert plan["records"] == []
            assert plan["unchanged"] == 27
        for connector in server.store.all(tables.CONNECTOR):
            copy = empty.store.get(tables.CONNECTOR, connector.id)
            assert copy is not None
            assert copy.uuid == connector.uuid
            for name in SECRETS:
                plain = []
                for store, each in ((server.store, connector), (empty.store, copy)):
                    stored = getattr(each, name)
                    context = f"ms_exchange_connector/{each.uuid}/{name}"
                    plain.append(stored and store.vault.unseal(stored, context))
                assert plain[0] == plain[1]
        for name, secrets in MJX_SECRETS.items():
            table = CONFIGURATION[name].table
            for secret in secrets:
                context = f"{name}/1/{secret}"
                (record,) = empty.store.all(table)
                told = empty.store.vault.unseal(getattr(record, secret), context)
                assert told == f"{name} {secret}"
        signed_in = ("anna changed", "long enough")
        answer = await empty.client.ask("GET", f"{API}/role/", auth=signed_in)
        assert answer.status == 200


@pytest_twisted.ensureDeferred
async def test_a_dry_run_says_what_would_change(server: Server) -> None:
    """Field by field, references by name, secrets as what is not shown; and nothing has
    changed, not even the next id."""
    await fill(server)
    document = await exported(server)
    before = await exported(server, passphrase=PASSPHRASE)
    rooms = document["resources"]["conference"]
    rooms[0] |= {"pin": "9999", "ivr_theme": None}
    new = {
        "name": "New",
        "resource_uri": f"{CONFERENCE}900/",
        "guests_can_present": False,
    }
    rooms.append({**new, "ivr_theme": f"{API}/ivr_theme/1/"})
    document["resources"]["ms_exchange_connector"][0]["username"] = "other@example.test"
    secrets = {URI: {"password": "new one"}}
    plan = await imported(server, document, dry_run=True, secrets=secrets)
    assert plan["dry_run"] is True
    assert (plan["created"], plan["changed"]) == (1, 2), plan["records"]
    assert plan["records"] == [
        {
            "action": "changed",
            "resource": "ms_exchange_connector",
            "record": "Head office",
            "changes": [
                {
                    "field": "username",
                    "old": "svc@example.test",
                    "new": "other@example.test",
                },
                {"field": "password", "old": "(not shown)", "new": "(not shown)"},
            ],
        },
        {
            "action": "changed",
            "resource": "conference",
            "record": "Room 0",
            "changes": [
                {"field": "pin", "old": "0042", "new": "9999"},
                {"field": "ivr_theme", "old": "Night", "new": None},
            ],
        },
        {
            "action": "created",
            "resource": "conference",
            "record": "New",
            "changes": [
                {"field": "name", "old": None, "new": "New"},
                {"field": "ivr_theme", "old": None, "new": "Night"},
                {"field": "guests_can_present", "old": True, "new": False},
            ],
        },
    ]
    after = await exported(server, passphrase=PASSPHRASE)
    assert after["resources"] == before["resources"]
    made = await server.client.create(CONFERENCE, {"name": "After"})
    assert made == f"{CONFERENCE}4/"
    plan = await imported(server, document, secrets=secrets)
    assert (plan["created"], plan["changed"]) == (1, 2)
    (room,) = await server.client.objects(f"{CONFERENCE}?name=New")
    assert room["ivr_theme"]["name"] == "Night"


@pytest_twisted.ensureDeferred
async def test_all_that_is_wrong_is_said_and_nothing_done(server: Server) -> None:
    """Each problem names resource, record and field; the right records are not made
    either."""
    await fill(server)
    before = await exported(server, passphrase=PASSPHRASE)
    problems = await server.client.refused(
        "POST",
        IMPORT,
        {
            "resources": {
                "ivr_theme": [{"name": "Good", "resource_uri": "t"}, {"name": ""}],
                "conference": [
                    {"name": "One", "pin": "x", "resource_uri": "c"},
                    {
                        "name": "Two",
                        "ivr_theme": "u",
                        "colour": "red",
                        "pin": "x",
                        "aliases": [],
                        "resource_uri": "c",
                    },
                    {"name": "Three", "ivr_theme": "t", "resource_uri": "d"},
                    {"name": "Room 1"},
                    {"name": "Room 1"},
                    7,
                    {"name": "Room 2", "resource_uri": 5, "guest_pin": "x"},
                    {"name": "Room 2", "call_type": "x"},
                ],
                "conference_alias": [
                    {"alias": "a1", "conference": "c"},
                    {"alias": "a1", "conference": "d"},
                    {"alias": "room1@example.test", "conference": "d"},
                ],
            },
            "secrets": {"nobody": {"password": "x"}},
        },
    )
    assert sorted(problems) == [
        'conference[0] "One": pin',
        'conference[1] "Two": aliases',
        'conference[1] "Two": colour',
        'conference[1] "Two": ivr_theme',
        'conference[1] "Two": pin',
        'conference[1] "Two": resource_uri',
        'conference[4] "Room 1"',
        "conference[5]",
        'conference[6] "Room 2": guest_pin',
        'conference[6] "Room 2": resource_uri',
        'conference[7] "Room 2"',
        'conference[7] "Room 2": call_type',
        'conference_alias[1] "a1": alias',
        "ivr_theme[1]: name",
        "secrets.nobody",
    ]
    after = await exported(server, passphrase=PASSPHRASE)
    assert after["resources"] == before["resources"]


@pytest_twisted.ensureDeferred
async def test_what_comes_from_elsewhere_is_checked_with_the_rest(
    server: Server,
) -> None:
    """What only an import can send, such as an integration's id of the add-in, its
    certificate and its secrets, is told of together with the fields."""
    uri = f"{CONNECTOR}9/"
    problems = await server.client.refused(
        "POST",
        IMPORT,
        {
            "resources": {
                "ms_exchange_connector": [
                    {
                        **{n: v for n, v in HEAD_OFFICE.items() if n != "domains"},
                        "uuid": "1",
                        "manifest_revision": "first",
                        "poll_interval": 0,
                        "resource_uri": uri,
                    }
                ],
            },
            "secrets": {uri: {"private_key": "x", "colour": "red"}},
        },
    )
    place = 'ms_exchange_connector[0] "Head office"'
    assert sorted(problems) == [
        f"{place}: colour",
        f"{place}: manifest_revision",
        f"{place}: poll_interval",
        f"{place}: public_key",
        f"{place}: uuid",
    ]


@pytest_twisted.ensureDeferred
async def test_rooms_of_meetings_are_no_configuration(server: Server) -> None:
    """Nor are their aliases; one that a document claims is refused, naming the room."""
    await server.client.create(CONFERENCE, {"name": "Meeting"})
    await server.client.create(ALIAS, {"alias": "555", "conference": f"{CONFERENCE}1/"})
    times = {"start_time": "2026-11-21T09:00:00", "end_time": "2026-11-21T10:00:00"}
    meeting = {"conference": f"{CONFERENCE}1/", **times}
    await server.client.create(f"{API}/scheduled_conference/", meeting)
    document = await exported(server)
    assert document["resources"]["conference"] == []
    assert document["resources"]["conference_alias"] == []
    claim = {
        "conference": [{"name": "Mine", "resource_uri": "m"}],
        "conference_alias": [{"alias": "555", "conference": "m"}],
    }
    problems = await server.client.refused("POST", IMPORT, {"resources": claim})
    ((text,),) = problems.values()
    assert '"Meeting"' in text


@pytest_twisted.ensureDeferred
async def test_more_than_a_transaction_takes_is_made_in_parts(server: Server) -> None:
    """Only if that is asked for; otherwise nothing is made, and the number told."""
    many = {"conference": [{"name": f"Room {n}"} for n in range(1_500)]}
    problems = await server.client.refused("POST", IMPORT, {"resources": many})
    assert "1500 records" in problems["in_parts"][0]
    assert server.store.count(tables.CONFERENCE) == 0
    plan = await imported(server, {"resources": many}, in_parts=True)
    assert plan["created"] == 1_500
    assert server.store.count(tables.CONFERENCE) == 1_500


@pytest_twisted.ensureDeferred
async def test_others_may_change_things_meanwhile(server: Server) -> None:
    """A room that is made while a document is checked takes its name: the import sees
    that, and is refused as a whole."""
    many = {"conference": [{"name": f"Room {n}"} for n in range(400)]}
    sending = sent(server, {"resources": many})
    deferred = Deferred.fromCoroutine(sending)
    clash = server.client.create(CONFERENCE, {"name": "Room 399"})
    await clash
    answer = await deferred
    names = [each.name for each in server.store.all(tables.CONFERENCE)]
    assert names.count("Room 399") == 1
    assert (answer.status, len(names)) in ((400, 1), (200, 400))


@pytest_twisted.ensureDeferred
async def test_an_integration_beside_the_original_is_another_one(
    server: Server,
) -> None:
    """A copy with another name and mailbox gets an identity of its own, and the answer
    says that the add-in has to be deployed for it."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    document = await exported(server)
    copy = document["resources"]["ms_exchange_connector"][0]
    copy |= {"name": "Copy", "room_mailbox_email_address": "copy@example.test"}
    document["resources"]["exchange_domain"] = []
    given = {copy["resource_uri"]: {"password": "svc"}}
    plan = await imported(server, document, secrets=given)
    assert records(plan, "created") == ["ms_exchange_connector Copy"]
    assert "deploy its manifest" in plan["warnings"][0]["text"]
    first, second = server.store.all(tables.CONNECTOR)
    assert first.uuid != second.uuid


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({"resources": {"alarm": []}}, "resources.alarm"),
        ({"resources": {}, "version": 2}, "version"),
        ({"resources": {}, "format": "x"}, "format"),
        ({"resources": {"conference": [{}] * 20_001}}, "resources"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_document_is_refused(
    server: Server, document: dict[str, Any], wrong: str
) -> None:
    """It names what is wrong with it."""
    assert list(await server.client.refused("POST", IMPORT, document)) == [wrong]


@pytest_twisted.ensureDeferred
async def test_commands_are_listed(server: Server) -> None:
    """The overview leads to them."""
    found = await server.client.get(COMMANDS)
    assert found["export"] == EXPORT
    assert found["import"] == IMPORT


@pytest_twisted.ensureDeferred
async def test_the_history_has_what_was_imported(server: Server) -> None:
    """Records of documents of the store and of its journal alike, by who imported them;
    a dry run leaves no trace."""
    document = {
        "ivr_theme": [{"name": "Night", "resource_uri": "t"}],
        "conference": [{"name": "Board", "ivr_theme": "t"}],
    }
    path = "/api/admin/history/v1/configuration_change/?correlation_id="
    for dry_run, count in ((True, 0), (False, 2)):
        answer = await sent(server, {"resources": document}, dry_run=dry_run)
        assert answer.status == 200
        (id_,) = answer.headers.getRawHeaders("x-request-id")
        found = await server.client.objects(path + id_)
        assert len(found) == count
    assert {each["administrator"] for each in found} == {"admin"}
    assert {(each["object_name"], each["action"]) for each in found} == {
        ("Night", "created"),
        ("Board", "created"),
    }
