"""What administrators can still do when the disk of the state folder is, or is nearly,
full."""

import errno
import os
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import pytest_twisted
from PIL import Image

from pexschedd.model import tables
from pexschedd.store.disk.reserve import MIB, DiskSpace, StoreState
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.store import Store
from tests.web_admin.web_admin_support import (
    ALIAS,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    SCHEDULED,
    SCHEDULED_ALIAS,
    Server,
)


def state_of(store: Store) -> StoreState:
    return store.state


async def fill(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def nearly_full(self: RealFileSystem, path: Path) -> DiskSpace:
        return DiskSpace(MIB, 100 * MIB)

    monkeypatch.setattr(RealFileSystem, "space", nearly_full)
    await server.store.look_at_disk()
    assert server.store.refusal


async def book(server: Server, number: int) -> str:
    """A room whose meeting has an alias that was handed out; returns its URI."""
    alias = {
        "uuid": f"uuid-{number}",
        "alias": f"55500{number}@example.test",
        "numeric_alias": f"55500{number}",
        "alias_number": number,
        "exchange_connector": 1,
    }
    day = date(2026, 11, 21) + timedelta(days=number)
    meeting = {
        "start_time": f"{day}T10:00:00",
        "end_time": f"{day}T11:00:00",
        "scheduled_alias": await server.client.create(SCHEDULED_ALIAS, alias),
    }
    room = {
        "name": f"Room {number}",
        "aliases": [{"alias": f"55500{number}"}],
        "scheduled_conferences": [meeting],
    }
    return await server.client.create(CONFERENCE, room)


@pytest_twisted.ensureDeferred
async def test_deletions_go_on(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deletions make room, so they are taken, one or many, although the aliases and
    meetings that stay are changed by them; everything else is refused, as a whole."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    one, two, three, _, _ = [await book(server, n) for n in range(1, 6)]
    await fill(server, monkeypatch)
    ask = server.client.ask
    refused = await ask("POST", CONFERENCE, {"name": "New"})
    assert (refused.status, refused.json["code"]) == (503, "store_full")
    swap = {"deleted_objects": [one], "objects": [{"name": "New"}]}
    assert (await ask("PATCH", CONFERENCE, swap)).status == 503
    assert (await server.client.get(one))["scheduled_conferences_count"] == 1

    assert (await ask("DELETE", one)).status == 204
    assert (await server.client.get(f"{SCHEDULED_ALIAS}1/"))["conference_deletion_time"]
    gone = {"deleted_objects": [two]}
    assert (await ask("PATCH", CONFERENCE, gone)).status == 202
    assert (await ask("DELETE", f"{SCHEDULED_ALIAS}3/")).status == 204
    (meeting,) = (await server.client.get(three))["scheduled_conferences"]
    assert (await server.client.get(meeting))["scheduled_alias"] is None
    assert (await ask("DELETE", f"{CONFERENCE}?confirm=yes")).status == 204
    for path in (CONFERENCE, ALIAS, SCHEDULED):
        assert await server.client.objects(path) == []
    marked = await server.client.objects(SCHEDULED_ALIAS)
    assert [bool(a["conference_deletion_time"]) for a in marked] == [True] * 4
    history = "/api/admin/history/v1/configuration_change/?limit=0&resource=conference"
    *deleted, _, _, _, _, _ = await server.client.objects(history)
    assert {each["action"] for each in deleted} == {"deleted"}
    assert {each["object_name"] for each in deleted} == {
        f"Room {number}" for number in range(1, 6)
    }
    # Names only: an entry takes less room than what is deleted.
    assert [each["changes"] for each in deleted] == [[]] * 5


@pytest_twisted.ensureDeferred
async def test_an_icon_is_refused_as_a_whole(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The icon changes only together with the manifest's revision, which has its
    address."""
    uri = await server.client.create(CONNECTOR, HEAD_OFFICE)
    before = (await server.client.ask("GET", f"{uri}icon/")).body
    other = BytesIO()
    Image.new("RGBA", (80, 80), "red").save(other, "PNG")
    await fill(server, monkeypatch)
    answer = await server.client.ask("PUT", f"{uri}icon/", body=other.getvalue())
    assert (answer.status, answer.json["code"]) == (503, "store_full")
    assert (await server.client.ask("GET", f"{uri}icon/")).body == before
    connector = server.store.get(tables.CONNECTOR, 1)
    assert connector is not None
    assert connector.manifest_revision == 1


@pytest_twisted.ensureDeferred
async def test_with_no_room_left_everything_is_read_only(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is refused with 503, what to do and when to come back, the one that
    first finds the disk full and deletions included; lists are answered; and with room
    changes are taken again, without a restart."""
    uri = await server.client.create(CONFERENCE, {"name": "Before"})
    ask = server.client.ask

    def full(self: RealFileSystem, handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(RealFileSystem, "write", full)
        for method, path, body in (
            ("POST", CONFERENCE, {"name": "First"}),
            ("POST", CONFERENCE, {"name": "Second"}),
            ("PATCH", uri, {"name": "Third"}),
            ("DELETE", uri, None),
        ):
            refused = await ask(method, path, body)
            assert (refused.status, refused.json["code"]) == (503, "store_read_only")
            assert "make room" in refused.json["error"]
            assert str(server.store._folder.path) in refused.json["error"]
            assert refused.headers.getRawHeaders("retry-after") == ["30"]
        await server.store.look_at_disk()
        assert state_of(server.store) is StoreState.READ_ONLY
        assert (await server.client.get(uri))["name"] == "Before"
    await server.store.look_at_disk()
    assert state_of(server.store) is StoreState.WRITABLE
    await server.client.create(CONFERENCE, {"name": "Fourth"})
    assert (await ask("DELETE", uri)).status == 204
