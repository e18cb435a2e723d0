"""A long bad day in minutes: `python -m benchmarks.soak [MESSAGES] [RATE] [SEED]`.

Ten integrations on one sandbox Exchange, every second one over Microsoft Graph, the
others over EWS; organizers send, move, repeat and cancel meetings all the time, while a
fifth of all calls goes wrong in a way chosen at random.
Then the server is well again, and it is told whether every request was answered
exactly once, whether the memory stayed flat, and how little is done when nothing
happens. Both processes live on a clock that runs faster than the wall's (`warped`), so
that back-off takes seconds. Ends by itself: after `PATIENCE` it gives up and says so.
The last lines are the requirements, each passed or failed; one that failed makes the
exit status 1.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.logger import globalLogBeginner

from benchmarks.graph_access import open_graph, sealed_graph_fields
from benchmarks.warped import Warp
from pexschedd.config import Config
from pexschedd.logs import LevelObserver
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.sandbox import Account, Sandbox
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.names import DIFFERS
from pexschedd.tap import Daemon

INTEGRATIONS = 10
ORGANIZERS = 20
MESSAGES = 5_000
RATE = 0.2
FACTOR = 60.0
"""Warped seconds in a real one."""
PER_SECOND = 20.0
"""Messages that are sent in a real second: so many can be worked off beside, with all
that goes wrong, by two processes on two processors."""
BAD_WEATHER = 30.0
"""Real seconds for which calls go wrong after the last message."""
TICK = 0.1
PATIENCE = 900.0
"""Real seconds until the soak gives up."""
IDLE = 10.0
"""Real seconds of doing nothing that are measured at the end."""
SEED = 20261121
FLAT, FLAT_MB = 1.2, 20.0
"""How much more memory than in the middle is allowed at the end."""
MOST_DECLINED = 0.02
"""Of all messages: what chance may do to one of them often enough."""
MOST_OVERTAKEN = 0.002
"""Of all messages."""
MOST_OUTDATED = 0.15
"""Of all messages: over Graph, each that still waits when its successor comes. In bad
weather that are many: one lost answer is that of a whole batch."""
STAY = (names.SET_ASIDE, names.ANSWER_FAILED, DIFFERS, names.CLOCK, names.METADATA)
"""Alarms that may stay after a bad day: a message was given up; with time going by so
fast, a server that takes its time for an answer seems to have another clock; and no
add-in has a part in this."""
IDLE_MOST = 0.01
"""Of a processor, for all integrations."""

LOOPBACK = "tcp:0:interface=127.0.0.1"
DOMAIN = "example.test"

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "ErrorServerBusy", "back_off_ms": 3000},
    {"kind": "ErrorServerBusy"},
    {"kind": "ErrorInternalServerTransientError"},
    {"kind": "ErrorInternalServerError"},
    {"kind": "ErrorTimeoutExpired"},
    {"kind": "ErrorMailboxMoveInProgress"},
    {"kind": "ErrorExceededConnectionCount"},
    {"kind": "ErrorImpersonateUserDenied"},
    {"kind": "ErrorIrresolvableConflict", "item": True},
    {"kind": "ErrorInternalServerTransientError", "item": True, "index": 0},
    {"kind": "ErrorTimeoutExpired", "item": True},
    {"kind": "http-503", "retry_after_s": 5},
    {"kind": "http-429", "retry_after_s": 2},
    {"kind": "http-500"},
    {"kind": "http-302"},
    {"kind": "http-401"},
    {"kind": "ErrorInvalidSyncStateData"},
    {"kind": "ErrorSchemaValidation"},
    {"kind": "ErrorInternalServerError", "inner": "ErrorServerBusy"},
    {"kind": "ErrorBatchProcessingStopped", "item": True, "index": 3},
    {"kind": "ErrorInternalServerError", "item": True},
    {"kind": "ErrorInternalServerError", "item": True, "index": 1, "after": True},
    # Of these one message is to blame: three of them, or one of the last kind, make it
    # right to decline.
    {"kind": "ErrorItemCorrupt", "item": True, "index": 0},
    {"kind": "ErrorItemSave", "item": True, "index": 2},
    {"kind": "ErrorContentConversionFailed", "item": True},
    {
        "kind": "ErrorInvalidOperation",
        "item": True,
        "index": 1,
        "operation": "CreateItem",
    },
    {"kind": "http-400"},
    {"kind": "http-403"},
    {"kind": "http-404"},
    {"kind": "http-413"},
    {"kind": "http-440"},
    {"kind": "http-449"},
    {"kind": "http-456"},
    {"kind": "http-502"},
    {"kind": "http-504", "after": True},
    {"kind": "http-507"},
    {"kind": "redirect"},
    {"kind": "redirect", "location": "https://elsewhere.example.test/owa"},
    {"kind": "wrong-content"},
    {"kind": "wrong-content", "after": True},
    {"kind": "no-content-type"},
    {"kind": "close"},
    {"kind": "close", "after": True},
    {"kind": "cut-headers"},
    {"kind": "cut-headers", "after": True},
    {"kind": "slow", "bytes_per_s": 2000},
    {"kind": "slow", "bytes_per_s": 20},
    {"kind": "huge", "bytes": 40_000_000},
    {"kind": "huge", "bytes": 40_000_000, "gzip": True},
    {"kind": "stream-silence", "after_s": 20},
    {"kind": "stream-abort", "after_s": 30},
    {"kind": "stream-half", "after_s": 10},
    {"kind": "stream-error", "after_s": 40, "code": "ErrorInternalServerError"},
    {"kind": "stream-error", "code": "ErrorSubscriptionNotFound"},
    {"kind": "stream-missed", "after_s": 15},
    {"kind": "stream-close", "after_s": 60},
    {"kind": "reset"},
    {"kind": "reset", "after": True},
    {"kind": "truncate"},
    {"kind": "garbage"},
    {"kind": "garbage", "after": True},
    {"kind": "hang"},
    {"kind": "hang", "after": True},
    {"kind": "login-page"},
)

reactor: Any = global_reactor


def say(**facts: Any) -> None:
    _out.write(json.dumps(facts) + "\n")
    _out.flush()


_out = sys.stdout


def equipment(number: int) -> str:
    return f"equipment{number}@{DOMAIN}"


def over_graph(number: int) -> bool:
    """Return whether an integration uses Microsoft Graph."""
    return number % 2 == 0


def alias(number: int) -> str:
    return f"555{number:08}@{DOMAIN}"


def number_of(alias: str) -> int:
    return int(alias.removeprefix("555").partition("@")[0])


def tag(number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"soak:{number}"))


# The server's process


def accounts() -> list[Account]:
    people = [
        Account(f"person{n}@{DOMAIN}", f"Person {n}", f"person{n}")
        for n in range(ORGANIZERS)
    ]
    rooms = [
        Account(equipment(n), f"Equipment {n}", processing=processing(n))
        for n in numbers()
    ]
    service = Account(f"svc@{DOMAIN}", "Service", "svc", impersonates=("*",))
    return [*people, *rooms, service]


def processing(number: int) -> Processing:
    """Return the processing of requests: Graph needs the events that Exchange makes."""
    return Processing.AUTO_UPDATE if over_graph(number) else Processing.NONE


class Organizers:
    """Send requests, updates, cancellations and series until there were enough."""

    def __init__(self, warp: Warp, box: Sandbox, messages: int, seed: int) -> None:
        self._warp = warp
        self._exchange = box.exchange
        self._left = messages
        self._chance = random.Random(seed)  # noqa: S311 - to be repeatable
        self._meetings: list[tuple[Any, int]] = []
        self._numbers = 0
        self.requested: Counter[str] = Counter()
        """How often the equipment was asked, by the meeting's subject."""
        self.cancelled: set[str] = set()
        self.newest: dict[str, int] = {}
        """The sequence number of the last request, by the subject."""

    def send(self) -> bool:
        """One message; false when there were enough."""
        if self._left == 0:
            return False
        self._left -= 1
        dice = self._chance.random()
        if dice < 0.7 or not self._meetings:
            self._invite(series=dice < 0.1)
        else:
            index = self._chance.randrange(len(self._meetings))
            self._change(*self._meetings[index], cancel=dice > 0.9, index=index)
        return True

    def _start(self) -> datetime:
        minutes = self._chance.randrange(60 * 24 * 365)
        return self._warp.now() + timedelta(days=30, minutes=minutes)

    def _invite(self, *, series: bool) -> None:
        from pexschedd.sandbox import SeriesRecurrence  # noqa: PLC0415 - only this process

        self._numbers += 1
        number = self._numbers
        start = self._start()
        who = self._exchange.mailbox(f"person{number % ORGANIZERS}@{DOMAIN}")
        meeting = self._exchange.schedule(
            who,
            subject=f"Meeting {number}",
            start=start,
            end=start + timedelta(minutes=30),
            resources=[equipment(1 + number % INTEGRATIONS)],
            body=f"<p>Agenda</p><p>PXPS:-{tag(number)}#</p>",
            recurrence=SeriesRecurrence.daily(count=10) if series else None,
        )
        self._meetings.append((meeting, number))
        self._requested(meeting, number)

    def _requested(self, meeting: Any, number: int) -> None:
        self.requested[f"Meeting {number}"] += 1
        self.newest[f"Meeting {number}"] = meeting.meeting.sequence

    def _change(self, meeting: Any, number: int, *, cancel: bool, index: int) -> None:
        if cancel:
            self._exchange.cancel(meeting)
            self._meetings.pop(index)
            self.cancelled.add(f"Meeting {number}")
            return
        start = self._start()
        self._exchange.update(meeting, start=start, end=start + timedelta(hours=1))
        self._requested(meeting, number)


def exchange(begin: str, messages: str, rate: str, seed: str) -> None:
    warp = Warp(reactor, datetime.fromisoformat(begin), FACTOR)
    box = Sandbox(now=warp.now, clock=warp, accounts=accounts())
    open_graph(box)
    if float(rate):
        box.behaviour.configure(
            {"random": {"rate": float(rate), "seed": int(seed), "faults": [*FAULTS]}}
        )
    organizers = Organizers(warp, box, int(messages), int(seed))
    at_once = round(PER_SECOND * TICK)

    def send(count: int) -> None:
        for _ in range(count):
            if not organizers.send():
                steady.stop()
                say(sent=int(messages))
                return

    steady = LoopingCall.withCount(lambda ticks: send(ticks * at_once))

    def order(line: str) -> None:
        if line == "send":
            steady.start(TICK)
        elif line == "heal":
            box.behaviour.configure({})
            say(healed=True)
        elif line == "waiting":
            mailboxes = [box.exchange.mailbox(equipment(n)) for n in numbers()]
            say(waiting=sum(len(each.inbox()) for each in mailboxes))
        elif line == "left":
            say(left=[*left(box), *repeated(box, organizers)])
        elif line == "cancelled":
            cancelled = organizers.cancelled
            say(numbers=[int(each.removeprefix("Meeting ")) for each in cancelled])
        elif line == "verdict":
            say(**verdict(box, organizers))

    orders(order)
    port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
    say(port=port.getHost().port)


def numbers() -> range:
    return range(1, INTEGRATIONS + 1)


def by_graph(subject: str) -> bool:
    """Return whether a meeting's equipment is reached by Microsoft Graph."""
    number = int(subject.removeprefix("Meeting "))
    return over_graph(1 + number % INTEGRATIONS)


def left(box: Sandbox) -> Iterator[str]:
    """Yield the messages that are still in the inboxes, for the one who looks for the
    cause."""
    for number in numbers():
        mailbox = box.exchange.mailbox(equipment(number))
        for item in mailbox.inbox():
            has_event = item.meeting is not None and any(
                each.meeting and each.meeting.goid == item.meeting.goid
                for each in mailbox.calendar()
            )
            yield (
                f"{equipment(number)} {item.item_class} {item.subject} "
                f"event={has_event} {item.id}"
            )


def repeated(box: Sandbox, organizers: Organizers) -> Iterator[str]:
    """Yield the answers to meetings that have more of them than requests."""
    answers = [
        item
        for number in range(ORGANIZERS)
        for item in box.exchange.mailbox(f"person{number}@{DOMAIN}").inbox()
        if item.item_class.startswith("IPM.Schedule.Meeting.Resp.")
    ]
    answered = Counter(each.subject.partition(": ")[2] for each in answers)
    for each in answers:
        subject = each.subject.partition(": ")[2]
        if answered[subject] > organizers.requested[subject]:
            sequence = each.meeting.sequence if each.meeting else "none"
            yield (
                f"{each.subject}: {each.item_class} sequence={sequence} "
                f"{each.received} {each.body.text[:60]!r}"
            )


def verdict(box: Sandbox, organizers: Organizers) -> dict[str, Any]:
    """How often each request was answered.

    One that could not be read or answered before its own update, or cancellation, was
    dealt with is overtaken: nobody waits for its answer any more. Over Graph it is
    Exchange that marks such a request as outdated, as soon as its successor is there.
    """
    answered: Counter[str] = Counter()
    settled = set(organizers.cancelled)
    declined = 0
    for number in range(ORGANIZERS):
        for item in box.exchange.mailbox(f"person{number}@{DOMAIN}").inbox():
            if item.item_class.startswith("IPM.Schedule.Meeting.Resp."):
                subject = item.subject.partition(": ")[2]
                answered[subject] += 1
                if item.meeting and item.meeting.sequence == organizers.newest[subject]:
                    settled.add(subject)
                declined += item.item_class.endswith(".Neg")
    missing = organizers.requested - answered
    overtaken = {subject: n for subject, n in missing.items() if subject in settled}
    return {
        "requests": sum(organizers.requested.values()),
        "answers": sum(answered.values()),
        "declined": declined,
        "never": sum(missing.values()) - sum(overtaken.values()),
        "overtaken": sum(n for s, n in overtaken.items() if not by_graph(s)),
        "outdated": sum(n for s, n in overtaken.items() if by_graph(s)),
        "twice": sum((answered - organizers.requested).values()),
        "calls": sum(box.calls.values()),
        "rooms": len(organizers.requested.keys() - organizers.cancelled),
    }


# The daemon's process


async def daemon(begin: str, folder: str, url: str, messages: str) -> None:
    sys.stdout = open(Path(folder) / "log", "w")  # noqa: SIM115 - for good
    warp = Warp(reactor, datetime.fromisoformat(begin), FACTOR)
    observer = LevelObserver(sys.stdout, "info", "text")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    config = Config(
        state_dir=Path(folder) / "state",
        addin_endpoints=(LOOPBACK,),
        admin_endpoints=(LOOPBACK,),
    )
    service = Daemon(config, reactor=warp, now=warp.now)
    # What a process reads takes as long as it takes.
    service._runtime.heavy_work._seconds *= FACTOR
    store = service.store
    change = store.transaction()
    for number in range(1, int(messages) + 1):
        change.put(
            tables.SCHEDULED_ALIAS,
            ScheduledAlias(
                id=number,
                uuid=tag(number),
                alias=alias(number),
                numeric_alias=f"555{number:08}",
                alias_number=number,
                exchange_connector=1 + number % INTEGRATIONS,
                creation_time=warp.now(),
            ),
        )
    await change.commit()
    change = store.transaction()
    for number in numbers():
        uuid = str(uuid5(NAMESPACE_URL, f"integration:{number}"))
        place = f"ms_exchange_connector/{uuid}/password"
        graph = over_graph(number)
        access = sealed_graph_fields(url, store.vault, uuid) if graph else {}
        change.put(
            tables.CONNECTOR,
            Connector(
                id=number,
                uuid=uuid,
                name=f"Integration {number}",
                url=f"{url}/EWS/Exchange.asmx",
                username=f"svc@{DOMAIN}",
                password=store.vault.seal("svc", place),
                **access,
                room_mailbox_name=f"Equipment {number}",
                room_mailbox_email_address=equipment(number),
                addin_server_domain="127.0.0.1",
                scheduled_alias_prefix="555",
                scheduled_alias_suffix_length=8,
                scheduled_alias_domain=DOMAIN,
            ),
        )
    await change.commit()

    def order(line: str) -> None:
        if line == "usage":
            usage = getrusage(RUSAGE_SELF)
            say(
                processor=usage.ru_utime + usage.ru_stime,
                resident=_resident(),
                pending=store.count(tables.OUTBOX),
                rooms=store.count(tables.CONFERENCE),
                aside=store.count(tables.TROUBLED),
                alarms=sorted(
                    {a.name for a in store.all(tables.ALARM) if a.time_lowered is None}
                ),
                details=[
                    a.details for a in store.all(tables.ALARM) if a.time_lowered is None
                ],
            )

        elif line == "left":
            pending = [
                f"pending {each.action} {each.item_id} attempts={each.attempts} "
                f"last={each.is_last}"
                for each in store.all(tables.OUTBOX)
            ]
            troubled = [
                f"troubled {each.item_id} attempts={each.attempts} own={each.own} "
                f"aside={each.set_aside_time is not None}: {each.reason}"
                for each in store.all(tables.TROUBLED)
            ]
            say(left=pending + troubled)
        elif line == "rooms":
            aliases = store.all(tables.CONFERENCE_ALIAS)
            say(rooms=[number_of(each.alias) for each in aliases])

    orders(order)
    service.startService()
    await service.first_start
    say(started=True)


def _resident() -> float:
    """MB that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# Both


def orders(take: Any) -> None:
    """Carries out lines of the standard input, and ends with it."""

    class Lines(Protocol):
        def __init__(self) -> None:
            self._rest = b""

        def dataReceived(self, data: bytes) -> None:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                take(line.decode())

        def connectionLost(self, reason: object = None) -> None:
            os._exit(0)

    StandardIO(Lines())


class Child:
    """One of the two processes; takes orders and answers in lines of JSON."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soak", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.ready = self.next()

    def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def order(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(what.encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, what: str) -> dict[str, Any]:
        self.order(what)
        return self.next()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def soak(messages: int, rate: float, seed: int, folder: Path) -> bool:
    """Prints what happened; whether it was as it should be."""
    from threading import Event  # noqa: PLC0415 - only this process waits

    pause = Event()
    begin = datetime.now(UTC).isoformat()
    server = Child("exchange", begin, str(messages), str(rate), str(seed))
    url = f"http://127.0.0.1:{server.ready['port']}"
    service = Child("daemon", begin, str(folder), url, str(messages))
    started = perf_counter()
    server.ask("send")  # answers when all is sent
    middle = service.ask("usage")
    print(
        f"sent {messages} in {perf_counter() - started:.0f} s, {rate:.0%} of calls "
        f"fail, seed {seed}"
    )
    pause.wait(BAD_WEATHER)
    server.ask("heal")
    while perf_counter() - started < PATIENCE:
        waiting = server.ask("waiting")["waiting"]
        usage = service.ask("usage")
        if not waiting and not usage["pending"]:
            break
        pause.wait(1)
    else:
        print(f"gave up: {waiting} in the inboxes, {usage['pending']} untold")
        print(*server.ask("left")["left"], *service.ask("left")["left"], sep="\n")
    found = server.ask("verdict")
    if found["twice"]:
        print(*server.ask("left")["left"], sep="\n")
    rooms = set(service.ask("rooms")["rooms"])
    for number in sorted(rooms & {*server.ask("cancelled")["numbers"]}):
        interface = "Graph" if by_graph(f"Meeting {number}") else "EWS"
        print(f"room of a cancelled meeting: Meeting {number}, over {interface}")
    took = perf_counter() - started
    pause.wait(2)
    before = service.ask("usage")
    pause.wait(IDLE)
    after = service.ask("usage")
    share = (after["processor"] - before["processor"]) / (IDLE * FACTOR)
    server.end()
    service.end()
    print(
        f"all done after {took:.0f} s, {found['calls'] / messages:.2f} calls a message"
    )
    alarms = [name for name in after["alarms"] if name not in STAY]
    within = middle["resident"] * FLAT + FLAT_MB
    checks = {
        f"{found['answers']} answers to {found['requests']} requests, "
        f"{found['never']} without one, {found['overtaken']} overtaken, "
        f"{found['outdated']} outdated": not (
            found["never"]
            or found["overtaken"] > MOST_OVERTAKEN * messages
            or found["outdated"] > MOST_OUTDATED * messages
        ),
        f"{found['twice']} answered twice": not found["twice"],
        f"{waiting} in the inboxes, {after['pending']} still to be told": not (
            waiting or after["pending"]
        ),
        f"{found['declined']} declined, {after['aside']} records of what was set "
        f"aside": found["declined"] <= MOST_DECLINED * messages,
        f"{after['rooms']} rooms of {found['rooms']} meetings": 0
        <= found["rooms"] - after["rooms"]
        <= found["declined"],
        f"{middle['resident']:.0f} MB when all was sent, {after['resident']:.0f} MB "
        f"at the end": after["resident"] <= within,
        f"idle: {share:.2%} of a processor for {INTEGRATIONS} integrations": share
        <= IDLE_MOST,
        f"alarms still raised: {', '.join(alarms) or 'none'}": not alarms,
    }
    if alarms:
        print("\n".join(after["details"]))
    for what, is_so in checks.items():
        print(f"  {'passed' if is_so else 'FAILED'}: {what}")
    return all(checks.values())


def main() -> None:
    match sys.argv[1:]:
        case ["exchange", *arguments]:
            reactor.callWhenRunning(exchange, *arguments)
            reactor.run()
        case ["daemon", *arguments]:

            def begin() -> None:
                Deferred.fromCoroutine(daemon(*arguments)).addErrback(failed)

            def failed(failure: Any) -> None:
                sys.stderr.write(failure.getTraceback())
                os._exit(1)

            reactor.callWhenRunning(begin)
            reactor.run()
        case arguments:
            messages = int(arguments[0]) if arguments else MESSAGES
            rate = float(arguments[1]) if len(arguments) > 1 else RATE
            seed = int(arguments[2]) if len(arguments) > 2 else SEED
            with tempfile.TemporaryDirectory(prefix="pexschedd-soak-") as name:
                good = soak(messages, rate, seed, Path(name))
                if not good:
                    log = Path(name) / "log"
                    kept = log.rename(f"{name}.log")
                    print(f"  the daemon's log: {kept}")
            sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
