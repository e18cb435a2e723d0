"""`python -m benchmarks.rooms`: what reading 5,000 rooms costs, beside 500.

First a part of a day in simulated time, with rooms in memory: the calls, by the default
quota, and the processor time of planning, judging and storing. Then the whole daemon
and a sandbox Exchange, in processes of their own: processor time and memory, beside a
bare request over the same connections; and the add-in's requests while rooms are read.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from benchmarks import load
from benchmarks.__main__ import ADDIN, identity_token, row
from benchmarks.many import main as run_process
from benchmarks.many import process
from benchmarks.servers import daemon, put_integration, reactor, ready
from pexschedd.clock import system_now
from pexschedd.ews.rooms.calendar_items import build_listing
from pexschedd.ews.streaming.hearing import MINUTES
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import open_transport
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Account, Sandbox, default_accounts
from pexschedd.sandbox.notifications.subscriptions import SubscriptionLimits
from tests.onetouch.calendars.memory_rooms import MemoryNotifications
from tests.onetouch.calendars.reading_support import Reading, item

SIZES = (500, 5000)
MEETINGS = 1
HOUR, DAY = 3600.0, 86_400.0
SIMULATED = 2160.0
"""Seconds: five intervals of 5,000 rooms, and one new stream for each."""
STEP = 4
BARE = 300
BOOKINGS = 500
OTJ = "otj@example.test"
BODY = "<p>Join: https://zoom.us/j/1234567890</p>"
ROUNDS = 3


def address(number: int) -> str:
    return f"room-{number}@example.test"


# A part of a day


async def simulated(rooms: int, *, reported: bool) -> None:
    """Rooms in memory, each of which changes once an hour."""
    with tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder:
        notifications = MemoryNotifications() if reported else None
        r = Reading(Path(folder), notifications=notifications)
        await r.configure()
        await put_endpoints(r.store, rooms)
        for number in range(1, rooms + 1):
            for meeting in range(MEETINGS):
                r.rooms.put(address(number), item(f"{number}-{meeting}"))
        await r.start()
        # Until every room was read, with what is new to them all.
        await r.pass_time(r.reader.interval + 30, 5)
        r.rooms.listed.clear()
        spent = process_time()
        changed = 0
        streams = {}
        if notifications is not None:
            streams = {e: s for s in notifications.streams for e in s.rooms}
        since_opened = 0
        for second in range(0, int(SIMULATED), STEP):
            while changed < rooms * second / HOUR:
                changed += 1
                email = address(changed % rooms + 1)
                r.rooms.put(email, item(f"{changed % rooms + 1}-0"))
                if email in streams:
                    streams[email].tell(email)
            since_opened += STEP
            if since_opened >= 60 * MINUTES and notifications is not None:
                since_opened = 0
                for stream in notifications.streams:
                    stream.end()
            await r.pass_time(STEP, STEP)
        spent = process_time() - spent
        calls = len(r.rooms.listed)
        how = "reported" if reported else "polled"
        row(
            f"{rooms} rooms, {how}: calls a day",
            f"{calls * DAY / SIMULATED:,.0f}",
            f"{r.reader.quota():,}",
            f"{calls * DAY / SIMULATED / r.reader.quota():.2f}",
            "<= 1",
        )
        row("  interval of a room", f"{DAY / (calls * DAY / SIMULATED / rooms):.0f} s")
        row("  of a processor, without Exchange", f"{spent / SIMULATED:.2%}")
        await r.stop()


async def put_endpoints(store: Any, rooms: int) -> None:
    for start in range(1, rooms + 1, 500):
        with store.transaction() as change:
            for number in range(start, min(start + 500, rooms + 1)):
                endpoint = Endpoint(
                    id=number,
                    name=f"Room {number}",
                    room_resource_email=address(number),
                    mjx_endpoint_group=1,
                    endpoint_type="POLY",
                )
                change.put(tables.MJX_ENDPOINT, endpoint)
            durable = change.commit()
        await durable


def part_of_a_day() -> None:
    for rooms, reported in ((500, False), (5000, False), (5000, True)):
        in_reactor(simulated(rooms, reported=reported))


def in_reactor(work: Any) -> Any:
    """Run the reactor until this is done; return its result."""
    results: list[Any] = []
    done = Deferred.fromCoroutine(work)
    done.addBoth(results.append)
    done.addBoth(lambda _: reactor.callLater(0, reactor.crash))
    reactor.run()
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


# The daemon and its Exchange


async def exchange(rooms: str) -> Any:
    """A sandbox with so many rooms, each with some meetings."""
    box, _ = booked(int(rooms), MEETINGS)
    box.subscriptions.limits = SubscriptionLimits(streams=100)
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    ready(port=port.getHost().port)

    async def answer(asked: dict[str, Any]) -> dict[str, Any]:
        return asked

    return answer


def booked(rooms: int, meetings: int) -> tuple[Sandbox, dict[str, Any]]:
    """A sandbox with so many rooms and meetings in each, and each room's last one."""
    names = [address(number) for number in range(1, rooms + 1)]
    accounts = [
        *default_accounts(),
        Account(OTJ, "One-Touch Join", "otj", impersonates=("*",)),
        *(Account(name, name) for name in names),
    ]
    box = Sandbox(now=system_now, clock=reactor, accounts=accounts)
    last = {}
    for number in range(meetings):
        start = system_now() + timedelta(days=1, hours=number)
        end = start + timedelta(minutes=30)
        for name in names:
            last[name] = box.exchange.schedule(
                name, subject=f"Plan {number}", start=start, end=end, body=BODY
            )
    return box, last


async def schedule_of(service: Any, rooms: int) -> Any:
    """The daemon's schedule of readings, once it has so many rooms."""
    while not service.one_touch.reading.readers:
        await deferLater(reactor, 0.1)
    (schedule,) = service.one_touch.reading.readers.values()
    while len(schedule.rooms) < rooms:
        await deferLater(reactor, 0.1)
    return schedule


async def read_all(schedule: Any, since: int) -> None:
    """Read all rooms at once, and wait for so many readings more than `since`."""
    for email in schedule.rooms:
        schedule.read_now(email)
    while schedule.readings - since < len(schedule.rooms):
        await deferLater(reactor, 0.05)


async def reading(folder: str, rooms: str, url: str) -> Any:
    """The daemon; configures so many rooms when it is asked to, and reads them all."""
    service = daemon(Path(folder))
    service.startService()
    await service.first_start
    addin = service.http_servers.port("addin")
    await put_integration(service.store, url, f"127.0.0.1:{addin}")
    ready(port=addin, memory=resident())

    async def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if "processor" in asked:
            return {"processor": process_time()}
        if "bare" in asked:
            return {"bare": await bare_request(url)}
        if "configure" in asked:
            await configure(service.store, url, int(rooms))
        schedule = await schedule_of(service, int(rooms))
        if "subscribed" in asked:
            while not all(room.is_reported for room in schedule.rooms.values()):
                await deferLater(reactor, 0.1)
        calls, readings, spent = (
            schedule.counter.total,
            schedule.readings,
            process_time(),
        )
        await read_all(schedule, readings)
        return {
            "processor": process_time() - spent,
            "calls": schedule.counter.total - calls,
            "readings": schedule.readings - readings,
            "memory": resident(),
        }

    return answer


def resident() -> float:
    """Memory of this process, in kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e3


async def configure(store: Any, url: str, rooms: int) -> None:
    password = store.vault.seal(
        "otj", "mjx_exchange_deployment/1/service_account_password"
    )
    deployment = ExchangeDeployment(
        id=1,
        name="Bench",
        ews_url=f"{url}/EWS/Exchange.asmx",
        service_account_username=OTJ,
        service_account_password=password,
    )
    with store.transaction() as change:
        change.put(tables.MJX_EXCHANGE_DEPLOYMENT, deployment)
        durable = change.commit()
    await durable
    profile = JoinProfile(id=1, name="Bench", exchange_deployment=1)
    await put_profile(store, profile, rooms)


async def put_profile(store: Any, profile: JoinProfile, rooms: int) -> None:
    """A profile, with a rule and so many rooms."""
    rule = ProcessingRule(
        id=1, name="Zoom", mjx_integration=1, priority=1, meeting_type="zoom"
    )
    with store.transaction() as change:
        change.put(tables.MJX_INTEGRATION, profile)
        group = EndpointGroup(id=1, name="Bench", mjx_integration=1)
        change.put(tables.MJX_ENDPOINT_GROUP, group)
        change.put(tables.MJX_PROCESSING_RULE, rule)
        durable = change.commit()
    await durable
    await put_endpoints(store, rooms)


async def bare_request(url: str) -> float:
    """Seconds of processor time for a FindItem whose answer is not looked at."""
    account = EwsAccount(
        url=f"{url}/EWS/Exchange.asmx",
        username=OTJ,
        password="otj",
        network=Network(reactor, Trust()),
    )
    transport = open_transport(account)
    now = system_now()
    request = build_listing(address(1), now, now + timedelta(days=7), 500)
    await transport.post(request, mailbox=address(1), repeatable=True)
    spent = process_time()
    for _ in range(BARE):
        await transport.post(request, mailbox=address(1), repeatable=True)
    spent = (process_time() - spent) / BARE
    await transport.close()
    return spent


def whole_daemon() -> None:
    module = "benchmarks.rooms"
    for rooms in SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as folder,
            process("exchange", str(rooms), module=module) as box,
        ):
            url = f"http://127.0.0.1:{box['port']}"
            arguments = (folder, str(rooms), url)
            with process("reading", *arguments, module=module) as facts:
                one_size(rooms, facts, box["port"])


def one_size(rooms: int, facts: dict[str, Any], exchange_port: int) -> None:
    alone = booking_cost(facts, exchange_port)
    first = facts["ask"](configure=True)
    again = facts["ask"](subscribed=True)
    beside = booking_cost(facts, exchange_port)
    bare = facts["ask"](bare=True)["bare"]
    each = again["processor"] / again["readings"]
    row(
        f"{rooms} rooms: processor time of a reading",
        f"{each * 1000:.2f} ms",
        f"{bare * 1000:.2f} ms",
        f"{bare / each:.2f}",
    )
    found = first["processor"] / first["readings"]
    row("  of the first one, with an invitation", f"{found * 1000:.2f} ms")
    row("  calls of a reading", f"{again['calls'] / again['readings']:.2f}")
    row("  memory for a room", f"{(again['memory'] - facts['memory']) / rooms:.0f} kB")
    row(
        "  of meeting_details, while rooms are read",
        f"{beside * 1000:.2f} ms",
        f"{alone * 1000:.2f} ms",
        f"{alone / beside:.2f}",
    )


def booking_cost(facts: dict[str, Any], exchange_port: int) -> float:
    """The daemon's processor time for a meeting_details and all that it does besides:
    the median of some rounds at full load, in seconds."""
    token = identity_token(exchange_port, facts["port"])
    requests = [load.get(f"{ADDIN}/meeting_details", {"token": token})]
    costs = []
    load.run(facts["port"], requests, count=BOOKINGS)
    for _ in range(ROUNDS):
        before = facts["ask"](processor=True)["processor"]
        load.run(facts["port"], requests, count=BOOKINGS)
        costs.append((facts["ask"](processor=True)["processor"] - before) / BOOKINGS)
    return float(median(costs))


def main() -> None:
    row("", "measured", "ceiling", "ratio", "goal")
    part_of_a_day()
    whole_daemon()


PROCESSES: dict[str, Callable[..., Any]] = {"exchange": exchange, "reading": reading}

if __name__ == "__main__":
    run_process(PROCESSES) if sys.argv[1:] else main()
