"""The title that a screen shows: a subject, or what stands in its place. Pure.

Screens hang where anybody reads them. If a template fails, the organizer's name is
shown rather than the subject that it was to hide.
"""

from pexschedd.errors import TemplateError
from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.onetouch.invitation.characters import readable_line
from pexschedd.onetouch.screen.screen_meeting import ScreenProfile
from pexschedd.templates.engine import Templates

LONGEST_TITLE = 250


def title_of(meeting: RoomMeeting, profile: ScreenProfile, templates: Templates) -> str:
    """Return a meeting's title: one line, never empty."""
    organizer = readable_line(
        meeting.organizer_name or meeting.organizer_email, LONGEST_TITLE
    )
    subject = readable_line(meeting.subject, LONGEST_TITLE)
    if is_subject_replaced(meeting, profile):
        title = _by_template(meeting, profile.replace_subject_template, templates)
        return title or organizer or _without_name(meeting)
    if subject:
        return subject
    named = organizer if profile.replace_empty_subject else ""
    return named or _without_name(meeting)


def is_subject_replaced(meeting: RoomMeeting, profile: ScreenProfile) -> bool:
    """Return whether a screen must not show the subject. A type that is not known is
    the careful one."""
    if profile.replace_subject_type == "NEVER":
        return False
    if profile.replace_subject_type == "PRIVATE":
        return meeting.is_private
    return True


def _by_template(meeting: RoomMeeting, source: str, templates: Templates) -> str:
    if not source.strip():
        return ""
    values = {
        "subject": readable_line(meeting.subject, LONGEST_TITLE),
        "organizer_name": readable_line(meeting.organizer_name, LONGEST_TITLE),
        "organizer_email": readable_line(meeting.organizer_email, LONGEST_TITLE),
    }
    try:
        text = templates.render(source, values, html=False, max_length=LONGEST_TITLE)
    except TemplateError:
        return ""
    return text.strip()


def _without_name(meeting: RoomMeeting) -> str:
    return "Private meeting" if meeting.is_private else "Meeting"
