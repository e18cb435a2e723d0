"""`python -m benchmarks.endpoints`: what looking at Cisco endpoints costs, and pushing.

The endpoint is a process of its own behind a real HTTPS port. What is told is our own
processor time, beside that of one bare request over a connection of its own.
"""

import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.web.server import Site

from pexschedd.net.http_pool import HttpPool
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.bookings_put import put_command
from pexschedd.onetouch.cisco.delivery import hand_over, look_at
from pexschedd.onetouch.cisco.session import EndpointSession, connect_by
from pexschedd.onetouch.pushing.bookings import RoomBooking, bookings_of
from pexschedd.onetouch.pushing.pace import MOST_LOOKS
from pexschedd.onetouch.pushing.software import Software
from pexschedd.util.body_reader import read_beginning
from tests.net.net_support import Authority, ips
from tests.onetouch.cisco.cisco_endpoint import RecordingEndpoint
from tests.onetouch.cisco.cisco_support import screen_meeting

reactor: Any = _reactor
COUNT = 200
ROUNDS = 3
MEETINGS = 50


def serve() -> None:
    """Be an endpoint until standard input ends."""
    tls = Authority("Rooms").server(ips("127.0.0.1"))
    site = Site(RecordingEndpoint())
    port = reactor.listenSSL(0, site, tls, interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.callInThread(lambda: (sys.stdin.read(), reactor.callFromThread(stop)))
    reactor.run()


def stop() -> None:
    reactor.stop()


class Measured:
    """The things that are measured, against one endpoint."""

    def __init__(self, port: int) -> None:
        self._network = Network(reactor, Trust())
        self._connect = connect_by(self._network)
        self._access = EndpointAccess(
            "https", "127.0.0.1", port, False, False, "obtp", "secret"
        )
        self._bookings = meetings(MEETINGS)

    async def bare(self) -> None:
        client = self._connect(self._access, HttpPool(reactor))
        path = "/getxml?location=/Status/SystemUnit"
        response: Any = await client.get(self._access.address + path)
        await read_beginning(response, 1000)

    async def look(self) -> None:
        async with EndpointSession(self._connect, self._access, reactor) as session:
            await look_at(session, datetime.now(UTC))

    async def push(self) -> None:
        async with EndpointSession(self._connect, self._access, reactor) as session:
            await session.begin()
            seen = await look_at(session, datetime.now(UTC))
            await hand_over(session, self._bookings, seen.software)


def meetings(count: int) -> tuple[RoomBooking, ...]:
    now = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=12)
    listed = [screen_meeting(n, item_id=str(n)) for n in range(count)]
    return bookings_of(listed, now)


async def cost(work: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds of processor time, the best of some rounds."""
    found = []
    for _ in range(ROUNDS):
        before = time.process_time()
        for _ in range(COUNT):
            await work()
        found.append((time.process_time() - before) * 1000 / COUNT)
    return min(found)


async def measure(port: int) -> None:
    measured = Measured(port)
    await measured.push()
    bare, look, push = [
        await cost(work) for work in (measured.bare, measured.look, measured.push)
    ]
    before = time.process_time()
    for _ in range(COUNT):
        put_command(meetings(MEETINGS), Software())
    encoding = (time.process_time() - before) * 1000 / COUNT
    for what, milliseconds in (
        ("a bare request, connection included", bare),
        ("a look", look),
        (f"a push of {MEETINGS} meetings", push),
        ("of that for making what is sent", encoding),
    ):
        print(f"{what:<38} {milliseconds:6.2f} ms {milliseconds / bare:5.1f}")
    print(
        f"{MOST_LOOKS:g} looks a second, of a processor {MOST_LOOKS * look / 10:9.1f} %"
    )


def main() -> None:
    command = [sys.executable, "-m", "benchmarks.endpoints", "serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as endpoint:
        assert endpoint.stdout is not None
        assert endpoint.stdin is not None
        port = int(endpoint.stdout.readline())
        done = Deferred.fromCoroutine(measure(port))
        done.addErrback(lambda failure: failure.printTraceback())
        done.addBoth(lambda _: reactor.stop())
        reactor.run()
        endpoint.stdin.close()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
