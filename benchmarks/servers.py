"""The servers that are measured, each a process of its own.

    python -m benchmarks.servers policy FOLDER CONFERENCES
    python -m benchmarks.servers booking FOLDER SANDBOX_URL
    python -m benchmarks.servers personal FOLDER SANDBOX_URL
    python -m benchmarks.servers sandbox WAITING [LATENCY_MS [graph]]
    python -m benchmarks.servers mixed WAITING LATENCY_MS [graph]
    python -m benchmarks.servers drain FOLDER SANDBOX_URL ALIASES ROOMS [graph]

Each prints one JSON line when it is ready, and ends with its standard input.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from klein import Klein
from msgspec.structs import replace
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.web.server import Request, Site

from benchmarks.graph_access import open_graph, sealed_graph_fields, with_attendant
from benchmarks.least_booking import least_booking
from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.identity.exchange_token import read_token
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.integration.connector import Connector, ExchangeDomain
from pexschedd.model.schedule import ScheduledConference
from pexschedd.personal.users import PersonalUsers, Profile
from pexschedd.sandbox import Sandbox, SeriesRecurrence, default_accounts
from pexschedd.store.store import Store
from pexschedd.tap import Daemon, freeze_collector
from pexschedd.util.token_bucket import Rate

LOOPBACK = "tcp:0:interface=127.0.0.1"
EQUIPMENT = "pexipmeeting@example.test"
READY = sys.stdout

# Its type depends on the platform and on who installed it.
reactor: Any = global_reactor


def ready(**facts: Any) -> None:
    READY.write(json.dumps(facts) + "\n")
    READY.flush()


def daemon(folder: Path, traces_url: str = "") -> Daemon:
    """As twistd would run it; its log, access lines included, goes nowhere."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for good
    config = Config(
        state_dir=folder,
        addin_endpoints=(LOOPBACK,),
        admin_endpoints=(LOOPBACK,),
        bookings_per_user=Rate(0, 0),
        bookings_per_address=Rate(0, 0),
        traces_url=traces_url,
    )
    return Daemon(config, reactor=reactor, now=system_now)


def listen(app: Klein) -> int:
    site = Site(app.resource())
    site.displayTracebacks = False
    site.log = lambda request: None  # type: ignore[method-assign]  # as ours: no log
    port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
    return int(port.getHost().port)


def put_integration(
    store: Store, exchange: str, addin: str, *, graph: bool = False
) -> Deferred[None]:
    uuid = "c0000000-0000-4000-8000-000000000001"
    access = sealed_graph_fields(exchange, store.vault, uuid) if graph else {}
    change = store.transaction()
    change.put(
        tables.CONNECTOR,
        Connector(
            id=1,
            uuid=uuid,
            name="Bench",
            url=f"{exchange}/EWS/Exchange.asmx",
            username="svc@example.test",
            password=store.vault.seal("svc", f"ms_exchange_connector/{uuid}/password"),
            room_mailbox_name="Pexip Meeting",
            room_mailbox_email_address=EQUIPMENT,
            addin_server_domain=addin,
            scheduled_alias_prefix="555",
            scheduled_alias_suffix_length=12,
            scheduled_alias_domain="example.test",
            **access,
        ),
    )
    change.put(
        tables.EXCHANGE_DOMAIN,
        ExchangeDomain(
            id=1,
            exchange_connector=1,
            domain=f"{exchange}/autodiscover/metadata/json/1",
            creation_time=system_now(),
        ),
    )
    return change.commit()


def alias(number: int) -> ScheduledAlias:
    return ScheduledAlias(
        id=number,
        uuid=tag(number),
        alias=f"555{number:012}@example.test",
        numeric_alias=f"555{number:012}",
        alias_number=number,
        exchange_connector=1,
        creation_time=system_now(),
    )


def tag(number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"bench:{number}"))


async def policy(folder: str, conferences: str) -> None:
    """The daemon with that many rooms, half of them open; and the ceiling: a bare
    Klein route that answers the same JSON."""
    service = daemon(Path(folder))
    now = system_now()
    total = int(conferences)
    for start in range(1, total + 1, 1000):
        change = service.store.transaction()
        for number in range(start, min(start + 1000, total + 1)):
            put_room(change, number, now)
        await change.commit()
    service.startService()
    app = Klein()
    body = json.dumps(
        {
            "status": "success",
            "action": "continue",
            "result": {
                "service_type": "conference",
                "name": "Meeting 12345 (Alice)",
                "service_tag": "conference-12345",
                "description": "Scheduled Conference booked by alice@example.test",
                "primary_owner_email_address": "alice@example.test",
            },
        }
    )
    answer = json.loads(body)

    @app.route("/policy/v1/service/configuration")  # type: ignore[untyped-decorator,unused-ignore]
    def bare(request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        encoded = json.dumps(answer).encode()
        request.setHeader("content-length", str(len(encoded)))
        return encoded

    freeze_collector()  # as the daemon's own process does
    ready(port=service.http_servers.port("addin"), ceiling=listen(app))


def put_room(change: Any, number: int, now: datetime) -> None:
    opens = now - timedelta(hours=1) if number % 2 else now + timedelta(hours=1)
    change.put(tables.SCHEDULED_ALIAS, alias(number))
    change.put(
        tables.CONFERENCE,
        Conference(
            id=number,
            name=f"Meeting {number} (Alice)",
            description="Scheduled Conference booked by alice@example.test",
            primary_owner_email_address="alice@example.test",
        ),
    )
    for place, text in enumerate((f"555{number:012}@example.test", f"555{number:012}")):
        change.put(
            tables.CONFERENCE_ALIAS,
            ConferenceAlias(id=2 * number + place, alias=text, conference=number),
        )
    change.put(
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=number,
            conference=number,
            start_time=opens,
            end_time=opens + timedelta(days=1),
            ews_item_uid=f"0400{number:012}",
            exchange_connector=1,
            scheduled_alias=number,
        ),
    )


async def booking(folder: str, exchange: str) -> None:
    """The daemon with one integration; and the ceiling: a bare Klein route that makes
    one record of the same kind durable and answers the same JSON."""
    service = daemon(Path(folder) / "daemon")
    service.startService()
    await service.first_start
    addin = service.http_servers.port("addin")
    await put_integration(service.store, exchange, f"127.0.0.1:{addin}")
    service.supervisor.disownServiceParent()
    other = Store.open(
        Path(folder) / "ceiling",
        tables.TABLES,
        reactor=reactor,
        failed=lambda error: os.abort(),
    )
    app = Klein()

    @app.route("/<path:path>")  # type: ignore[untyped-decorator,unused-ignore]
    async def bare(request: Request, path: str) -> bytes:
        change = other.transaction()
        number = change.new_id(tables.SCHEDULED_ALIAS)
        change.put(tables.SCHEDULED_ALIAS, alias(number))
        await change.commit()
        encoded = json.dumps(
            {
                "status": "success",
                "result": {
                    "room_name": "Pexip Meeting",
                    "room_email": EQUIPMENT,
                    "alias_id": f"PXPS:-{tag(1)}#",
                    "instructions": "x" * 600,
                },
            }
        ).encode()
        request.setHeader("content-type", "application/json")
        request.setHeader("content-length", str(len(encoded)))
        return encoded

    least = Store.open(
        Path(folder) / "least",
        tables.TABLES,
        reactor=reactor,
        failed=lambda error: os.abort(),
    )
    freeze_collector()
    ready(
        port=addin,
        ceiling=listen(app),
        least=listen(least_booking(least, EQUIPMENT, "example.test")),
    )


PERSONAL_ROOMS = 3
OTHER_ROOMS = 10_000


async def personal(folder: str, exchange: str) -> None:
    """The daemon with one integration and many rooms, three of them Alice's own; and
    the ceiling: a bare Klein route that answers the same JSON."""
    service = daemon(Path(folder) / "daemon")
    service.startService()
    await service.first_start
    addin = service.http_servers.port("addin")
    store = service.store
    await put_integration(store, exchange, f"127.0.0.1:{addin}")
    service.supervisor.disownServiceParent()
    connector = store.get(tables.CONNECTOR, 1)
    assert connector is not None
    change = store.transaction()
    change.put(tables.CONNECTOR, replace(connector, enable_personal_vmrs=True))
    await change.commit()
    total = PERSONAL_ROOMS + OTHER_ROOMS
    for start in range(1, total + 1, 1000):
        change = store.transaction()
        for number in range(start, min(start + 1000, total + 1)):
            put_personal_room(change, number)
        await change.commit()
    users = PersonalUsers(store, lambda: tag(1))
    profile = Profile(email="alice@example.test", display_name="Alice")

    app = Klein()
    rooms = [
        {
            "id": number,
            "name": f"Room {number}",
            "description": "A room of Alice's own",
            "usable": True,
            "problem": "",
        }
        for number in range(1, PERSONAL_ROOMS + 1)
    ]
    user = {"name": "Alice", "email": "alice@example.test"}

    @app.route("/signed-in")  # type: ignore[untyped-decorator,unused-ignore]
    async def sign_in(request: Request) -> bytes:
        claims = read_token(request.getHeader("token") or "")
        exchange_user = f"{claims.msexchuid} {claims.amurl}"
        await users.signed_in(connector, profile, exchange_user)
        return b"{}"

    @app.route("/<path:path>")  # type: ignore[untyped-decorator,unused-ignore]
    def bare(request: Request, path: str) -> bytes:
        encoded = json.dumps(
            {"status": "success", "result": {"user": user, "rooms": rooms}}
        ).encode()
        request.setHeader("content-type", "application/json")
        request.setHeader("content-length", str(len(encoded)))
        return encoded

    freeze_collector()
    ready(port=addin, ceiling=listen(app))


def put_personal_room(change: Any, number: int) -> None:
    owner = "alice" if number <= PERSONAL_ROOMS else f"user{number}"
    change.put(
        tables.CONFERENCE,
        Conference(
            id=number,
            name=f"Room {number}",
            description="A room of Alice's own",
            primary_owner_email_address=f"{owner}@example.test",
        ),
    )
    for place, text in enumerate((f"room{number}@example.test", f"70{number:06}")):
        change.put(
            tables.CONFERENCE_ALIAS,
            ConferenceAlias(id=2 * number + place, alias=text, conference=number),
        )


async def sandbox(waiting: str, latency_ms: str = "0", kind: str = "") -> None:
    """A sandbox Exchange in whose equipment mailbox so many requests wait."""
    box = new_box(system_now, kind, int(latency_ms))
    deliver(box, int(waiting), mixed=False)
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    ready(port=port.getHost().port)


async def mixed(waiting: str, latency_ms: str, kind: str = "") -> None:
    """The same with new, updated, cancelled, recurring and untagged meetings."""
    box = new_box(Ticking(), kind, int(latency_ms))
    rooms = deliver(box, int(waiting), mixed=True)
    box.exchange.on_change(lambda: hurry(box, int(waiting)))
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    ready(port=port.getHost().port, rooms=rooms)


def new_box(now: Callable[[], datetime], kind: str, latency_ms: int) -> Sandbox:
    """Return a sandbox for EWS, or for Graph; the latter takes its time for each
    request of a batch, four of which it does at once."""
    graph = kind == "graph"
    accounts = default_accounts()
    if graph:
        accounts = with_attendant(accounts, EQUIPMENT)
    box = Sandbox(now=now, clock=reactor, accounts=accounts)
    if graph:
        open_graph(box, latency_ms=latency_ms)
    else:
        box.behaviour.configure({"latency_ms": latency_ms})
    return box


URGENT = "Urgent"
_urgent: dict[str, float] = {}


def hurry(box: Sandbox, waiting: int) -> None:
    """Bob sends a meeting when a third of the backlog is answered; tells how long he
    has waited for his answer."""
    bob = box.exchange.mailbox("bob@example.test")
    if "sent" not in _urgent:
        if len(box.exchange.mailbox("alice@example.test").inbox()) < waiting // 3:
            return
        _urgent["sent"] = perf_counter()
        number = waiting + 1
        start = datetime.now(UTC) + timedelta(days=2)
        box.exchange.schedule(
            bob,
            subject=URGENT,
            start=start,
            end=start + timedelta(minutes=30),
            resources=[EQUIPMENT],
            body=tagged(number),
        )
    elif "told" not in _urgent and bob.inbox():
        _urgent["told"] = perf_counter()
        ready(urgent=_urgent["told"] - _urgent["sent"])


class Ticking:
    """A clock that moves with each look: an update is later than what it updates."""

    def __init__(self) -> None:
        self._start = system_now() - timedelta(days=2)
        self._looks = 0

    def __call__(self) -> datetime:
        self._looks += 1
        return self._start + timedelta(seconds=self._looks)


def deliver(box: Sandbox, waiting: int, *, mixed: bool) -> int:
    """Has Alice send so many messages; returns how many rooms should come of them."""
    exchange = box.exchange
    alice = exchange.mailbox("alice@example.test")
    start = datetime.now(UTC) + timedelta(days=1)
    rooms = sent = number = 0
    while sent < waiting:
        number += 1
        kind = number % 7 if mixed else 0
        meeting = exchange.schedule(
            alice,
            subject=f"Meeting {number}",
            start=start + timedelta(minutes=number),
            end=start + timedelta(minutes=number + 30),
            resources=[EQUIPMENT],
            body=f"<p>Agenda {number}</p>" + (tagged(number) if kind != 6 else ""),
            recurrence=SeriesRecurrence.daily(count=10) if kind == 5 else None,
        )
        sent += 1
        rooms += kind != 6
        if kind in (1, 2) and sent < waiting:
            exchange.update(meeting, start=start, end=start + timedelta(hours=1))
            sent += 1
        if kind == 2 and sent < waiting:
            exchange.cancel(meeting)
            sent += 1
            rooms -= 1
    return rooms


def tagged(number: int) -> str:
    return f"<p>PXPS:-{tag(number)}#</p>"


async def drain(
    folder: str, exchange: str, aliases: str, rooms: str, kind: str = ""
) -> None:
    """The daemon schedules all that waits; tells how long it took and what it cost."""
    service = daemon(Path(folder))
    total = int(aliases)
    for start in range(1, total + 1, 1000):
        change = service.store.transaction()
        for number in range(start, min(start + 1000, total + 1)):
            change.put(tables.SCHEDULED_ALIAS, alias(number))
        await change.commit()
    graph = kind == "graph"
    await put_integration(service.store, exchange, "127.0.0.1", graph=graph)
    done: Deferred[None] = Deferred()

    def watch(old: object, new: object) -> None:
        # The cursor is stored with the last of what had arrived.
        read = service.store.get(tables.CURSOR, 1) is not None
        if read and not service.store.count(tables.OUTBOX) and not done.called:
            done.callback(None)

    service.store.subscribe(tables.OUTBOX, watch)
    started, processor = perf_counter(), process_time()
    service.startService()
    await done
    ready(
        seconds=perf_counter() - started,
        processor=process_time() - processor,
        memory_mb=getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        rooms=service.store.count(tables.CONFERENCE) == int(rooms),
    )


SERVERS: dict[str, Callable[..., Any]] = {
    "policy": policy,
    "booking": booking,
    "personal": personal,
    "sandbox": sandbox,
    "mixed": mixed,
    "drain": drain,
}


class _UntilClosed(Protocol):
    def connectionLost(self, reason: object = None) -> None:
        os._exit(0)


def main() -> None:
    name, *arguments = sys.argv[1:]

    def failed(failure: Any) -> None:
        sys.stderr.write(failure.getTraceback())
        os._exit(1)

    def begin() -> None:
        Deferred.fromCoroutine(SERVERS[name](*arguments)).addErrback(failed)

    StandardIO(_UntilClosed())
    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
