"""Settings of the organisation in Exchange Online, and of what no document settles."""

import re
from typing import Literal

import msgspec

_PROPERTY = re.compile(r"([A-Za-z]+)(?::(\d{1,5}))?")
VISIBLE = (
    *("Location", "Subject", "Sensitivity", "Body", "OnlineMeetingLinks"),
    *("AllowForwarding", "RequestResponses", "AllowNewTimeProposals", "ShowAs"),
    *("Reminder", "AllProperties"),
)


class GraphSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document of `PUT /sandbox/graph/settings`."""

    visible_updates: str = "Location,AllProperties:15"
    """The organisation's VisibleMeetingUpdateProperties."""
    attendant_delay_s: float = 0
    """Seconds from the arrival of a message until the calendar attendant sees it."""
    answered_request: Literal["stays", "deleted-items", "gone"] = "stays"
    """The fate of the request in the inbox once its event is answered."""
    missing_event: Literal["null", "empty"] = "null"
    """The way in which a message says that it has no event: null, or {}."""
    body_change_mails: bool = True
    """A change of nothing but an event's body is mailed to the attendees."""
    recoverable_items: bool = True
    """Applications may use the folder of soft deletion, recoverableitemsdeletions."""
    permanent_delete: bool = True
    """There is permanentDelete, which not every national cloud has."""
    without_rest: tuple[str, ...] = ()
    """Addresses of mailboxes that Graph does not reach, as those on premises."""
    expanded_properties: int = 1000
    """The extended properties that one $expand may name; more are refused."""
    latency_ms: float = 0
    """The time that each request takes, those within a batch too."""
    concurrent: int = 4
    """The requests of an application for a mailbox at a time."""
    requests_per_10_min: int = 10_000
    """The requests of an application for a mailbox in ten minutes."""
    generations: int = 20
    """The states of calendar views that are kept for a mailbox."""
    delivery_delay_s: float = 0
    """Seconds from a change to its notification."""
    notification_copies: int = 1
    """The times that each change is notified; 0: not at all."""
    longest_subscription_min: int = 4230
    """Minutes that a subscription may last."""

    def check(self) -> None:
        """Raise ValueError unless the settings make sense."""
        visible_properties(self.visible_updates)
        for name, most in (
            ("attendant_delay_s", 3600),
            ("latency_ms", 600_000),
            ("delivery_delay_s", 3600),
        ):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name}: must be between 0 and {most}")
        if not 0 <= self.notification_copies <= 10:
            raise ValueError("notification_copies: must be between 0 and 10")
        if not 45 <= self.longest_subscription_min <= 100_000:
            raise ValueError("longest_subscription_min: between 45 and 100000")
        if not 1 <= self.requests_per_10_min <= 1_000_000:
            raise ValueError("requests_per_10_min: must be between 1 and 1000000")
        for name in ("concurrent", "generations", "expanded_properties"):
            if not 1 <= getattr(self, name) <= 1000:
                raise ValueError(f"{name}: must be between 1 and 1000")


def visible_properties(text: str) -> dict[str, int | None]:
    """Return the properties whose changes are visible, with the minutes before the
    start within which they are; None: always. Raises ValueError."""
    found: dict[str, int | None] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        match = _PROPERTY.fullmatch(part.strip())
        if match is None or match[1] not in VISIBLE:
            raise ValueError(
                f"visible_updates: {part.strip()!r} is none of {', '.join(VISIBLE)}, "
                "with minutes such as :15 or without"
            )
        found[match[1]] = int(match[2]) if match[2] else None
    return found
