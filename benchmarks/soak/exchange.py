"""The server's process: a sandbox with bad weather, and the organizers."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.task import LoopingCall

from benchmarks.graph_access import open_graph
from benchmarks.soak.faults import FAULTS
from benchmarks.soak.meetings import (
    DOMAIN,
    FACTOR,
    ORGANIZERS,
    by_graph,
    equipment,
    numbers,
    over_graph,
)
from benchmarks.soak.organizers import Organizers
from benchmarks.soak.processes import orders, say
from benchmarks.warped import Warp
from pexschedd.sandbox import Account, Sandbox
from pexschedd.sandbox.mailboxes.accounts import Processing

PER_SECOND = 20.0
"""Messages that are sent in a real second: so many can be worked off beside, with all
that goes wrong, by two processes on two processors."""
TICK = 0.1
reactor: Any = global_reactor


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
    """Return how many requests were answered once, twice, or never.

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
