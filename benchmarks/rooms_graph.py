"""`python -m benchmarks.rooms_graph [ROOMS]`: rooms over Graph, beside them over EWS.

The whole daemon reads so many rooms (200) of a sandbox Exchange, which is a process of
its own, over each in turn: the requests of a first reading, of one that finds nothing
new, and of one after every room had a change; what that is for a room and hour, and of
the default quota; and the processor time of a reading.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.__main__ import row
from benchmarks.many import main as run_process
from benchmarks.many import process
from benchmarks.rooms import (
    HOUR,
    booked,
    configure,
    put_profile,
    read_all,
    schedule_of,
)
from benchmarks.servers import daemon, reactor, ready
from pexschedd.model import tables
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.calendars.pace import DAY, interval_of
from pexschedd.onetouch.deployments import EXCHANGE, GRAPH
from pexschedd.sandbox.graph.signin.applications import GraphApplication

ROOMS = 200
MEETINGS = 5
QUOTA = 1_000_000
CHANGES_AN_HOUR = 1
"""Of each room, for the last rows."""
CLIENT, SECRET, DOMAIN = "rooms", "s3", "contoso.test"


async def exchange(rooms: str) -> Any:
    """A sandbox with so many rooms; changes a meeting of each when it is asked to."""
    box, meetings = booked(int(rooms), MEETINGS)
    box.graph.applications.add(
        GraphApplication(client_id=CLIENT, tenant=DOMAIN, secret=SECRET)
    )
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    ready(port=port.getHost().port)

    async def answer(_asked: dict[str, Any]) -> dict[str, Any]:
        for meeting in meetings.values():
            box.exchange.update(meeting, subject="Another plan")
        return {}

    return answer


async def reading(folder: str, rooms: str, url: str, kind: str) -> Any:
    """The daemon; reads all rooms once when it is asked to."""
    service = daemon(Path(folder))
    service.startService()
    await service.first_start
    ready(port=0)

    async def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if "configure" in asked:
            await (
                configure_graph(service.store, url, int(rooms))
                if kind == GRAPH.name
                else configure(service.store, url, int(rooms))
            )
        schedule = await schedule_of(service, int(rooms))
        counter = schedule.counter
        used, readings, spent = counter.used(), schedule.readings, process_time()
        if "configure" in asked:
            used = readings = 0  # some may have been read meanwhile
        await read_all(schedule, readings)
        done = schedule.readings - readings
        return {
            "requests": (counter.used() - used) / done,
            "processor": (process_time() - spent) / done,
            "failing": sum(bool(room.failures) for room in schedule.rooms.values()),
        }

    return answer


async def configure_graph(store: Any, url: str, rooms: int) -> None:
    secret = store.vault.seal(SECRET, "mjx_graph_deployment/1/client_secret")
    deployment = GraphDeployment(
        id=1,
        name="Bench",
        client_id=CLIENT,
        client_secret=secret,
        oauth_token_url=f"{url}/{DOMAIN}/oauth2/v2.0/token",
        graph_api_domain=url.removeprefix("http://"),
        request_quota=QUOTA,
    )
    with store.transaction() as change:
        change.put(tables.MJX_GRAPH_DEPLOYMENT, deployment)
        durable = change.commit()
    await durable
    profile = JoinProfile(id=1, name="Bench", graph_deployment=1)
    await put_profile(store, profile, rooms)


def measure(rooms: int, kind: str) -> list[dict[str, float]]:
    """Measure a first reading, an idle one and one after a change."""
    module = "benchmarks.rooms_graph"
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
        process("exchange", str(rooms), module=module) as box,
    ):
        url = f"http://127.0.0.1:{box['port']}"
        with process("reading", folder, str(rooms), url, kind, module=module) as facts:
            first = facts["ask"](configure=True)
            idle = facts["ask"]()
            box["ask"]()
            changed = facts["ask"]()
    if first["failing"] or idle["failing"] or changed["failing"]:
        raise SystemExit("some rooms could not be read")
    return [first, idle, changed]


def main(rooms: int) -> None:
    row(f"{rooms} rooms, {MEETINGS} meetings each", "Graph", "EWS", "", "goal")
    over = {kind.name: measure(rooms, kind.name) for kind in (GRAPH, EXCHANGE)}
    graph, ews = over[GRAPH.name], over[EXCHANGE.name]
    goals = ("", "<= 1", "<= 2")
    for n, what in enumerate(("the first reading", "nothing new", "one meeting new")):
        row(
            f"requests for the quota: {what}",
            f"{graph[n]['requests']:.2f}",
            f"{ews[n]['requests']:.2f}",
            goal=goals[n],
        )
        row(
            "  processor time",
            f"{graph[n]['processor'] * 1000:.2f} ms",
            f"{ews[n]['processor'] * 1000:.2f} ms",
            f"{graph[n]['processor'] / ews[n]['processor']:.2f}",
        )
    for count in (100, 500, 5000):
        row(*quota_row(count, graph), goal="<= 1")


def quota_row(
    rooms: int, measured: list[dict[str, float]]
) -> tuple[str, str, str, str]:
    """The requests for a room and hour, and of the quota in a day, if each room changes
    as often as `CHANGES_AN_HOUR`, once the interval has settled."""
    _, idle, changed = (each["requests"] for each in measured)
    hourly = daily = interval = 0.0
    for _ in range(200):
        settled = interval_of(rooms * idle, QUOTA, int(daily))
        interval = (interval + settled) / 2 if interval else settled
        hourly = HOUR / interval * idle + CHANGES_AN_HOUR * (changed - idle)
        daily = rooms * hourly * DAY / HOUR
    what = f"requests for a room and hour, of {rooms} rooms"
    return what, f"{hourly:.1f}", f"{interval:.0f} s", f"{daily / QUOTA:.2f}"


PROCESSES: dict[str, Callable[..., Any]] = {"exchange": exchange, "reading": reading}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PROCESSES:
        run_process(PROCESSES)
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROOMS)
