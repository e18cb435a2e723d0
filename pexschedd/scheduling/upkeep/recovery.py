"""Makes rooms again for meetings that were accepted and have none (deployment guide,
"Recovering meetings").

After a new installation, or from an old backup, the equipment mailbox's calendar still
holds what was accepted. The attendees' invitations name an alias; wherever it is still
known whose it was, it stays: by our own records, or by the invitation itself, whose tag
and alias say it as long as nobody else has that alias now. Only otherwise the meeting
gets a new one, and the organizer's invitation is rewritten and sent again.

It can be run as often as one likes: a meeting with a room is left alone, unless its
organizer could not be told about it the last time.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.bodies import tags
from pexschedd.bodies.plain_text import plain_text
from pexschedd.bodies.visible_text import visible_text
from pexschedd.clock import Now
from pexschedd.errors import MailboxError, TemplateError, Unavailable
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.decisions import aliases
from pexschedd.scheduling.decisions.aliases import AliasPair
from pexschedd.scheduling.ports.mailbox import (
    Action,
    MailboxKeeping,
    OrganizersCalendars,
    RewriteKind,
)
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.scheduling.upkeep.progress import KeepGoing, ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.restore_room import (
    RoomNotRestorable,
    RoomRestorer,
    has_finished,
    is_announced,
    scheduled,
    takes_place_after,
)
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices
from pexschedd.util.retry import pages, patiently

DEFAULT_MESSAGE = "This meeting has updated joining instructions."
TRIES = 3
"""How often a meeting is read again that its organizer changes at the same moment."""

KEPT = "rooms made again, with the old alias"
NEW = "rooms made again, with a new alias and a new invitation"
TOLD = "invitations sent again that could not be sent the last time"
THERE = "meetings that have their room"


class RecoveryRequest(msgspec.Struct, frozen=True):
    since: datetime
    """Aware UTC; meetings that start later are recovered."""
    message: str = DEFAULT_MESSAGE
    """HTML for the top of an invitation that is sent again."""


class RecoveryRunner:
    def __init__(
        self,
        store: Store,
        wording: MessageTexts,
        reinstatement: RoomRestorer,
        *,
        clock: IReactorTime,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self._known = MeetingLookup(store)
        self._wording = wording
        self._reinstatement = reinstatement
        self._clock = clock
        self._now = now
        self._uuid4 = uuid4
        self._digits = digits

    async def recover(
        self,
        connector: Connector,
        keeping: MailboxKeeping,
        organizers: OrganizersCalendars,
        what: RecoveryRequest,
        say: ProgressListener,
        working: KeepGoing,
        tally: WorkTally,
        *,
        dry_run: bool = False,
    ) -> None:
        """Adds to `tally` what is done. Raises `MailboxError` when the mailbox cannot
        be read."""
        read = 0
        async for page in pages(keeping.calendar, self._clock):
            for meeting in page:
                if not working():
                    return
                read += 1
                if (
                    meeting.accepted
                    and not meeting.cancelled
                    and takes_place_after(meeting, what.since)
                    and not has_finished(meeting, self._now())
                ):
                    case = _Case(self, connector, organizers, what, dry_run=dry_run)
                    await self._recover(case, meeting, tally, say)
                say.progress("reading the calendar", read)

    async def _recover(
        self,
        case: "_Case",
        meeting: CalendarMeeting,
        tally: WorkTally,
        say: ProgressListener,
    ) -> None:
        try:
            done = await case.recover(meeting)
        except (RoomNotRestorable, MailboxError, TemplateError, Unavailable) as error:
            reason = f"meeting {meeting.uid} ({meeting.start:%Y-%m-%dT%H:%M:%SZ})"
            tally.failed(f"{reason}: {error.message}")
            return
        tally.add(done)
        if done != THERE:
            say.note(f"meeting {meeting.uid}: {done}")


class _Case:
    """One integration's meetings on their way to a room."""

    def __init__(
        self,
        recoverer: RecoveryRunner,
        connector: Connector,
        organizers: OrganizersCalendars,
        what: RecoveryRequest,
        *,
        dry_run: bool,
    ) -> None:
        self._all = recoverer
        self._connector = connector
        self._organizers = organizers
        self._what = what
        self._dry_run = dry_run

    async def recover(self, meeting: CalendarMeeting) -> str:
        """What was done, in words to count by."""
        known, connector = self._all._known, self._connector
        there = scheduled(known, connector.id, meeting.uid)
        if there and is_announced(known, connector.id, meeting.uid):
            return THERE
        if there:
            alias = known.alias_by_id(there[0].scheduled_alias)
            if alias is None:
                raise RoomNotRestorable("its alias is gone")
            return await self._announce(meeting, alias)
        if await self._is_being_cancelled(meeting):
            raise RoomNotRestorable("its cancellation is under way")
        alias = self._kept(meeting)
        own = None
        if alias is None:
            # What the equipment mailbox has may have lost its text.
            own = await self._own(meeting)
            alias = self._kept(
                msgspec.structs.replace(meeting, html=own.html, text=own.text)
            )
        if alias is not None:
            if not self._dry_run:
                await self._reinstate(meeting, alias, announced=True)
            return KEPT
        if not self._dry_run:
            alias = self._new()
            await self._reinstate(meeting, alias, announced=False)
            await self._rewrite(meeting, alias, own)
        return NEW

    async def _is_being_cancelled(self, meeting: CalendarMeeting) -> bool:
        """Whether its room may just have gone and the calendar not know it yet."""
        found = (self._all._known.alias(u) for u in _tags_of(meeting))
        if not any(a and a.conference_deletion_time is not None for a in found):
            return False
        pending = self._all._store.all(tables.OUTBOX)
        async for each in in_slices(pending, self._all._clock):
            ours = each.exchange_connector == self._connector.id
            if ours and each.action == Action.REMOVE:
                return True
        return False

    def _kept(self, meeting: CalendarMeeting) -> ScheduledAlias | None:
        """The alias that the attendees have, if it can be this meeting's again."""
        known = self._all._known
        uuids = _tags_of(meeting)
        for uuid in uuids:
            alias = known.alias(uuid)
            if (
                alias is not None
                and alias.exchange_connector == self._connector.id
                and alias.ews_item_uid in ("", meeting.uid)
                and known.owner_of(alias.alias) is None
                and known.owner_of(alias.numeric_alias) is None
            ):
                return alias
        # The first tag is the newest one. One that is known belongs to another
        # meeting: this one's invitation was copied from it, alias and all.
        if not uuids or any(known.alias(uuid) is not None for uuid in uuids):
            return None
        pair = named_pair(meeting.html, meeting.text, self._connector)
        if pair is None or any(known.alias_taken(text) for text in pair.texts):
            return None
        return self._alias(pair, uuids[0])

    def _new(self) -> ScheduledAlias:
        """Raises `Unavailable` when there are no numbers left."""
        connector = self._connector
        pair = aliases.pick(
            connector.scheduled_alias_prefix,
            connector.scheduled_alias_suffix_length,
            connector.scheduled_alias_domain,
            digits=self._all._digits,
            taken=self._all._known.alias_taken,
        )
        return self._alias(pair, self._all._uuid4())

    def _alias(self, pair: AliasPair, uuid: str) -> ScheduledAlias:
        return ScheduledAlias(
            id=self._all._store.transaction().new_id(tables.SCHEDULED_ALIAS),
            uuid=uuid,
            alias=pair.full,
            numeric_alias=pair.numeric,
            alias_number=pair.number,
            exchange_connector=self._connector.id,
            creation_time=self._all._now(),
        )

    async def _reinstate(
        self, meeting: CalendarMeeting, alias: ScheduledAlias, *, announced: bool
    ) -> None:
        # Worded first: a template that fails must not leave a room behind.
        self._instructions(alias)
        await self._all._reinstatement.reinstate(
            self._connector, meeting, alias, announced=announced
        )

    async def _announce(self, meeting: CalendarMeeting, alias: ScheduledAlias) -> str:
        """A room was made, but the last run could not tell its organizer."""
        own = await self._own(meeting)
        if alias.uuid in tags.find(own.html, own.text).pxps:
            return THERE  # told, and the update is on its way to us
        if not self._dry_run:
            await self._rewrite(meeting, alias, own)
        return TOLD

    async def _own(self, meeting: CalendarMeeting) -> CalendarMeeting:
        address = meeting.organizer.email
        if not address:
            raise RoomNotRestorable("the calendar does not say who organizes it")
        own = await patiently(
            partial(self._organizers.find, address, meeting.uid), self._all._clock
        )
        if own is None:
            raise RoomNotRestorable("its organizer does not have it any more")
        return own

    async def _rewrite(
        self,
        meeting: CalendarMeeting,
        alias: ScheduledAlias,
        own: CalendarMeeting | None,
    ) -> None:
        instructions = self._instructions(alias)
        for _ in range(TRIES):
            own = own or await self._own(meeting)
            if alias.uuid in tags.find(own.html, own.text).pxps:
                return
            html = with_instructions(own, self._what.message, instructions)
            kind, reason = await patiently(
                partial(
                    self._organizers.rewrite, meeting.organizer.email, own.ref, html
                ),
                self._all._clock,
            )
            match kind:
                case RewriteKind.DONE:
                    return
                case RewriteKind.GONE:
                    raise RoomNotRestorable("its organizer does not have it any more")
                case RewriteKind.FAILED:
                    raise RoomNotRestorable(f"Exchange did not send it again: {reason}")
                case RewriteKind.CHANGED | RewriteKind.RETRY:
                    own = None
        raise RoomNotRestorable("it could not be sent again now; run this again")

    def _instructions(self, alias: ScheduledAlias) -> str:
        pair = AliasPair(alias.alias_number, alias.numeric_alias, alias.alias)
        return self._all._wording.instructions(self._connector, pair, alias.uuid)


def _tags_of(meeting: CalendarMeeting) -> tuple[str, ...]:
    return tags.find(meeting.html, meeting.text).pxps


def named_pair(html: str, text: str, connector: Connector) -> AliasPair | None:
    """The one alias of the integration's form that an invitation names; None if it
    names none, or several. Pure.

    With a domain only the full alias counts: a bare number may be anybody's.
    """
    prefix, domain = connector.scheduled_alias_prefix, connector.scheduled_alias_domain
    if not prefix:
        return None
    number = rf"(?<![\w.@-]){re.escape(prefix)}(\d{{5,15}})"
    end = rf"@{re.escape(domain)}(?![\w@-]|\.\w)" if domain else r"(?![\w@-]|\.\w)"
    shown = visible_text(html[: tags.MAX_BODY]).replace("\0", " ")
    for body in (shown, text[: tags.MAX_BODY]):
        found = set(re.findall(number + end, body, re.IGNORECASE))
        if found:
            digits = found.pop()
            if found or not int(digits):
                return None
            return aliases.pair(prefix, digits, domain)
    return None


_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def with_instructions(own: CalendarMeeting, message: str, instructions: str) -> str:
    """The organizer's invitation with the message and the new joining instructions on
    top: HTML, or plain text if the invitation is. The first tag in a body is the one
    that counts. Pure."""
    if not own.html and own.text:
        lines = f"{plain_text(message)}\n\n{plain_text(instructions)}\n\n"
        return lines.replace("\n", "\r\n") + own.text
    top = f"<div>{message}</div>\r\n{instructions}\r\n<hr>\r\n"
    opening = _BODY.search(own.html)
    if opening is None:
        return top + own.html
    return own.html[: opening.end()] + top + own.html[opening.end() :]
