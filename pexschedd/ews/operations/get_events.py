"""GetEvents: what happened since the last time, for those who ask now and then."""

import msgspec

from pexschedd.ews.envelope import (
    NotSoap,
    child,
    children,
    m,
    only_result,
    parse,
    request,
    text,
)
from pexschedd.ews.operations.events import MailboxEvent, read_events


class PulledEvents(msgspec.Struct, frozen=True):
    """The events of one GetEvents, and the watermark to ask from next time."""

    events: tuple[MailboxEvent, ...]
    watermark: str
    """The watermark at which the next GetEvents begins."""
    more: bool


def build_get_events(mailbox: str, subscription: str, watermark: str) -> bytes:
    """Build a GetEvents for what happened since `watermark`."""
    operation = m(
        "GetEvents", m("SubscriptionId", subscription), m("Watermark", watermark)
    )
    return request(operation, mailbox)


def parse_events(data: bytes) -> PulledEvents:
    """Every event has a watermark; the last one's counts."""
    notification = child(only_result(parse(data)), "Notification")
    watermarks = [
        mark
        for each in children(notification)
        if (mark := text(each, "Watermark").strip())
    ]
    if not watermarks:
        raise NotSoap("the events have no watermark")
    more = text(notification, "MoreEvents").strip() in ("true", "1")
    return PulledEvents(read_events(notification), watermarks[-1], more)
