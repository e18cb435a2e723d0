"""Meetings that Alice books at an independent client, on Cisco endpoints' screens: the
whole daemon, a sandbox Exchange, and endpoints behind real HTTPS ports."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest_twisted
import treq
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY as SEND_TO_ALL
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.server import Site

from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate
from tests.net.net_support import Authority, ips
from tests.onetouch.calendars.room_world import ASH, DIAL, OAK, ZOOM, RoomWorld
from tests.onetouch.calendars.test_room_stories import WEEK, occurrence, weekly
from tests.onetouch.cisco.cisco_endpoint import RecordingEndpoint
from tests.ports import free_ports
from tests.stories.story_organizer import ews_time
from tests.stories.story_terms import AT_TEN, DAY, HOUR
from tests.turns import until

reactor: Any = _reactor


class Screens:
    """A world whose rooms have endpoints with certificates of their own authority."""

    def __init__(self, world: RoomWorld) -> None:
        self.world = world
        self.authority = Authority("Rooms")
        self.endpoints: dict[int, RecordingEndpoint] = {}
        self.ports: list[Any] = []

    async def configure(self, *rooms: str) -> None:
        """Store the rooms, their endpoints, and the authority of these."""
        world = self.world
        await world.configure(*rooms)
        certificate = CaCertificate(id=1, certificate=self.authority.pem.decode())
        await self.put(tables.CA_CERTIFICATE, certificate)
        profile = world.store.get(tables.MJX_INTEGRATION, 1)
        assert profile is not None
        sealed = world.store.vault.seal("secret", "mjx_integration/1/ep_password")
        await self.put(
            tables.MJX_INTEGRATION,
            replace(
                profile,
                ep_username="obtp",
                ep_password=sealed,
                ep_verify_certificate=True,
            ),
        )
        for number in range(1, len(rooms) + 1):
            await self.open(number)

    async def open(self, number: int) -> None:
        """Open the HTTPS port of a room's endpoint, and store its address."""
        endpoint = self.endpoints[number] = RecordingEndpoint()
        tls = self.authority.server(ips("127.0.0.1"))
        port = reactor.listenSSL(0, Site(endpoint), tls, interface="127.0.0.1")
        self.ports.append(port)
        record = self.world.store.get(tables.MJX_ENDPOINT, number)
        assert record is not None
        address, number_of_port = "127.0.0.1", port.getHost().port
        await self.put(
            tables.MJX_ENDPOINT,
            replace(record, api_address=address, api_port=number_of_port),
        )

    async def close(self) -> None:
        for port in self.ports:
            await port.stopListening()

    async def put(self, table: Any, record: Any) -> None:
        with self.world.store.transaction() as change:
            change.put(table, record)
            durable = change.commit()
        await durable

    async def shows(self, *titles: str, number: int = 1) -> None:
        """Read the rooms, and wait until an endpoint shows this and nothing else."""
        await self.world.read()
        endpoint = self.endpoints[number]
        await until(lambda: endpoint.titles == list(titles))

    def starts(self, number: int = 1) -> list[str]:
        return [b.Time.StartTime for b in self.endpoints[number].bookings]


@pytest_twisted.async_yield_fixture()
async def screens(tmp_path: Path) -> AsyncIterator[Screens]:
    world = RoomWorld(tmp_path, rooms_port=free_ports())
    await world.start()
    screens = Screens(world)
    yield screens
    await world.stop()
    await screens.close()


def shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest_twisted.ensureDeferred
async def test_a_meeting_moves_and_is_cancelled(screens: Screens) -> None:
    """The button appears, moves with the meeting, and is gone with its cancellation;
    no session is left behind."""
    await screens.configure(OAK)
    alice = screens.world.alice
    meeting = await alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await screens.shows("Plan")
    (booking,) = screens.endpoints[1].bookings
    assert (booking.Number, booking.Protocol, booking.MeetingPlatform) == (
        DIAL,
        "SIP",
        "Zoom",
    )
    assert booking.Organizer.Name == "Alice Archer"
    assert (booking.Time.StartTimeBuffer, booking.Time.Duration) == (300, 60)
    assert screens.starts() == [shown(AT_TEN)]
    await alice.move(meeting, AT_TEN + 2 * HOUR)
    await screens.world.read()
    await until(lambda: screens.starts() == [shown(AT_TEN + 2 * HOUR)])
    await alice.cancel(meeting)
    await screens.shows()
    await until(lambda: not screens.endpoints[1].sessions)


@pytest_twisted.ensureDeferred
async def test_private_meetings_and_meetings_without_a_button(screens: Screens) -> None:
    """A private meeting shows its organizer, and one in person has nothing to dial."""
    await screens.configure(OAK)
    alice = screens.world.alice
    await alice.invite(
        "Salaries", AT_TEN, body=ZOOM, resources=[OAK], sensitivity="Private"
    )
    await alice.invite("Lunch", AT_TEN + 3 * HOUR, body="At the bar", resources=[OAK])
    await screens.shows("Alice Archer", "Lunch")
    private, lunch = screens.endpoints[1].bookings
    assert (private.Privacy, private.Number) == ("Private", DIAL)
    assert (lunch.Privacy, lunch.Number, lunch.Protocol) == ("Public", "", "None")
    assert "Salaries" not in str(screens.endpoints[1].bookings)


@pytest_twisted.ensureDeferred
async def test_a_forwarded_meeting_and_two_services(screens: Screens) -> None:
    """A meeting whose text was forwarded from another, and one of two services, dial
    what stands above."""
    await screens.configure(OAK)
    alice = screens.world.alice
    older = "<p>From: Bob<br>Sent: Monday<br>https://zoom.us/j/1111111111</p>"
    await alice.invite("Again", AT_TEN, body=ZOOM + older, resources=[OAK])
    meet = "<p>https://meet.google.com/abc-defg-hij</p>"
    await alice.invite("Two", AT_TEN + 2 * HOUR, body=meet + ZOOM, resources=[OAK])
    await screens.shows("Again", "Two")
    assert [b.Number for b in screens.endpoints[1].bookings] == [DIAL, DIAL]


@pytest_twisted.ensureDeferred
async def test_a_series_over_a_change_of_clocks(screens: Screens) -> None:
    """Occurrences are at the local time on both sides of the change; a moved one moves
    alone, and a deleted one is gone."""
    world = screens.world
    world.now.time = datetime(2027, 3, 21, 8, tzinfo=AT_TEN.tzinfo)
    await screens.configure(OAK)
    first = datetime(2027, 3, 22, 9, tzinfo=AT_TEN.tzinfo)
    second = first + WEEK - HOUR
    await weekly(world, first)
    await screens.shows("Weekly", "Weekly")
    assert screens.starts() == [shown(first), shown(second)]

    def move() -> None:
        found = occurrence(world, second)
        found.start = ews_time(second + 3 * HOUR)
        found.end = ews_time(second + 4 * HOUR)
        found.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL)

    await world.at_exchange(move)
    await world.read()
    later = [shown(first), shown(second + 3 * HOUR)]
    await until(lambda: screens.starts() == later)

    def delete() -> None:
        occurrence(world, first).delete(send_meeting_cancellations=SEND_TO_ALL)

    await world.at_exchange(delete)
    await screens.shows("Weekly")
    assert screens.starts() == later[1:]


@pytest_twisted.ensureDeferred
async def test_two_rooms_of_one_meeting(screens: Screens) -> None:
    """Each room's endpoint shows it; one that was busy has it when it is back."""
    await screens.configure(OAK, ASH)
    screens.endpoints[2].mode = "503"
    alice = screens.world.alice
    await alice.invite("Plan", AT_TEN + DAY, body=ZOOM, resources=[OAK, ASH])
    await screens.shows("Plan")
    assert screens.endpoints[2].titles is None
    screens.endpoints[2].mode = ""
    report = await screens.world.daemon.one_touch.pusher.check(2)
    assert report.meetings == 1
    assert screens.endpoints[2].titles == ["Plan"]


@pytest_twisted.ensureDeferred
async def test_cancelled_while_the_daemon_was_down(tmp_path: Path) -> None:
    """After the next start, the screen loses the meeting as soon as the room is
    read."""
    world = RoomWorld(tmp_path)
    await world.start()
    screens = Screens(world)
    await screens.configure(OAK)
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await screens.shows("Plan")
    alice = world._alice
    await world.daemon.stopService()
    assert alice is not None
    await alice.cancel(meeting)
    again = screens.world = RoomWorld(tmp_path, world.sandbox, world.now)
    await again.start()
    await until(lambda: bool(again.daemon.one_touch.reading.readers))
    await screens.shows()
    await alice.close()
    await again.stop()
    await world._port.stopListening()
    await screens.close()


@pytest_twisted.ensureDeferred
async def test_an_endpoint_tells_of_its_loss(screens: Screens) -> None:
    """An endpoint that has lost its bookings, and posts that to the URL that it was
    given, has them again at once."""
    await screens.configure(OAK)
    await screens.world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await screens.shows("Plan")
    endpoint = screens.endpoints[1]
    await until(lambda: bool(endpoint.feedback))
    ((url, events),) = endpoint.feedback.values()
    assert events == ["/Event/Bookings/SyncRequired", "/Event/BootEvent"]
    endpoint.titles, endpoint.bookings = [], []
    pool = HTTPConnectionPool(reactor, persistent=False)
    client = treq.client.HTTPClient(Agent(reactor, pool=pool))
    event = b"<Event><Bookings><SyncRequired/></Bookings></Event>"
    for address, status in ((url + "0", 404), (url, 204)):
        answer = await client.post(address, data=event)
        await treq.content(answer)
        assert answer.code == status
    await until(lambda: endpoint.titles == ["Plan"])
    await until(lambda: not endpoint.sessions)
