"""Subscribe and Unsubscribe: be told what arrives in the inbox, or what changes in a
calendar, and no longer."""

import msgspec

from pexschedd.ews.envelope import (
    NotSoap,
    Sid,
    m,
    only_result,
    parse,
    request,
    t,
    text,
)
from pexschedd.ews.operations.events import changes_to_tell, what_to_tell


class SubscriptionId(msgspec.Struct, frozen=True):
    """A subscription's id, and the watermark that it begins at."""

    id: str
    watermark: str = ""
    """The watermark at which the first GetEvents begins; a stream has none."""


def build_subscribe_streaming(mailbox: str) -> bytes:
    """Build a Subscribe for streaming notifications of the inbox."""
    wanted = m("StreamingSubscriptionRequest", *what_to_tell())
    return request(m("Subscribe", wanted), mailbox)


def build_subscribe_to_calendar(room: str) -> bytes:
    """Build a Subscribe for streaming notifications of a room's calendar."""
    wanted = m("StreamingSubscriptionRequest", *changes_to_tell())
    return request(m("Subscribe", wanted), room, Sid.ANY)


def build_subscribe_pull(mailbox: str, minutes: int) -> bytes:
    """The subscription is over when nobody asks for so many minutes, 1 to 1440."""
    wanted = m("PullSubscriptionRequest", *what_to_tell(), t("Timeout", str(minutes)))
    return request(m("Subscribe", wanted), mailbox)


def parse_subscribe(data: bytes) -> SubscriptionId:
    """Read the new subscription; raises `NotSoap` if it has no id."""
    result = only_result(parse(data))
    found = SubscriptionId(
        text(result, "SubscriptionId").strip(), text(result, "Watermark").strip()
    )
    if not found.id:
        raise NotSoap("the subscription has no id")
    return found


def build_unsubscribe(mailbox: str, subscription: str, sid: Sid = Sid.PRIMARY) -> bytes:
    """Build an Unsubscribe: the server forgets the subscription now."""
    operation = m("Unsubscribe", m("SubscriptionId", subscription))
    return request(operation, mailbox, sid)


def parse_unsubscribe(data: bytes) -> None:
    """Raise what the server says against it."""
    only_result(parse(data))
