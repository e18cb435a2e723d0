"""Rooms with devices of the Webex cloud, and the service that sends them their lists
over real HTTPS.

The clock stands until a test turns it; the store and the sockets go by the real
reactor.
"""

from functools import cache
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.web.iweb import IAgent
from twisted.web.server import Site
from zope.interface import implementer

from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.net.http_client import http_client
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.onetouch.webex.parts import WebexParts
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from tests.net.net_support import Authority, ips
from tests.onetouch.cisco.rooms import Rooms, reactor
from tests.onetouch.onetouch_support import templates
from tests.onetouch.webex.webex_cloud import REDIRECT_URI, WebexStandIn, gone

authority = cache(lambda: Authority("Webex"))
"""The one whose certificates are trusted."""


class WebexRooms(Rooms):
    """Rooms 1 to n with devices `device-1` to `device-n`, of one profile."""

    def __init__(self, folder: Path, rooms: int = 1, names: Any = None) -> None:
        self.cloud = WebexStandIn(rooms)
        tls = authority().server(ips("127.0.0.1") if names is None else names)
        site = Site(self.cloud)
        self._port: Any = reactor.listenSSL(0, site, tls, interface="127.0.0.1")
        self._random = 0
        super().__init__(folder, 0)

    def open(self) -> None:
        self.cloud.seconds = self.clock.seconds
        self.store = Store.open(
            self.folder, tables.TABLES, reactor=reactor, failed=_failed
        )
        self.alarms = Alarms(self.store, self.now)
        network = Network(reactor, Trust([("test", authority().pem)]))
        port = self._port.getHost().port
        self.parts = WebexParts(
            self.store,
            RoomLists(self.store, self.now, templates()),
            self.alarms,
            http_client(_Way(self, network.agent()), reactor),
            clock=cast(Any, self.clock),
            now=self.now,
            chance=lambda: 0.5,
            random=self._random_text,
            count_visit=lambda *visit: self.visits.append(visit),
            base_of=lambda domain: f"https://{domain}:{port}",
        )
        self.pusher = self.parts.pusher

    def _random_text(self, length: int) -> str:
        self._random += 1
        return f"{self._random:0{-(-length * 4 // 3)}}"

    def _watch_clocks(self) -> None:
        self.cloud.seconds = self.clock.seconds

    async def configure(self, **profile: Any) -> None:
        """Store a profile that has signed in, a group and the endpoints."""
        token = self.cloud.new_refresh_token()
        given: dict[str, Any] = {
            "exchange_deployment": 1,
            "use_webex": True,
            "webex_api_domain": "127.0.0.1",
            "webex_client_id": "client",
            "webex_client_secret": self.secret("client_secret", "client-secret"),
            "webex_redirect_uri": REDIRECT_URI,
            "webex_refresh_token": self.secret("refresh_token", token),
        }
        await self.put(
            tables.MJX_INTEGRATION,
            JoinProfile(id=1, name="Head office", **given | profile),
        )
        await self.put(
            tables.MJX_ENDPOINT_GROUP,
            EndpointGroup(id=1, name="Floor 1", mjx_integration=1),
        )
        for number in range(1, len(self.cloud.devices) + 1):
            await self.put_endpoint(number)

    async def put_endpoint(self, number: int, **fields: Any) -> None:
        given: dict[str, Any] = {
            "name": f"Room {number}",
            "room_resource_email": f"Room{number}@example.test",
            "mjx_endpoint_group": 1,
            "endpoint_type": "WEBEX",
            "webex_device_id": f"device-{number}",
        }
        await self.put(tables.MJX_ENDPOINT, Endpoint(id=number, **given | fields))

    def secret(self, field: str, text: str) -> str:
        return self.sealed(text, f"mjx_integration/1/webex_{field}")

    @property
    def profile(self) -> JoinProfile:
        found = self.store.get(tables.MJX_INTEGRATION, 1)
        assert found is not None
        return found

    def refresh_token(self) -> str:
        """The stored one; empty if there is none."""
        sealed, context = (
            self.profile.webex_refresh_token,
            "mjx_integration/1/webex_refresh_token",
        )
        return self.store.vault.unseal(sealed, context) if sealed else ""

    def titles(self, number: int = 1) -> list[str] | None:
        return self.cloud.devices[f"device-{number}"].titles

    def hanging(self) -> int:
        return self.cloud.hangs()

    async def close(self) -> None:
        await super().close()
        if self._port is not None:
            await self.hang_up()
            await self._port.stopListening()

    async def again(self) -> None:
        """End the daemon in order, and start another one."""
        await super().close()
        self.open()
        await self.start()

    async def hang_up(self) -> None:
        """Lose the connections of requests that wait for their answers."""
        for request in self.cloud.hanging:
            if not request._disconnected:
                lost = gone(request)
                request.transport.abortConnection()
                await lost


@implementer(IAgent)
class _Way:
    """The real network, until the daemon is killed."""

    def __init__(self, rooms: WebexRooms, agent: IAgent) -> None:
        self._rooms = rooms
        self._agent = agent

    def request(self, *arguments: Any) -> Deferred[Any]:
        if self._rooms.killed:
            return Deferred()
        sent: Deferred[Any] = self._agent.request(*arguments)
        return sent


def _failed(error: Any) -> None:
    raise error
