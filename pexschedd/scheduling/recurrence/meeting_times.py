"""Past and future of meetings and series, even of those that cannot be computed. Pure.

The time zone of a series may be unknown to this system, and its pattern may be one that
we cannot read. Such a series counts as one that goes on: nothing is removed that may
still be needed.
"""

from datetime import datetime

from pexschedd.model.meeting import CalendarMeeting
from pexschedd.model.recurrence import Recurrence
from pexschedd.scheduling.recurrence.series_dates import is_over, next_after
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone


def starts_after(meeting: CalendarMeeting, moment: datetime) -> bool:
    """Return whether the meeting, or an occurrence of the series, starts later."""
    if not meeting.is_series:
        return meeting.start > moment
    if meeting.recurrence is None:
        return True
    try:
        return next_after(meeting.recurrence, moment) is not None
    except UnknownZone:
        return True


def has_finished(meeting: CalendarMeeting, moment: datetime) -> bool:
    """Return whether the meeting, or the last occurrence of the series, has ended."""
    if not meeting.is_series:
        return meeting.end <= moment
    return meeting.recurrence is not None and series_has_finished(
        meeting.recurrence, moment
    )


def series_has_finished(recurrence: Recurrence, moment: datetime) -> bool:
    """Return whether the last occurrence has ended."""
    try:
        return is_over(recurrence, moment)
    except UnknownZone:
        return False
