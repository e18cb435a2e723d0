"""Deployments of Graph within the daemon: beside those of Exchange, and when their
application is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest_twisted

from pexschedd.errors import SignInRefused
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.calendars.reading_alarms import LOOK_EVERY
from pexschedd.onetouch.calendars.service import FOLLOWED_AFTER
from pexschedd.onetouch.deployments import GRAPH
from pexschedd.scheduling.alarms import names
from tests.onetouch.calendars.reading_support import ELM, OAK, ZOOM, Reading, item
from tests.onetouch.calendars.room_world import DIAL, RoomWorld
from tests.stories.story_terms import AT_TEN, HOUR
from tests.turns import until

INTERVAL = 30.0
TENANT = GraphDeployment(
    id=1,
    name="Head office",
    client_id="an-app",
    client_secret="sealed",
    oauth_token_url="https://login.microsoftonline.com/t/oauth2/v2.0/token",
)


async def put_tenant(r: Reading, *rooms: str) -> None:
    """Store a Graph deployment, which has the id and the name of the other one, with
    its profile, group and rooms."""
    change = r.store.transaction()
    change.put(tables.MJX_GRAPH_DEPLOYMENT, TENANT)
    profile = JoinProfile(id=2, name="Cloud", graph_deployment=1)
    change.put(tables.MJX_INTEGRATION, profile)
    group = EndpointGroup(id=2, name="Cloud", mjx_integration=2)
    change.put(tables.MJX_ENDPOINT_GROUP, group)
    await change.commit()
    change = r.store.transaction()
    for number, room in enumerate(rooms, 10):
        endpoint = Endpoint(
            id=number, name=room, room_resource_email=room, mjx_endpoint_group=2
        )
        change.put(tables.MJX_ENDPOINT, endpoint)
    await change.commit()


@pytest_twisted.ensureDeferred
async def test_both_kinds_side_by_side(tmp_path: Path) -> None:
    """Deployments of both kinds with one id and one name have readers, counts and
    alarms of their own; what is deleted of one leaves the other alone."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item("a"))
    r.rooms.put(ELM, item("b", subject="Elsewhere"))
    await r.configure(OAK)
    await put_tenant(r, ELM)
    await r.start()
    await r.pass_time(INTERVAL)
    assert set(r.service.readers) == {"Head office", "Head office (Graph)"}
    assert (r.titles(1), r.titles(10)) == (["Plan"], ["Elsewhere"])
    stored = {c.room_email: c for c in r.store.all(tables.ROOM_CALENDAR)}
    kinds = {room: (c.deployment_kind, c.deployment) for room, c in stored.items()}
    assert kinds == {OAK: ("exchange", 1), ELM: ("graph", 1)}
    r.rooms.errors[ELM] = [SignInRefused("The application is refused.")] * 9
    await r.pass_time(INTERVAL + LOOK_EVERY)
    alarms = {a.instance: a for a in r.store.all(tables.ALARM)}
    assert set(alarms) == {"Head office (Graph)"}
    assert alarms["Head office (Graph)"].name == names.ONE_TOUCH_EXCHANGE
    for reader in r.service.readers.values():
        await reader.counter.store()
    await r.delete(tables.MJX_ENDPOINT, 1)
    await r.delete(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
    assert set(r.service.readers) == {"Head office (Graph)"}
    assert list(r.store.ids(tables.CALENDAR_CALLS)) == []
    assert list(r.store.ids(tables.GRAPH_CALENDAR_CALLS)) == [1]
    assert names.ONE_TOUCH_EXCHANGE in r.raised()
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_profile_moves_to_graph(tmp_path: Path) -> None:
    """Its rooms keep their lists while they are read anew, and what a text has lost
    meanwhile is still known."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item("a"))
    await r.configure(OAK)
    await put_tenant(r)
    await r.start()
    await r.pass_time(INTERVAL)
    assert r.aliases() == ["1234567890@zoomcrc.com"]
    moved = msgspec.structs.replace(item("a"), html="")
    r.rooms.remove(OAK, "a")
    other = msgspec.structs.replace(moved.ref, item_id="of-graph")
    r.rooms.put(OAK, msgspec.structs.replace(moved, ref=other))
    await r.change(
        tables.MJX_INTEGRATION, 1, exchange_deployment=None, graph_deployment=1
    )
    assert r.titles() == ["Plan"]
    assert set(r.service.readers) == {"Head office (Graph)"}
    await r.pass_time(INTERVAL)
    stored = r.store.find(tables.ROOM_CALENDAR_BY_EMAIL, OAK)
    assert stored is not None
    assert stored.deployment_kind == "graph"
    assert [m.item_id for m in stored.meetings] == ["of-graph"]
    assert r.aliases() == ["1234567890@zoomcrc.com"]
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_only_settings_of_the_connection_open_it_anew(tmp_path: Path) -> None:
    """A new name or quota does not; a new secret does."""
    r = Reading(tmp_path)
    await r.configure()
    await put_tenant(r, ELM)
    await r.start()
    assert len(r.opened) == 1
    table = tables.MJX_GRAPH_DEPLOYMENT
    await r.change(table, 1, name="Cloud", request_quota=20_000)
    assert len(r.opened) == 1
    assert set(r.service.readers) == {"Cloud (Graph)"}
    assert r.reader.quota() == 20_000
    await r.change(table, 1, client_secret="another")
    assert len(r.opened) == 2
    await r.pass_time(FOLLOWED_AFTER)
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_the_quota_of_graph_is_named(tmp_path: Path) -> None:
    """An administrator hears which field is too small."""
    r = Reading(tmp_path)
    await r.configure()
    await put_tenant(r, ELM)
    await r.change(tables.MJX_GRAPH_DEPLOYMENT, 1, request_quota=10_000)
    await r.start()
    r.reader.counter.add_other(10_000)
    assert r.reader.counter.total == 0
    await r.pass_time(LOOK_EVERY + 1, step=5)
    assert "quota of 10000 requests to Graph" in r.raised()[names.ONE_TOUCH_QUOTA]
    assert "Raise request_quota" in r.raised()[names.ONE_TOUCH_QUOTA]
    assert r.rooms.listed == []
    await r.stop()


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(tmp_path, kind=GRAPH)
    await world.start()
    yield world
    await world.stop()


@pytest_twisted.ensureDeferred
async def test_every_request_counts(world: RoomWorld) -> None:
    """Those for lists and those for texts; an unchanged room is one request a reading,
    from which alone the interval follows."""
    await world.configure(OAK)
    for n in range(3):
        start = AT_TEN + n * HOUR
        await world.alice.invite(f"Plan {n}", start, body=ZOOM, resources=[OAK])
    (reader,) = world.daemon.one_touch.reading.readers.values()
    await until(lambda: not reading_now(world))
    before, lists = reader.counter.used(), reader.counter.total
    assert len(await world.shows()) == 3
    assert reader.counter.used() - before == 1 + 3
    assert reader.counter.total - lists == 1
    await world.read()
    assert reader.counter.used() - before == 1 + 3 + 1
    (measured,) = world.daemon.one_touch.readings()
    assert (measured.name, measured.rooms) == ("Head office (Graph)", 1)
    assert measured.interval == INTERVAL


def reading_now(world: RoomWorld) -> int:
    return sum(r.reading for r in world.daemon.one_touch.reading.readers.values())


async def alarm_of(world: RoomWorld) -> str:
    """The details of the only alarm, once there is one."""
    service = world.daemon.one_touch.reading

    async def look() -> list[Any]:
        await service._look(lambda: True)
        return list(world.store.all(tables.ALARM))

    found: list[Any] = []
    while not found:
        for email in (OAK,):
            service.read_now(email)
        await until(lambda: not reading_now(world))
        found = await look()
    (alarm,) = found
    assert alarm.name == names.ONE_TOUCH_EXCHANGE
    assert alarm.instance == "Head office (Graph)"
    details: str = alarm.details
    return details


@pytest_twisted.ensureDeferred
async def test_a_wrong_secret(world: RoomWorld) -> None:
    """It is an alarm of the deployment with the provider's words, and no room's."""
    context = "mjx_graph_deployment/1/client_secret"
    await world.configure(OAK, client_secret=world.store.vault.seal("wrong", context))
    assert "AADSTS7000215" in await alarm_of(world)


@pytest_twisted.ensureDeferred
async def test_no_secret(world: RoomWorld) -> None:
    """It is an alarm that says what to enter; once it is there, rooms are read."""
    with world.store.transaction() as change:
        change.put(
            tables.MJX_GRAPH_DEPLOYMENT, world._graph_deployment(client_secret="")
        )
        durable = change.commit()
    await durable
    group = EndpointGroup(id=1, name="All", mjx_integration=1)
    profile = JoinProfile(id=1, name="Offices", graph_deployment=1)
    endpoint = Endpoint(id=1, name=OAK, room_resource_email=OAK, mjx_endpoint_group=1)
    with world.store.transaction() as change:
        change.put(tables.MJX_INTEGRATION, profile)
        change.put(tables.MJX_ENDPOINT_GROUP, group)
        durable = change.commit()
    await durable
    with world.store.transaction() as change:
        change.put(tables.MJX_ENDPOINT, endpoint)
        durable = change.commit()
    await durable
    await until(lambda: any(world.store.all(tables.ALARM)))
    assert "client_secret" in await alarm_of(world)
    await world.configure(OAK)
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await world.shows() == [("Plan", DIAL)]
    raised = [a for a in world.store.all(tables.ALARM) if a.time_lowered is None]
    assert raised == []
