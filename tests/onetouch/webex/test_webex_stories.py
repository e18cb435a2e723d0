"""Meetings that Alice books at an independent client, on a device of the Webex cloud.

The whole daemon, a sandbox Exchange, and a stand-in of the cloud behind real HTTPS with
a certificate for Webex's own host, which a web proxy leads to.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.web.server import Site

from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate
from tests.net.net_support import Authority, dns
from tests.net.proxy_support import Proxies
from tests.onetouch.calendars.room_world import DIAL, OAK, ZOOM, RoomWorld
from tests.onetouch.webex.webex_cloud import REDIRECT_URI, WebexStandIn
from tests.stories.story_terms import AT_TEN, HOUR
from tests.turns import some_turns, until

reactor: Any = _reactor
ADMINISTRATOR = 1


class Cloud:
    """The stand-in at `webexapis.com`, and the way there."""

    def __init__(self) -> None:
        self.webex = WebexStandIn()
        self.authority = Authority("Webex")
        tls = self.authority.server(dns("webexapis.com"))
        site = Site(self.webex)
        self._port: Any = reactor.listenSSL(0, site, tls, interface="127.0.0.1")
        self.proxies = Proxies()
        self.proxies.target = self._port.getHost().port
        self._proxy: Any = reactor.listenTCP(0, self.proxies, interface="127.0.0.1")
        self.config: dict[str, Any] = {
            "proxy": {
                "url": f"http://127.0.0.1:{self._proxy.getHost().port}",
                "bypass": ["127.0.0.1"],
            }
        }

    async def stop(self) -> None:
        await self._proxy.stopListening()
        await self._port.stopListening()

    def starts(self) -> list[str]:
        found = self.webex.devices["device-1"].bookings
        return [booking.Time.StartTime for booking in found]


async def configure(world: RoomWorld, cloud: Cloud) -> None:
    """Store a room with a device, and the registration at Webex."""
    await world.configure(OAK)
    store, profile, endpoint = (
        world.store,
        world.store.get(tables.MJX_INTEGRATION, 1),
        world.store.get(tables.MJX_ENDPOINT, 1),
    )
    assert profile is not None
    assert endpoint is not None
    secret = store.vault.seal("client-secret", "mjx_integration/1/webex_client_secret")
    records: list[tuple[Any, Any]] = [
        (
            tables.MJX_INTEGRATION,
            replace(
                profile,
                use_webex=True,
                webex_client_id="client",
                webex_client_secret=secret,
                webex_redirect_uri=REDIRECT_URI,
            ),
        ),
        (
            tables.MJX_ENDPOINT,
            replace(endpoint, endpoint_type="WEBEX", webex_device_id="device-1"),
        ),
        (
            tables.CA_CERTIFICATE,
            CaCertificate(id=1, certificate=cloud.authority.pem.decode()),
        ),
    ]
    for table, record in records:
        with store.transaction() as change:
            change.put(table, record)
            durable = change.commit()
        await durable


async def sign_in(world: RoomWorld, cloud: Cloud) -> str:
    """Sign the profile in as an administrator does; return what went wrong."""
    sign_ins = world.daemon.one_touch.webex.sign_ins
    link = sign_ins.begin(1, ADMINISTRATOR)
    answer = cloud.webex.grant(link.url)
    return (await sign_ins.finish(answer, ADMINISTRATOR)).problem


async def shows(world: RoomWorld, cloud: Cloud, *titles: str) -> None:
    """Read the room, and wait until its device shows this and nothing else."""
    await world.read()
    device = cloud.webex.devices["device-1"]
    await until(lambda: device.titles == list(titles))


@pytest_twisted.async_yield_fixture()
async def cloud() -> AsyncIterator[Cloud]:
    cloud = Cloud()
    yield cloud
    await cloud.stop()


@pytest_twisted.ensureDeferred
async def test_a_meeting_moves_and_is_cancelled(tmp_path: Path, cloud: Cloud) -> None:
    """After the sign-in the button appears, moves with the meeting, and is gone with
    its cancellation, even one while the daemon was down."""
    world = RoomWorld(tmp_path, **cloud.config)
    await world.start()
    await configure(world, cloud)
    await some_turns()
    assert await sign_in(world, cloud) == ""
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await shows(world, cloud, "Plan")
    (booking,) = cloud.webex.devices["device-1"].bookings
    assert (booking.Number, booking.Organizer.Name) == (DIAL, "Alice Archer")
    assert (booking.Time.StartTimeBuffer, booking.Time.Duration) == (300, 60)
    later = AT_TEN + 2 * HOUR
    await world.alice.move(meeting, later)
    await world.read()
    await until(lambda: cloud.starts() == [later.strftime("%Y-%m-%dT%H:%M:%SZ")])
    assert all("CONNECT webexapis.com:443" in each for each in cloud.proxies.requests)
    await world.daemon.stopService()
    await world.alice.cancel(meeting)
    again = RoomWorld(tmp_path, world.sandbox, world.now, **cloud.config)
    await again.start()
    await until(lambda: bool(again.daemon.one_touch.reading.readers))
    await shows(again, cloud)
    await world.alice.close()
    await again.stop()
    await world._port.stopListening()
