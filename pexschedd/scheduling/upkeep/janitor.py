"""Removes what nobody needs any more: rooms of the past, and aliases.

A room goes some time after its last window has closed. Its alias stays for much longer,
marked as deleted, so that an organizer who edits an old meeting is told what happened.
An alias that was handed out but never came back in an invitation expires. How long
each of them is kept, every integration says for itself.

Only what an integration has made is touched: a room that an administrator has given a
schedule by hand stays.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.recurrence import Recurrence
from pexschedd.model.schedule import CancelledOccurrence, ScheduledConference
from pexschedd.model.table import Index, R
from pexschedd.scheduling.records.deletion import remove_conference
from pexschedd.scheduling.records.lookup import Scheduled
from pexschedd.scheduling.recurrence.series_dates import is_over
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import AT_ONCE, in_slices

T = TypeVar("T")

INTERVAL = 600.0
"""Seconds between two rounds."""


class Swept(msgspec.Struct, frozen=True):
    """What one round has removed."""

    conferences: int = 0
    aliases: int = 0


class Janitor:
    _log = Logger()

    def __init__(self, store: Store, *, clock: IReactorTime, now: Now) -> None:
        self._store = store
        self._clock = clock
        self._now = now

    async def sweep(
        self, running: Callable[[], bool] = lambda: True, *, at_once: int = AT_ONCE
    ) -> Swept:
        """One round over everything up to today; durable when this returns.

        Stops early, at a safe place, when `running` says no.
        """
        past: dict[int, None] = {}
        async for each in in_slices(self._up_for_removal(), self._clock, at_once):
            if not running():
                return Swept()
            if self._has_closed(each) and self._is_past(each.conference):
                past[each.conference] = None
        gone = await self._change(past, self._remove_room, running, at_once)
        aliases: list[int] = []
        without_room = self._up_to_today(tables.SCHEDULED_ALIAS_BY_DAY)
        async for alias in in_slices(without_room, self._clock, at_once):
            if not running():
                return Swept(gone)
            if self._has_expired(alias):
                aliases.append(alias.id)
        swept = Swept(
            gone, await self._change(aliases, self._remove_alias, running, at_once)
        )
        early = self._store.all(tables.CANCELLED_OCCURRENCE)
        await self._change(early, self._forget_cancellation, running, at_once)
        if swept != Swept():
            self._log.info(
                "removed {conferences} rooms of past meetings and {aliases} aliases",
                conferences=swept.conferences,
                aliases=swept.aliases,
            )
        return swept

    def _up_for_removal(self) -> Iterator[Scheduled]:
        yield from self._up_to_today(tables.SCHEDULED_BY_DAY)
        yield from self._store.all(tables.RECURRING_CONFERENCE)

    def _up_to_today(self, index: Index[R]) -> Iterator[R]:
        """What an index by day has up to now: not the hundred thousands to come."""
        for day in range(tables.day_of(self._now()) + 1):
            yield from self._store.find_each(index, day)

    def _is_past(self, conference: int) -> bool:
        """Whether everything in the room closed long enough ago."""
        meetings = self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference)
        series = self._store.find_all(tables.RECURRING_BY_CONFERENCE, conference)
        everything: list[Scheduled] = [*meetings, *series]
        made_by_us = any(e.exchange_connector is not None for e in everything)
        return made_by_us and all(map(self._has_closed, everything))

    def _has_closed(self, meeting: Scheduled) -> bool:
        """Whether its last window closed long enough ago."""
        since = self._now() - self._kept(meeting.exchange_connector)
        if isinstance(meeting, ScheduledConference):
            return meeting.end_time <= since
        window = timedelta(minutes=meeting.join_after)
        return _is_over(meeting.recurrence, since - window)

    def _kept(self, connector_id: int | None) -> timedelta:
        connector = connector_id and self._store.get(tables.CONNECTOR, connector_id)
        return timedelta(hours=connector.keep_past_conferences if connector else 0)

    def _has_expired(self, alias: ScheduledAlias) -> bool:
        connector = self._store.get(tables.CONNECTOR, alias.exchange_connector)
        if connector is None:
            return False  # whoever removes the integration removes its aliases
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
        running: Callable[[], bool],
        at_once: int,
    ) -> int:
        return await change_in_slices(
            self._store, things, change_one, self._clock, at_once, running
        )

    def _remove_room(self, change: Transaction, conference: int) -> bool:
        # It may have been scheduled again since it was looked at.
        if not self._is_past(conference):
            return False
        remove_conference(change, self._store, conference, self._now())
        return True

    def _remove_alias(self, change: Transaction, id: int) -> bool:
        alias = self._store.get(tables.SCHEDULED_ALIAS, id)
        if alias is None or not self._has_expired(alias):
            return False
        change.delete(tables.SCHEDULED_ALIAS, id)
        return True

    def _forget_cancellation(
        self, change: Transaction, early: CancelledOccurrence
    ) -> bool:
        """Of an occurrence that nothing else was ever heard of."""
        connector = self._store.get(tables.CONNECTOR, early.exchange_connector)
        kept = timedelta(days=connector.keep_unused_aliases if connector else 0)
        if early.created + kept > self._now():
            return False
        change.delete(tables.CANCELLED_OCCURRENCE, early.id)
        return True


def _is_over(series: Recurrence, moment: datetime) -> bool:
    try:
        return is_over(series, moment)
    except ValueError:  # a time zone that this system does not know (any more)
        return False
