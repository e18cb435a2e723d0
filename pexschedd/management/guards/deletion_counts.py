"""The counts of what a deletion takes with it, where it has to be confirmed: of all
records of a resource, and of integrations that have rooms."""

from collections import Counter
from collections.abc import Collection

from twisted.internet.interfaces import IReactorTime

from pexschedd.management.guards.confirmation import unconfirmed
from pexschedd.management.list_query import ListQuery
from pexschedd.management.listing import matching
from pexschedd.management.resource import AnyTable
from pexschedd.management.resources import AnyResource
from pexschedd.model import tables
from pexschedd.scheduling.records.lookup import all_meeting_records
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices

_OF_ROOMS: tuple[AnyTable, ...] = (
    tables.CONFERENCE_ALIAS,
    tables.SCHEDULED_CONFERENCE,
    tables.RECURRING_CONFERENCE,
)


async def require_confirmed_list(
    store: Store, resource: AnyResource, query: ListQuery, clock: IReactorTime
) -> None:
    """Raise `InvalidFields` that tells what would go with all records of a resource;
    return if there are none."""
    found = {record.id async for record in matching(store, resource, query, clock)}
    counts = Counter({resource.name: len(found)})
    if resource.table is tables.CONFERENCE:
        counts.update({table.name: store.count(table) for table in _OF_ROOMS})
    elif resource.table is tables.CONNECTOR:
        counts.update(await _of_integrations(store, found, clock))
    elif resource.table is tables.MJX_INTEGRATION:
        counts.update(_of_profiles(store, found))
    elif resource.table is tables.MJX_ENDPOINT:
        tokens = store.count(tables.SCREEN_TOKEN)
        counts.update({tables.SCREEN_TOKEN.name: tokens})
    elif resource.table is tables.MJX_EXCHANGE_DEPLOYMENT:
        urls = store.count(tables.MJX_AUTODISCOVER_URL)
        counts.update({tables.MJX_AUTODISCOVER_URL.name: urls})
    if found:
        what = f"This has no filter, so it deletes every {resource.name}:"
        raise unconfirmed(what, +counts)


async def require_confirmed_integrations(
    store: Store, ids: Collection[int], clock: IReactorTime
) -> None:
    """Raise `InvalidFields` that tells what would go with integrations that have rooms
    or meetings; return if none has."""
    counts = await _of_integrations(store, ids, clock)
    if counts[tables.CONFERENCE.name]:
        counts[tables.CONNECTOR.name] = len(ids)
        what = "The rooms of people's meetings go with the integration:"
        raise unconfirmed(what, +counts)


def require_confirmed_profiles(store: Store, ids: Collection[int]) -> None:
    """Raise `InvalidFields` that tells what would go with profiles of One-Touch Join
    that have rules; return if none has."""
    counts = _of_profiles(store, ids)
    if counts:
        counts[tables.MJX_INTEGRATION.name] = len(ids)
        raise unconfirmed("The rules of a profile go with it:", counts)


def _of_profiles(store: Store, ids: Collection[int]) -> Counter[str]:
    index = tables.MJX_RULE_BY_INTEGRATION
    rules = sum(len(store.find_all(index, id_)) for id_ in ids)
    return +Counter({tables.MJX_PROCESSING_RULE.name: rules})


async def _of_integrations(
    store: Store, ids: Collection[int], clock: IReactorTime
) -> Counter[str]:
    """The records that would be deleted with integrations, by resource.

    There is no index by integration: it would have most records under one key.
    """
    counts: Counter[str] = Counter()
    rooms: set[int] = set()
    async for meeting in in_slices(all_meeting_records(store), clock):
        if meeting.exchange_connector in ids:
            series = hasattr(meeting, "recurrence")
            table = (
                tables.RECURRING_CONFERENCE if series else tables.SCHEDULED_CONFERENCE
            )
            counts[table.name] += 1
            rooms.add(meeting.conference)
    counts[tables.CONFERENCE.name] = len(rooms)
    async for room in in_slices(rooms, clock):
        found = store.find_all(tables.ALIAS_BY_CONFERENCE, room)
        counts[tables.CONFERENCE_ALIAS.name] += len(found)
    async for alias in in_slices(store.all(tables.SCHEDULED_ALIAS), clock):
        if alias.exchange_connector in ids:
            counts[tables.SCHEDULED_ALIAS.name] += 1
    for id_ in ids:
        found_domains = store.find_all(tables.DOMAIN_BY_CONNECTOR, id_)
        counts[tables.EXCHANGE_DOMAIN.name] += len(found_domains)
    return counts
