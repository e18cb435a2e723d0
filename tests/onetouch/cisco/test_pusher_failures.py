"""Endpoints that take no lists: refused, hung, unreachable, and told of."""

from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.onetouch.pushing.endpoint_alarms import MOST_NAMED
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.onetouch.pushing.software import Way
from pexschedd.scheduling.alarms import names
from tests.onetouch.cisco.rooms import Rooms

FALLBACKS = [
    # knows put, knows document, takes empty numbers; the way
    (True, False, True, Way.COMMAND),
    (True, False, False, Way.COMMAND_JOINABLE),
    (True, True, False, Way.COMMAND_JOINABLE),
    (False, True, True, Way.DOCUMENT),
]


@pytest.mark.parametrize(("put", "document", "empty", "way"), FALLBACKS)
@pytest_twisted.ensureDeferred
async def test_the_way_that_works_is_remembered(
    rooms: Rooms, put: bool, document: bool, empty: bool, way: Way
) -> None:
    """What the software does not know is tried once; new software is tried anew."""
    endpoint = rooms.endpoints[1]
    endpoint.knows_put, endpoint.knows_document = put, document
    endpoint.takes_empty_numbers = empty
    await rooms.meetings(1, "Plan", "Lunch", without=("Lunch",))
    await rooms.start()
    assert rooms.state().way == way
    joinable = way is Way.COMMAND_JOINABLE
    assert endpoint.titles == (["Plan"] if joinable else ["Plan", "Lunch"])
    before = endpoint.puts
    await rooms.meetings(1, "Other")
    await rooms.settle()
    assert endpoint.puts == before + 1
    assert endpoint.titles == ["Other"]


@pytest_twisted.ensureDeferred
async def test_nothing_takes_lists(rooms: Rooms) -> None:
    """An endpoint in a mode without bookings is reported with the reason."""
    rooms.endpoints[1].knows_put = False
    await rooms.start()
    state = rooms.state()
    assert state.problem_kind == ProblemKind.REFUSED
    assert "Unknown command" in state.problem
    await rooms.turn(60)
    alarm = rooms.raised()[names.ENDPOINT_REFUSED]
    assert alarm.instance == "Head office"
    assert "Room 1 (10.0.0.1): its software knows no command" in alarm.details


@pytest_twisted.ensureDeferred
async def test_the_account_may_not(rooms: Rooms) -> None:
    """An account without the role is told by name of the role."""
    rooms.endpoints[1].refusal = "Access denied"
    await rooms.start()
    assert rooms.state().problem_kind == ProblemKind.NOT_ALLOWED
    assert "role Admin" in rooms.state().problem
    assert rooms.visits.count(("Head office", "not_allowed")) == 1


@pytest_twisted.ensureDeferred
async def test_a_refused_password(rooms: Rooms) -> None:
    """A refused password is sent once; when it is changed, all is well again."""
    rooms.endpoints[1].account = ("obtp", "other")
    await rooms.start()
    await rooms.meetings(1, "Plan")
    await rooms.turn(4 * 3600)
    assert len(rooms.endpoints[1].requests) == 1
    assert rooms.state().problem_kind == ProblemKind.CREDENTIALS
    assert "secret" not in rooms.state().problem
    assert names.ENDPOINT_CREDENTIALS in rooms.raised()
    sealed = rooms.sealed("other", "mjx_endpoint/1/api_password")
    await rooms.put_endpoint(1, api_username="obtp", api_password=sealed)
    await rooms.settle()
    assert rooms.endpoints[1].titles == []
    await rooms.turn(60)
    assert names.ENDPOINT_CREDENTIALS not in rooms.raised()
    assert rooms.state().problem == ""


@pytest_twisted.ensureDeferred
async def test_an_endpoint_that_cannot_be_reached(rooms: Rooms) -> None:
    """It is tried ever more rarely, reported when that lasts, and caught up with."""
    rooms.unreachable.add("10.0.0.1")
    await rooms.start()
    await rooms.turn(60)
    assert rooms.state().problem == "it refuses connections."
    assert names.ENDPOINT_UNREACHABLE not in rooms.raised()
    await rooms.turn(600)
    assert names.ENDPOINT_UNREACHABLE in rooms.raised()
    failed = rooms.visits.count(("Head office", "unreachable"))
    assert 4 <= failed <= 8
    await rooms.meetings(1, "New")
    await rooms.settle()
    assert rooms.visits.count(("Head office", "unreachable")) == failed
    rooms.unreachable.clear()
    await rooms.turn(1200)
    assert rooms.endpoints[1].titles == ["New"]
    assert not rooms.raised()


@pytest.mark.parametrize("mode", ["hang", "drip"])
@pytest_twisted.ensureDeferred
async def test_one_that_hangs_delays_nobody(rooms: Rooms, mode: str) -> None:
    """The others have their lists while one does not answer, and it ends in time."""
    rooms.endpoints[1].mode = mode
    await rooms.meetings(2, "Two")
    await rooms.meetings(3, "Three")
    rooms.pusher.startService()
    for _ in range(18):
        rooms.clock.advance(1)
        await rooms.settle()
    assert rooms.hanging() == 1
    assert rooms.endpoints[2].titles == ["Two"]
    assert rooms.endpoints[3].titles == ["Three"]
    await rooms.turn(30)
    assert rooms.state().problem_kind == ProblemKind.UNREACHABLE
    assert "did not answer within 20 seconds" in rooms.state().problem


@pytest_twisted.ensureDeferred
async def test_one_alarm_for_many(tmp_path: Path) -> None:
    """A switch that fails raises one alarm, which names the first endpoints."""
    rooms = Rooms(tmp_path, MOST_NAMED + 5)
    await rooms.configure()
    rooms.unreachable = {f"10.0.0.{n}" for n in rooms.endpoints}
    await rooms.start()
    await rooms.turn(600)
    (alarm,) = rooms.raised().values()
    assert alarm.name == names.ENDPOINT_UNREACHABLE
    assert alarm.details.startswith("25 endpoints cannot be brought")
    assert "Room 1 (10.0.0.1): it refuses connections." in alarm.details
    assert alarm.details.count("refuses connections") == MOST_NAMED
    assert alarm.details.endswith("And 5 more.")
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_records_without_a_way(rooms: Rooms) -> None:
    """An endpoint without an account, a profile or its own type is left alone, and
    begins to work when its record does."""
    await rooms.put_endpoint(2, endpoint_type="POLY")
    await rooms.put_endpoint(3, mjx_endpoint_group=None)
    await rooms.configure(ep_username="", ep_password="")
    await rooms.put_endpoint(2, endpoint_type="POLY")
    await rooms.put_endpoint(3, mjx_endpoint_group=None)
    await rooms.start()
    assert rooms.state().problem_kind == ProblemKind.SETTINGS
    assert "ep_username" in rooms.state().problem
    assert not any(e.requests for e in rooms.endpoints.values())
    await rooms.configure()
    await rooms.turn(30)
    assert rooms.endpoints[1].titles == ["Plan", "Review"]
    assert rooms.endpoints[3].requests
