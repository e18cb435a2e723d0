"""The service that sends lists through the Webex cloud, over real HTTPS: when, why, and
what if it cannot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.web.server import NOT_DONE_YET

from pexschedd.errors import InvalidFields
from pexschedd.management.onetouch.statuses import RoomStatuses
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import WEBEX
from pexschedd.onetouch.endpoint_checks import EndpointChecks
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.pushing.push_plan import PushReason
from pexschedd.onetouch.pushing.software import Way
from pexschedd.onetouch.webex.answers import MAX_ANSWER
from pexschedd.onetouch.webex.parts import AT_ONCE
from pexschedd.onetouch.webex.visits import LOOK_EVERY
from pexschedd.scheduling.alarms import names
from tests.net.net_support import dns, ips
from tests.onetouch.cisco.cisco_support import DETAILS
from tests.onetouch.webex.webex_rooms import WebexRooms
from tests.turns import some_turns, until


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[WebexRooms]:
    """Two rooms, of which the first has two meetings."""
    rooms = WebexRooms(tmp_path, 2)
    await rooms.configure()
    await rooms.meetings(1, "Plan", "Review")
    yield rooms
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_lists_arrive(rooms: WebexRooms) -> None:
    """A room's meetings are on its device soon after the start, with the published
    fields; a room that was never read keeps what its device shows."""
    await rooms.start()
    assert rooms.titles() == ["Plan", "Review"]
    assert rooms.titles(2) is None
    plan = rooms.cloud.devices["device-1"].bookings[0]
    assert (plan.Number, plan.Protocol) == (DETAILS.alias, "SIP")
    assert (plan.MeetingPlatform, plan.Organizer.Name) == ("Zoom", "Jane")
    state = rooms.state()
    assert (state.number_of_meetings, state.intended, state.problem) == (2, "", "")
    assert state.last_contact_time is not None
    assert rooms.visits.count(("Head office", "sent")) == 1


@pytest_twisted.ensureDeferred
async def test_changes_arrive_at_once(rooms: WebexRooms) -> None:
    """A changed calendar is on the screen without waiting, a cancelled meeting is gone,
    and what is there is not sent again: the cloud is asked next to nothing."""
    await rooms.start()
    await rooms.meetings(1, "Plan", "Review", "New")
    await rooms.settle()
    assert rooms.titles() == ["Plan", "Review", "New"]
    await rooms.meetings(1)
    await rooms.settle()
    assert rooms.titles() == []
    requests = len(rooms.cloud.requests)
    await rooms.turn(3 * LOOK_EVERY)
    assert rooms.cloud.puts == 3
    looks = rooms.cloud.requests[requests:]
    assert set(looks) == {"/v1/xapi/status"}
    assert len(looks) <= 2 * 4


@pytest_twisted.ensureDeferred
async def test_time_passes(rooms: WebexRooms) -> None:
    """A meeting that is over leaves the list by itself."""
    await rooms.start()
    await rooms.turn(2 * 3600 + 900)
    assert rooms.titles() == ["Review"]


@pytest_twisted.ensureDeferred
async def test_a_restart_of_the_daemon_sends_nothing(rooms: WebexRooms) -> None:
    """What is on the screens is known after a restart."""
    await rooms.start()
    await rooms.again()
    await rooms.turn(600)
    assert rooms.cloud.puts == 1


@pytest_twisted.ensureDeferred
async def test_a_restarted_device(rooms: WebexRooms) -> None:
    """A device that was restarted has its list again at the next look."""
    await rooms.start()
    device = rooms.cloud.devices["device-1"]
    await rooms.turn(100)
    device.titles, device.started = None, rooms.clock.seconds()
    await rooms.turn(2 * LOOK_EVERY)
    assert rooms.titles() == ["Plan", "Review"]
    assert rooms.state().sent_because == PushReason.RESTARTED
    assert rooms.cloud.puts == 2


@pytest_twisted.ensureDeferred
async def test_without_the_scope_for_states(rooms: WebexRooms) -> None:
    """Lists are sent although states may not be read."""
    rooms.cloud.statuses_allowed = False
    await rooms.start()
    assert rooms.titles() == ["Plan", "Review"]
    await rooms.turn(2 * LOOK_EVERY)
    assert rooms.state().problem == ""
    assert rooms.cloud.puts == 1


@pytest_twisted.ensureDeferred
async def test_another_device(rooms: WebexRooms) -> None:
    """An endpoint whose device was replaced is sent its list there."""
    await rooms.start()
    await rooms.put_endpoint(1, webex_device_id="device-2")
    await rooms.settle()
    assert rooms.titles(2) == ["Plan", "Review"]
    assert rooms.state().sent_because == PushReason.ADDRESS


@pytest_twisted.ensureDeferred
async def test_another_room(rooms: WebexRooms) -> None:
    """A device that is moved to a room that was never read loses the meetings of the
    former one."""
    await rooms.start()
    await rooms.put_endpoint(1, room_resource_email="elsewhere@example.test")
    await rooms.settle()
    assert rooms.titles() == []


@pytest_twisted.ensureDeferred
async def test_software_that_takes_less(rooms: WebexRooms) -> None:
    """Meetings without a number are left out where they are refused, and a device that
    takes no empty list is cleared."""
    device = rooms.cloud.devices["device-1"]
    device.takes_empty_numbers = device.takes_empty_lists = False
    await rooms.meetings(1, "Plan", "Lunch", without=("Lunch",))
    await rooms.start()
    assert rooms.titles() == ["Plan"]
    assert rooms.state().way == Way.COMMAND_JOINABLE
    await rooms.meetings(1)
    await rooms.settle()
    assert rooms.titles() == []
    assert rooms.state().problem == ""


@pytest_twisted.ensureDeferred
async def test_an_unknown_device(rooms: WebexRooms) -> None:
    """A device that Webex does not know is named in an alarm, which goes when its id
    is corrected; the others have their lists."""
    await rooms.put_endpoint(1, webex_device_id="device-x")
    await rooms.meetings(2, "Two")
    await rooms.start()
    assert rooms.titles(2) == ["Two"]
    await rooms.turn(60)
    alarm = rooms.raised()[names.WEBEX_REFUSED]
    assert alarm.instance == "Head office"
    assert 'Room 1 (device-x): Webex knows no device "device-x"' in alarm.details
    assert rooms.state().problem_kind == ProblemKind.REFUSED
    await rooms.put_endpoint(1)
    await rooms.settle()
    await rooms.turn(60)
    assert rooms.titles() == ["Plan", "Review"]
    assert not rooms.raised()


@pytest_twisted.ensureDeferred
async def test_a_device_that_is_offline(rooms: WebexRooms) -> None:
    """It is tried ever more rarely, reported when that lasts, and caught up with."""
    rooms.cloud.mode = "503"
    await rooms.start()
    await rooms.turn(60)
    assert rooms.state().problem_kind == ProblemKind.UNREACHABLE
    assert not rooms.raised()
    await rooms.turn(600)
    assert names.WEBEX_UNREACHABLE in rooms.raised()
    assert 4 <= rooms.visits.count(("Head office", "unreachable")) <= 2 * 8
    rooms.cloud.mode = ""
    await rooms.turn(1200)
    assert rooms.titles() == ["Plan", "Review"]
    assert not rooms.raised()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("limit", ["120", "Tue, 01 Dec 2026 12:02:00 GMT"])
@pytest_twisted.ensureDeferred
async def test_too_many_requests(rooms: WebexRooms, limit: str, status: int) -> None:
    """When Webex has had enough, no device is asked for until the time that it names,
    even if calendars change; then all have their lists."""
    await rooms.meetings(2, "Two")
    rooms.cloud.limit, rooms.cloud.limit_status = limit, status
    await rooms.start()
    asked = len(rooms.cloud.requests)
    assert rooms.state().problem_kind == ProblemKind.BUSY
    rooms.cloud.limit = None
    await rooms.meetings(1, "New")
    await rooms.turn(60)
    assert len(rooms.cloud.requests) == asked
    await rooms.turn(120)
    assert (rooms.titles(), rooms.titles(2)) == (["New"], ["Two"])
    assert rooms.state().problem == ""


@pytest_twisted.ensureDeferred
async def test_so_many_at_once(tmp_path: Path) -> None:
    """Of many devices for which no answer comes, a bounded number is asked for at
    once, and each request ends in time."""
    rooms = WebexRooms(tmp_path, AT_ONCE + 4)
    await rooms.configure()
    for number in range(1, AT_ONCE + 5):
        await rooms.meetings(number, "Plan")
    rooms.cloud.mode = "hang"
    rooms.pusher.startService()
    for _ in range(18):
        rooms.clock.advance(1)
        await some_turns()
    await until(lambda: rooms.cloud.hangs() == AT_ONCE)
    rooms.cloud.mode = ""
    for _ in range(12):
        rooms.clock.advance(10)
        await some_turns()
    assert rooms.cloud.busiest == AT_ONCE
    assert rooms.cloud.hangs() == 0
    await rooms.close()


HOSTILE = {
    "huge": (ProblemKind.UNREACHABLE, f"larger than {MAX_ANSWER} bytes"),
    "endless": (ProblemKind.UNREACHABLE, f"larger than {MAX_ANSWER} bytes"),
    "drip": (ProblemKind.UNREACHABLE, "did not answer within 20 seconds"),
    "elsewhere": (ProblemKind.REFUSED, "no redirection is followed"),
    "[]": (ProblemKind.REFUSED, "does not answer as its API does"),
    "[" * 200_000: (ProblemKind.REFUSED, "does not answer as its API does"),
    "<html>": (ProblemKind.REFUSED, "does not answer as its API does"),
    "400": (ProblemKind.REFUSED, "HTTP 400 <b>no</b>"),
    "403": (ProblemKind.NOT_ALLOWED, "spark:xapi_commands"),
    "500": (ProblemKind.UNREACHABLE, "HTTP 500"),
    "600": (ProblemKind.REFUSED, "HTTP 600"),
}


@pytest.mark.parametrize("mode", HOSTILE, ids=[each[:9] for each in HOSTILE])
@pytest_twisted.ensureDeferred
async def test_hostile_answers(rooms: WebexRooms, mode: str) -> None:
    """Whatever is answered to a command is bounded in size and time, and told."""
    rooms.cloud.mode, rooms.cloud.misbehaves_at = mode, "/v1/xapi/command"
    rooms.pusher.startService()
    for _ in range(45):
        rooms.clock.advance(1)
        await some_turns()
    kind, words = HOSTILE[mode]
    await until(lambda: bool(rooms.state().problem))
    assert rooms.state().problem_kind == kind
    assert words in rooms.state().problem
    assert len(rooms.state().problem) < 600
    assert rooms.titles() is None


@pytest.mark.parametrize("names_of", [ips("127.0.0.2"), dns("localhost"), []])
@pytest_twisted.ensureDeferred
async def test_wrong_certificates(tmp_path: Path, names_of: Any) -> None:
    """A certificate for another host is refused before any secret is sent."""
    rooms = WebexRooms(tmp_path, names=names_of)
    await rooms.configure()
    await rooms.meetings(1, "Plan")
    await rooms.start()
    assert rooms.state().problem_kind == ProblemKind.UNTRUSTED
    assert "certificate" in rooms.state().problem
    await rooms.turn(60)
    assert names.WEBEX_UNREACHABLE in rooms.raised()
    assert rooms.cloud.requests == []
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_a_check(rooms: WebexRooms) -> None:
    """An administrator's check sends the list in any case, and tells what is wrong."""
    await rooms.start()
    report = await rooms.pusher.check(1)
    assert (report.because, report.meetings) == (PushReason.ASKED, 2)
    rooms.cloud.devices.clear()
    with pytest.raises(EndpointProblem, match="knows no device"):
        await rooms.pusher.check(1)


@pytest_twisted.ensureDeferred
async def test_the_command_that_checks(rooms: WebexRooms) -> None:
    """The check of an endpoint says that it has its list, or why not, by the id of its
    device, and that another record has the same one."""
    await rooms.start()
    checks = EndpointChecks(rooms.store, {WEBEX: rooms.pusher.check})
    found = await checks.check(1)
    assert (found.is_ok, found.number_of_meetings, found.notes) == (True, 2, ())
    assert found.endpoint_address == "device-1"
    await rooms.put_endpoint(2, webex_device_id="device-1")
    (note,) = (await checks.check(1)).notes
    assert note.startswith("Room 2 has the same device")
    rooms.cloud.devices.clear()
    found = await checks.check(1)
    assert (found.is_ok, found.problem_kind) == (False, "refused")
    assert found.problem.startswith("The endpoint: Webex knows no device")
    await rooms.put_endpoint(2, endpoint_type="POLY")
    with pytest.raises(InvalidFields, match="of the type POLY"):
        await checks.check(2)


@pytest_twisted.ensureDeferred
async def test_the_status_of_a_device(rooms: WebexRooms) -> None:
    """The status names the device, its contact and its problem."""
    await rooms.start()
    statuses = RoomStatuses(rooms.store, lambda _: (), lambda _: None)
    first = next(iter(statuses.endpoints()))
    assert (first.endpoint_type, first.endpoint_address) == ("WEBEX", "device-1")
    assert (first.last_worker, first.problem) == ("pexschedd", "")
    assert first.last_contact_time is not None


@pytest_twisted.ensureDeferred
async def test_a_profile_without_webex(rooms: WebexRooms) -> None:
    """Nothing is asked for a profile that does not use Webex, and the reason told."""
    await rooms.put(tables.MJX_INTEGRATION, replace(rooms.profile, use_webex=False))
    await rooms.start()
    assert rooms.cloud.requests == []
    assert "set use_webex" in rooms.state().problem


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("at", ["/v1/access_token", "Bookings.Put"])
@pytest_twisted.ensureDeferred
async def test_killed_anywhere(tmp_path: Path, at: str, answered: bool) -> None:
    """Killed at any request, no cancelled meeting is left on the screen after the next
    start, even if the calendar is as it was before."""
    rooms = WebexRooms(tmp_path)
    rooms.cloud.rotates, rooms.cloud.lifetime = False, 600
    await rooms.configure()
    await rooms.meetings(1, "Plan")
    await rooms.start()
    cloud, render = rooms.cloud, rooms.cloud.render
    await rooms.turn(400)

    def render_or_die(request: Any) -> Any:
        is_it = request.path.decode().endswith(at)
        answer = render(request) if answered or not is_it else b""
        rooms.killed = rooms.killed or is_it
        return NOT_DONE_YET if rooms.killed else answer

    cloud.render = render_or_die  # type: ignore[method-assign]
    await rooms.meetings(1, "Plan", "Cancelled")
    rooms.clock.advance(0)
    await until(lambda: rooms.killed)
    await some_turns()
    was_sent = rooms.titles()
    await rooms.kill()
    del cloud.render
    rooms.open()
    await rooms.meetings(1, "Plan")
    await rooms.start()
    sent = at == "Bookings.Put" and answered
    assert was_sent == (["Plan", "Cancelled"] if sent else ["Plan"])
    assert rooms.titles() == ["Plan"]
    assert rooms.state().intended == ""
    await rooms.close()
