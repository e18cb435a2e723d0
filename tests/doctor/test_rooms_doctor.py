"""The examination of a deployment, over the sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_twisted

from pexschedd.composition.one_touch import rooms_doctor
from pexschedd.doctor.report import CheckStatus, ReportLine
from pexschedd.doctor.rooms import findings
from pexschedd.errors import NotFound
from pexschedd.model import tables
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from tests.onetouch.calendars.room_world import ELM, OAK, ZOOM, RoomWorld
from tests.stories.story_terms import AT_TEN, DAY

SECRET = "secret@example.test"
DEPLOYMENT = ExchangeDeployment(
    id=1, name="Office", service_account_username="o", find_items_request_quota=10_000
)


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(tmp_path)
    await world.start()
    yield world
    await world.stop()


async def examined(world: RoomWorld) -> dict[str, ReportLine]:
    daemon = world.daemon
    doctor = rooms_doctor(daemon._runtime, daemon.clients, daemon.one_touch.lists.stale)
    report = await doctor.examine(1)
    assert report.mjx_exchange_deployment_id == 1
    assert report.name == "Head office"
    statuses = {line.status for line in report.lines}
    assert (report.status is CheckStatus.FAILED) == (CheckStatus.FAILED in statuses)
    return {line.check: line for line in report.lines}


def failed(lines: dict[str, ReportLine]) -> list[str]:
    """All but the endpoints, which are no endpoints here."""
    return [
        name
        for name, line in lines.items()
        if line.status == CheckStatus.FAILED and not name.startswith("endpoint:")
    ]


@pytest_twisted.ensureDeferred
async def test_everything_is_in_order(world: RoomWorld) -> None:
    """Server, account, rooms and quota are looked at, and nothing is wrong."""
    await world.configure(OAK, ELM)
    await world.read()
    lines = await examined(world)
    assert failed(lines) == []
    checked = ("rooms", "name", "port", "web", "methods", "sign_in", "rooms_read")
    assert {*checked, "calendar_processing", "quota"} <= set(lines)
    assert "2 of 2 rooms can be read" in lines["rooms_read"].message
    assert "every 30 seconds" in lines["quota"].message


@pytest_twisted.ensureDeferred
async def test_a_wrong_password(world: RoomWorld) -> None:
    """It is tried once, whatever the number of rooms, and names the fields."""
    wrong = world.store.vault.seal(
        "wrong", "mjx_exchange_deployment/1/service_account_password"
    )
    await world.configure(OAK, ELM, service_account_password=wrong)
    before = world.sandbox.calls["FindItem"]
    lines = await examined(world)
    assert failed(lines) == ["sign_in"]
    assert "service_account_password" in lines["sign_in"].fields
    assert lines["rooms_read"].status == CheckStatus.NOT_CHECKED
    assert world.sandbox.calls["FindItem"] == before


@pytest_twisted.ensureDeferred
async def test_a_room_outside_of_the_scope(world: RoomWorld) -> None:
    """It is named, with the way to bring it in."""
    await world.configure(OAK, SECRET)
    lines = await examined(world)
    assert failed(lines) == ["rooms_read"]
    read = lines["rooms_read"]
    assert "1 of 2 rooms cannot be read" in read.message
    assert SECRET in read.details[0]
    assert "exchange_setup" in read.remedy


@pytest_twisted.ensureDeferred
async def test_rooms_that_delete_texts(world: RoomWorld) -> None:
    """The commands that mend them are in the report."""
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
async def test_without_an_ews_url(world: RoomWorld) -> None:
    """Autodiscover is tried, and what it finds is examined; its failure is told."""
    await world.configure("oak@nowhere.invalid", ews_url="")
    lines = await examined(world)
    assert failed(lines) == ["autodiscover"]
    assert lines["sign_in"].status == CheckStatus.NOT_CHECKED
    with world.store.transaction() as change:
        url = f"{world.url}/autodiscover/autodiscover.svc"
        found = AutodiscoverUrl(id=1, name="Office", url=url, exchange_deployment=1)
        change.put(tables.MJX_AUTODISCOVER_URL, found)
        durable = change.commit()
    await durable
    await world.configure(OAK, ews_url="")
    lines = await examined(world)
    assert failed(lines) == []
    assert world.url in lines["autodiscover"].message


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_not_there(world: RoomWorld) -> None:
    """Checks that cannot be made any more are said to be not made."""
    await world.configure(OAK, ews_url="http://127.0.0.1:1/EWS/Exchange.asmx")
    lines = await examined(world)
    assert failed(lines) == ["port"]
    for name in ("web", "sign_in", "rooms_read"):
        assert lines[name].status == CheckStatus.NOT_CHECKED


@pytest_twisted.ensureDeferred
async def test_an_unknown_deployment(world: RoomWorld) -> None:
    """There is no report about it."""
    doctor = rooms_doctor(
        world.daemon._runtime, world.daemon.clients, world.daemon.one_touch.lists.stale
    )
    with pytest.raises(NotFound, match="mjx_exchange_deployment 7"):
        await doctor.examine(7)


@pytest.mark.parametrize(
    ("method", "who", "remedy"),
    [
        ("BASIC", "o signs in.", "Service account password"),
        ("OAUTH", "o signs in.", "/admin/platform/mjxexchangedeployment/1/sign_in/"),
        ("APP_PERM", "The application an-app signs in.", "OAuth client secret"),
    ],
)
def test_the_remedy_fits_the_method(method: str, who: str, remedy: str) -> None:
    """A person, an application and a password fail for different reasons."""
    deployment = msgspec.structs.replace(
        DEPLOYMENT, authentication_method=method, oauth_client_id="an-app"
    )
    assert findings.signed_in(deployment, "").message == who
    finding = findings.signed_in(deployment, "It is refused.")
    assert finding.status is CheckStatus.FAILED
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("rooms", "used", "status"),
    [
        (20, 100, CheckStatus.PASSED),
        (0, 0, CheckStatus.PASSED),
        (100, 100, CheckStatus.WARNING),
        (20, 10_000, CheckStatus.WARNING),
    ],
)
def test_the_quota(rooms: int, used: int, status: CheckStatus) -> None:
    """Too few requests for the rooms, or none left, are a warning."""
    assert findings.quota(DEPLOYMENT, rooms, used).status == status


def test_rooms_that_were_not_tried() -> None:
    """The report says how many there was no time for."""
    found = findings.read({}, 100, 5_000)
    assert "100 of 5000 rooms can be read. 4900 more were not tried" in found.message
