"""New joining instructions for a meeting that the attendees already have."""

import re
from functools import partial

from twisted.internet.interfaces import IReactorTime

from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.ports.mailbox import OrganizersCalendars, RewriteKind
from pexschedd.scheduling.upkeep.invitation_aliases import tags_in
from pexschedd.scheduling.upkeep.restore_room import RoomNotRestorable
from pexschedd.util.retry import with_retries

TRIES = 3
"""Attempts at a meeting that its organizer changes at the same moment."""


class InvitationUpdater:
    """Rewrites meetings in the organizers' own calendars, and has them sent again."""

    def __init__(self, organizers: OrganizersCalendars, clock: IReactorTime) -> None:
        self._organizers = organizers
        self._clock = clock

    async def find(self, meeting: CalendarMeeting) -> CalendarMeeting:
        """The organizer's own copy of a meeting.

        Raises `RoomNotRestorable` when there is none, `MailboxError` when it cannot
        be read.
        """
        address = meeting.organizer.email
        if not address:
            raise RoomNotRestorable("the calendar does not say who organizes it")
        own = await with_retries(
            partial(self._organizers.find, address, meeting.uid, start=meeting.start),
            self._clock,
        )
        if own is None:
            raise RoomNotRestorable("its organizer does not have it any more")
        return own

    async def update(
        self,
        meeting: CalendarMeeting,
        own: CalendarMeeting,
        alias: ScheduledAlias,
        top: tuple[str, str],
    ) -> None:
        """Put a message and the instructions, both HTML, on top of the invitation.

        `own` is the organizer's copy, as `find` returned it; nothing happens if it has
        the alias's tag. Raises `RoomNotRestorable` or `MailboxError` when the meeting
        was not sent.
        """
        for attempt in range(TRIES):
            if attempt:
                own = await self.find(meeting)
            if alias.uuid in tags_in(own):
                return
            html = with_instructions(own, *top)
            address = meeting.organizer.email
            kind, reason = await with_retries(
                partial(self._organizers.rewrite, address, own.ref, html), self._clock
            )
            match kind:
                case RewriteKind.DONE:
                    return
                case RewriteKind.GONE:
                    raise RoomNotRestorable("its organizer does not have it any more")
                case RewriteKind.FAILED:
                    raise RoomNotRestorable(f"Exchange did not send it again: {reason}")
                case RewriteKind.CHANGED | RewriteKind.RETRY:
                    pass
        raise RoomNotRestorable("it could not be sent again now; run this again")


_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def with_instructions(own: CalendarMeeting, message: str, instructions: str) -> str:
    """The organizer's invitation with a message and joining instructions on top. Pure.

    The result is HTML, or plain text if the invitation is. The instructions come first
    because the first tag in a body is the one that counts.
    """
    if not own.html and own.text:
        lines = f"{plain_text(message)}\n\n{plain_text(instructions)}\n\n"
        return lines.replace("\n", "\r\n") + own.text
    top = f"<div>{message}</div>\r\n{instructions}\r\n<hr>\r\n"
    opening = _BODY.search(own.html)
    if opening is None:
        return top + own.html
    return own.html[: opening.end()] + top + own.html[opening.end() :]
