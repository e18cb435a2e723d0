"""GetStreamingEvents: an answer that goes on for minutes, envelope after envelope."""

from collections.abc import Sequence

import msgspec

from pexschedd.ews.envelope import (
    ItemProblem,
    Sid,
    child,
    children,
    m,
    parse,
    request,
    results,
    t,
    text,
)
from pexschedd.ews.operations.events import MailboxEvent, read_events

MAX_MINUTES = 30
MAX_SUBSCRIPTIONS = 200


class StreamNotice(msgspec.Struct, frozen=True):
    """The content of one envelope of a stream."""

    events: tuple[MailboxEvent, ...] = ()
    problem: ItemProblem | None = None
    closed: bool = False
    """The server ends the stream in an orderly way."""
    changed: tuple[str, ...] = ()
    """The ids of the subscriptions that the events are about."""
    faulty: tuple[str, ...] = ()
    """The ids of the subscriptions that the problem is about; empty if it does not
    say."""


def build_get_streaming_events(
    mailbox: str, subscriptions: Sequence[str], minutes: int, sid: Sid = Sid.PRIMARY
) -> bytes:
    """The server ends the stream after so many minutes, 1 to `MAX_MINUTES`. It takes
    up to `MAX_SUBSCRIPTIONS`."""
    ids = (t("SubscriptionId", each) for each in subscriptions)
    operation = m(
        "GetStreamingEvents",
        m("SubscriptionIds", *ids),
        m("ConnectionTimeout", str(minutes)),
    )
    return request(operation, mailbox, sid)


def parse_notice(data: bytes) -> StreamNotice:
    """Parse one envelope of the stream. Raises `SoapError` for a fault within it."""
    events: list[MailboxEvent] = []
    changed: list[str] = []
    faulty: list[str] = []
    problem = None
    closed = False
    for result in results(parse(data)):
        problem = problem or result.problem
        closed |= text(result.element, "ConnectionStatus").strip() == "Closed"
        for each in children(child(result.element, "Notifications")):
            happened = read_events(each)
            if happened:
                events += happened
                changed.append(text(each, "SubscriptionId").strip())
        named = children(child(result.element, "ErrorSubscriptionIds"))
        faulty += [(each.text or "").strip() for each in named]
    return StreamNotice(tuple(events), problem, closed, tuple(changed), tuple(faulty))
