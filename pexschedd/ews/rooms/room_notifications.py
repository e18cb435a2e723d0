"""The notifications of a deployment's rooms over Exchange Web Services.

Implements `RoomNotifications` of `onetouch.ports.room_notifications`.
"""

from collections.abc import Awaitable, Callable

from pexschedd.ews.rooms.room_stream import EwsRoomStream
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.hearing import MINUTES
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import choose_authenticator, target_of
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import Throttles
from pexschedd.onetouch.ports.room_notifications import RoomServer


class EwsRoomNotifications:
    """`find_server` returns the server of a room, and `account_at` the account that
    signs in at an EWS URL. Each stream has a connection of its own."""

    def __init__(
        self,
        find_server: Callable[[str], Awaitable[RoomServer]],
        account_at: Callable[[str], EwsAccount],
        *,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        minutes: int = MINUTES,
    ) -> None:
        self._find_server = find_server
        self._account_at = account_at
        self._throttles = throttles
        self._observer = observer
        self._minutes = minutes

    async def server(self, room: str) -> RoomServer:
        """Return the server of a room, with its group."""
        return await self._find_server(room)

    def stream(self, server: RoomServer) -> EwsRoomStream:
        """Return a stream from a server."""
        account = self._account_at(server.url)
        clock = account.clock or account.network.reactor
        channel = SubscriptionChannel(
            account.url,
            choose_authenticator(account),
            network=account.network,
            clock=clock,
            limits=account.limits,
        )
        return EwsRoomStream(
            channel,
            target_of(account, ""),
            clock=clock,
            throttles=self._throttles,
            observer=self._observer,
            heavy_work=account.heavy_work,
            minutes=self._minutes,
        )
