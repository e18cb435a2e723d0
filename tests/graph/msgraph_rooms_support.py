"""A sandbox with rooms that answer by themselves, and our client that reads them over
Graph."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from twisted.internet.task import Clock

from pexschedd.exchange.throttle import Throttles
from pexschedd.graph.client import CONCURRENCY
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.rooms.rooms import GraphRooms
from pexschedd.graph.transport import GraphLimits, GraphTransport
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Account
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from tests.ews.ews_rooms_support import ELM, OAK, RoomExchange, reactor
from tests.sandbox.graph.graph_support import CLIENT, SECRET, TENANT

ROLE = MailboxGrant(role="Calendars.Read", mailboxes=(OAK, ELM))


class TenantTokens:
    """Tokens of the sandbox's own making."""

    def __init__(self, world: "RoomTenant") -> None:
        self._world = world
        self._token = ""

    async def token(self) -> str:
        if not self._token:
            self._token = self._world.token()
        return self._token

    def rejected(self, _token: str) -> None:
        self._token = ""

    def challenged(self, _token: str, _claims: str) -> None:
        self._token = ""


class RoomTenant(RoomExchange):
    """A `RoomExchange` whose rooms an application may read: Oak and Elm."""

    def __init__(self, *rooms: Account) -> None:
        super().__init__(*rooms)
        self.sandbox._clock = reactor
        self.clock = Clock()
        """The clock of pauses."""
        self.throttles = Throttles(self.clock, lambda: 0.0, concurrency=CONCURRENCY)
        self.over_graph: list[GraphRooms] = []
        self.grant(ROLE)

    def grant(self, *grants: MailboxGrant) -> None:
        """Give the application these roles alone."""
        self.sandbox.graph.applications.add(
            GraphApplication(
                client_id=CLIENT, tenant=TENANT, secret=SECRET, grants=grants
            )
        )

    def token(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": "https://graph.microsoft.com/.default",
        }
        answer = self.sandbox.graph.token(
            TENANT,
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
            "application/x-www-form-urlencoded",
            urlencode(form).encode(),
        )
        token: str = msgspec.json.decode(answer.body)["access_token"]
        return token

    def graph_rooms(
        self,
        *,
        limits: GraphLimits = GraphLimits(),  # noqa: B008 - frozen
        batched: Callable[[int], None] = lambda _count: None,
        **options: Any,
    ) -> GraphRooms:
        domain = self.base.removeprefix("http://")
        rooms = GraphRooms(
            GraphTransport(
                domain, network=Network(reactor, Trust()), clock=reactor, limits=limits
            ),
            TenantTokens(self),
            GraphTarget(domain, "", CLIENT),
            batched=batched,
            **{"throttles": self.throttles} | options,
        )
        self.over_graph.append(rooms)
        return rooms

    def later(self, **span: float) -> None:
        """Let time pass, by the wall clock and for pauses."""
        self.moment += timedelta(**span)
        self.clock.advance(timedelta(**span).total_seconds())

    async def close(self) -> None:
        for each in self.over_graph:
            await each.close()
        await super().close()
