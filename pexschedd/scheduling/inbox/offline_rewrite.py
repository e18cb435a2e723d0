"""Meetings that were sent while no alias could be had: verified, then rewritten.

Their invitations carry a placeholder and the organizer's identity token instead of
joining instructions and a tag (deployment guide, "Process flow"). Each is kept as a
pending rewrite, written in the same commit as everything else that followed from the
message, and processed in two durable steps:

1. The token is verified as in the online path, its lifetime included; a valid one gets
   an alias, which from then on belongs to this meeting.
2. The meeting in the organizer's own calendar gets the joining instructions, and is
   sent to all attendees as the organizer. It comes back to the equipment mailbox as an
   ordinary update with a tag, and that update is accepted.

Before step 2 is done or repeated, the organizer's meeting is read: if it has our tag
the step was done before, and the organizer's own changes are never overwritten. The
meeting may be in that calendar later than its invitation is here, as servers store the
two apart: it is waited for, for some minutes.
"""

from datetime import timedelta
from functools import partial
from typing import Protocol

import msgspec
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from pexschedd.bodies import tags
from pexschedd.bodies.plain_text import plain_text
from pexschedd.bodies.rewrite import replace_token, replace_token_text
from pexschedd.clock import Now
from pexschedd.errors import (
    InvalidToken,
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
    PexscheddError,
    StoreError,
    StoreReadOnly,
    TemplateError,
    Unavailable,
)
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.model.outbox import PendingAnswer, PendingRewrite
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Blame,
    OrganizersCalendars,
    RewriteKind,
)
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.util.worker_processes import HeavyWork, WorkAbandoned, work_at_once

TRIES = 3
"""Attempts, one right after another, while the organizer is changing the meeting."""
MISSING_FOR = timedelta(minutes=5)
"""The time for which a meeting is waited for that its organizer does not have."""
LOOK_AGAIN = 20.0
"""Seconds between two looks for such a meeting."""
_MOST_UNREACHABLE = 2
"""Organizers out of reach one after another, after which the others have to wait."""

_LOOKS = 8
"""Times that rewriting looks at a character of the body, or of what is put into it."""


class VerifyToken(Protocol):
    """Verifies an organizer's identity token, as when the add-in shows it."""

    async def __call__(self, connector: Connector, token: str) -> object:
        """Raise `InvalidToken`, or `Unavailable` if it cannot be verified now."""


class OfflineRewriter:
    """Processes one integration's pending rewrites.

    `quarantine` counts the attempts at those that fail.
    """

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        organizers: OrganizersCalendars,
        verify: VerifyToken,
        store: Store,
        texts: MessageTexts,
        alarms: Alarms,
        quarantine: Quarantine,
        allocator: AliasAllocator,
        *,
        now: Now,
        heavy_work: HeavyWork = work_at_once,
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        self._connector_id = connector_id
        self._organizers = organizers
        self._verify = verify
        self._store = store
        self._texts = texts
        self._alarms = alarms
        self._quarantine = quarantine
        self._allocator = allocator
        self._now = now
        self._heavy_work = heavy_work
        self._tracer = tracer

    @property
    def has_pending(self) -> bool:
        """True while a meeting waits to be rewritten."""
        return bool(self._store.find(tables.REWRITE_BY_CONNECTOR, self._connector_id))

    def holds(self, ref: MessageRef) -> bool:
        """Return whether a message waits for its meeting to be rewritten."""
        key = (self._connector_id, ref.item_id)
        return self._store.find(tables.REWRITE_BY_ITEM, key) is not None

    async def work(self) -> None:
        """Take every pending rewrite that is due as far as possible.

        One that cannot be finished now waits for a later call and does not hold up
        the others. Raises `StoreReadOnly` while nothing can be stored.
        """
        unreachable = 0
        for pending in self._store.find_all(
            tables.REWRITE_BY_CONNECTOR, self._connector_id
        ):
            connector = self._store.get(tables.CONNECTOR, self._connector_id)
            if connector is None or unreachable >= _MOST_UNREACHABLE:
                return
            if not self._quarantine.is_due(pending.item_id):
                continue
            self._store.require_writable()
            try:
                with self._tracer.rewriting(pending.correlation_id):
                    await self._advance(connector, pending)
                    await self._went_well(pending)
                unreachable = 0
            except _NotThereYet:
                self._quarantine.delay(pending.item_id, LOOK_AGAIN)
            except (StoreReadOnly, StoreError, CancelledError):
                raise
            except (Unavailable, TemplateError, MailboxBusy) as error:
                await self._not_yet(connector, pending, error)
            except MailboxUnreachable as error:
                # Perhaps only this organizer's mailbox: whether the whole server is out
                # of reach shows when the equipment mailbox is read.
                unreachable += 1
                await self._not_yet(connector, pending, error)
            except Exception as error:  # noqa: BLE001 - the other rewrites must go on
                await self._failed(connector, pending, error)

    async def _went_well(self, pending: PendingRewrite) -> None:
        if self._quarantine.holds(MessageRef(pending.item_id)):
            transaction = self._store.transaction(essential=True)
            self._quarantine.forget(transaction, pending.item_id)
            await transaction.commit()

    async def _not_yet(
        self,
        connector: Connector,
        pending: PendingRewrite,
        error: PexscheddError,
    ) -> None:
        """Try again later, but not for ever: the meeting may not be the cause."""
        self._log.warn(
            "meeting cannot be rewritten yet integration={integration} "
            "correlation_id={correlation_id}: {reason}",
            correlation_id=pending.correlation_id,
            integration=self._connector_id,
            reason=error.message,
        )
        await self._count(connector, pending, error.message, Blame.DOUBT)

    async def _failed(
        self,
        connector: Connector,
        pending: PendingRewrite,
        error: Exception,
    ) -> None:
        """Try an unforeseen error a few times more, then tell the organizer."""
        self._log.failure(
            "meeting could not be rewritten, unexpected error "
            "integration={integration} correlation_id={correlation_id}",
            correlation_id=pending.correlation_id,
            integration=self._connector_id,
        )
        reason = f"internal error ({type(error).__name__})"
        await self._count(connector, pending, reason, Blame.MESSAGE)

    async def _count(
        self,
        connector: Connector,
        pending: PendingRewrite,
        reason: str,
        blame: Blame,
    ) -> None:
        transaction = self._store.transaction(essential=True)
        attempt = self._quarantine.count(
            transaction,
            MessageRef(pending.item_id, pending.change_key),
            reason,
            pending.correlation_id,
            blame=blame,
        )
        await transaction.commit()
        if attempt.set_aside_time is not None:
            await self._fail(connector, pending)

    async def _advance(self, connector: Connector, pending: PendingRewrite) -> None:
        if pending.scheduled_alias is None:
            try:
                await self._verify(connector, pending.token)
            except InvalidToken as error:
                self._note(pending, f"its token is invalid: {error.message}")
                await self._decline_invalid(connector, pending)
                return
            pending = await self._give_alias(connector, pending)
        alias = self._store.get(tables.SCHEDULED_ALIAS, pending.scheduled_alias or 0)
        if alias is None or alias.conference_deletion_time is not None:
            await self._decline_invalid(connector, pending)
            return
        try:
            for _ in range(TRIES):
                if await self._rewrite(connector, pending, alias):
                    return
            raise MailboxBusy("The organizer keeps changing the meeting.")
        except MailboxRefused as error:
            self._alarms.raise_(
                names.REWRITE_REFUSED,
                connector.name,
                f"{error.message} A meeting that was sent while no alias was available "
                "could not be given joining instructions, and was declined.",
            )
            self._note(pending, "Exchange refuses the organizer's calendar")
            await self._fail(connector, pending)
        except (WorkAbandoned, MemoryError):
            self._note(pending, "its body takes too long to rewrite")
            await self._fail(connector, pending)

    async def _give_alias(
        self, connector: Connector, pending: PendingRewrite
    ) -> PendingRewrite:
        """An alias for the meeting: the one that it has been given before, or new."""
        alias = self._alias_of(pending)
        transaction = self._store.transaction()
        if alias is None:
            alias = self._allocator.allocate(connector, uid=pending.uid)
            transaction.put(tables.SCHEDULED_ALIAS, alias)
        pending = msgspec.structs.replace(pending, scheduled_alias=alias.id)
        transaction.put(tables.REWRITE, pending)
        await transaction.commit()
        return pending

    def _alias_of(self, pending: PendingRewrite) -> ScheduledAlias | None:
        found = self._store.find_all(
            tables.SCHEDULED_ALIAS_BY_UID, (pending.exchange_connector, pending.uid)
        )
        return next((a for a in found if a.conference_deletion_time is None), None)

    async def _rewrite(
        self, connector: Connector, pending: PendingRewrite, alias: ScheduledAlias
    ) -> bool:
        """Return True when it is settled, False if the meeting must be read again."""
        meeting = await self._organizers.find(
            pending.organizer,
            pending.uid,
            pending.recurrence_id,
            start=pending.start,
        )
        if meeting is None:
            if pending.cancelled:
                self._note(pending, "the organizer has cancelled the meeting")
                await self._finish(pending, Action.DISCARD)
                return True
            self._note(pending, "the organizer's calendar does not have the meeting")
            if self._now() - pending.created < MISSING_FOR:
                raise _NotThereYet
            await self._fail(connector, pending)
            return True
        if self._has_tag(connector, meeting):
            await self._finish(pending, Action.DISCARD)
            return True
        instructions = self._texts.instructions(connector, alias)
        placeholder = self._texts.placeholder(connector)
        body = await self._heavy_work(
            partial(
                _rewritten,
                meeting.html,
                meeting.text,
                token=pending.token,
                placeholder=placeholder,
                instructions=instructions,
            ),
            _LOOKS * (len(meeting.html or meeting.text) + len(instructions)),
        )
        if body is None:
            self._note(pending, "its organizer has removed the token")
            await self._decline_invalid(connector, pending)
            return True
        self._store.require_writable()
        kind, reason = await self._organizers.rewrite(
            pending.organizer, meeting.ref, body
        )
        match kind:
            case RewriteKind.DONE:
                self._note(pending, "rewritten")
                self._alarms.lower(connector.name, names.REWRITE_REFUSED)
                await self._finish(pending, Action.DISCARD)
            case RewriteKind.CHANGED | RewriteKind.GONE:
                return False
            case RewriteKind.FAILED:
                self._note(pending, f"cannot be rewritten: {reason}")
                await self._fail(connector, pending)
            case RewriteKind.RETRY:
                raise MailboxBusy(reason)
        return True

    async def close(self) -> None:
        """Give up the connections to the organizers' calendars."""
        await self._organizers.close()

    def _has_tag(self, connector: Connector, meeting: CalendarMeeting) -> bool:
        """Return whether a meeting has a tag of this integration's already."""
        lookup = MeetingLookup(self._store)
        found = (lookup.alias(u) for u in tags.tags_of(meeting).pxps)
        return any(
            a is not None and a.exchange_connector == connector.id for a in found
        )

    async def _decline_invalid(
        self, connector: Connector, pending: PendingRewrite
    ) -> None:
        body = self._texts.plain_answer(connector, AnswerTemplate.INVALID_ALIAS)
        await self._finish(pending, Action.DECLINE, body)

    async def _fail(self, connector: Connector, pending: PendingRewrite) -> None:
        body = self._texts.general_error(connector, pending.correlation_id)
        await self._finish(pending, Action.DECLINE, body)

    async def _finish(
        self, pending: PendingRewrite, action: Action, body: str = ""
    ) -> None:
        """Replace the pending rewrite by an ordinary pending answer."""
        transaction = self._store.transaction()
        transaction.delete(tables.REWRITE, pending.id)
        # The answer has attempts of its own.
        self._quarantine.forget(transaction, pending.item_id)
        transaction.put(
            tables.OUTBOX,
            PendingAnswer(
                id=transaction.new_id(tables.OUTBOX),
                exchange_connector=pending.exchange_connector,
                item_id=pending.item_id,
                change_key=pending.change_key,
                uid=pending.uid,
                action=action,
                body=body,
                correlation_id=pending.correlation_id,
                created=self._now(),
            ),
        )
        await transaction.commit()

    def _note(self, pending: PendingRewrite, what: str) -> None:
        self._log.info(
            "meeting sent while offline: {what} integration={integration} "
            "correlation_id={correlation_id}",
            correlation_id=pending.correlation_id,
            integration=self._connector_id,
            what=what,
        )


class _NotThereYet(Exception):
    """The organizer does not have the meeting, and it may still come."""


def _rewritten(
    html: str, text: str, *, token: str, placeholder: str, instructions: str
) -> str | None:
    """Return the body with the instructions in place of placeholder and token, or None
    if the token is not there."""
    if html:
        return replace_token(html, token, placeholder, instructions)
    return replace_token_text(
        text, token, plain_text(placeholder), plain_text(instructions)
    )
