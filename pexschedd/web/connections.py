"""The open connections of one HTTP server: how many, from where, and for how long.

A connection that has no complete request yet costs a descriptor and some memory, and
its client nothing. So such connections are bounded in number and in time, and when
there is no room the one that has been silent longest makes way for the next: a client
that means its request sends it at once.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

SWEEP_SECONDS = 1.0

CLOSING_SECONDS = 5.0
"""Seconds a client has to take the answer that closes its connection."""


class ConnectionCaps(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one server's connections; times in seconds."""

    most: int = 1000
    most_per_address: int = 250
    """Does not count for reverse proxies, nor for the addresses of this machine; behind
    the PROXY protocol it counts for the client."""
    head: float = 10.0
    """From the connection, or from a request's first byte, to the end of its head."""
    request: float = 60.0
    """From a request's first byte to its last."""


class Arriving(Protocol):
    """A connection, as far as its limits are concerned."""

    due: float | None
    """The time by which the current request must be complete; None while none is
    arriving."""

    @property
    def is_busy(self) -> bool:
        """True while a complete request is being answered."""

    @property
    def address(self) -> str:
        """The client's IP address; empty if it has none, as on a Unix socket."""

    def give_up(self) -> None:
        """Answer 408 and close the connection."""

    def abort(self) -> None:
        """Close the connection at once."""


class OpenConnections:
    """The register of a server's connections.

    `refused` is told of each connection that found no room; `is_proxy` tells whether an
    address is that of a reverse proxy, which has the connections of many.
    """

    _log = Logger()

    def __init__(
        self,
        caps: ConnectionCaps,
        clock: IReactorTime,
        refused: Callable[[], object] = lambda: None,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.caps = caps
        self.clock = clock
        self._refused = refused
        self._is_proxy = is_proxy
        self._open: dict[Arriving, str] = {}
        """By connection, the address that it was counted by: behind the PROXY protocol
        it gets another one when the first bytes have come."""
        self._by_address: dict[str, dict[Arriving, None]] = {}
        self._sweeps = LoopingCall(self.sweep)
        self._sweeps.clock = clock
        self._listening = 0

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        """Begin to watch the time limits; called once for each port."""
        self._listening += 1
        if not self._sweeps.running:
            self._sweeps.start(SWEEP_SECONDS, now=False)

    def stop(self) -> None:
        """Stop watching when the last port is closed."""
        self._listening -= 1
        if self._listening == 0 and self._sweeps.running:
            self._sweeps.stop()

    def add(self, connection: Arriving) -> bool:
        """Register a new connection; return False if there is no room for it."""
        address = connection.address
        same = self._by_address.setdefault(address, {})
        if self._has_bound(address) and len(same) >= self.caps.most_per_address:
            admitted = _make_room(same)
        elif len(self._open) >= self.caps.most:
            admitted = _make_room(self._open)
        else:
            admitted = True
        if not admitted:
            self._refused()
            self._forget_address(address)
            return False
        self._open[connection] = address
        same[connection] = None
        self._by_address[address] = same
        connection.due = self.clock.seconds() + self.caps.head
        return True

    def recount(self, connection: Arriving) -> bool:
        """Count a connection by the address that it has now: behind the PROXY protocol
        that is the client's, once the first bytes have come.

        Returns False if the client has too many; then the connection is closed.
        """
        before, address = self._open.get(connection), connection.address
        if before is None or before == address:
            return True
        same = self._by_address.setdefault(address, {})
        is_full = len(same) >= self.caps.most_per_address
        if self._has_bound(address) and is_full and not _make_room(same):
            self._refused()
            connection.abort()
            return False
        self._by_address[before].pop(connection, None)
        self._forget_address(before)
        self._open[connection] = address
        same[connection] = None
        return True

    def _has_bound(self, address: str) -> bool:
        return is_remote(address) and not self._is_proxy(address)

    def remove(self, connection: Arriving) -> None:
        """Forget a connection that is closed."""
        address = self._open.pop(connection, None)
        if address is not None:
            self._by_address[address].pop(connection, None)
            self._forget_address(address)

    def _forget_address(self, address: str) -> None:
        if not self._by_address.get(address):
            self._by_address.pop(address, None)

    def sweep(self) -> None:
        """Close the connections whose request has not arrived in time, and count those
        of a proxy's clients that have sent nothing but who they are."""
        now = self.clock.seconds()
        for connection, address in [*self._open.items()]:
            if connection.due is not None and not self._has_bound(address):
                self.recount(connection)
        for connection in [c for c in self._open if c.due is not None and c.due < now]:
            connection.due = now + CLOSING_SECONDS
            connection.give_up()


def _make_room(connections: dict[Arriving, Any]) -> bool:
    """Close the oldest connection that is not being answered, if there is one."""
    oldest = next((each for each in connections if not each.is_busy), None)
    if oldest is None:
        return False
    oldest.abort()
    connections.pop(oldest, None)
    return True


@lru_cache(maxsize=1024)
def is_remote(address: str) -> bool:
    """Return whether a text is the IP address of another machine."""
    found = _address(address)
    return found is not None and not found.is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
