"""The webhook's route on a socket, and notifications that are posted to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from pexschedd.errors import MailboxError
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.notifications.graph_notifications import graph_notifications
from pexschedd.graph.notifications.webhooks import GraphWebhooks, WebhookAddress
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.scheduling.ports.notifications import Notifications
from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups
from pexschedd.web.site import HttpSite
from pexschedd.web.webhooks.change_notifications import (
    GROUP,
    change_notification_group,
)
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import CLIENT, EQUIPMENT
from tests.turns import until

reactor = cast(Any, global_reactor)
KEY = "Zm9v-YmFyYmF6cXV4cXV1eA"


class WebhookSite:
    """The daemon's public site with the one route; `clock` measures its patience."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.webhooks = GraphWebhooks(self.clock)
        group = change_notification_group(self.webhooks.find, self.clock.seconds)
        root = AddinRouteGroups(Resource(), group)
        self._port = reactor.listenTCP(
            0, HttpSite(root, reactor, None), interface="127.0.0.1"
        )
        port = self._port.getHost().port
        self.base = f"http://127.0.0.1:{port}{PREFIX}/1/{GROUP}/"
        """The address without its key."""

    def address(self, key: str = KEY) -> WebhookAddress:
        return WebhookAddress(integration=1, url=self.base + key, key=key)

    async def close(self) -> None:
        if self._port.connected:
            await self._port.stopListening()


class Listening:
    """Listens to the equipment mailbox, and counts what it is told."""

    def __init__(self, world: GraphWorld, site: WebhookSite) -> None:
        self.world = world
        self.site = site
        self.clock = Clock()
        self.arrived = self.alive = 0
        self.states: list[str] = []
        account = GraphAccount(
            domain=world.domain,
            client_id=CLIENT,
            tokens=world.tokens,
            integration=1,
            network=Network(reactor, Trust()),
            clock=self.clock,
        )
        self.notifications: Notifications = graph_notifications(
            account,
            EQUIPMENT,
            site.webhooks,
            site.address(),
            now=lambda: world.sandbox.moment,
            random=self._random,
            throttle=world.throttle(),
        )
        self.over: Deferred[MailboxError | None] = Deferred()

    def _random(self, size: int) -> str:
        self.states.append(f"secret number {len(self.states)} of {size} bytes")
        return self.states[-1]

    def listen(self) -> None:
        async def listen() -> MailboxError | None:
            try:
                await self.notifications.listen(self._arrived, self._alive)
            except MailboxError as error:
                return error
            return None

        self.over = Deferred.fromCoroutine(listen())

    def _arrived(self) -> None:
        self.arrived += 1

    def _alive(self) -> None:
        self.alive += 1

    async def begun(self) -> None:
        alive = self.alive
        self.listen()
        await until(lambda: self.alive > alive or self.over.called)
        assert not self.over.called

    def later(self, **span: float) -> None:
        """Time passes here and there."""
        passed = timedelta(**span)
        self.world.sandbox.moment += passed
        self.clock.advance(passed.total_seconds())


def counted(world: GraphWorld, name: str) -> Callable[[], int]:
    return lambda: world.sandbox.calls[f"Graph{name}Subscription"]
