"""The tester: an invitation goes in, what a room's screen will show comes out. Pure.

For administrators who ask why a room has no button, or the wrong one.
"""

from datetime import datetime

import msgspec

from pexschedd.onetouch.invitation.characters import one_line
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.invitation.passages import searchable
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.results import RuleOutcome, SeenLink


class JoinReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report. `alias`, `protocol`, `platform` and `rule` are None if there is no
    button."""

    alias: str | None
    protocol: str | None
    platform: str | None
    rule: str | None
    service: str
    pin: str
    """The PIN that people have to enter: it is not part of the alias."""
    title: str
    organizer: str
    start: datetime | None
    end: datetime | None
    is_private: bool
    is_cancelled: bool
    tried: tuple[RuleOutcome, ...]
    recognised: tuple[str, ...]
    links: tuple[SeenLink, ...]
    notes: tuple[str, ...]


def report_on(invitation: Invitation, rules: RuleSet) -> JoinReport:
    """Apply rules to an invitation and report all that they say."""
    read = searchable(invitation)
    found = rules.evaluate(invitation, read)
    details = found.details
    organizer = one_line(invitation.organizer_name or invitation.organizer_email, 250)
    notes = [f"Not read: {problem}." for problem in invitation.problems]
    notes += found.notes
    if details is None and found.recognised:
        services = ", ".join(found.recognised)
        notes.append(f"There is a meeting of {services}, but no button for it.")
    if invitation.is_cancelled:
        notes.append("The meeting is cancelled: no screen shows it.")
    return JoinReport(
        alias=details.alias if details else None,
        protocol=details.protocol if details else None,
        platform=details.platform if details else None,
        rule=details.rule if details else None,
        service=details.service if details else "",
        pin=details.pin if details else "",
        title=one_line(invitation.subject, 1_000) or organizer,
        organizer=organizer,
        start=invitation.start,
        end=invitation.end,
        is_private=invitation.is_private,
        is_cancelled=invitation.is_cancelled,
        tried=found.tried,
        recognised=found.recognised,
        links=rules.links_of(read),
        notes=tuple(notes),
    )
