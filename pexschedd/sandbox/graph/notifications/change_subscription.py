"""One subscription to changes: what it watches, where it tells, until when."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pexschedd.sandbox.graph.entities.view import timestamp
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.notifications import webhook
from pexschedd.sandbox.graph.odata.graph_request import GraphRequest
from pexschedd.sandbox.mailboxes.folder_events import EventType, FolderEvent
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

CHANGES = ("created", "updated", "deleted")
_SHORTEST = timedelta(minutes=45)
_MOST_STATE = 128
_FIELDS = frozenset(
    {"changeType", "notificationUrl", "lifecycleNotificationUrl", "resource"}
    | {"expirationDateTime", "clientState", "latestSupportedTlsVersion"}
)


@dataclass
class WatchedResource:
    """The messages of a folder or of all folders, or the events."""

    user: str
    folder: str | None
    """The name or id of a folder; None: all."""
    kind: str
    """`Message` or `Event`."""


@dataclass
class ChangeSubscription:
    """A subscription of an application."""

    id: str
    application: str
    tenant: str
    mailbox: SandboxMailbox
    watched: WatchedResource
    folder: str | None
    """The distinguished name of the folder that is watched; None: all."""
    resource: str
    """As the client wrote it."""
    changes: tuple[str, ...]
    url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: datetime
    immutable: bool
    stop: Any = field(default=None, repr=False)
    """Ends the watch."""

    def document(self) -> dict[str, Any]:
        """Return the subscription as JSON; the client state is not given back."""
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.application,
            "changeType": ",".join(self.changes),
            "clientState": None,
            "notificationUrl": self.url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": timestamp(self.expires),
            "creatorId": self.application,
            "latestSupportedTlsVersion": "v1_2",
            "includeResourceData": None,
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationQueryOptions": None,
            "notificationUrlAppId": None,
        }

    def change(self, event: FolderEvent) -> str | None:
        """Return what an event is to this subscription; None if it is nothing."""
        if not event.item:
            return None
        here = self._watches(event.folder)
        before = bool(event.old_folder) and self._watches(event.old_folder)
        found = None
        if event.type is EventType.MOVED:
            if here and not before:
                found = "created"
            elif before and not here:
                found = "deleted"
            elif here:
                found = "updated"
        elif here:
            found = {
                EventType.CREATED: "created",
                EventType.MODIFIED: "updated",
                EventType.DELETED: "deleted",
            }.get(event.type)
        return found if found in self.changes else None

    def _watches(self, folder: str) -> bool:
        if self.folder is not None:
            return folder == self.folder
        return (folder == "calendar") == (self.watched.kind == "Event")


def read_resource(text: Any) -> WatchedResource:
    """Return what a resource names. Raises `GraphError`."""
    path = str(text or "").partition("?")[0]
    segments = GraphRequest("GET", path.removeprefix("/v1.0")).segments
    match [part.lower() for part in segments]:
        case ["users", _, "messages"]:
            return WatchedResource(segments[1], None, "Message")
        case ["users", _, "mailfolders", _, "messages"]:
            return WatchedResource(segments[1], segments[3], "Message")
        case ["users", _, "events"] | ["users", _, "calendar", "events"]:
            return WatchedResource(segments[1], None, "Event")
    raise invalid(f"resource: '{path[:100]}' is not supported.")


def read_fields(document: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """Check a new subscription's fields; return its changes and client state.

    Raises `GraphError`.
    """
    for name in document:
        if name not in _FIELDS and "@" not in name:
            raise invalid(f"{name}: is not supported.")
    changes = tuple(
        each.strip() for each in str(document.get("changeType") or "").split(",")
    )
    if not set(changes) <= set(CHANGES):
        raise invalid(f"changeType: one or more of {', '.join(CHANGES)}.")
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        url = document.get(name)
        if url is None and name != "notificationUrl":
            continue
        if not isinstance(url, str) or not webhook.is_allowed(url):
            raise invalid(f"{name}: must be an address on loopback here.")
    state = document.get("clientState")
    if state is not None and (not isinstance(state, str) or len(state) > _MOST_STATE):
        raise invalid(f"clientState: a text of at most {_MOST_STATE} characters.")
    return changes, state


def read_expiry(value: Any, now: datetime, longest: timedelta) -> datetime:
    """Return the end of a subscription, which is some time away at least.

    Raises `GraphError`.
    """
    text = str(value or "")
    head, dot, fraction = text.removesuffix("Z").partition(".")
    try:
        expires = datetime.fromisoformat(head + (dot + fraction[:6] if dot else ""))
    except ValueError:
        raise invalid("expirationDateTime: must be a time.") from None
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=UTC)
    expires = expires.astimezone(UTC)
    if expires <= now:
        raise invalid("expirationDateTime: must be in the future.")
    if expires > now + longest:
        minutes = int(longest.total_seconds() // 60)
        raise invalid(
            f"Subscription expiration can only be {minutes} minutes in the future."
        )
    return max(expires, now + _SHORTEST)


def invalid(text: str) -> GraphError:
    """Return the error of a subscription that makes no sense."""
    return GraphError("ValidationError", text)
