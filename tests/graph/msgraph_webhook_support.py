"""The webhook's route on a socket, and notifications that are posted to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from pexschedd.errors import MailboxError
from pexschedd.graph.notifications.graph_notifications import GraphNotifications
from pexschedd.graph.notifications.webhooks import GraphWebhooks, WebhookAddress
from pexschedd.scheduling.ports.notifications import Notifications
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups
from pexschedd.web.site import HttpSite
from pexschedd.web.webhooks.change_notifications import (
    GROUP,
    ChangeNotificationRoutes,
)
from tests.graph.msgraph_support import GraphWorld
from tests.turns import until

reactor = cast(Any, global_reactor)
KEY = "Zm9v-YmFyYmF6cXV4cXV1eA"


class WebhookSite:
    """The daemon's public site with the one route; `clock` measures its patience."""

    def __init__(self, per_address: Rate = NO_BOUND) -> None:
        self.clock = Clock()
        self.webhooks = GraphWebhooks(self.clock)
        rates = RequestRates(NO_BOUND, per_address, self.clock.seconds)
        routes = ChangeNotificationRoutes(self.webhooks.find, rates)
        root = AddinRouteGroups(Resource(), {GROUP: routes.app.resource()})
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

    def __init__(self, world: GraphWorld, site: WebhookSite, **client: Any) -> None:
        self.world = world
        self.site = site
        self.clock = Clock()
        self.arrived = self.alive = 0
        self.states: list[str] = []
        self.notifications: Notifications = GraphNotifications(
            world.client(**client),
            site.webhooks,
            site.address(),
            clock=self.clock,
            now=lambda: world.sandbox.moment,
            random=self._random,
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
