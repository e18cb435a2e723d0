"""The examination of a deployment of Graph, over the sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.composition.one_touch import rooms_doctor
from pexschedd.doctor.report import CheckStatus, ReportLine
from pexschedd.errors import NotFound
from pexschedd.onetouch.deployments import GRAPH
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from tests.doctor.test_rooms_doctor import failed
from tests.onetouch.calendars.room_world import ELM, OAK, ZOOM, RoomWorld
from tests.sandbox.graph.graph_support import CLIENT, SECRET, TENANT
from tests.stories.story_terms import AT_TEN, DAY

OUTSIDE = "secret@example.test"


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(tmp_path, kind=GRAPH)
    await world.start()
    yield world
    await world.stop()


async def examined(world: RoomWorld) -> dict[str, ReportLine]:
    daemon = world.daemon
    doctor = rooms_doctor(daemon._runtime, daemon.clients, daemon.one_touch.lists.stale)
    report = await doctor.examine_graph(1)
    assert report.mjx_graph_deployment_id == 1
    assert report.name == "Head office"
    return {line.check: line for line in report.lines}


@pytest_twisted.ensureDeferred
async def test_all_is_in_order(world: RoomWorld) -> None:
    """Application, rooms and quota are looked at, and nothing is wrong."""
    await world.configure(OAK, ELM)
    await world.read()
    lines = await examined(world)
    assert failed(lines) == []
    checked = ("rooms", "sign_in", "rooms_read", "calendar_processing", "quota")
    assert set(checked) <= set(lines)
    assert f"The application {CLIENT} signs in" in lines["sign_in"].message
    assert "2 of 2 rooms can be read" in lines["rooms_read"].message
    assert lines["quota"].fields == ("request_quota",)
    assert "of 1000000 requests" in lines["quota"].message


@pytest_twisted.ensureDeferred
async def test_a_wrong_secret(world: RoomWorld) -> None:
    """It is tried once, whatever the number of rooms, and the fields are named."""
    context = "mjx_graph_deployment/1/client_secret"
    wrong = world.store.vault.seal("wrong", context)
    await world.configure(OAK, ELM, client_secret=wrong)
    lines = await examined(world)
    assert failed(lines) == ["sign_in"]
    assert "AADSTS7000215" in lines["sign_in"].message
    assert "client_secret" in lines["sign_in"].fields
    assert lines["rooms_read"].status == CheckStatus.NOT_CHECKED


@pytest.mark.parametrize("field", ["graph_api_domain", "oauth_token_url"])
@pytest_twisted.ensureDeferred
async def test_hosts_that_are_not_there(world: RoomWorld, field: str) -> None:
    """No room is blamed for a way that leads nowhere."""
    nowhere = "127.0.0.1:1"
    url = f"http://{nowhere}/t/oauth2/v2.0/token"
    value = nowhere if field == "graph_api_domain" else url
    await world.configure(OAK, ELM, **{field: value})
    lines = await examined(world)
    assert failed(lines) == ["sign_in"]
    assert nowhere in lines["sign_in"].message
    assert field in lines["sign_in"].fields


@pytest_twisted.ensureDeferred
async def test_a_permission_that_one_room_lacks(world: RoomWorld) -> None:
    """The room is named, with the role and the PowerShell that gives it."""
    await world.configure(OAK, OUTSIDE)
    read = (lines := await examined(world))["rooms_read"]
    assert failed(lines) == ["rooms_read"]
    assert "1 of 2 rooms cannot be read" in read.message
    assert OUTSIDE in read.details[0]
    assert "'Application Calendars.Read'" in read.cause
    shows, grants = read.commands
    assert shows.endswith(f"-Identity '{CLIENT}' -Resource '{OUTSIDE}'")
    assert grants.startswith("New-ManagementRoleAssignment")
    assert "-Role 'Application Calendars.Read'" in grants


@pytest_twisted.ensureDeferred
async def test_a_role_for_mail_is_none_for_rooms(world: RoomWorld) -> None:
    """Every room is named."""
    role = MailboxGrant(role="Mail.ReadWrite", mailboxes=(OAK, ELM))
    world.sandbox.graph.applications.add(
        GraphApplication(client_id=CLIENT, tenant=TENANT, secret=SECRET, grants=(role,))
    )
    await world.configure(OAK, ELM)
    assert "2 of 2 rooms cannot" in (await examined(world))["rooms_read"].message


@pytest_twisted.ensureDeferred
async def test_rooms_that_delete_texts(world: RoomWorld) -> None:
    """The commands that mend them are those of any Exchange."""
    await world.configure(ELM)
    for n in range(3):
        start = AT_TEN + n * DAY
        await world.alice.invite("Plan", start, body=ZOOM, resources=[ELM])
    await world.read()
    lines = await examined(world)
    assert failed(lines) == ["calendar_processing"]
    (command,) = lines["calendar_processing"].commands
    assert "-DeleteComments $false" in command


@pytest_twisted.ensureDeferred
async def test_a_deployment_that_is_not_there(world: RoomWorld) -> None:
    """There is no report about it, also if one of Exchange has its id."""
    daemon = world.daemon
    doctor = rooms_doctor(daemon._runtime, daemon.clients, daemon.one_touch.lists.stale)
    with pytest.raises(NotFound, match="mjx_graph_deployment 7"):
        await doctor.examine_graph(7)
