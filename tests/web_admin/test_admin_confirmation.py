"""Deletions that have to be confirmed, and say what would go."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    SCHEDULED,
    SCHEDULED_ALIAS,
    Server,
)

MEETING = {
    "start_time": "2026-12-01T09:00:00",
    "end_time": "2026-12-01T10:00:00",
    "subject": "Budget",
}


async def with_a_meeting(server: Server) -> None:
    """An integration with a handed-out alias, and a room with a meeting and two
    aliases."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    booked = {
        "uuid": "f1c2",
        "alias": "555123456@example.test",
        "numeric_alias": "555123456",
        "alias_number": 123456,
        "exchange_connector": 1,
    }
    await server.client.create(SCHEDULED_ALIAS, booked)
    aliases = [{"alias": "555123456@example.test"}, {"alias": "555123456"}]
    await server.client.create(CONFERENCE, {"name": "Room", "aliases": aliases})
    meeting = {**MEETING, "conference": 1, "scheduled_alias": 1}
    await server.client.create(SCHEDULED, meeting)
    stored = server.store.get(tables.SCHEDULED_CONFERENCE, 1)
    assert stored is not None
    change = server.store.transaction()
    change.put(tables.SCHEDULED_CONFERENCE, replace(stored, exchange_connector=1))
    await change.commit()


def everything(server: Server) -> dict[str, list[Record]]:
    return {table.name: list(server.store.all(table)) for table in tables.TABLES}


@pytest.mark.parametrize(
    ("method", "path", "payload"),
    [
        ("DELETE", f"{CONNECTOR}1/", None),
        ("DELETE", CONNECTOR, None),
        ("DELETE", f"{CONNECTOR}?name=Head office", None),
        ("PATCH", CONNECTOR, {"deleted_objects": [f"{CONNECTOR}1/"]}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_integration_with_rooms(
    server: Server, method: str, path: str, payload: Any
) -> None:
    """An integration that has rooms is deleted only if that is confirmed; the refusal
    says how many records of which resources would go, and all stay."""
    await with_a_meeting(server)
    before = everything(server)
    path = path.replace(" ", "%20")
    problems = await server.client.refused(method, path, payload)
    (text,) = problems["confirm"]
    for words in (
        "1 conference,",
        "2 conference_alias",
        "1 exchange_domain",
        "1 ms_exchange_connector",
        "1 scheduled_alias",
        "1 scheduled_conference",
        "confirm=yes",
    ):
        assert words in text
    assert everything(server) == before
    path += ("&" if "?" in path else "?") + "confirm=yes"
    answer = await server.client.ask(method, path, payload)
    assert answer.status in (202, 204), answer.body
    left = everything(server)
    for name in ("ms_exchange_connector", "conference", "scheduled_alias"):
        assert left[name] == []


@pytest_twisted.ensureDeferred
async def test_an_integration_without_meetings(server: Server) -> None:
    """An integration that has no room goes at once, as clients that make and remove
    whole installations expect it."""
    path = await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(CONFERENCE, {"name": "An administrator's"})
    assert (await server.client.ask("DELETE", path)).status == 204


@pytest_twisted.ensureDeferred
async def test_a_list_without_filters(server: Server) -> None:
    """DELETE of a whole list has to be confirmed, and counts what goes with it; an
    empty one need not be, nor one with filters."""
    await with_a_meeting(server)
    problems = await server.client.refused("DELETE", CONFERENCE, None)
    told = "1 conference, 2 conference_alias, 1 scheduled_conference."
    assert told in problems["confirm"][0]
    assert len(await server.client.objects(CONFERENCE)) == 1
    nobody = await server.client.ask("DELETE", f"{API}/end_user/")
    assert nobody.status == 204
    filtered = await server.client.ask("DELETE", f"{CONFERENCE}?name=Room")
    assert filtered.status == 204


@pytest.mark.parametrize("value", ["", "no", "true", "yes&confirm=no"])
@pytest_twisted.ensureDeferred
async def test_only_yes_is_a_yes(server: Server, value: str) -> None:
    """Any other value is refused, and nothing is deleted."""
    path = await server.client.create(CONFERENCE, {"name": "Room"})
    for where in (CONFERENCE, path):
        problems = await server.client.refused(
            "DELETE", f"{where}?confirm={value}", None
        )
        assert problems == {"confirm": ["This must be 'yes', or be left out."]}
    assert len(await server.client.objects(CONFERENCE)) == 1
