"""Rooms whose calendar processing takes away what a button is found in. Pure.

By default Exchange deletes the body of what a room accepts, puts the organizer's name
in the place of the subject, and drops the private flag. The room's own recent items
tell (all but the flag); no administrator's rights are needed.
"""

from collections.abc import Sequence
from enum import StrEnum

from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.util.powershell import quoted

FEWEST_MEETINGS = 3
"""Meetings by others that have to agree: one alone may have been sent like that."""


class ProcessingLoss(StrEnum):
    """The switch of `Set-CalendarProcessing` that takes something away."""

    COMMENTS = "DeleteComments"
    SUBJECT = "DeleteSubject"
    ORGANIZER = "AddOrganizerToSubject"


def losses_of(meetings: Sequence[RoomMeeting]) -> tuple[ProcessingLoss, ...]:
    """Return the switches that a room's items give away."""
    seen = [m for m in meetings if m.organizer_name or m.organizer_email]
    if len(seen) < FEWEST_MEETINGS:
        return ()
    losses = []
    if not any(meeting.has_text for meeting in seen):
        losses.append(ProcessingLoss.COMMENTS)
    if all(_is_subject_gone(meeting) for meeting in seen):
        losses.append(ProcessingLoss.SUBJECT)
    if all(_begins_with_organizer(meeting) for meeting in seen):
        losses.append(ProcessingLoss.ORGANIZER)
    return tuple(losses)


def _is_subject_gone(meeting: RoomMeeting) -> bool:
    subject = meeting.subject.strip()
    return not subject or subject == meeting.organizer_name.strip()


def _begins_with_organizer(meeting: RoomMeeting) -> bool:
    name = meeting.organizer_name.strip()
    return bool(name) and meeting.subject.strip().startswith(name)


def mending_command(room: str, losses: Sequence[ProcessingLoss]) -> str:
    """Return the PowerShell command that ends the losses; it has no effect on meetings
    that were accepted before.

    It keeps the private flag as well, whose loss cannot be seen: once subjects are
    kept, those of private meetings would be on the screen like any other.
    """
    ended = (*losses, "RemovePrivateProperty")
    switches = " ".join(f"-{switch} $false" for switch in ended)
    return f"Set-CalendarProcessing -Identity {quoted(room)} {switches}"
