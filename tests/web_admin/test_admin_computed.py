"""Status that is worked out when it is asked for."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_twisted

from pexschedd.management.computed.licensing import UNLIMITED
from pexschedd.management.computed.resources import COMPUTED
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.schedule import ScheduledConference
from pexschedd.web.admin.query_string import DEFAULT_LIMIT
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Server,
)

STATUS = "/api/admin/status/v1"
OPEN = f"{STATUS}/conference/"
HOUR = timedelta(hours=1)


async def scheduled(server: Server, *windows: tuple[int, float, float]) -> None:
    """Meetings: their room, and from when until when, in hours from now."""
    now = server.clock()
    with server.store.transaction() as change:
        for room, start, end in windows:
            meeting = ScheduledConference(
                id=change.new_id(tables.SCHEDULED_CONFERENCE),
                conference=room,
                start_time=now + start * HOUR,
                end_time=now + end * HOUR,
            )
            change.put(tables.SCHEDULED_CONFERENCE, meeting)
        await change.commit()


async def rooms(server: Server, query: str = "") -> list[str]:
    return [each["name"] for each in await server.client.objects(OPEN + query)]


@pytest_twisted.ensureDeferred
async def test_rooms_whose_window_is_open(server: Server) -> None:
    """From the first instant of a window until its last, also of one that lasts for
    weeks; each room once, and none without a window."""
    for number in range(1, 8):
        room = {"name": f"Room {number}", "tag": "sales"}
        await server.client.create(CONFERENCE, room)
    await scheduled(
        server,
        (1, 0, 1),
        (2, -1, 0),
        (3, 1, 2),
        (4, -24 * 20, 24 * 20),
        (5, -23.5, 0.5),
        (5, -1, 1),
        (6, 24 * 3, 24 * 30),
    )
    assert await rooms(server) == ["Room 1", "Room 4", "Room 5"]
    assert await server.client.get(f"{OPEN}1/") == {
        "id": "1",
        "name": "Room 1",
        "service_type": "conference",
        "start_time": "2026-11-21T09:00:00.000000",
        "tag": "sales",
        "is_started": None,
        "is_locked": None,
        "guests_muted": None,
        "direct_media_available": None,
        "resource_uri": f"{OPEN}1/",
    }
    for closed in (2, 7, 99):
        assert (await server.client.ask("GET", f"{OPEN}{closed}/")).status == 404
    server.clock.advance(hours=1)
    assert await rooms(server) == ["Room 3", "Room 4"]


@pytest_twisted.ensureDeferred
async def test_its_list_is_like_the_others(server: Server) -> None:
    """It has pages, filters and an order, and refuses what there is not."""
    for number in range(1, 6):
        await server.client.create(CONFERENCE, {"name": f"Room {number}"})
    await scheduled(server, *((number, -number, 1) for number in range(1, 6)))
    page = await server.client.get(f"{OPEN}?limit=2&offset=1&order_by=-name")
    assert [each["name"] for each in page["objects"]] == ["Room 4", "Room 3"]
    assert page["meta"]["total_count"] == 5
    assert page["meta"]["next"] == f"{OPEN}?order_by=-name&limit=2&offset=3"
    assert await rooms(server, "?name__endswith=2") == ["Room 2"]
    assert await rooms(server, "?order_by=start_time&limit=1") == ["Room 5"]
    assert list(await server.client.refused("GET", f"{OPEN}?nothing=1", None)) == [
        "nothing"
    ]
    assert (await server.client.ask("POST", OPEN, {})).status == 405
    assert (await server.client.ask("DELETE", f"{OPEN}1/")).status == 405


@pytest_twisted.ensureDeferred
async def test_licences_are_counted_and_not_limited(server: Server) -> None:
    """One record, in which a count never reaches its total."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(CONFERENCE, {"name": "Board"})
    (found,) = await server.client.objects(f"{STATUS}/licensing/")
    assert found["vmr_count"] == found["scheduling_count"] == 1
    totals = {name: found[name] for name in found if name.endswith("_total")}
    assert len(totals) == 9
    assert set(totals.values()) == {UNLIMITED}
    assert all(found[name.replace("_total", "_count")] in (0, 1) for name in totals)
    assert await server.client.get(f"{STATUS}/licensing/1/") == found


@pytest_twisted.ensureDeferred
async def test_no_operation_is_waited_for(server: Server) -> None:
    """What is written is done when the answer comes."""
    await server.client.create(CONFERENCE, {"name": "Board"})
    found: Any = await server.client.get(f"{STATUS}/scheduling_operation/?limit=1")
    assert found["objects"] == []
    assert found["meta"]["total_count"] == 0


@pytest_twisted.ensureDeferred
async def test_the_overview_leads_there(server: Server) -> None:
    """Each is listed, with a schema whose fields its records have."""
    overview = await server.client.get(f"{STATUS}/")
    for name in ("conference", "licensing", "scheduling_operation"):
        schema = await server.client.get(overview[name]["schema"])
        assert schema["allowed_list_http_methods"] == ["get"]
        assert "resource_uri" in schema["fields"]


@pytest.mark.parametrize("name", COMPUTED)
@pytest_twisted.ensureDeferred
async def test_a_status_list_describes_itself(server: Server, name: str) -> None:
    """Each status list has a page of records, and a schema whose fields are those of
    its records and are explained by a type that clients know."""
    path = f"/api/admin/status/v1/{name}/"
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    page = await server.client.get(path)
    assert page["meta"]["limit"] == DEFAULT_LIMIT
    schema = await server.client.get(f"{path}schema/")
    assert schema["allowed_list_http_methods"] == ["get"]
    assert {field["type"] for field in schema["fields"].values()} <= {
        "string",
        "integer",
        "boolean",
        "datetime",
        "list",
    }
    assert all(field["readonly"] for field in schema["fields"].values())
    kind: type[Record] = COMPUTED[name].resource.table.record
    declared = fields_of(kind)
    assert schema["fields"].keys() == {*declared, "resource_uri"}
    for record in page["objects"]:
        assert record.keys() == schema["fields"].keys()
        assert await server.client.get(record["resource_uri"]) == record


@pytest_twisted.ensureDeferred
async def test_a_role_is_shown_the_status_lists_it_may_read(server: Server) -> None:
    """Lists that are for the role Full stand in nobody else's overview."""
    reader = {"name": "rita", "password": "only reading", "role": 1}
    await server.client.create(f"{API}/administrator/", reader)
    auth = ("rita", "only reading")
    lists = (await server.client.ask("GET", "/api/admin/status/v1/", auth=auth)).json
    assert "exchange_scheduler_audit" in lists
    assert "exchange_scheduler_recovery" not in lists
    for name, addresses in lists.items():
        for address in addresses.values():
            answer = await server.client.ask("GET", address, auth=auth)
            assert answer.status == 200, (name, answer.body)
