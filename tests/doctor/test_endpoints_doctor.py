"""The examination of a deployment's endpoints."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.server import Site

from pexschedd.composition.one_touch import rooms_doctor
from pexschedd.doctor.report import CheckFinding, CheckStatus, ReportLine
from pexschedd.doctor.rooms import endpoints
from pexschedd.doctor.rooms.endpoint_examination import (
    AT_ONCE,
    DEADLINE,
    MOST_ENDPOINTS,
    EndpointsDoctor,
)
from pexschedd.doctor.rooms.endpoints import SeenRoom, judged
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO, POLY, WEBEX, Endpoint
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.screen.calendar_processing import ProcessingLoss
from tests.net.net_support import Authority, Server, dns
from tests.onetouch.calendars.room_world import ASH, ELM, OAK, RoomWorld
from tests.onetouch.cisco.cisco_endpoint import RecordingEndpoint
from tests.stories.story_clock import reactor
from tests.turns import until

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
CISCO_OAK = Endpoint(
    id=1, name="Oak", room_resource_email=OAK, endpoint_type=CISCO, api_address="oak"
)
POLY_OAK = Endpoint(
    id=1,
    name="Oak",
    room_resource_email=OAK,
    endpoint_type=POLY,
    poly_username="oak",
    poly_password="hash",
)
IN_ORDER = SeenRoom(endpoint=CISCO_OAK, now=NOW, interval=30.0, read_at=NOW, visit="")


def state(**values: Any) -> EndpointState:
    return EndpointState(id=1, endpoint=1, **values)


def seen(**values: Any) -> CheckFinding:
    return judged(msgspec.structs.replace(IN_ORDER, **values))


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({}, CheckStatus.PASSED, "the endpoint answers"),
        ({"visit": None}, CheckStatus.NOT_CHECKED, "no time for a visit"),
        ({"visit": "it is off."}, CheckStatus.FAILED, "visited: it is off."),
        ({"calendar_problem": "No."}, CheckStatus.FAILED, "No."),
        ({"read_at": None}, CheckStatus.WARNING, "was never read"),
        (
            {"read_at": NOW - timedelta(hours=2)},
            CheckStatus.FAILED,
            "last read 2 hours ago, instead of every 30 seconds",
        ),
        ({"read_at": NOW - timedelta(minutes=10)}, CheckStatus.PASSED, ""),
        (
            {"read_at": NOW - timedelta(minutes=20), "interval": 432.0},
            CheckStatus.PASSED,
            "",
        ),
        (
            {"visit": None, "state": state(problem="it refuses the account.")},
            CheckStatus.FAILED,
            "The last list could not be brought to the endpoint: it refuses",
        ),
        (
            {"state": state(problem="it has no room.", problem_kind="refused")},
            CheckStatus.FAILED,
            "it has no room",
        ),
        (
            {"state": state(problem="it was off.", problem_kind="unreachable")},
            CheckStatus.PASSED,
            "",
        ),
    ],
)
def test_a_cisco_endpoint(
    values: dict[str, Any], status: CheckStatus, words: str
) -> None:
    """Its calendar's age and its own answer count, and the words are for people."""
    finding = seen(**values)
    assert finding.status is status
    assert words in finding.message
    if status in (CheckStatus.FAILED, CheckStatus.WARNING):
        assert finding.remedy
        assert OAK in finding.cause


@pytest.mark.parametrize(
    ("endpoint", "known", "status", "words"),
    [
        (
            POLY_OAK,
            state(last_contact_time=NOW - timedelta(hours=1)),
            CheckStatus.PASSED,
            "the endpoint asks for it",
        ),
        (POLY_OAK, None, CheckStatus.WARNING, "has never asked"),
        (
            POLY_OAK,
            state(last_contact_time=NOW - timedelta(days=3)),
            CheckStatus.WARNING,
            "3 days ago",
        ),
        (
            msgspec.structs.replace(POLY_OAK, poly_password=""),
            None,
            CheckStatus.FAILED,
            "has no poly_password",
        ),
        (
            msgspec.structs.replace(POLY_OAK, poly_password="", poly_username=None),
            None,
            CheckStatus.FAILED,
            "has no poly_username and no poly_password",
        ),
        (
            msgspec.structs.replace(CISCO_OAK, endpoint_type=WEBEX),
            None,
            CheckStatus.PASSED,
            "not looked at",
        ),
    ],
)
def test_other_endpoints(
    endpoint: Endpoint, known: EndpointState | None, status: CheckStatus, words: str
) -> None:
    """One that asks by itself needs an account, and should have asked lately."""
    finding = seen(endpoint=endpoint, state=known, visit=None)
    assert finding.status is status
    assert words in finding.message


def test_all_that_is_wrong_is_told() -> None:
    """The worst is the message, the rest are details, and the command that mends
    calendar processing is complete."""
    finding = seen(
        read_at=None,
        visit="it is\noff.",
        losses=(ProcessingLoss.COMMENTS, ProcessingLoss.SUBJECT),
    )
    assert finding.status is CheckStatus.FAILED
    told = [finding.message, *finding.details]
    assert any("it is off." in each for each in told)
    assert any("was never read" in each for each in finding.details)
    (command,) = finding.commands
    switches = "-DeleteComments $false -DeleteSubject $false"
    assert command.startswith(f"Set-CalendarProcessing -Identity '{OAK}' {switches}")


@pytest.mark.parametrize(
    ("rules", "used_by", "status", "words"),
    [
        (2, 3, CheckStatus.PASSED, "2 rules and 3 endpoints"),
        (0, 3, CheckStatus.WARNING, "no meeting processing rule"),
        (2, 0, CheckStatus.WARNING, "no endpoint"),
    ],
)
def test_a_profile(rules: int, used_by: int, status: CheckStatus, words: str) -> None:
    """It finds what its rules find, and shows it on its endpoints."""
    finding = endpoints.profile(JoinProfile(id=1, name="Offices"), rules, used_by)
    assert finding.status is status
    assert words in finding.message


@pytest.mark.parametrize("kind", ["", "unreachable", "credentials"])
def test_only_a_refused_account_is_not_tried(kind: str) -> None:
    """Endpoints lock accounts: a refused one is not sent again."""
    known = state(problem="x", problem_kind=kind)
    assert endpoints.is_locked_out(known) == (kind == "credentials")
    assert not endpoints.is_locked_out(None)


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(tmp_path)
    await world.start()
    yield world
    await world.stop()


async def examined(world: RoomWorld) -> dict[str, ReportLine]:
    daemon = world.daemon
    doctor = rooms_doctor(daemon._runtime, daemon.clients, daemon.one_touch.lists.stale)
    return {line.check: line for line in (await doctor.examine(1)).lines}


async def put(world: RoomWorld, *records: Endpoint) -> None:
    with world.store.transaction() as change:
        for record in records:
            change.put(tables.MJX_ENDPOINT, record)
        durable = change.commit()
    await durable


def cisco(world: RoomWorld, id: int, room: str, port: int, **values: Any) -> Endpoint:
    context = f"mjx_endpoint/{id}/api_password"
    return Endpoint(
        id=id,
        name=room,
        room_resource_email=room,
        mjx_endpoint_group=1,
        api_address="127.0.0.1",
        api_port=port,
        api_username="obtp",
        api_password=world.store.vault.seal("secret", context),
        **values,
    )


@pytest_twisted.ensureDeferred
async def test_over_real_ports(world: RoomWorld) -> None:
    """An endpoint that answers is in order, one whose certificate is not trusted and
    one that is not there are told with what to do; nothing is ever sent to one but
    questions, and no session is left."""
    recording = RecordingEndpoint()
    plain = reactor.listenTCP(0, Site(recording), interface="127.0.0.1")
    tls: Server = Authority("Elsewhere").server(dns("other.test"))
    secure = reactor.listenSSL(0, Site(recording), tls, interface="127.0.0.1")
    await world.configure(OAK, ELM, ASH)
    await world.daemon.one_touch.pusher.stopService()
    await world.read()
    await put(
        world,
        cisco(world, 1, OAK, plain.getHost().port, use_https="NO"),
        cisco(world, 2, ELM, secure.getHost().port, verify_cert="YES"),
        cisco(world, 3, ASH, 1, use_https="NO"),
        Endpoint(id=4, name="Spare", room_resource_email="spare@example.test"),
    )
    lines = await examined(world)
    assert lines[f"endpoint:{OAK}"].status is CheckStatus.PASSED
    untrusted = lines[f"endpoint:{ELM}"]
    assert untrusted.status is CheckStatus.FAILED
    assert "verify_cert" in untrusted.message
    assert lines[f"endpoint:{ASH}"].status is CheckStatus.FAILED
    assert "Of 3 endpoints, 2 do not work" in lines["endpoints"].message
    assert lines["endpoints_unused"].details == ("Spare",)
    assert "1 rules and 3 endpoints" in lines["profile:Offices"].message
    assert {method for method, _ in recording.requests} == {"GET"}
    assert recording.begun == 0
    order = [name for name in lines if name.startswith("endpoint:")]
    assert order[-1] == f"endpoint:{OAK}"
    await plain.stopListening()
    await secure.stopListening()


class Visits:
    """Visits that hang until they are cancelled or finished."""

    def __init__(self) -> None:
        self.under_way: list[Deferred[None]] = []
        self.most = 0

    async def __call__(self, access: EndpointAccess) -> None:
        waiting: Deferred[None] = Deferred()
        self.under_way.append(waiting)
        self.most = max(self.most, len(self.under_way))
        try:
            await waiting
        finally:
            self.under_way.remove(waiting)


@pytest_twisted.ensureDeferred
async def test_bounds(world: RoomWorld) -> None:
    """Only so many are visited at once, for half a minute in all; the rest are said to
    be not looked at, and no more than a hundred have a line."""
    rooms = [f"room{number}@example.test" for number in range(MOST_ENDPOINTS + 5)]
    await world.configure(*rooms)
    await world.daemon.one_touch.pusher.stopService()
    await put(
        world, *(cisco(world, number, room, 1) for number, room in enumerate(rooms, 1))
    )
    clock, visits = Clock(), Visits()
    doctor = EndpointsDoctor(
        world.store,
        world.store.vault.unseal,
        visits,
        lambda _: world.now(),
        clock=clock,
        now=world.now,
    )
    deployment = world.store.get(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
    assert deployment is not None
    done = Deferred.fromCoroutine(doctor.examine(deployment, len(rooms), {}))
    await until(lambda: len(visits.under_way) == AT_ONCE)
    visits.under_way[0].callback(None)
    assert not done.called
    clock.advance(DEADLINE)
    lines = await done
    assert visits.most == AT_ONCE
    assert visits.under_way == []
    own = [line for line in lines if line.check.startswith("endpoint:")]
    assert len(own) == MOST_ENDPOINTS
    assert [line.status for line in own].count(CheckStatus.PASSED) == 1
    summary = next(line for line in lines if line.check == "endpoints")
    assert "5 more were not looked at" in summary.message
