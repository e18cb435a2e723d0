"""The test of rules with one invitation, as it is handed to a process apart. Pure.

Everything about a test that takes time is done by `run_rule_test`: reading a file and a
request, compiling rules, and applying them. What it takes and returns can be pickled.
"""

import binascii
from base64 import b64decode
from datetime import datetime, timedelta

import msgspec

from pexschedd.clock import system_now
from pexschedd.errors import InvalidFields
from pexschedd.model.onetouch.room_calendar import JoinDetails, RoomMeeting
from pexschedd.onetouch.invitation.files import MOST_BYTES, FileKind, read_file
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.rules.rule import MeetingRule, read_rules
from pexschedd.onetouch.rules.rule_sets import rule_set, rule_templates
from pexschedd.onetouch.screen.meeting_list import screen_list
from pexschedd.onetouch.screen.screen_meeting import ScreenProfile
from pexschedd.onetouch.tester import JoinReport, report_on

_AN_HOUR = timedelta(hours=1)
_LAST_YEAR = 9000
"""Nothing can be added to the last year that Python knows."""


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test: an invitation, and the rules and the settings to try with it."""

    data: bytes
    """The invitation: a file, or a text."""
    is_base64: bool = False
    kind: FileKind | None = None
    """None: told by the content."""
    subject: str = ""
    """The subject of an invitation that has none of its own; so is the location."""
    location: str = ""
    rules: tuple[MeetingRule, ...] = ()
    given_rules: bytes = b""
    """Rules in JSON, in the place of `rules`; empty if none were given."""
    profile: ScreenProfile = ScreenProfile()
    now: datetime
    """The time at which a meeting without one would take place."""


class ScreenPreview(msgspec.Struct, frozen=True, kw_only=True):
    """The line that a room's screen will show."""

    is_shown: bool
    title: str
    """The title on the screen; empty if the meeting is not shown."""
    has_join: bool
    """True if the line has Join."""
    join_from: datetime | None
    """The time from which on Join can be pressed; null without one."""
    join_until: datetime | None
    reason: str
    """The reason why the meeting is not shown, or has no Join; empty if it has."""


class RuleTestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a test."""

    report: JoinReport
    screen: ScreenPreview


def run_rule_test(test: RuleTest) -> RuleTestResult:
    """Apply rules to an invitation; raises InvalidFields for a file that is not base64
    and for rules that are wrong.

    It takes a second for a million characters of tags; the first test in a process
    takes the time to read the catalogue, too.
    """
    rules = test.rules
    if test.given_rules:
        rules = read_rules(test.given_rules, rule_templates(system_now))
    found = read_file(_content(test), test.kind)
    invitation = msgspec.structs.replace(
        found,
        subject=found.subject or test.subject,
        location=found.location or test.location,
    )
    report = report_on(invitation, rule_set(rules))
    return RuleTestResult(report=report, screen=_preview(test, invitation, report))


def _content(test: RuleTest) -> bytes:
    if not test.is_base64:
        return test.data
    try:
        data = b64decode(b"".join(test.data.split()), validate=True)
    except binascii.Error as error:
        raise InvalidFields({"file": [f"This is not base64: {error}."]}) from None
    return data[: MOST_BYTES + 1]


def _preview(
    test: RuleTest, invitation: Invitation, report: JoinReport
) -> ScreenPreview:
    profile = test.profile
    start, end = _times(invitation) or (test.now, test.now + _AN_HOUR)
    meeting = RoomMeeting(
        item_id="",
        uid="",
        start=start,
        end=end,
        subject=invitation.subject,
        organizer_name=invitation.organizer_name,
        organizer_email=invitation.organizer_email,
        is_private=invitation.is_private,
        is_cancelled=invitation.is_cancelled,
        details=_details(report),
    )
    lines = screen_list([meeting], profile, start, rule_templates(system_now))
    line = next(iter(lines), None)
    has_join = line is not None and line.details is not None
    is_timed = has_join and _times(invitation) is not None
    return ScreenPreview(
        is_shown=line is not None,
        title=line.title if line else "",
        has_join=has_join,
        join_from=line.join_from if line and is_timed else None,
        join_until=line.join_until if line and is_timed else None,
        reason="" if has_join else _reason(meeting, profile),
    )


def _details(report: JoinReport) -> JoinDetails | None:
    if report.alias is None:
        return None
    return JoinDetails(
        report.alias, report.protocol or "", report.platform or "", report.rule or ""
    )


def _times(invitation: Invitation) -> tuple[datetime, datetime] | None:
    """The meeting's time; None without one, or in a zone that is not known."""
    start, end = invitation.start, invitation.end
    if start is None or start.tzinfo is None or not 1970 <= start.year <= _LAST_YEAR:
        return None
    if end is None or end.tzinfo is None or not start <= end:
        return start, start
    return start, end if end.year <= _LAST_YEAR else start


def _reason(meeting: RoomMeeting, profile: ScreenProfile) -> str:
    if meeting.is_cancelled:
        return "The meeting is cancelled."
    if meeting.is_private and not profile.enable_private_meetings:
        return "The profile does not show private meetings."
    shown = (
        ""
        if profile.enable_non_video_meetings
        else "; the profile shows no meetings without one"
    )
    if meeting.details is not None:
        return f"The profile gives private meetings no Join{shown}."
    return f"Nothing to dial was found{shown}."
