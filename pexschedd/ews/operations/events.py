"""Events in notifications: the parts that subscriptions of both kinds share.

Read by local name only: servers put the elements of a stream into other namespaces
than the schema does.
"""

from collections.abc import Iterable

import msgspec

from pexschedd.ews.envelope import Element, child, children, local_name, t
from pexschedd.ews.operations.parts import CALENDAR, INBOX, folder

EVENT_TYPES = ("NewMailEvent", "CreatedEvent", "MovedEvent")
"""The events by which an item gets into a folder."""

CHANGE_TYPES = ("CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent")
"""The events that change what a folder holds."""


class MailboxEvent(msgspec.Struct, frozen=True):
    """Something that happened to one item."""

    kind: str
    """One of those subscribed to, or what else the server sends."""
    folder: str
    """The id of the folder where the item is now; empty if it is not said."""


def what_to_tell() -> tuple[Element, Element]:
    """Build the subject of a subscription: the inbox, and what arrives in it."""
    return (
        t("FolderIds", folder(INBOX)),
        t("EventTypes", *(t("EventType", name) for name in EVENT_TYPES)),
    )


def changes_to_tell() -> tuple[Element, Element]:
    """Build the subject of a subscription: the calendar, and all that changes it."""
    return (
        t("FolderIds", folder(CALENDAR)),
        t("EventTypes", *(t("EventType", name) for name in CHANGE_TYPES)),
    )


def read_events(notification: Element | None) -> tuple[MailboxEvent, ...]:
    """The events about items. One about a folder says nothing of arrivals, and a
    status event only that the server is alive."""
    return tuple(
        MailboxEvent(local_name(each), _parent(each))
        for each in children(notification)
        if local_name(each).endswith("Event") and child(each, "ItemId") is not None
    )


def _parent(event: Element) -> str:
    found = child(event, "ParentFolderId")
    return found.get("Id", "") if found is not None else ""


class Arrivals:
    """Tells what came into the inbox from what left it.

    Every answer of ours moves a message out, and the subscription tells that, too.
    Which id the inbox has is learned from what is made or delivered there.
    """

    def __init__(self) -> None:
        self._inbox = ""

    def among(self, events: Iterable[MailboxEvent]) -> bool:
        """Return whether one of the events may have brought something into the
        inbox."""
        found = False
        for event in events:
            if event.kind in ("NewMailEvent", "CreatedEvent"):
                self._inbox = event.folder or self._inbox
                found = True
            elif event.kind == "MovedEvent":
                here = not (self._inbox and event.folder) or event.folder == self._inbox
                found = found or here
        return found
