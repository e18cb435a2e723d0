"""New joining instructions for a meeting that the attendees already have."""

import re
from functools import partial

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.bodies.old_instructions import (
    without_instructions,
    without_instructions_text,
)
from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.ports.mailbox import OrganizersCalendars, RewriteKind
from pexschedd.scheduling.upkeep.invitation_aliases import tags_in
from pexschedd.scheduling.upkeep.restore_room import RoomNotRestorable
from pexschedd.scheduling.upkeep.retry import read_with_retries, with_retries
from pexschedd.util.stop_signal import StopSignal
from pexschedd.util.worker_processes import HeavyWork, work_at_once

TRIES = 3
"""Attempts at a meeting that its organizer changes at the same moment."""


_LOOKS = 8
"""Times that the rewriting looks at a character of the body."""


class NewInstructions(msgspec.Struct, frozen=True):
    """The texts for an invitation, all HTML."""

    message: str
    """Stands above the joining instructions."""
    instructions: str
    sample: str
    """The instructions for a sample alias, by which old ones are found: see
    `bodies.old_instructions`."""


class InvitationUpdater:
    """Rewrites meetings in the organizers' own calendars, and has them sent again."""

    def __init__(
        self,
        organizers: OrganizersCalendars,
        clock: IReactorTime,
        stop: StopSignal,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._organizers = organizers
        self._clock = clock
        self._stop = stop
        self._heavy_work = heavy_work

    async def find(self, meeting: CalendarMeeting) -> CalendarMeeting:
        """The organizer's own copy of a meeting.

        Raises `RoomNotRestorable` when there is none, `MailboxError` when it cannot
        be read.
        """
        address = meeting.organizer.email
        if not address:
            raise RoomNotRestorable("the calendar does not say who organizes it")
        own = await read_with_retries(
            partial(self._organizers.find, address, meeting.uid, start=meeting.start),
            self._clock,
            self._stop,
        )
        if own is None:
            raise RoomNotRestorable("its organizer does not have it any more")
        return own

    async def update(
        self,
        meeting: CalendarMeeting,
        own: CalendarMeeting,
        alias: ScheduledAlias,
        new: NewInstructions,
    ) -> None:
        """Put a message and the instructions on top of the invitation, in place of old
        instructions.

        `own` is the organizer's copy, as `find` returned it; nothing happens if it has
        the alias's tag. Raises `RoomNotRestorable` or `MailboxError` when the meeting
        was not sent, `WorkAbandoned` if its body takes too long to rewrite.
        """
        for attempt in range(TRIES):
            if attempt:
                own = await self.find(meeting)
            if alias.uuid in tags_in(own):
                return
            html = await self._heavy_work(
                partial(with_instructions, own.html, own.text, new),
                _LOOKS * len(own.html or own.text),
            )
            address = meeting.organizer.email
            kind, reason = await with_retries(
                partial(self._organizers.rewrite, address, own.ref, html),
                self._clock,
                self._stop,
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


def with_instructions(html: str, text: str, new: NewInstructions) -> str:
    """Return an invitation with a message and joining instructions on top. Pure.

    The result is HTML, or plain text if the invitation is. The instructions come first
    because the first tag in a body is the one that counts. Old instructions are taken
    out; what is left of an invitation where they cannot be found, as they were edited,
    stands below a line.
    """
    if not html and text:
        lines = f"{plain_text(new.message)}\n\n{plain_text(new.instructions)}\n\n"
        rest, _ = without_instructions_text(text, plain_text(new.sample))
        return lines.replace("\n", "\r\n") + rest
    rest, replaced = without_instructions(html, new.sample)
    line = "" if replaced else "<hr>\r\n"
    top = f"<div>{new.message}</div>\r\n{new.instructions}\r\n{line}"
    opening = _BODY.search(rest)
    if opening is None:
        return top + rest
    return rest[: opening.end()] + top + rest[opening.end() :]
