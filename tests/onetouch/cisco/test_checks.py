"""Checks of endpoints on demand: the report, and who may ask for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import CommandRunning, InvalidFields
from pexschedd.model.onetouch.endpoint import CISCO
from pexschedd.onetouch.endpoint_checks import MOST_WAITING, EndpointChecks
from pexschedd.onetouch.pushing.visit_report import VisitReport
from tests.onetouch.cisco.rooms import Rooms


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    rooms = Rooms(tmp_path, 3)
    await rooms.configure(ep_verify_certificate=True)
    await rooms.meetings(1, "Plan", "Review")
    await rooms.start()
    yield rooms
    await rooms.close()


def checks(rooms: Rooms) -> EndpointChecks:
    return EndpointChecks(rooms.store, {CISCO: rooms.pusher.check})


@pytest_twisted.ensureDeferred
async def test_all_is_well(rooms: Rooms) -> None:
    """A check that finds nothing says what the endpoint is, and sends its list."""
    found = await checks(rooms).check(1)
    assert found.is_ok
    assert (found.problem, found.notes) == ("", ())
    assert (found.endpoint_name, found.endpoint_address) == (
        "Room 1",
        "https://10.0.0.1",
    )
    assert (found.product, found.way) == ("Room Kit", "command")
    assert found.number_of_meetings == 2
    assert rooms.endpoints[1].puts == 2


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"account": ("obtp", "x")}, "credentials", 'refuses the username "obtp"'),
        ({"mode": "503"}, "busy", "it is busy"),
        ({"refusal": "Access denied"}, "not_allowed", "role Admin"),
        ({"knows_put": False}, "refused", "knows no command"),
        ({"mode": "elsewhere"}, "refused", "redirects to https://evil.example"),
        ({"mode": "404"}, "refused", "Check its address and port"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_problems_are_told(
    rooms: Rooms, fields: dict[str, Any], kind: str, text: str
) -> None:
    """What is wrong is said in words, with the kind of it."""
    for name, value in fields.items():
        setattr(rooms.endpoints[1], name, value)
    found = await checks(rooms).check(1)
    assert not found.is_ok
    assert found.problem_kind == kind
    assert text in found.problem
    assert rooms.state().problem_kind == kind


@pytest_twisted.ensureDeferred
async def test_remarks(rooms: Rooms) -> None:
    """What works but is not as it should be is remarked upon."""
    await rooms.configure(ep_use_https=False)
    rooms.endpoints[1].is_https = False
    rooms.endpoints[1].most_sessions = 0
    await rooms.put_endpoint(2, api_address="10.0.0.1")
    found = await checks(rooms).check(1)
    http, session, namesake = found.notes
    assert "without HTTPS" in http
    assert "gave no session" in session
    assert namesake.startswith("Room 2 has the same address")
    await rooms.configure(ep_verify_certificate=False)
    rooms.endpoints[1].is_https = True
    rooms.endpoints[1].most_sessions = 20
    found = await checks(rooms).check(3)
    assert "certificate is not checked" in found.notes[0]
    assert not found.is_ok
    assert "was never read" in found.problem


@pytest.mark.parametrize(
    ("seconds", "note"),
    [(30, None), (90, "90 seconds ahead of ours"), (-90, "90 seconds behind ours")],
)
@pytest_twisted.ensureDeferred
async def test_a_wrong_clock(rooms: Rooms, seconds: float, note: str | None) -> None:
    """An endpoint with a wrong clock shows its buttons at wrong times."""
    rooms.endpoints[1].clock_ahead = seconds
    notes = (await checks(rooms).check(1)).notes
    assert len(notes) == (note is not None)
    assert (note or "") in "".join(notes)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (None, "no mjx_endpoint 99"),
        ({"endpoint_type": "POLY"}, "of the type POLY"),
        ({"mjx_endpoint_group": None}, "has no profile"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_checked(
    rooms: Rooms, fields: dict[str, Any] | None, text: str
) -> None:
    """What is not visited at all is refused, naming the field."""
    if fields is not None:
        await rooms.put_endpoint(1, **fields)
    with pytest.raises(InvalidFields, match=text) as caught:
        await checks(rooms).check(99 if fields is None else 1)
    assert list(caught.value.problems) == ["mjx_endpoint"]


@pytest_twisted.ensureDeferred
async def test_few_at_once(rooms: Rooms) -> None:
    """One endpoint is checked once at a time, and few of them at once."""

    async def visit(_: int) -> VisitReport:
        waiting: Deferred[VisitReport] = Deferred()
        return await waiting

    for number in range(4, MOST_WAITING + 4):
        await rooms.put_endpoint(number)
    some = EndpointChecks(rooms.store, {CISCO: visit})
    begun = [
        Deferred.fromCoroutine(some.check(number))
        for number in range(1, MOST_WAITING + 1)
    ]
    with pytest.raises(CommandRunning, match="already"):
        await some.check(1)
    with pytest.raises(CommandRunning, match="Wait"):
        await some.check(MOST_WAITING + 1)
    for each in begun:
        each.addErrback(lambda _: None)
        each.cancel()
    assert not some._under_way
