"""A meeting of a room's calendar and the rules in, the stored meeting out. Pure."""

import msgspec

from pexschedd.model.onetouch.room_calendar import JoinDetails, RoomMeeting
from pexschedd.onetouch.invitation.html_text import read_html
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.ports.room_mailboxes import RoomItem
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.rules.rule_sets import evaluate, services_with

_SURELY_TEXT = 8_000
"""Characters of HTML that are more than the frame of an empty body."""


class Judgement(msgspec.Struct, frozen=True):
    """All that the rules and the body of a meeting tell."""

    details: JoinDetails | None
    recognised: tuple[str, ...]
    """Services that an enabled rule looks for and whose meeting is named, if nothing
    was found to dial."""
    has_text: bool


def invitation_of(item: RoomItem) -> Invitation:
    """Return an item as rules search it."""
    return Invitation(
        subject=item.subject,
        location=item.location,
        html=item.html,
        text=item.text,
        organizer_name=item.organizer.name,
        organizer_email=item.organizer.email,
        uid=item.uid,
        start=item.start,
        end=item.end,
        is_all_day=item.is_all_day,
        is_private=item.is_private,
        is_cancelled=item.is_cancelled,
    )


def judge(rules: tuple[MeetingRule, ...], invitation: Invitation) -> Judgement:
    """Apply rules to an invitation, in this process or, as a `partial`, in another;
    the cost is `rule_sets.cost_of(invitation)`."""
    found = evaluate(rules, invitation)
    named: tuple[str, ...] = ()
    if found.details is None and found.recognised:
        services = services_with()
        wanted = {
            entry.title
            for rule in rules
            if rule.enabled
            for entry in services.of_type(rule.meeting_type)
        }
        named = tuple(title for title in found.recognised if title in wanted)
    return Judgement(found.details, named, has_text(invitation))


def has_text(invitation: Invitation) -> bool:
    """Return whether a body says anything to people."""
    if invitation.text.strip() or len(invitation.html) > _SURELY_TEXT:
        return True
    if not invitation.html.strip():
        return False
    shown, _ = read_html(invitation.html)
    return bool(shown.links) or bool(shown.text.strip())


def room_meeting(item: RoomItem, judgement: Judgement) -> RoomMeeting:
    """Return the meeting as it is stored."""
    return RoomMeeting(
        item_id=item.ref.item_id,
        change_key=item.ref.change_key,
        uid=item.uid,
        start=item.start,
        end=item.end,
        recurrence_id=item.recurrence_id,
        changed=item.changed,
        subject=item.subject,
        organizer_name=item.organizer.name,
        organizer_email=item.organizer.email,
        is_private=item.is_private,
        is_all_day=item.is_all_day,
        is_cancelled=item.is_cancelled,
        has_text=judgement.has_text,
        details=judgement.details,
        recognised=judgement.recognised,
    )
