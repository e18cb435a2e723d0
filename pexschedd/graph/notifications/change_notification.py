"""Change notifications as they are posted to a webhook. Pure.

Source: Microsoft Graph, changeNotificationCollection. Anybody may post anything, so
nothing here is believed yet; see `webhooks`.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

MOST_BYTES = 256 * 1024
"""Bytes of one post. A notification has about a thousand."""
MOST_NOTIFICATIONS = 1000
"""Notifications in one post."""

_Text = Annotated[str, Meta(max_length=200)]


class LifecycleEvent(StrEnum):
    """The events in a subscription's own life."""

    REAUTHORIZE = "reauthorizationRequired"
    """Nothing is told any more soon, unless the subscription is renewed."""
    REMOVED = "subscriptionRemoved"
    MISSED = "missed"
    """Changes have not been told."""


class ChangeNotification(msgspec.Struct, frozen=True, rename="camel"):
    """One notification: of a change, or of the subscription's own life."""

    subscription_id: _Text
    client_state: _Text | None = None
    """The secret that the subscription was made with."""
    lifecycle_event: _Text | None = None


class _Collection(msgspec.Struct):
    value: Annotated[list[ChangeNotification], Meta(max_length=MOST_NOTIFICATIONS)]


def read_notifications(body: bytes) -> list[ChangeNotification]:
    """Return the notifications in a post. Raises `ValueError`."""
    if len(body) > MOST_BYTES:
        raise ValueError(f"the body has more than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=_Collection).value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body holds no notifications: {error}") from None
