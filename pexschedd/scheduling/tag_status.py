"""Tags in a meeting that a user edits: whose each of them is.

The add-in sends the tags that it finds in a body. Their records are here; which meeting
the body belongs to, Exchange knows: the item is looked up in the calendars of those who
organize the tags' meetings, by impersonation. That is bounded in number and in time,
and without it the times are compared.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.schedule import MeetingRecord
from pexschedd.scheduling.decisions.alias_release import user_key
from pexschedd.scheduling.decisions.tag_state import (
    EditedMeeting,
    TagStatus,
    status_of,
)
from pexschedd.scheduling.ports.mailbox import ItemLookup
from pexschedd.store.store import Store

PATIENCE = 3.0
"""Seconds that Exchange has for all questions: the user is waiting."""
MOST_CALENDARS = 3
"""Calendars in which an item is looked for: a body with the tags of more people's
meetings is a long thread of quoted ones."""


class TagQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """The add-in's question. Times are aware UTC."""

    tags: tuple[str, ...]
    """The tags as they are in the body, `PXPS:-<uuid>#`."""
    item_id: str = ""
    """The EWS id of the item that is being edited; empty if it has none yet."""
    is_new: bool = False
    """True if the item was never saved."""
    start: datetime | None = None
    end: datetime | None = None


class TagStatuses:
    """Answers questions about tags.

    `lookup` gives the calendars of an integration's organizers; `counted` is told the
    integration's name and each state that was answered.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        lookup: Callable[[Connector], ItemLookup],
        *,
        clock: IReactorTime,
        now: Now,
        counted: Callable[[str, str], object] = lambda integration, state: None,
    ) -> None:
        self._store = store
        self._lookup = lookup
        self._clock = clock
        self._now = now
        self._counted = counted

    async def answer(
        self,
        connector: Connector,
        user: str,
        question: TagQuestion,
        *,
        correlation_id: str = "",
    ) -> dict[str, TagStatus]:
        """Return the status of each tag; what is no tag is unknown.

        `user` identifies the user who asks. Never fails for Exchange's sake.
        """
        edited = EditedMeeting(
            user=user_key(connector.uuid, user),
            is_new=question.is_new,
            start=question.start,
            end=question.end,
        )
        if question.item_id and not question.is_new:
            edited = await self._looked_up(connector, question, edited, correlation_id)
        now = self._now()
        statuses = {}
        for tag in question.tags:
            alias = self._alias(tag)
            meetings = list(self._meetings(alias))
            statuses[tag] = status_of(alias, meetings, edited, connector, now)
            self._counted(connector.name, statuses[tag].state)
        self._log.info(
            "add-in asked about tags integration={integration} "
            "correlation_id={correlation_id} states={states}",
            integration=connector.id,
            correlation_id=correlation_id,
            states=" ".join(_words(statuses.values())),
        )
        return statuses

    async def _looked_up(
        self,
        connector: Connector,
        question: TagQuestion,
        edited: EditedMeeting,
        correlation_id: str,
    ) -> EditedMeeting:
        """Ask Exchange for the item's UID, in the calendars where it may be."""
        organizers = self._organizers(connector, question.tags)
        if not organizers:
            return edited
        found: dict[str, str] = {}
        searching = Deferred.fromCoroutine(
            self._search(connector, question.item_id, organizers, found)
        )
        try:
            await searching.addTimeout(PATIENCE, self._clock)
        except (MailboxError, DeferredTimeout) as error:
            reason = str(error) if isinstance(error, MailboxError) else "no answer yet"
            self._log.info(
                "organizer's item not looked up integration={integration} "
                "correlation_id={correlation_id} reason={reason}",
                integration=connector.id,
                correlation_id=correlation_id,
                reason=reason,
            )
        uid, organizer = next(((u, o) for o, u in found.items() if u), ("", ""))
        return msgspec.structs.replace(
            edited, uid=uid, organizer=organizer, not_in=frozenset(found)
        )

    async def _search(
        self,
        connector: Connector,
        item_id: str,
        organizers: Iterable[str],
        found: dict[str, str],
    ) -> None:
        """Fill in `found`: the item's UID, or empty, by the calendar's owner."""
        lookup = self._lookup(connector)
        for address in organizers:
            found[address] = await lookup.item_uid(address, item_id)
            if found[address]:
                return

    def _organizers(self, connector: Connector, found: Iterable[str]) -> list[str]:
        """The organizers of the tags' meetings, the first few."""
        addresses: dict[str, None] = {}
        for tag in found:
            alias = self._alias(tag)
            if alias is not None and alias.exchange_connector == connector.id:
                addresses.update((e.organizer, None) for e in self._meetings(alias))
        return [address for address in addresses if address][:MOST_CALENDARS]

    def _alias(self, tag: str) -> ScheduledAlias | None:
        found = tags.find("", tag).pxps
        if len(found) != 1:
            return None
        return self._store.find(tables.SCHEDULED_ALIAS_BY_UUID, found[0])

    def _meetings(self, alias: ScheduledAlias | None) -> Iterable[MeetingRecord]:
        """The meetings with an alias, without the occurrences that administrators are
        shown of a series."""
        if alias is None:
            return
        for each in self._store.find_all(tables.SCHEDULED_BY_ALIAS, alias.id):
            if each.recurring_conference is None:
                yield each
        yield from self._store.find_all(tables.RECURRING_BY_ALIAS, alias.id)


def _words(statuses: Iterable[TagStatus]) -> Iterable[str]:
    for each in statuses:
        yield each.state if each.certain else f"{each.state}?"
