"""The problems of a deployment's rooms, in words for administrators. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.onetouch.screen.calendar_processing import (
    ProcessingLoss,
    losses_of,
    mending_command,
)

REFUSED_TWICE = 2
FAILING_FOR = 900.0
"""Seconds after which a room that cannot be read is reported, whatever the reason."""
MOST_NAMED = 20
"""Rooms that an alarm names."""
_REASONS = 5
"""Reasons that an alarm gives."""
FEWEST_OF_A_SERVICE = 3
"""Meetings of a service without anything to dial that are no accident."""


class FailingRoom(msgspec.Struct, frozen=True):
    """A room whose last reading failed."""

    email: str
    problem: str
    failures: int
    """In a row."""
    seconds: float
    """Since the first of them."""
    is_refused: bool
    """True if the problem does not pass by itself."""

    @property
    def is_reported(self) -> bool:
        """True once it is no passing trouble."""
        if self.is_refused and self.failures >= REFUSED_TWICE:
            return True
        return self.seconds >= FAILING_FOR


def rooms_problem(failing: Iterable[FailingRoom], rooms: int) -> str:
    """Return what is wrong with rooms that cannot be read; empty if nothing is to be
    reported. The same problem is said once."""
    reported = sorted(
        (room for room in failing if room.is_reported), key=lambda room: room.email
    )
    if not reported:
        return ""
    intro = (
        f"{len(reported)} of {rooms} rooms cannot be read: their screens show what was "
        "read last. Each is tried again by itself."
    )
    lines = [f"{room.email}: {room.problem}" for room in reported[:MOST_NAMED]]
    return "\n".join([intro, *lines, *_more(len(reported))])


def notifications_problem(
    without: Mapping[str, str], rooms: int, interval: float
) -> str:
    """Return what an administrator should know of rooms whose changes are not reported;
    empty if there are none. The most frequent reasons are given.

    without: the reasons by room. interval: seconds between two readings of such a room.
    """
    if not without:
        return ""
    intro = (
        f"Exchange does not report the changes of {len(without)} of {rooms} rooms: "
        f"meetings reach their screens when the rooms are read, every {interval:.0f} "
        "seconds. It is tried again. If notifications cannot work here, set "
        "notification_method of the deployment to POLL."
    )
    lines = [
        f"{count} rooms, for example {_example(without, reason)}: {reason}"
        for reason, count in Counter(without.values()).most_common(_REASONS)
    ]
    return "\n".join([intro, *lines])


def _example(without: Mapping[str, str], reason: str) -> str:
    return min(room for room, given in without.items() if given == reason)


class DeploymentFindings:
    """The findings in the meetings of all rooms of a deployment."""

    def __init__(self) -> None:
        self._losses: dict[str, tuple[ProcessingLoss, ...]] = {}
        self._found: Counter[str] = Counter()
        self._nothing: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, room: str, meetings: Sequence[RoomMeeting]) -> None:
        """Look at the meetings of one more room."""
        losses = losses_of(meetings)
        if losses:
            self._losses[room] = losses
        seen = set()
        for meeting in meetings:
            # The occurrences of a series are one invitation.
            if meeting.uid in seen:
                continue
            seen.add(meeting.uid)
            if meeting.details is not None:
                self._found[meeting.details.service] += 1
            for service in meeting.recognised:
                self._nothing[service].append(room)

    def processing_problem(self) -> str:
        """Return which rooms lose texts, and the commands that mend it; empty if none
        does."""
        if not self._losses:
            return ""
        count = len(self._losses)
        rooms = "a room" if count == 1 else f"{count} rooms"
        intro = (
            f"The calendar processing of {rooms} takes away what a Join button is "
            "found in. Run in the Exchange Management Shell (meetings that were "
            "accepted before stay as they are):"
        )
        lines = [
            mending_command(room, losses)
            for room, losses in sorted(self._losses.items())[:MOST_NAMED]
        ]
        return "\n".join([intro, *lines, *_more(len(self._losses))])

    def service_problem(self) -> str:
        """Return the services of which mostly nothing was found to dial; empty if
        there are none."""
        lines = []
        for service, rooms in sorted(self._nothing.items()):
            if len(rooms) >= max(FEWEST_OF_A_SERVICE, self._found[service] + 1):
                named = ", ".join(sorted(set(rooms))[:3])
                lines.append(
                    f"{service}: {len(rooms)} meetings, for example in {named}."
                )
        if not lines:
            return ""
        intro = (
            "Invitations of services that are known have nothing that a room can dial. "
            "Their text may have changed, or they lack the part for rooms: try one "
            "with the tester of the processing rules."
        )
        return "\n".join([intro, *lines])


def _more(count: int) -> list[str]:
    return [f"… and {count - MOST_NAMED} more rooms."] if count > MOST_NAMED else []
