"""Conferences, aliases, schedules and the other resources through the API."""

from datetime import UTC, datetime

import pytest
import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.outbox import MailboxCursor
from pexschedd.model.schedule import ScheduledConference
from tests.web_admin.web_admin_support import ALIAS, CONFERENCE, ROOM, SCHEDULED, Server


@pytest_twisted.ensureDeferred
async def test_nested_creation(server: Server) -> None:
    """A conference is made with its aliases and its schedule in one request."""
    uri = await server.client.create(CONFERENCE, ROOM)
    room = await server.client.get(uri)
    assert [a["alias"] for a in room["aliases"]] == ["board@example.test", "5551"]
    assert {a["conference"] for a in room["aliases"]} == {uri}
    assert room["scheduled_conferences"] == [f"{SCHEDULED}1/"]
    assert room["scheduled_conferences_count"] == 1
    assert room["creation_time"] == "2026-11-21T09:00:00.000000"
    meeting = await server.client.get(f"{SCHEDULED}1/")
    assert meeting["conference"] == uri
    assert meeting["start_time"] == "2026-11-21T10:00:00.000000"
    assert not {"sequence", "answer", "meeting_start"} & set(meeting)


@pytest_twisted.ensureDeferred
async def test_an_answer_can_be_sent_back(server: Server) -> None:
    """What GET answers, PUT takes, and nothing changes."""
    uri = await server.client.create(CONFERENCE, ROOM)
    before = await server.client.get(uri)
    assert (await server.client.ask("PUT", uri, before)).status == 204
    assert await server.client.get(uri) == before
    alias = await server.client.get(f"{ALIAS}1/")
    assert (await server.client.ask("PUT", f"{ALIAS}1/", alias)).status == 204
    assert await server.client.get(f"{ALIAS}1/") == alias


@pytest_twisted.ensureDeferred
async def test_uniqueness(server: Server) -> None:
    """Names and aliases are unique, aliases without regard to case, and the answer
    names what has them."""
    await server.client.create(CONFERENCE, ROOM)
    second = {"name": "Board", "aliases": [{"alias": "BOARD@example.TEST"}]}
    of_room = 'an alias of conference 1 "Board"'
    assert await server.client.refused("POST", CONFERENCE, second) == {
        "name": [f"This is in use already: {CONFERENCE}1/ has it."],
        "aliases": [f"1: alias: This is in use already: {ALIAS}1/ has it, {of_room}."],
    }
    twice = {"name": "X", "aliases": [{"alias": "x"}, {"alias": "X"}]}
    assert await server.client.refused("POST", CONFERENCE, twice) == {
        "aliases": [
            "2: alias: This is in use already: another record of this request has it."
        ]
    }
    assert len(await server.client.objects(CONFERENCE)) == 1
    # An alias that goes in the same request is free.
    again = {"aliases": [{"alias": "BOARD@example.test"}]}
    assert (await server.client.ask("PATCH", f"{CONFERENCE}1/", again)).status == 202
    (alias,) = await server.client.objects(ALIAS)
    assert alias["alias"] == "BOARD@example.test"
    swap = {
        "deleted_objects": [f"{CONFERENCE}1/"],
        "objects": [{"name": "Board", "aliases": [{"alias": "board@example.test"}]}],
    }
    assert (await server.client.ask("PATCH", CONFERENCE, swap)).status == 202
    assert [r["id"] for r in await server.client.objects(CONFERENCE)] == [4]


@pytest_twisted.ensureDeferred
async def test_blanks_make_no_other_alias(server: Server) -> None:
    """Nobody dials the blanks around an alias: with them it would be there twice."""
    for alias in (" board", "board ", "board\u00a0"):
        room = {"name": "Board", "aliases": [{"alias": alias}]}
        problems = await server.client.refused("POST", CONFERENCE, room)
        (text,) = problems["aliases"]
        assert text.startswith("1: alias: Blanks")


@pytest.mark.parametrize("alias", ["sip:zz@x.test", "H323:5", "pexip://5", "5;x=1"])
@pytest_twisted.ensureDeferred
async def test_an_alias_that_nobody_could_dial(server: Server, alias: str) -> None:
    """Schemes and parameters are taken off what is dialled, so none may have them."""
    room = {"name": "Board", "aliases": [{"alias": alias}]}
    problems = await server.client.refused("POST", CONFERENCE, room)
    assert problems["aliases"][0].startswith("1: alias: An alias has no scheme")


@pytest_twisted.ensureDeferred
async def test_every_wrong_deletion_is_named(server: Server) -> None:
    """Of a list of deletions each wrong one is said by its number, and none is made."""
    uri = await server.client.create(CONFERENCE, ROOM)
    gone = {"deleted_objects": ["x", uri, f"{CONFERENCE}7/", None]}
    problems = await server.client.refused("PATCH", CONFERENCE, gone)
    wrong = f"This must be a URI such as {CONFERENCE}1/."
    assert problems == {
        "deleted_objects": [
            f"1: {wrong}",
            "3: There is no conference 7.",
            f"4: {wrong}",
        ]
    }
    assert (await server.client.get(uri))["name"] == "Board"


@pytest_twisted.ensureDeferred
async def test_a_field_without_a_name(server: Server) -> None:
    """An empty name is that of no field."""
    uri = await server.client.create(CONFERENCE, ROOM)
    problems = await server.client.refused("PATCH", uri, {"": 1})
    assert problems == {"": ["There is no such field."]}


@pytest_twisted.ensureDeferred
async def test_delete_list(server: Server) -> None:
    """DELETE on a list deletes all that pass the filters, and none for a typing error
    or for somebody who means to name some otherwise: by a page, or in the body."""
    for name in ("a1", "a2", "b1"):
        await server.client.create(CONFERENCE, {"name": name})
    answer = await server.client.ask("DELETE", f"{CONFERENCE}?nam__startswith=a")
    assert answer.status == 400
    problems = await server.client.refused(
        "DELETE", f"{CONFERENCE}?limit=1&order_by=name", None
    )
    assert set(problems) == {"limit", "order_by"}
    for body in ({"deleted_objects": [f"{CONFERENCE}1/"]}, [1], "a1"):
        answer = await server.client.ask("DELETE", CONFERENCE, body)
        assert answer.status == 400
        assert "deleted_objects" in answer.json["error"]
    assert len(await server.client.objects(CONFERENCE)) == 3
    answer = await server.client.ask("DELETE", f"{CONFERENCE}?name__startswith=a")
    assert answer.status == 204
    assert [r["name"] for r in await server.client.objects(CONFERENCE)] == ["b1"]
    everything = f"{CONFERENCE}?confirm=yes"
    assert (await server.client.ask("DELETE", everything)).status == 204
    assert await server.client.objects(CONFERENCE) == []


@pytest_twisted.ensureDeferred
async def test_list_envelope(server: Server) -> None:
    """A list is `meta` and `objects`; `next` is the path of the next page."""
    for number in range(5):
        await server.client.create(CONFERENCE, {"name": f"room {number}"})
    page = await server.client.get(f"{CONFERENCE}?limit=2&offset=2&order_by=-name")
    assert page["meta"] == {
        "limit": 2,
        "offset": 2,
        "next": f"{CONFERENCE}?order_by=-name&limit=2&offset=4",
        "previous": f"{CONFERENCE}?order_by=-name&limit=2&offset=0",
        "total_count": 5,
    }
    assert [r["name"] for r in page["objects"]] == ["room 2", "room 1"]


@pytest_twisted.ensureDeferred
async def test_pin_is_shown(server: Server) -> None:
    """A room's PIN is no secret to administrators; guests need one of their own."""
    uri = await server.client.create(
        CONFERENCE,
        {"name": "x", "allow_guests": True, "pin": "1234", "guest_pin": "4321"},
    )
    assert (await server.client.get(uri))["pin"] == "1234"
    problems = await server.client.refused("PATCH", uri, {"pin": ""})
    assert list(problems) == ["pin", "guest_pin"]
    for guest_pin in ("1234", "12345", "123#"):
        problems = await server.client.refused("PATCH", uri, {"guest_pin": guest_pin})
        assert list(problems) == ["guest_pin"]


@pytest_twisted.ensureDeferred
async def test_alarms(server: Server) -> None:
    """Raised alarms are status; all are history; nobody writes either."""
    change = server.store.transaction()
    raised = Alarm(id=1, name="a", details="d", time_raised=server.clock())
    lowered = Alarm(
        id=2, name="b", time_raised=server.clock(), time_lowered=server.clock()
    )
    change.put(tables.ALARM, raised)
    change.put(tables.ALARM, lowered)
    await change.commit()
    status = "/api/admin/status/v1/alarm/"
    page = await server.client.get(status)
    assert page["meta"]["total_count"] == 1
    assert page["objects"][0]["name"] == "a"
    assert "time_lowered" not in page["objects"][0]
    assert page["objects"][0]["resource_uri"] == f"{status}1/"
    assert (await server.client.ask("GET", f"{status}2/")).status == 404
    history = await server.client.objects("/api/admin/history/v1/alarm/")
    assert [a["name"] for a in history] == ["a", "b"]
    assert history[1]["time_lowered"] == "2026-11-21T09:00:00.000000"
    for method in ("POST", "PATCH", "DELETE"):
        assert (await server.client.ask(method, status, {})).status == 405
    for method in ("PUT", "PATCH", "DELETE"):
        assert (await server.client.ask(method, f"{status}1/", {})).status == 405
    schema = await server.client.get(f"{status}schema/")
    assert schema["allowed_list_http_methods"] == ["get"]


@pytest_twisted.ensureDeferred
async def test_scheduler_status(server: Server) -> None:
    """Each integration's mailbox says when it last gave something to do."""
    change = server.store.transaction()
    change.put(
        tables.CURSOR, MailboxCursor(id=3, cursor="x", last_item_time=server.clock())
    )
    await change.commit()
    (status,) = await server.client.objects("/api/admin/status/v1/exchange_scheduler/")
    assert status == {
        "id": 3,
        "exchange_connector_id": 3,
        "last_modified_time": "2026-11-21T09:00:00.000000",
        "resource_uri": "/api/admin/status/v1/exchange_scheduler/3/",
    }


THERE_FROM_THE_START = (
    "administrator",
    "configuration_change",
    "licensing",
    "principal",
    "role",
)
"""The resources with records in a new installation: the first administrator's are
there."""


@pytest.mark.parametrize("kind", ["configuration", "status", "history"])
@pytest_twisted.ensureDeferred
async def test_discovery(server: Server, kind: str) -> None:
    """The root of each part names every resource, and what it names is there."""
    root = await server.client.get(f"/api/admin/{kind}/v1/")
    assert root
    for name, place in root.items():
        assert place == {
            "list_endpoint": f"/api/admin/{kind}/v1/{name}/",
            "schema": f"/api/admin/{kind}/v1/{name}/schema/",
        }
        found = await server.client.objects(place["list_endpoint"])
        assert bool(found) == (name in THERE_FROM_THE_START)
        schema = await server.client.get(place["schema"])
        assert "id" in schema["fields"]


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"start_time": "2026-11-21T23:00:00"}, {"start_time"}),
        ({"start_time": "now"}, {"start_time"}),
        ({"start_time": None}, {"start_time"}),
        ({"end_time": "2026-11-21T05:00:00"}, {"end_time"}),
        (
            {"start_time": "2026-11-21T23:00:00", "end_time": "2026-11-21T05:00:00"},
            {"start_time", "end_time"},
        ),
        (
            {"start_time": "2026-11-21T23:00:00", "conference": 99, "subject": 5},
            {"start_time", "conference", "subject"},
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_times_that_the_invitation_rules(
    server: Server, sent: dict[str, object], named: set[str]
) -> None:
    """Whoever sends another time is told that the invitation rules it, of each such
    field, and of all else that is wrong; not that the times contradict each other."""
    await server.client.create(CONFERENCE, {"name": "Board"})
    change = server.store.transaction()
    change.put(
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=1,
            conference=1,
            exchange_connector=1,
            start_time=datetime(2026, 11, 21, 10, tzinfo=UTC),
            end_time=datetime(2026, 11, 21, 11, tzinfo=UTC),
        ),
    )
    await change.commit()
    meeting = f"{SCHEDULED}1/"
    before = await server.client.get(meeting)
    problems = await server.client.refused("PATCH", meeting, sent)
    assert problems.keys() == named
    for name in named & {"start_time", "end_time"}:
        assert "follows from the invitation" in problems[name][0]
    same = {"start_time": before["start_time"], "end_time": "2026-11-21T11:00:00Z"}
    answer = await server.client.ask("PATCH", meeting, {**same, "subject": "Budget"})
    assert answer.status == 202
    assert await server.client.get(meeting) == {**before, "subject": "Budget"}
