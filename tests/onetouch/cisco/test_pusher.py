"""The service that brings lists to endpoints: when, why, and how many at once."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET

from pexschedd.model import tables
from pexschedd.onetouch.pushing.pace import LOOK_EVERY
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.pushing.push_plan import PushReason
from pexschedd.onetouch.pushing.pusher import AT_ONCE, AT_ONCE_FAILING
from pexschedd.onetouch.pushing.software import Way
from tests.onetouch.cisco.rooms import Rooms
from tests.turns import some_turns, until


@pytest_twisted.ensureDeferred
async def test_lists_arrive(rooms: Rooms) -> None:
    """A room's meetings are on its endpoint soon after the start; a room that was never
    read keeps what its endpoint shows."""
    await rooms.start()
    assert rooms.endpoints[1].titles == ["Plan", "Review"]
    assert rooms.endpoints[2].titles is None
    state = rooms.state()
    assert (state.number_of_meetings, state.intended, state.problem) == (2, "", "")
    assert (state.product, state.software) == ("Room Kit", "RoomOS 11.24.4.1 abc")
    assert state.last_contact_time is not None
    assert rooms.state(2).last_contact_time is not None
    assert all(not e.sessions for e in rooms.endpoints.values())


@pytest_twisted.ensureDeferred
async def test_changes_arrive_at_once(rooms: Rooms) -> None:
    """A changed calendar is on the screen without waiting, a cancelled meeting is
    gone, and nothing is sent that is there already."""
    await rooms.start()
    await rooms.meetings(1, "Plan", "Review", "New")
    await rooms.settle()
    assert rooms.endpoints[1].titles == ["Plan", "Review", "New"]
    await rooms.meetings(1)
    await rooms.settle()
    assert rooms.endpoints[1].titles == []
    assert rooms.state().number_of_meetings == 0
    sent = rooms.endpoints[1].puts
    await rooms.turn(5 * LOOK_EVERY)
    assert rooms.endpoints[1].puts == sent


@pytest.mark.parametrize("at", ["/xmlapi/session/begin", "/getxml", "/putxml"])
@pytest_twisted.ensureDeferred
async def test_changes_during_a_visit_arrive(rooms: Rooms, at: str) -> None:
    """A calendar that changes while its endpoint is visited is on the screen right
    after the visit."""
    endpoint = rooms.endpoints[1]
    render = endpoint.render
    changes: list[Deferred[Any]] = []

    def render_and_change(request: Any) -> Any:
        if request.path.decode() == at and not changes:
            changes.append(Deferred.fromCoroutine(rooms.meetings(1, "Other")))
        return render(request)

    endpoint.render = render_and_change  # type: ignore[method-assign]
    rooms.pusher.startService()
    rooms.clock.advance(15)
    await until(lambda: bool(changes))
    await rooms.settle()
    rooms.clock.advance(0)
    await rooms.settle()
    assert endpoint.titles == ["Other"]


@pytest_twisted.ensureDeferred
async def test_time_passes(rooms: Rooms) -> None:
    """A meeting that is over leaves the list by itself."""
    await rooms.start()
    await rooms.turn(2 * 3600 + 2 * LOOK_EVERY)
    assert rooms.endpoints[1].titles == ["Review"]


@pytest_twisted.ensureDeferred
async def test_a_restart_of_the_daemon_sends_nothing(rooms: Rooms) -> None:
    """What is on the screens is known after a restart: an endpoint is only looked at,
    which takes no session."""
    await rooms.start()
    await rooms.close()
    rooms.open()
    await rooms.start()
    assert rooms.endpoints[1].puts == rooms.endpoints[1].begun == 1
    assert rooms.endpoints[1].requests[-2:] == [
        ("GET", "/getxml"),
        ("POST", "/putxml list"),
    ]


@pytest.mark.parametrize(
    ("version", "way"),
    [("RoomOS 11.24.4.1", Way.COMMAND), ("TC7.3.9", Way.DOCUMENT)],
)
@pytest_twisted.ensureDeferred
async def test_a_restarted_endpoint(rooms: Rooms, version: str, way: Way) -> None:
    """An endpoint that was restarted has its list again at the next look."""
    endpoint = rooms.endpoints[1]
    endpoint.version, endpoint.knows_document = version, True
    await rooms.start()
    assert rooms.state().way == way
    endpoint.reboot()
    await rooms.turn(LOOK_EVERY * 2)
    assert endpoint.titles == ["Plan", "Review"]
    assert rooms.state().sent_because == PushReason.RESTARTED
    assert endpoint.puts == 2


@pytest_twisted.ensureDeferred
async def test_lost_bookings(rooms: Rooms) -> None:
    """An endpoint whose calendar became invalid, or that something else has written
    to, has its list again at the next look."""
    await rooms.start()
    rooms.endpoints[1].bookings, rooms.endpoints[1].titles = [], None
    await rooms.turn(LOOK_EVERY * 2)
    assert rooms.endpoints[1].titles == ["Plan", "Review"]
    assert rooms.state().sent_because == PushReason.LOST


@pytest_twisted.ensureDeferred
async def test_an_endpoint_that_lists_other_ids(rooms: Rooms) -> None:
    """A list that cannot be compared is sent twice, and not at each look."""
    rooms.endpoints[1]._list = lambda: (  # type: ignore[method-assign]
        b'<Command><BookingsListResult status="OK"/></Command>'
    )
    await rooms.start()
    await rooms.turn(10 * LOOK_EVERY)
    assert rooms.endpoints[1].puts == 2


@pytest_twisted.ensureDeferred
async def test_a_new_address(rooms: Rooms) -> None:
    """An endpoint that has moved is sent its list there, although that is the same."""
    await rooms.start()
    await rooms.put_endpoint(1, api_address="10.0.0.2")
    await rooms.settle()
    assert rooms.endpoints[2].titles == ["Plan", "Review"]
    assert rooms.state().sent_because == PushReason.ADDRESS


@pytest_twisted.ensureDeferred
async def test_another_room(rooms: Rooms) -> None:
    """An endpoint that is given another room shows nothing of the former one, although
    the new one cannot be read; its own list is there once it can."""
    await rooms.start()
    await rooms.put_endpoint(1, room_resource_email="Elm@example.test")
    await rooms.settle()
    assert rooms.endpoints[1].titles == []
    sent = rooms.endpoints[1].puts
    await rooms.turn(5 * LOOK_EVERY)
    assert rooms.endpoints[1].puts == sent
    await rooms.put_endpoint(1)
    await rooms.settle()
    assert rooms.endpoints[1].titles == ["Plan", "Review"]


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_not_read_any_more(rooms: Rooms) -> None:
    """A profile whose calendars are not read any more takes its meetings off the
    screens; what something else has put on another one stays."""
    rooms.endpoints[2].titles = ["Other"]
    await rooms.start()
    await rooms.delete(tables.ROOM_CALENDAR, 1)
    await rooms.settle()
    assert rooms.endpoints[1].titles == ["Plan", "Review"]
    await rooms.configure(exchange_deployment=None, google_deployment=1)
    await rooms.settle()
    assert rooms.endpoints[1].titles == []
    assert rooms.endpoints[2].titles == ["Other"]


@pytest_twisted.ensureDeferred
async def test_once_a_day(rooms: Rooms) -> None:
    """Whatever else has happened, the list is sent once a day."""
    await rooms.meetings(1)
    await rooms.start()
    await rooms.turn(24 * 3600)
    assert rooms.endpoints[1].puts == 2
    assert rooms.state().sent_because == PushReason.REFRESH


@pytest_twisted.ensureDeferred
async def test_so_many_at_once(tmp_path: Path) -> None:
    """Of many endpoints that hang, a bounded number is visited at once; those that
    have failed leave the slots of the others alone."""
    rooms = Rooms(tmp_path, AT_ONCE + 6)
    await rooms.configure()
    for endpoint in rooms.endpoints.values():
        endpoint.mode = "hang"
    rooms.pusher.startService()
    for _ in range(16):
        rooms.clock.advance(1)
        await some_turns()
    asked = [n for n, e in rooms.endpoints.items() if e.requests]
    assert len(asked) == AT_ONCE
    last = next(n for n in rooms.endpoints if n not in asked)
    rooms.endpoints[last].mode = ""
    await rooms.meetings(last, "Last")
    for _ in range(40):
        rooms.clock.advance(1)
        await some_turns()
    assert rooms.endpoints[last].titles == ["Last"]
    again = [n for n in asked if len(rooms.endpoints[n].requests) > 1]
    assert len(again) == AT_ONCE_FAILING
    await rooms.close()


@pytest_twisted.ensureDeferred
async def test_stopping_ends_sessions(rooms: Rooms) -> None:
    """A visit that is broken off ends its session, and the next start sends the list
    again that may have arrived or not."""
    endpoint = rooms.endpoints[1]
    endpoint.mode, endpoint.misbehaves_at = "hang", "/putxml"
    rooms.pusher.startService()
    for _ in range(18):
        rooms.clock.advance(1)
        await rooms.settle()
    assert endpoint.sessions
    assert rooms.state().intended
    await rooms.close()
    assert not endpoint.sessions
    endpoint.mode = ""
    endpoint.hanging.clear()
    rooms.open()
    await rooms.start()
    assert rooms.state().sent_because == PushReason.INTERRUPTED
    assert endpoint.titles == ["Plan", "Review"]


@pytest_twisted.ensureDeferred
async def test_an_endpoint_that_is_deleted(rooms: Rooms) -> None:
    """Its state goes with it, also if that happened while the daemon was down."""
    await rooms.start()
    await rooms.delete(tables.MJX_ENDPOINT, 1)
    await rooms.settle()
    assert [s.endpoint for s in rooms.store.all(tables.ENDPOINT_STATE)] == [2, 3]
    await rooms.pusher.stopService()
    await rooms.delete(tables.MJX_ENDPOINT, 2)
    await rooms.start()
    assert [s.endpoint for s in rooms.store.all(tables.ENDPOINT_STATE)] == [3]
    before = len(rooms.endpoints[1].requests)
    await rooms.turn(3 * LOOK_EVERY)
    assert len(rooms.endpoints[1].requests) == before


@pytest_twisted.ensureDeferred
async def test_an_administrator_checks(rooms: Rooms) -> None:
    """A check visits at once, whatever happened before, and sends the list."""
    rooms.endpoints[1].account = ("obtp", "other")
    await rooms.start()
    with pytest.raises(EndpointProblem, match="refuses the username"):
        await rooms.pusher.check(1)
    rooms.endpoints[1].account = ("obtp", "secret")
    report = await rooms.pusher.check(1)
    assert (report.because, report.meetings) == (PushReason.ASKED, 2)
    assert (report.seen.product, report.way) == ("Room Kit", Way.COMMAND)
    assert report.has_session
    assert rooms.state().problem == ""
    with pytest.raises(EndpointProblem, match="no group that has a profile"):
        await rooms.pusher.check(99)


PUT = 3
"""The request of a visit that has the list."""


@pytest.mark.parametrize("requests", range(1, 6))
@pytest_twisted.ensureDeferred
async def test_killed_anywhere(tmp_path: Path, requests: int) -> None:
    """Killed after any request of a visit, no cancelled meeting is left on the screen
    after the next start, even if the calendar is as it was before."""
    rooms = Rooms(tmp_path)
    await rooms.configure()
    await rooms.meetings(1, "Plan")
    await rooms.start()
    endpoint = rooms.endpoints[1]
    stop_after = len(endpoint.requests) + requests
    kill_by(rooms, lambda: len(endpoint.requests) >= stop_after)
    await rooms.meetings(1, "Plan", "Cancelled")
    rooms.clock.advance(0)
    await until(lambda: rooms.killed or not rooms.pusher._visits)
    was_sent = endpoint.titles
    await rooms.kill()
    del endpoint.render
    rooms.open()
    await rooms.meetings(1, "Plan")
    await rooms.start()
    assert was_sent == (["Plan", "Cancelled"] if requests >= PUT else ["Plan"])
    assert endpoint.titles == ["Plan"]
    assert rooms.state().intended == ""
    await rooms.close()


def kill_by(rooms: Rooms, reached: Any) -> None:
    """Let nothing be answered any more once something is reached."""
    endpoint = rooms.endpoints[1]
    render = endpoint.render

    def render_or_die(request: Any) -> Any:
        answer = render(request)
        rooms.killed = rooms.killed or reached()
        return NOT_DONE_YET if rooms.killed else answer

    endpoint.render = render_or_die  # type: ignore[method-assign]
