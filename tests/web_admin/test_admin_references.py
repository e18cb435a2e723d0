"""References between records: shown, refused, and gone with what they name."""

from datetime import date, timedelta

import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import RecurringConference
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    ROOM,
    SCHEDULED,
    SCHEDULED_ALIAS,
    Server,
)

BOOKED = {
    "uuid": "11111111-2222-3333-4444-555555555555",
    "alias": "555123456@example.test",
    "numeric_alias": "555123456",
    "alias_number": 123456,
    "exchange_connector": 1,
    "is_used": True,
}
SERIES = RecurringConference(
    id=1,
    conference=1,
    scheduled_alias=1,
    exchange_connector=1,
    ews_item_uid="0400",
    recurrence=Recurrence(
        pattern=Daily(), range=Range(date(2026, 11, 21)), duration=timedelta(hours=1)
    ),
)


@pytest_twisted.ensureDeferred
async def test_references(server: Server) -> None:
    """A reference is a URI or an id of a record that exists, or the record itself."""
    uri = await server.client.create(CONFERENCE, {"name": "Board"})
    board = await server.client.get(uri)
    for number, reference in enumerate((uri, 1, "1", board, {"id": 1})):
        payload = {"alias": f"alias {number}", "conference": reference}
        await server.client.create(ALIAS, payload)
    for reference in (
        99,
        "x",
        f"{ALIAS}1/",
        True,
        0,
        -1,
        [1],
        {"id": 9},
        {},
        None,
        1.5,
    ):
        payload = {"alias": "other", "conference": reference}
        problems = await server.client.refused("POST", ALIAS, payload)
        assert list(problems) == ["conference"]


@pytest_twisted.ensureDeferred
async def test_references_are_shown_as_clients_decode_them(server: Server) -> None:
    """A room's theme is an object, an integration's is a URI; records of earlier
    versions may still have one."""
    theme = f"{API}/ivr_theme/7/"
    uris = [
        await server.client.create(CONFERENCE, {"name": "Board"}),
        await server.client.create(CONNECTOR, HEAD_OFFICE),
    ]
    room = server.store.get(tables.CONFERENCE, 1)
    connector = server.store.get(tables.CONNECTOR, 1)
    assert room is not None
    assert connector is not None
    with server.store.transaction() as change:
        change.put(tables.CONFERENCE, replace(room, ivr_theme=7))
        await change.commit()
    with server.store.transaction() as change:
        change.put(tables.CONNECTOR, replace(connector, ivr_theme=7))
        await change.commit()
    shown = [(await server.client.get(uri))["ivr_theme"] for uri in uris]
    assert shown == [{"id": 7, "resource_uri": theme}, theme]


@pytest_twisted.ensureDeferred
async def test_references_to_what_is_not_here(server: Server) -> None:
    """A reference to a resource that this installation does not have is refused, in
    whatever form; null is accepted."""
    uri = await server.client.create(CONFERENCE, {"name": "Board"})
    for field in ("ivr_theme", "identity_provider_group"):
        name = field if field == "ivr_theme" else f"host_{field}"
        for reference in (f"{API}/{field}/7/", 7, "7", "x"):
            problems = await server.client.refused("PATCH", uri, {name: reference})
            assert list(problems) == [name]
        assert (await server.client.ask("PATCH", uri, {name: None})).status == 202
        assert (await server.client.get(uri))[name] is None
    whole = await server.client.get(uri)
    assert (await server.client.ask("PUT", uri, whole)).status == 204


@pytest_twisted.ensureDeferred
async def test_removal_marks_the_alias(server: Server) -> None:
    """With a conference go its aliases and schedule; what was handed out is marked."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(SCHEDULED_ALIAS, BOOKED)
    meeting = {**ROOM["scheduled_conferences"][0], "scheduled_alias": 1}  # type: ignore[dict-item]
    uri = await server.client.create(
        CONFERENCE, ROOM | {"scheduled_conferences": [meeting]}
    )
    assert (await server.client.get(f"{SCHEDULED_ALIAS}1/"))[
        "conference_deletion_time"
    ] is None
    server.clock.advance(minutes=5)
    assert (await server.client.ask("DELETE", uri)).status == 204
    for path in (CONFERENCE, ALIAS, SCHEDULED):
        assert await server.client.objects(path) == []
    booked = await server.client.get(f"{SCHEDULED_ALIAS}1/")
    assert booked["conference_deletion_time"] == "2026-11-21T09:05:00.000000"
    assert booked["uuid"] == BOOKED["uuid"]
    assert booked["exchange_connector"] == f"{CONNECTOR}1/"


@pytest_twisted.ensureDeferred
async def test_deleting_an_alias_leaves_no_dangling_reference(server: Server) -> None:
    """A meeting does not refer to an alias that is gone."""
    await server.client.create(CONNECTOR, HEAD_OFFICE)
    await server.client.create(SCHEDULED_ALIAS, BOOKED)
    meeting = {**ROOM["scheduled_conferences"][0], "scheduled_alias": 1}  # type: ignore[dict-item]
    await server.client.create(CONFERENCE, ROOM | {"scheduled_conferences": [meeting]})
    change = server.store.transaction()
    change.put(tables.RECURRING_CONFERENCE, SERIES)
    await change.commit()
    series = f"{API}/recurring_conference/1/"
    before = (await server.client.get(series))["scheduled_alias"]
    assert before == f"{SCHEDULED_ALIAS}1/"
    assert (await server.client.ask("DELETE", f"{SCHEDULED_ALIAS}1/")).status == 204
    assert (await server.client.get(f"{SCHEDULED}1/"))["scheduled_alias"] is None
    assert (await server.client.get(series))["scheduled_alias"] is None
