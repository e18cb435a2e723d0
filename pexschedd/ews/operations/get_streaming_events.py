"""GetStreamingEvents: an answer that goes on for minutes, envelope after envelope."""

import msgspec

from pexschedd.ews.envelope import (
    ItemProblem,
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


class StreamNotice(msgspec.Struct, frozen=True):
    """The content of one envelope of a stream."""

    events: tuple[MailboxEvent, ...] = ()
    problem: ItemProblem | None = None
    closed: bool = False
    """The server ends the stream in an orderly way."""


def build_get_streaming_events(mailbox: str, subscription: str, minutes: int) -> bytes:
    """The server ends the stream after so many minutes, 1 to `MAX_MINUTES`."""
    operation = m(
        "GetStreamingEvents",
        m("SubscriptionIds", t("SubscriptionId", subscription)),
        m("ConnectionTimeout", str(minutes)),
    )
    return request(operation, mailbox)


def parse_notice(data: bytes) -> StreamNotice:
    """Parse one envelope of the stream. Raises `SoapError` for a fault within it."""
    events: list[MailboxEvent] = []
    problem = None
    closed = False
    for result in results(parse(data)):
        problem = problem or result.problem
        closed |= text(result.element, "ConnectionStatus").strip() == "Closed"
        for each in children(child(result.element, "Notifications")):
            events += read_events(each)
    return StreamNotice(tuple(events), problem, closed)
