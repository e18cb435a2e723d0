"""The removal of rooms of past meetings, and of expired aliases and records.

A room is removed some time after its last window has closed. Its alias stays for much
longer, marked as deleted, so that an organizer who edits an old meeting is told what
happened. An alias that was handed out but never came back in an invitation expires,
and sooner where aliases run low: see `alias_release`. The times for which they are
kept are settings of each integration.

Only rooms that an integration has made are removed: a room with a schedule that an
administrator has made by hand stays.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.outbox import LastSweep
from pexschedd.model.schedule import (
    CancelledOccurrence,
    MeetingRecord,
    ScheduledConference,
)
from pexschedd.model.table import Index, R
from pexschedd.scheduling.records.deletion import remove_conference
from pexschedd.scheduling.recurrence.meeting_times import series_has_finished
from pexschedd.scheduling.upkeep.alias_release import AliasRelease
from pexschedd.scheduling.upkeep.change_expiry import ChangeExpiry
from pexschedd.scheduling.upkeep.mailed_tokens import MailedTokenExpiry
from pexschedd.scheduling.upkeep.message_expiry import MessageExpiry
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import AT_ONCE, in_slices

T = TypeVar("T")

INTERVAL = 600.0
"""Seconds between two rounds."""

MOST_CANCELLED = 10_000
"""Occurrences of one integration that are remembered as cancelled before their meeting
was known: whoever makes up meetings to cancel does not fill the store."""
CANCELLED_AT_LEAST = timedelta(hours=1)
"""The time for which such a cancellation is remembered whatever their number. Requests
and cancellations that cross on their way are minutes apart."""


class SweepResult(msgspec.Struct, frozen=True):
    """The numbers of records that one round has removed."""

    conferences: int = 0
    aliases: int = 0


class Janitor:
    """Looks through all records that may have expired, and removes those that have."""

    _log = Logger()

    def __init__(
        self,
        store: Store,
        *,
        clock: IReactorTime,
        now: Now,
        doubt: Callable[[], str] = lambda: "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._now = now
        self._release = AliasRelease(store, clock, now)
        self._mailed_tokens = MailedTokenExpiry(store, clock, now)
        self._changes = ChangeExpiry(store, clock, now)
        self._messages = MessageExpiry(store, clock, now)
        self._doubt = doubt
        """The reason why the date cannot be believed; see `ClockTrust`."""

    async def sweep(
        self, keep_going: KeepGoing = lambda: True, *, at_once: int = AT_ONCE
    ) -> SweepResult:
        """One round over everything up to today; durable when this returns.

        Stops early, at a safe place, when `keep_going` returns False. Does nothing
        while the date is in doubt.
        """
        if self._doubt():
            return SweepResult()
        started = self._clock.seconds()
        past: dict[int, None] = {}
        async for each in in_slices(self._candidates(), self._clock, at_once):
            if not keep_going():
                return SweepResult()
            if self._has_closed(each) and self._is_past(each.conference):
                past[each.conference] = None
        gone = await self._change(past, self._remove_room, keep_going, at_once)
        aliases: list[int] = []
        without_room = self._up_to_today(tables.SCHEDULED_ALIAS_BY_DAY)
        async for alias in in_slices(without_room, self._clock, at_once):
            if not keep_going():
                return SweepResult(gone)
            if self._has_expired(alias):
                aliases.append(alias.id)
        swept = SweepResult(
            gone, await self._change(aliases, self._remove_alias, keep_going, at_once)
        )

        def change(
            ids: Iterable[int], one: Callable[[Transaction, int], bool]
        ) -> Awaitable[int]:
            return self._change(ids, one, keep_going, at_once)

        released = await self._release.release(change, keep_going, at_once)
        await self._mailed_tokens.forget(change, keep_going, at_once)
        await self._changes.forget(change, keep_going, at_once)
        await self._messages.forget(change, keep_going, at_once)
        early = self._store.all(tables.CANCELLED_OCCURRENCE)
        await self._change(early, self._forget_cancellation, keep_going, at_once)
        await self._forget_too_many(keep_going, at_once)
        with self._store.transaction(essential=True) as transaction:
            transaction.put(tables.SWEEP, LastSweep(id=1, finished=self._now()))
            durable = transaction.commit()
        await durable
        if released:
            self._log.warn(
                "janitor released unused aliases early because aliases run low "
                "aliases={aliases}",
                aliases=released,
            )
        swept = SweepResult(gone, swept.aliases + released)
        if swept != SweepResult():
            self._log.info(
                "janitor removed rooms={rooms} aliases={aliases} seconds={seconds:.1f}",
                rooms=swept.conferences,
                aliases=swept.aliases,
                seconds=self._clock.seconds() - started,
            )
        return swept

    def _candidates(self) -> Iterator[MeetingRecord]:
        yield from self._up_to_today(tables.SCHEDULED_BY_DAY)
        yield from self._store.all(tables.RECURRING_CONFERENCE)

    def _up_to_today(self, index: Index[R]) -> Iterator[R]:
        """The records of an index by day, without the many of the days to come."""
        for day in range(tables.day_of(self._now()) + 1):
            yield from self._store.find_each(index, day)

    def _is_past(self, conference: int) -> bool:
        """Return whether everything in the room closed long enough ago."""
        meetings = self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference)
        series = self._store.find_all(tables.RECURRING_BY_CONFERENCE, conference)
        everything: list[MeetingRecord] = [*meetings, *series]
        made_by_us = any(e.exchange_connector is not None for e in everything)
        return made_by_us and all(map(self._has_closed, everything))

    def _has_closed(self, meeting: MeetingRecord) -> bool:
        """Return whether its last window closed long enough ago."""
        since = self._now() - self._kept(meeting.exchange_connector)
        if isinstance(meeting, ScheduledConference):
            return meeting.end_time <= since
        window = timedelta(minutes=meeting.join_after)
        return series_has_finished(meeting.recurrence, since - window)

    def _kept(self, connector_id: int | None) -> timedelta:
        connector = connector_id and self._store.get(tables.CONNECTOR, connector_id)
        return timedelta(hours=connector.keep_past_conferences if connector else 0)

    def _has_expired(self, alias: ScheduledAlias) -> bool:
        connector = self._store.get(tables.CONNECTOR, alias.exchange_connector)
        if connector is None:
            return False  # its aliases are removed with the integration
        if alias.conference_deletion_time is not None:
            kept = timedelta(days=connector.keep_deleted_aliases)
            since = alias.conference_deletion_time
        elif not alias.is_used:
            kept = timedelta(days=connector.keep_unused_aliases)
            since = alias.creation_time
        else:
            return False
        if since + kept > self._now():
            return False
        in_use = self._store.find(
            tables.SCHEDULED_BY_ALIAS, alias.id
        ) or self._store.find(tables.RECURRING_BY_ALIAS, alias.id)
        return in_use is None

    async def _change(
        self,
        things: Iterable[T],
        change_one: Callable[[Transaction, T], bool],
        keep_going: KeepGoing,
        at_once: int,
    ) -> int:
        return await change_in_slices(
            self._store, things, change_one, self._clock, at_once, keep_going
        )

    def _remove_room(self, transaction: Transaction, conference: int) -> bool:
        # It may have been scheduled again since it was looked at.
        if not self._is_past(conference):
            return False
        now = self._now()
        remove_conference(transaction, self._store, conference, now, past=True)
        return True

    def _remove_alias(self, transaction: Transaction, id: int) -> bool:
        alias = self._store.get(tables.SCHEDULED_ALIAS, id)
        if alias is None or not self._has_expired(alias):
            return False
        transaction.delete(tables.SCHEDULED_ALIAS, id)
        return True

    def _forget_cancellation(
        self, transaction: Transaction, early: CancelledOccurrence
    ) -> bool:
        """Remove a cancelled occurrence whose request never came."""
        connector = self._store.get(tables.CONNECTOR, early.exchange_connector)
        kept = timedelta(days=connector.keep_unused_aliases if connector else 0)
        if early.created + kept > self._now():
            return False
        transaction.delete(tables.CANCELLED_OCCURRENCE, early.id)
        return True

    async def _forget_too_many(self, keep_going: KeepGoing, at_once: int) -> None:
        """Remove the oldest early cancellations of integrations that have too many."""
        beyond: Counter[int] = Counter()
        everything = self._store.all(tables.CANCELLED_OCCURRENCE)
        async for each in in_slices(everything, self._clock, at_once):
            beyond[each.exchange_connector] += 1
        for connector_id in beyond:
            beyond[connector_id] -= MOST_CANCELLED

        def forget(transaction: Transaction, early: CancelledOccurrence) -> bool:
            is_young = early.created + CANCELLED_AT_LEAST > self._now()
            if is_young or beyond[early.exchange_connector] <= 0:
                return False
            beyond[early.exchange_connector] -= 1
            transaction.delete(tables.CANCELLED_OCCURRENCE, early.id)
            return True

        early = self._store.all(tables.CANCELLED_OCCURRENCE)
        await self._change(early, forget, keep_going, at_once)
