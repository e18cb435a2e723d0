"""Rooms over Graph: what goes wrong, over real sockets."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.rooms.rooms import MOST_LISTED, MOST_PAGES, GraphRooms
from pexschedd.graph.transport import GraphLimits, GraphTransport
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing, RoomItem
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.ews.ews_rooms_support import DAY, ELM, OAK, SECRET, START, reactor
from tests.graph.msgraph_rooms_support import RoomTenant
from tests.graph.test_msgraph_room_events import EVENT
from tests.sandbox.graph.graph_support import CLIENT


@pytest_twisted.async_yield_fixture()
async def tenant() -> AsyncIterator[RoomTenant]:
    tenant = RoomTenant()
    yield tenant
    await tenant.close()


async def listed(rooms: GraphRooms, room: str = OAK) -> CalendarListing:
    return await rooms.listing(room, START - DAY, START + 7 * DAY)


async def read(rooms: GraphRooms, room: str = OAK) -> list[RoomItem]:
    refs = [each.ref for each in (await listed(rooms, room)).meetings]
    return await rooms.fetch(room, refs)


@pytest_twisted.ensureDeferred
async def test_an_unchanged_room_costs_one_request(tenant: RoomTenant) -> None:
    """A list is one request, and what has changed is one part of a batch each."""
    for day in range(1, 6):
        for hour in range(9):
            tenant.book("x", start=START + day * DAY + timedelta(hours=2 * hour))
    counts: list[int] = []
    rooms = tenant.graph_rooms(batched=counts.append)
    refs = [each.ref for each in (await listed(rooms)).meetings]
    assert len(refs) == 45
    assert tenant.sandbox.calls["GraphListCalendarView"] == 1
    assert len(await rooms.fetch(OAK, refs)) == 45
    assert counts == [20, 20, 5]
    assert tenant.sandbox.calls["GraphGetEvent"] == 45


@pytest_twisted.ensureDeferred
async def test_rooms_that_are_refused(tenant: RoomTenant) -> None:
    """Each refusal names the room and what would be right; other rooms can be read."""
    rooms = tenant.graph_rooms()
    for room, words in (
        (SECRET, "'Application Calendars.Read'"),
        (SECRET, f"-Identity '{CLIENT}' -Resource '{SECRET}'"),
        ("gone@example.test", "user principal name"),
        ("oak", "no email address"),
        ("", "no email address"),
    ):
        with pytest.raises(MailboxRefused) as refused:
            await listed(rooms, room)
        assert words in refused.value.message
        assert room in refused.value.message
        assert not isinstance(refused.value, SignInRefused)
    tenant.sandbox.graph.settings = GraphSettings(without_rest=(ELM,))
    with pytest.raises(MailboxRefused, match="not in Exchange Online"):
        await listed(rooms, ELM)
    assert (await listed(rooms)).meetings == ()


@pytest_twisted.ensureDeferred
async def test_a_role_for_another_thing(tenant: RoomTenant) -> None:
    """An application that may read mail only reads no room."""
    tenant.grant(MailboxGrant(role="Mail.ReadWrite", mailboxes=(OAK,)))
    with pytest.raises(MailboxRefused, match=r"Calendars\.Read"):
        await listed(tenant.graph_rooms())


@pytest_twisted.ensureDeferred
async def test_an_application_that_is_refused_is_no_rooms_fault(
    tenant: RoomTenant,
) -> None:
    """The error is the sign-in's, and does not speak of a room's calendar."""
    tenant.misbehave(kind="graph-InvalidAuthenticationToken", times=None)
    with pytest.raises(SignInRefused) as refused:
        await listed(tenant.graph_rooms())
    assert "calendar of the room" not in refused.value.message


@pytest_twisted.ensureDeferred
async def test_an_expired_token_is_replaced(tenant: RoomTenant) -> None:
    """A single refusal of a token is not noticed."""
    tenant.book("Plan")
    tenant.misbehave(kind="graph-InvalidAuthenticationToken", times=1)
    assert len((await listed(tenant.graph_rooms())).meetings) == 1


@pytest_twisted.ensureDeferred
async def test_a_pause_within_a_batch_ends_the_reading(tenant: RoomTenant) -> None:
    """Nothing is returned when one part is throttled: the meeting is not gone. The
    pause is kept."""
    tenant.book("a")
    tenant.book("b", start=START + 2 * DAY)
    rooms = tenant.graph_rooms()
    tenant.misbehave(kind="http-429", operation="GraphGetEvent", retry_after_s=60)
    with pytest.raises(MailboxBusy) as busy:
        await read(rooms)
    assert busy.value.retry_after == pytest.approx(60, abs=1)
    before = tenant.sandbox.calls["GraphListCalendarView"]
    with pytest.raises(MailboxBusy):
        await listed(rooms)
    assert tenant.sandbox.calls["GraphListCalendarView"] == before
    tenant.later(seconds=61)
    assert {item.subject for item in await read(rooms)} == {"a", "b"}


@pytest_twisted.ensureDeferred
async def test_a_server_that_stumbles_over_one_meeting(tenant: RoomTenant) -> None:
    """It comes without its body and key, or not at all if nothing of it can be had."""
    tenant.book("a")
    tenant.book("b", start=START + 2 * DAY)
    rooms = tenant.graph_rooms()
    tenant.misbehave(kind="http-500", operation="GraphGetEvent")
    found = {item.subject: item for item in await read(rooms)}
    assert [(s, found[s].ref.change_key == "") for s in "ab"] == [
        ("a", True),
        ("b", False),
    ]
    tenant.misbehave(kind="http-500", operation="GraphGetEvent", times=None)
    assert await read(rooms) == []


@pytest_twisted.ensureDeferred
async def test_a_batch_that_is_too_large_is_read_in_parts(tenant: RoomTenant) -> None:
    """One huge meeting does not hold up the others, and comes without its body."""
    tenant.book("small")
    tenant.book("huge", start=START + 2 * DAY, body="x" * 400_000)
    tenant.book("other", start=START + 3 * DAY)
    rooms = tenant.graph_rooms(limits=GraphLimits(max_answer=100_000))
    found = {item.subject: item for item in await read(rooms)}
    assert set(found) == {"small", "huge", "other"}
    assert (found["huge"].html, found["huge"].ref.change_key) == ("", "")
    assert "Agenda" in found["small"].html


@pytest_twisted.ensureDeferred
async def test_no_connection(tenant: RoomTenant) -> None:
    """A server that is not there is unreachable, for all rooms alike."""
    rooms = tenant.graph_rooms()
    tenant.misbehave(kind="reset", times=None)
    with pytest.raises(MailboxUnreachable, match="Microsoft Graph at"):
        await listed(rooms)


class ScriptedGraph(Resource):
    """A server whose every answer a test decides, by the number of the request."""

    isLeaf = True

    def __init__(self, answer: Callable[[int, str, str], tuple[int, Any]]) -> None:
        super().__init__()
        self._answer = answer
        self.paths: list[str] = []
        self.tokens: Counter[str] = Counter()

    def render(self, request: Any) -> bytes:
        path = request.uri.decode()
        self.tokens[request.getHeader("authorization")] += 1
        self.paths.append(path)
        root = f"http://{request.getHeader('host')}/v1.0/"
        status, body = self._answer(len(self.paths), path, root)
        request.setResponseCode(status)
        request.setHeader("content-type", "application/json")
        return msgspec.json.encode(body)


class OneToken:
    async def token(self) -> str:
        return "t"

    def rejected(self, _token: str) -> None: ...

    def challenged(self, _token: str, _claims: str) -> None: ...


class Scripted:
    """Rooms at a `ScriptedGraph`, within a `with`."""

    def __init__(self, answer: Callable[[int, str, str], tuple[int, Any]]) -> None:
        self.server = ScriptedGraph(answer)

    async def __aenter__(self) -> GraphRooms:
        site = Site(self.server)
        self._port = reactor.listenTCP(0, site, interface="127.0.0.1")
        domain = f"127.0.0.1:{self._port.getHost().port}"
        network = Network(reactor, Trust())
        transport = GraphTransport(domain, network=network, clock=reactor)
        self.rooms = GraphRooms(transport, OneToken(), GraphTarget(domain, "", CLIENT))
        return self.rooms

    async def __aexit__(self, *_error: object) -> None:
        await self.rooms.close()
        await self._port.stopListening()


def page(*ids: str, link: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {"value": [EVENT | {"id": id} for id in ids]}
    return body | ({"@odata.nextLink": link} if link else {})


async def refusal(scripted: Scripted) -> MailboxError:
    async with scripted as rooms:
        with pytest.raises(MailboxError) as refused:
            await listed(rooms)
    return refused.value


@pytest_twisted.ensureDeferred
async def test_a_link_to_another_host_is_not_followed() -> None:
    """It gets no token, and the room is refused."""
    elsewhere = Scripted(lambda *_: (200, page()))
    async with elsewhere as other:
        link = f"{other._transport.root}users/oak/calendarView"
        scripted = Scripted(lambda *_: (200, page("a", link=link)))
        assert "another server" in (await refusal(scripted)).message
    assert len(scripted.server.paths) == 1
    assert elsewhere.server.paths == []


@pytest_twisted.ensureDeferred
async def test_pages_without_an_end() -> None:
    """They are read up to a limit, and the list says that it is not whole."""
    scripted = Scripted(
        lambda n, _, root: (200, page(f"id{n}", link=f"{root}next?n={n}"))
    )
    async with scripted as rooms:
        found = await listed(rooms)
    assert len(scripted.server.paths) == len(found.meetings) == MOST_PAGES
    assert not found.is_complete


@pytest_twisted.ensureDeferred
async def test_very_many_meetings_are_not_all_read() -> None:
    """A page may have more than it was asked for."""
    ids = [str(n) for n in range(MOST_LISTED + 50)]
    scripted = Scripted(lambda _, __, root: (200, page(*ids, link=f"{root}next")))
    async with scripted as rooms:
        found = await listed(rooms)
    assert (len(found.meetings), found.is_complete) == (MOST_LISTED, False)
    assert len(scripted.server.paths) == 1


@pytest_twisted.ensureDeferred
async def test_empty_pages_are_followed() -> None:
    """An empty page with a link is no end."""
    scripted = Scripted(
        lambda n, _, root: (200, page(link=f"{root}x") if n < 3 else page("a"))
    )
    async with scripted as rooms:
        found = await listed(rooms)
    assert [each.ref.item_id for each in found.meetings] == ["a"]
    assert found.is_complete


GONE = {"error": {"code": "SyncStateNotFound", "message": "Gone."}}


@pytest_twisted.ensureDeferred
async def test_a_forgotten_page_begins_the_list_anew() -> None:
    """Once; a server that always forgets has a problem, which is told."""
    scripted = Scripted(
        lambda n, _, root: (
            (410, GONE) if n == 2 else (200, page("a", link=f"{root}x" * (n == 1)))
        )
    )
    async with scripted as rooms:
        found = await listed(rooms)
    assert [each.ref.item_id for each in found.meetings] == ["a"]
    always = Scripted(
        lambda n, _, root: (
            (410, GONE) if n % 2 == 0 else (200, page("a", link=f"{root}x"))
        )
    )
    assert isinstance(await refusal(always), CursorLost)
    assert len(always.server.paths) == 4


@pytest_twisted.ensureDeferred
async def test_texts_that_are_left_out() -> None:
    """Events without the property `body` are a missing permission, not empty texts."""
    without = {name: value for name, value in EVENT.items() if name != "body"}
    result = {"id": "0", "status": 200, "body": without}

    def answer(_number: int, path: str, _root: str) -> tuple[int, Any]:
        if path.endswith("batch"):
            return 200, {"responses": [result]}
        return 200, page("a")

    async with Scripted(answer) as rooms:
        with pytest.raises(MailboxRefused, match=r"Calendars\.ReadBasic.*not enough"):
            await read(rooms)


@pytest.mark.parametrize(
    "body", [[], {}, {"value": None}, {"value": [1, None, {}]}, "text", None]
)
@pytest_twisted.ensureDeferred
async def test_answers_that_are_no_lists(body: Any) -> None:
    """They are an unusable answer or an empty list, and never a traceback."""
    scripted = Scripted(lambda *_: (200, body))
    async with scripted as rooms:
        if isinstance(body, dict) and isinstance(body.get("value"), list):
            assert (await listed(rooms)).meetings == ()
            return
        with pytest.raises(MailboxUnreachable, match="did not answer as Microsoft"):
            await listed(rooms)
