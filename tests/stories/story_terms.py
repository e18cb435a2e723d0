"""Who there is, when it is, and what is said about doors."""

from datetime import UTC, datetime, timedelta

ALICE, BOB = "alice@example.test", "bob@example.test"
EQUIPMENT, ROOM1 = "pexipmeeting@example.test", "room1@example.test"
SVC = "svc@example.test"
STUDIO = "studio@example.test"
"""A second equipment mailbox."""

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""When every story begins: a Monday morning."""
AT_TEN = START + timedelta(hours=2)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
BEFORE, AFTER = 30 * MINUTE, 60 * MINUTE
"""How long before and after a meeting its room is open, by default."""

OVER = "This meeting is over."
GONE = "This meeting is over or was cancelled."
NOT_SCHEDULED = "No meeting is scheduled with this alias."
"""What nodes are told about a closed room."""


def window(start: datetime, end: datetime | None = None) -> tuple[datetime, datetime]:
    """When the room of a meeting is open, an hour long unless said otherwise."""
    return start - BEFORE, (end or start + HOUR) + AFTER


def opens(start: datetime) -> str:
    """What the policy says about a room before a meeting."""
    return f"This meeting opens at {start - BEFORE:%Y-%m-%d %H:%M} UTC."
