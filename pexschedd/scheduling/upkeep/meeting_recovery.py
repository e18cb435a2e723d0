"""Makes the room of one accepted meeting again."""

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.bodies.old_instructions import SAMPLE_DIGITS, SAMPLE_UUID
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.decisions import aliases
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.scheduling.upkeep.invitation_aliases import InvitationAliases, tags_in
from pexschedd.scheduling.upkeep.invitation_update import (
    InvitationUpdater,
    NewInstructions,
)
from pexschedd.scheduling.upkeep.restore_room import (
    RoomNotRestorable,
    RoomRestorer,
    is_announced,
    records_with_room,
)
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices
from pexschedd.util.worker_processes import HeavyWork, work_at_once

KEPT = "rooms made again, with the old alias"
NEW = "rooms made again, with a new alias and a new invitation"
TOLD = "invitations sent again that could not be sent the last time"
THERE = "meetings that have their room"
CANCELLED = "meetings left alone, as their cancellation is under way"


class RecoveryContext(msgspec.Struct, frozen=True):
    """The same for all meetings of one run over an integration."""

    connector: Connector
    invitations: InvitationUpdater
    message: str
    """HTML for the top of an invitation that is sent again."""
    dry_run: bool = False


class MeetingRecovery:
    """Decides between the old alias and a new one, and carries it out."""

    def __init__(
        self,
        store: Store,
        texts: MessageTexts,
        restorer: RoomRestorer,
        allocator: AliasAllocator,
        *,
        clock: IReactorTime,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._store = store
        self._lookup = MeetingLookup(store)
        self._texts = texts
        self._restorer = restorer
        self._allocator = allocator
        self._aliases = InvitationAliases(self._lookup, allocator, heavy_work)
        self._clock = clock

    async def recover(self, meeting: CalendarMeeting, context: RecoveryContext) -> str:
        """Give an accepted meeting its room; `KEPT`, `NEW`, `TOLD` or `THERE`.
        `CANCELLED` is one that gets none, as it is about to leave the calendar.

        Raises `RoomNotRestorable`, `MailboxError`, `TemplateError`, `WorkAbandoned` for
        an invitation that cannot be read, or `Unavailable` when there are no alias
        numbers left.
        """
        connector = context.connector
        existing = records_with_room(self._lookup, connector.id, meeting.uid)
        if existing and is_announced(self._lookup, connector.id, meeting.uid):
            return THERE
        if existing:
            alias = self._lookup.alias_by_id(existing[0].scheduled_alias)
            if alias is None:
                raise RoomNotRestorable("its alias is gone")
            return await self._announce(meeting, alias, context)
        if await self._is_being_cancelled(connector, meeting):
            return CANCELLED
        alias = await self._aliases.find(connector, meeting)
        if alias is not None:
            return await self._restore(meeting, alias, context)
        # The copy in the equipment mailbox may have lost its text.
        own = await context.invitations.find(meeting)
        with_text = msgspec.structs.replace(
            meeting, html=own.html, text=own.text, tags=own.tags
        )
        alias = await self._aliases.find(connector, with_text)
        if alias is not None:
            return await self._restore(meeting, alias, context)
        if not context.dry_run:
            alias = self._allocator.allocate(connector)
            # Rendered first: a template that fails must not leave a room behind.
            new = self._new_instructions(alias, context)
            await self._restorer.restore(connector, meeting, alias, announced=False)
            await context.invitations.update(meeting, own, alias, new)
        return NEW

    async def _restore(
        self, meeting: CalendarMeeting, alias: ScheduledAlias, context: RecoveryContext
    ) -> str:
        if not context.dry_run:
            # A template that fails must not leave a room behind.
            self._texts.instructions(context.connector, alias)
            await self._restorer.restore(context.connector, meeting, alias)
        return KEPT

    async def _announce(
        self, meeting: CalendarMeeting, alias: ScheduledAlias, context: RecoveryContext
    ) -> str:
        """Tell the organizer about a room that the last run could not announce."""
        own = await context.invitations.find(meeting)
        if alias.uuid in tags_in(own):
            return THERE  # announced, and the update is on its way to us
        if not context.dry_run:
            new = self._new_instructions(alias, context)
            await context.invitations.update(meeting, own, alias, new)
        return TOLD

    async def _is_being_cancelled(
        self, connector: Connector, meeting: CalendarMeeting
    ) -> bool:
        """Return whether the room may just have gone without the calendar knowing."""
        found = (self._lookup.alias(uuid) for uuid in tags_in(meeting))
        if not any(a and a.conference_deletion_time is not None for a in found):
            return False
        async for pending in in_slices(self._store.all(tables.OUTBOX), self._clock):
            ours = pending.exchange_connector == connector.id
            if ours and pending.action == Action.REMOVE:
                return True
        return False

    def _new_instructions(
        self, alias: ScheduledAlias, context: RecoveryContext
    ) -> NewInstructions:
        connector = context.connector
        pair = aliases.pair(
            connector.scheduled_alias_prefix or "",
            SAMPLE_DIGITS,
            connector.scheduled_alias_domain,
        )
        sample = msgspec.structs.replace(
            alias, uuid=SAMPLE_UUID, alias=pair.full, numeric_alias=pair.numeric
        )
        return NewInstructions(
            message=context.message,
            instructions=self._texts.instructions(connector, alias),
            sample=self._texts.instructions(connector, sample),
        )
