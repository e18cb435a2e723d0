"""The status lists of One-Touch Join: endpoints, and the meetings on their screens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    RoomCalendar,
    RoomMeeting,
)
from tests.web_admin.one_touch_join_support import with_an_endpoint
from tests.web_admin.web_admin_support import API, Server

STATUS = "/api/admin/status/v1"
ENDPOINTS, MEETINGS = f"{STATUS}/mjx_endpoint/", f"{STATUS}/mjx_meeting/"
READER = ("rita", "only reading")
HOUR = timedelta(hours=1)
ZOOM = JoinDetails("1@zoomcrc.com", "SIP", "Zoom", "Zoom")


async def put(server: Server, table: Any, record: Any) -> None:
    change = server.store.transaction()
    change.put(table, record)
    await change.commit()


async def with_meetings(server: Server, *meetings: dict[str, Any]) -> datetime:
    """An endpoint whose room has these meetings, an hour ahead; returns the start."""
    await with_an_endpoint(server)
    start = server.clock.time + HOUR
    found = tuple(
        RoomMeeting(
            **{
                "item_id": f"item {number}",
                "uid": f"uid {number}",
                "start": start,
                "end": start + HOUR,
                "organizer_name": "Alice",
                "organizer_email": "alice@example.test",
                **each,
            }
        )
        for number, each in enumerate(meetings)
    )
    calendar = RoomCalendar(
        id=1,
        room_email="oak@example.test",
        deployment=1,
        read_at=server.clock.time,
        meetings=found,
    )
    await put(server, tables.ROOM_CALENDAR, calendar)
    return start


@pytest_twisted.ensureDeferred
async def test_a_meeting_on_a_screen(server: Server) -> None:
    """Each meeting on the screen is one record, with what is dialled, the rule that
    found it, and its endpoint, room and profile."""
    changed = datetime(2026, 11, 20, 8, tzinfo=UTC)
    start = await with_meetings(
        server, {"subject": "Plan", "details": ZOOM, "changed": changed}
    )
    (found,) = await server.client.objects(MEETINGS)
    assert found.pop("id") > 0
    assert (await server.client.get(found.pop("resource_uri")))["subject"] == "Plan"
    assert found == {
        "meeting_id": "uid 0",
        "endpoint_name": "Oak",
        "room_email": "oak@example.test",
        "mjx_integration_id": 1,
        "mjx_integration_name": "Office",
        "subject": "Plan",
        "organizer_name": "Alice",
        "organizer_email": "alice@example.test",
        "start_time": f"{start:%Y-%m-%dT%H:%M:%S.%f}",
        "end_time": f"{start + HOUR:%Y-%m-%dT%H:%M:%S.%f}",
        "alias": "1@zoomcrc.com",
        "matched_meeting_processing_rule": "Zoom",
        "last_modified_time": "2026-11-20T08:00:00.000000",
        "worker_id": 1,
    }


@pytest_twisted.ensureDeferred
async def test_meetings_are_filtered_and_keep_their_ids(server: Server) -> None:
    """By room, rule and time; an occurrence is a meeting of its own."""
    start = await with_meetings(
        server,
        {"subject": "A", "details": ZOOM},
        {"subject": "B", "uid": "series", "recurrence_id": None},
        {
            "subject": "C",
            "uid": "series",
            "recurrence_id": datetime(2026, 11, 23, tzinfo=UTC),
        },
    )
    listed = await server.client.objects(MEETINGS)
    assert len({each["id"] for each in listed}) == 3
    assert listed == await server.client.objects(MEETINGS)
    for query, subjects in (
        ("matched_meeting_processing_rule=Zoom", ["A"]),
        ("name=B", ["B"]),
        ("room_email=oak@example.test&order_by=subject", ["A", "B", "C"]),
        ("room_email=elm@example.test", []),
        (f"start_time__gt={start:%Y-%m-%dT%H:%M:%S}", []),
        ("order_by=-subject&limit=1", ["C"]),
    ):
        found = await server.client.objects(f"{MEETINGS}?{query}")
        assert [each["subject"] for each in found] == subjects, query


@pytest.mark.parametrize(
    ("settings", "everybody"),
    [
        ({}, "Alice"),
        ({"replace_subject_type": "NEVER"}, ""),
        ({"replace_subject_template": "{{ subject }}"}, ""),
        ({"replace_subject_template": "Busy"}, "Busy"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_private_subjects_are_for_the_role_full(
    server: Server, logged: list[str], settings: dict[str, Any], everybody: str
) -> None:
    """Other roles see the title on the screen, and nothing of the subject even if the
    screen shows it; no filter and no order finds by it, and the log does not have
    it."""
    await with_meetings(server, {"subject": "Layoffs", "is_private": True})
    profile = f"{API}/mjx_integration/1/"
    await server.client.ask("PATCH", profile, settings)
    reader = {"name": READER[0], "password": READER[1], "role": 1}
    await server.client.create(f"{API}/administrator/", reader)
    (found,) = await server.client.objects(MEETINGS)
    assert found["subject"] == "Layoffs"
    for path in (MEETINGS, found["resource_uri"]):
        answer = await server.client.ask("GET", path, auth=READER)
        shown = answer.json.get("objects", [answer.json])[0]
        assert shown["subject"] == everybody
        assert b"Layoffs" not in answer.body
    query = f"{MEETINGS}?subject__contains=Lay"
    answer = await server.client.ask("GET", query, auth=READER)
    assert answer.json["objects"] == []
    assert not [line for line in logged if "Layoffs" in line]


@pytest_twisted.ensureDeferred
async def test_replaced_subjects_are_hidden_as_on_the_screen(server: Server) -> None:
    """With replace_subject_type ALL the role Full alone sees what is not private,
    either."""
    await with_meetings(server, {"subject": "Plan"})
    everything = {"replace_subject_type": "ALL"}
    await server.client.ask("PATCH", f"{API}/mjx_integration/1/", everything)
    reader = {"name": READER[0], "password": READER[1], "role": 1}
    await server.client.create(f"{API}/administrator/", reader)
    answer = await server.client.ask("GET", MEETINGS, auth=READER)
    assert [each["subject"] for each in answer.json["objects"]] == ["Alice"]


@pytest_twisted.ensureDeferred
async def test_an_endpoint(server: Server) -> None:
    """The number of meetings is the screen's; the last contact, and a problem, are what
    was stored of the endpoint or its room."""
    await with_meetings(server, {"subject": "Plan"}, {"is_cancelled": True})
    path = f"{ENDPOINTS}1/"
    shown = await server.client.get(path)
    assert shown == {
        "id": 1,
        "endpoint_name": "Oak",
        "endpoint_type": "CISCO",
        "endpoint_address": "oak.example.test",
        "room_email": "oak@example.test",
        "mjx_integration_name": "Office",
        "number_of_meetings": 1,
        "last_contact_time": None,
        "last_worker": "",
        "last_read_time": f"{server.clock.time:%Y-%m-%dT%H:%M:%S.%f}",
        "problem": "",
        "resource_uri": path,
    }
    contact = server.clock.time - HOUR
    state = EndpointState(id=1, endpoint=1, last_contact_time=contact)
    await put(server, tables.ENDPOINT_STATE, state)
    shown = await server.client.get(path)
    assert shown["last_contact_time"] == f"{contact:%Y-%m-%dT%H:%M:%S.%f}"
    assert (shown["last_worker"], shown["problem"]) == ("pexschedd", "")
    calendar = server.store.get(tables.ROOM_CALENDAR, 1)
    assert calendar is not None
    troubled = replace(calendar, problem="Exchange does not answer.")
    await put(server, tables.ROOM_CALENDAR, troubled)
    assert (await server.client.get(path))["problem"] == "Exchange does not answer."
    unreachable = replace(state, problem="it does not answer")
    await put(server, tables.ENDPOINT_STATE, unreachable)
    assert (await server.client.get(path))["problem"] == "it does not answer"


@pytest_twisted.ensureDeferred
async def test_an_endpoint_without_a_profile(server: Server) -> None:
    """It is listed, with no profile and no meetings."""
    await with_meetings(server, {"subject": "Plan"})
    group = {"mjx_endpoint_group": None}
    await server.client.ask("PATCH", f"{API}/mjx_endpoint/1/", group)
    (found,) = await server.client.objects(f"{ENDPOINTS}?name=Oak")
    assert (found["mjx_integration_name"], found["number_of_meetings"]) == ("", 0)
    assert await server.client.objects(MEETINGS) == []
