"""The room of a meeting, while the daemon goes on working."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_twisted
from klein import Klein
from treq.client import HTTPClient
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.server import Request, Site

from pexschedd.demo.daemon import DaemonClient, DaemonNotFound
from pexschedd.demo.rooms import room_of

ALIAS = "555123@example.test"
CONFIGURATION = "/api/admin/configuration/v1"
ROW = {
    "conference": f"{CONFIGURATION}/conference/7/",
    "start_time": "2026-03-02T12:00:00",
    "end_time": "2026-03-02T13:00:00",
}


class Answers:
    """What a daemon says about one meeting: `listed` are its answers to who asks for
    the schedule, one after the other; the conference is gone already."""

    app = Klein()

    def __init__(self) -> None:
        self.listed: list[list[Any]] = []

    @app.route(f"{CONFIGURATION}/scheduled_conference/")  # type: ignore[untyped-decorator,unused-ignore]
    def scheduled(self, request: Request) -> bytes:
        return msgspec.json.encode({"objects": self.listed.pop(0)})

    @app.route(f"{CONFIGURATION}/conference/7/")  # type: ignore[untyped-decorator,unused-ignore]
    def conference(self, request: Request) -> bytes:
        request.setResponseCode(404)
        return b'{"error": "There is nothing here."}'

    @app.route("/policy/v1/service/configuration")  # type: ignore[untyped-decorator,unused-ignore]
    def policy(self, request: Request) -> bytes:
        return b'{"status": "success", "action": "reject", "reason": "Over."}'


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest_twisted.async_yield_fixture()
async def daemon(answers: Answers) -> AsyncIterator[DaemonClient]:
    from twisted.internet import reactor as installed  # noqa: PLC0415 - by the plugin

    reactor: Any = installed
    site = Site(answers.app.resource())
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}"
    pool = HTTPConnectionPool(reactor, persistent=False)
    yield DaemonClient(
        HTTPClient(Agent(reactor, pool=pool)),
        addin=url,
        admin=url,
        rooms=url,
        password="secret",
    )
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_cancelled_between_two_questions(
    answers: Answers, daemon: DaemonClient
) -> None:
    """A room whose meeting goes while it is looked at is gone, and nothing is wrong."""
    answers.listed = [[ROW], []]
    room = await room_of(daemon, "uid", ALIAS)
    assert (room.state, room.aliases) == ("gone", [ALIAS])
    assert room.join is not None
    assert room.join.reason == "Over."
    assert answers.listed == []


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_never_there(
    answers: Answers, daemon: DaemonClient
) -> None:
    """What stays contradictory is said, not asked for ever."""
    answers.listed = [[ROW], [ROW]]
    with pytest.raises(DaemonNotFound, match="404"):
        await room_of(daemon, "uid", ALIAS)
