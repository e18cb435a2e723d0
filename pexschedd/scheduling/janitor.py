"""Removes what nobody needs any more: rooms of the past, and aliases.

A room goes some time after its last window has closed. Its alias stays for much longer,
marked as deleted, so that an organizer who edits an old meeting is told what happened.
An alias that was handed out but never came back in an invitation expires. How long
each of them is kept, every integration says for itself.

Only what an integration has made is touched: a room that an administrator has given a
schedule by hand stays.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.recurrence import Recurrence
from pexschedd.scheduling.recurrence import is_over
from pexschedd.scheduling.removal import remove_conference
from pexschedd.scheduling.turns import AT_ONCE, in_turns
from pexschedd.store.store import Store

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
        """One round over everything; durable when this returns.

        Stops early, at a safe place, when `running` says no.
        """
        past: dict[int, None] = {}
        conferences = chain(
            (m.conference for m in self._store.all(tables.SCHEDULED_CONFERENCE)),
            (s.conference for s in self._store.all(tables.RECURRING_CONFERENCE)),
        )
        async for conference in in_turns(conferences, self._clock, at_once):
            if not running():
                return Swept()
            if self._is_past(conference):
                past[conference] = None
        gone = await self._remove_rooms([*past], running, at_once)
        aliases: list[int] = []
        every_alias = self._store.all(tables.SCHEDULED_ALIAS)
        async for alias in in_turns(every_alias, self._clock, at_once):
            if not running():
                return Swept(gone)
            if self._has_expired(alias):
                aliases.append(alias.id)
        swept = Swept(gone, await self._remove_aliases(aliases, running, at_once))
        await self._forget_cancellations()
        if swept != Swept():
            self._log.info(
                "removed {conferences} rooms of past meetings and {aliases} aliases",
                conferences=swept.conferences,
                aliases=swept.aliases,
            )
        return swept

    async def _forget_cancellations(self) -> None:
        """Of occurrences that nothing else was ever heard of; there are few."""
        change = self._store.transaction(essential=True)
        for each in self._store.all(tables.CANCELLED_OCCURRENCE):
            connector = self._store.get(tables.CONNECTOR, each.exchange_connector)
            kept = timedelta(days=connector.keep_unused_aliases if connector else 0)
            if each.created + kept <= self._now():
                change.delete(tables.CANCELLED_OCCURRENCE, each.id)
        await change.commit()

    def _is_past(self, conference: int) -> bool:
        """Whether everything in the room closed long enough ago."""
        now = self._now()
        made_by_us = False
        for series in self._store.find_all(tables.RECURRING_BY_CONFERENCE, conference):
            made_by_us = True
            window = timedelta(minutes=series.join_after)
            since = now - self._kept(series.exchange_connector) - window
            if not _is_over(series.recurrence, since):
                return False
        for meeting in self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference):
            made_by_us = made_by_us or meeting.exchange_connector is not None
            if meeting.end_time > now - self._kept(meeting.exchange_connector):
                return False
        return made_by_us

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
        in_use = self._store.find(
            tables.SCHEDULED_BY_ALIAS, alias.id
        ) or self._store.find(tables.RECURRING_BY_ALIAS, alias.id)
        return in_use is None and since + kept <= self._now()

    async def _remove_rooms(
        self, conferences: list[int], running: Callable[[], bool], at_once: int
    ) -> int:
        removed = 0
        for start in range(0, len(conferences), at_once):
            if not running():
                break
            change = self._store.transaction(essential=True)
            for conference in conferences[start : start + at_once]:
                # It may have been scheduled again since it was looked at.
                if self._is_past(conference):
                    remove_conference(change, self._store, conference, self._now())
                    removed += 1
            await change.commit()
        return removed

    async def _remove_aliases(
        self, aliases: list[int], running: Callable[[], bool], at_once: int
    ) -> int:
        removed = 0
        for start in range(0, len(aliases), at_once):
            if not running():
                break
            change = self._store.transaction(essential=True)
            for id in aliases[start : start + at_once]:
                alias = self._store.get(tables.SCHEDULED_ALIAS, id)
                if alias is not None and self._has_expired(alias):
                    change.delete(tables.SCHEDULED_ALIAS, id)
                    removed += 1
            await change.commit()
        return removed


def _is_over(series: Recurrence, moment: datetime) -> bool:
    try:
        return is_over(series, moment)
    except ValueError:  # a time zone that this system does not know (any more)
        return False
