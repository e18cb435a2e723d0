"""The two aliases of a scheduled room stay; others come and go."""

from typing import Any

import pytest
import pytest_twisted

from tests.web_admin.test_admin_confirmation import everything, with_a_meeting
from tests.web_admin.web_admin_support import ALIAS, CONFERENCE, SCHEDULED, Server

ROOM = f"{CONFERENCE}1/"


@pytest.mark.parametrize(
    ("method", "path", "payload", "field"),
    [
        ("DELETE", f"{ALIAS}1/", None, "alias"),
        ("DELETE", f"{ALIAS}2/", None, "alias"),
        ("DELETE", f"{ALIAS}?alias__startswith=555", None, "alias"),
        ("DELETE", f"{ALIAS}?confirm=yes", None, "alias"),
        ("PATCH", ALIAS, {"deleted_objects": [f"{ALIAS}1/"]}, "deleted_objects"),
        ("PATCH", f"{ALIAS}1/", {"alias": "other"}, "alias"),
        ("PUT", f"{ALIAS}2/", {"conference": 2}, "alias"),
        ("PATCH", ROOM, {"aliases": []}, "aliases"),
        ("PUT", ROOM, {"aliases": [f"{ALIAS}1/", {"alias": "other"}]}, "aliases"),
        ("PATCH", f"{CONFERENCE}2/", {"aliases": [f"{ALIAS}1/"]}, "aliases"),
        (
            "PATCH",
            f"{CONFERENCE}2/",
            {"aliases": [{"id": 1, "alias": "555123456@example.test"}]},
            "aliases",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_generated_aliases_stay(
    server: Server, method: str, path: str, payload: Any, field: str
) -> None:
    """No request takes an alias that is in an invitation from its room, or renames it;
    the answer says why, and all stays as it was."""
    await with_a_meeting(server)
    await server.client.create(CONFERENCE, {"name": "Other"})
    before = everything(server)
    problems = await server.client.refused(method, path, payload)
    assert set(problems) == {field}
    assert "is in its invitation" in problems[field][0]
    assert "Other aliases can be added" in problems[field][0]
    assert everything(server) == before


@pytest_twisted.ensureDeferred
async def test_other_aliases_come_and_go(server: Server) -> None:
    """An administrator's own alias of the same room can be added, renamed and deleted;
    a description can be changed; and all aliases go with the room."""
    await with_a_meeting(server)
    client = server.client
    own = await client.create(ALIAS, {"alias": "budget", "conference": 1})
    for path, payload in (
        (own, {"alias": "plans"}),
        (f"{ALIAS}1/", {"description": "x", "alias": "555123456@example.test"}),
        (ROOM, {"aliases": [f"{ALIAS}1/", f"{ALIAS}2/", {"alias": "new"}]}),
    ):
        answer = await client.ask("PATCH", path, payload)
        assert answer.status == 202, answer.body
    texts = [each["alias"] for each in (await client.get(ROOM))["aliases"]]
    assert texts == ["555123456@example.test", "555123456", "new"]
    assert (await client.ask("DELETE", f"{ALIAS}?alias=new")).status == 204
    assert (await client.ask("DELETE", ROOM)).status == 204
    assert await client.objects(ALIAS) == []


@pytest_twisted.ensureDeferred
async def test_without_a_meeting_no_alias_is_kept(server: Server) -> None:
    """Once the meeting is deleted, the room's aliases are like any others."""
    await with_a_meeting(server)
    assert (await server.client.ask("DELETE", f"{SCHEDULED}1/")).status == 204
    assert (await server.client.ask("DELETE", f"{ALIAS}1/")).status == 204
