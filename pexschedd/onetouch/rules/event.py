"""An invitation as templates of rules see it: `calendar_event`. Pure."""

from collections.abc import Mapping
from itertools import islice

from pexschedd.onetouch.invitation.characters import one_line
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.invitation.passages import SearchableInvitation

LONGEST_TEXT = 16_000
"""Characters of the body: a template's functions search no longer texts."""


def calendar_event(
    invitation: Invitation, read: SearchableInvitation
) -> Mapping[str, object]:
    """Return the attributes of `calendar_event`.

    The body is the newest message's text with the links as their senders wrote them;
    of a long one the beginning and the end.
    """
    body = read.body
    if len(body) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        body = body[: half - 1] + "\n" + body[-half:]
    return {
        "subject": one_line(invitation.subject, 1_000),
        "location": one_line(invitation.location, 4_000),
        "body": body,
        "organizer_name": one_line(invitation.organizer_name, 250),
        "organizer_email": one_line(invitation.organizer_email, 320),
        "uid": one_line(invitation.uid, 500),
        "links": [each.link.url[:2_000] for each in islice(read.links, 20)],
        "is_private": invitation.is_private,
        "is_all_day": invitation.is_all_day,
    }
