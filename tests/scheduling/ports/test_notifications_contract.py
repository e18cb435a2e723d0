"""What every implementation of notifications promises: by streaming and by pulling over
EWS, and by the webhook of Graph, against the sandbox on real sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from pexschedd.errors import MailboxError
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.graph.notifications.graph_notifications import GraphNotifications
from pexschedd.scheduling.ports.notifications import Notifications
from tests.ews.ews_exchange import EQUIPMENT, Exchange
from tests.graph.msgraph_support import GraphWorld
from tests.graph.msgraph_webhook_support import WebhookSite

reactor = cast(Any, global_reactor)
EVERY = 5.0


class Server:
    """Notifications of the equipment mailbox, and what they have told.

    `invite` brings a message into it, `refuse` makes the server refuse one
    subscription; `left` counts what the server keeps of us.
    """

    def __init__(
        self,
        notifications: Notifications,
        clock: Clock,
        invite: Callable[[], object],
        refuse: Callable[[], object],
        left: Callable[[], int],
        turn: Callable[[], object] = lambda: None,
    ) -> None:
        self.notifications = notifications
        self.clock = clock
        self.invite = invite
        self.refuse = refuse
        self.left = left
        self._turn = turn
        self.arrived = self.alive = 0

    def listen(self) -> "Deferred[MailboxError | None]":
        def arrived() -> None:
            self.arrived += 1

        def alive() -> None:
            self.alive += 1

        async def listen() -> MailboxError | None:
            try:
                await self.notifications.listen(arrived, alive)
            except MailboxError as error:
                return error
            return None

        return Deferred.fromCoroutine(listen())

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(400):
            if holds():
                return
            await self.turn()
        raise AssertionError(f"{self.alive} signs, {self.arrived} arrivals")

    async def turn(self) -> None:
        await deferLater(reactor, 0.005)
        self._turn()


def over_ews(
    *, pull: bool
) -> Callable[[], Awaitable[tuple[Server, Callable[[], Awaitable[None]]]]]:
    async def make() -> tuple[Server, Callable[[], Awaitable[None]]]:
        exchange = Exchange()
        clock = Clock()
        account, options = exchange.split({"clock": clock})
        notifications = ews_notifications(
            account,
            EQUIPMENT,
            pull_every=(lambda: EVERY) if pull else None,
            **options,
        )

        def turn() -> None:
            cast(Any, exchange.sandbox._clock).advance(0)
            clock.advance(EVERY if pull else 0)

        server = Server(
            notifications,
            clock,
            exchange.invite,
            lambda: exchange.misbehave(
                operation="Subscribe", kind="ErrorExceededSubscriptionCount", times=1
            ),
            lambda: (
                exchange.sandbox.calls["Subscribe"]
                - exchange.sandbox.calls["Unsubscribe"]
            ),
            turn,
        )
        return server, exchange.close

    return make


async def over_graph() -> tuple[Server, Callable[[], Awaitable[None]]]:
    world, site = GraphWorld(), WebhookSite()
    clock = Clock()
    notifications = GraphNotifications(
        world.client(),
        site.webhooks,
        site.address(),
        clock=clock,
        now=lambda: world.sandbox.moment,
        random=lambda size: "r" * size,
    )
    server = Server(
        notifications,
        clock,
        world.sandbox.invite,
        lambda: world.misbehave(
            operation="GraphCreateSubscription", kind="graph-BadRequest", times=1
        ),
        lambda: len(world.sandbox.graph.subscriptions.all()),
    )

    async def close() -> None:
        await world.close()
        await site.close()

    return server, close


MAKERS = {
    "ews-stream": over_ews(pull=False),
    "ews-pull": over_ews(pull=True),
    "graph-webhook": over_graph,
}


@pytest_twisted.async_yield_fixture(params=MAKERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    server, close = await MAKERS[request.param]()
    yield server
    await server.notifications.close()
    await close()
    assert not server.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_tells_of_what_arrives(server: Server) -> None:
    """The first sign of life comes without any mail; then every mail is told."""
    server.listen()
    await server.until(lambda: server.alive >= 1)
    assert server.arrived == 0
    server.invite()
    await server.until(lambda: server.arrived == 1)
    server.invite()
    await server.until(lambda: server.arrived == 2)


@pytest_twisted.ensureDeferred
async def test_closing_ends_the_listening(server: Server) -> None:
    """At once, without anything left at the server; closing again does nothing."""
    over = server.listen()
    await server.until(lambda: server.alive >= 1)
    await server.notifications.close()
    await server.until(lambda: over.called)
    assert server.left() == 0
    await server.notifications.close()


@pytest_twisted.ensureDeferred
async def test_a_refused_subscription(server: Server) -> None:
    """The error says what the server said; nothing was alive. Later it works."""
    server.refuse()
    over = server.listen()
    await server.until(lambda: over.called)
    error = await over
    assert error is not None
    assert error.message
    assert server.alive == 0
    server.listen()
    await server.until(lambda: server.alive >= 1)
    server.invite()
    await server.until(lambda: server.arrived == 1)


@pytest_twisted.ensureDeferred
async def test_cancelling_ends_the_listening(server: Server) -> None:
    """No timer goes on, and it can be closed."""
    over = server.listen()
    await server.until(lambda: server.alive >= 1)
    over.addErrback(lambda _: None)
    over.cancel()
    await server.until(lambda: over.called)
