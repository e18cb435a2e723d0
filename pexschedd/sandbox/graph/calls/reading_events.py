"""The calendar and its events: lists, single ones, instances, views."""

from datetime import UTC, datetime
from typing import Any

from pexschedd.sandbox.graph.calls.graph_call import GraphCall
from pexschedd.sandbox.graph.entities import events, item_ids
from pexschedd.sandbox.graph.entities.view import FIRST_YEAR, LAST_YEAR, EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata import filters, query_options
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items import ids, occurrence_dates, series
from pexschedd.sandbox.items.records import Item, ItemKind

_MOST = 1000
_WIDEST_DAYS = 1825
_ORGANIZER = "organizer/emailaddress/address"
_NOT_IN_VIEWS = ("createdDateTime", "lastModifiedDateTime")


def list_calendars(call: GraphCall) -> GraphAnswer:
    """List the one calendar."""
    view = call.view()
    return call.answer_list([_calendar(call, view)], view, "calendars")


def get_calendar(call: GraphCall) -> GraphAnswer:
    """Get the calendar."""
    view = call.view()
    return call.answer_one(_calendar(call, view), view, "calendars")


def _calendar(call: GraphCall, view: EntityView) -> dict[str, Any]:
    account = call.mailbox.account
    folder = call.mailbox.folders["calendar"]
    document = {
        "id": item_ids.folder_id(folder),
        "name": folder.display_name,
        "color": "auto",
        "changeKey": call.mailbox.folder_change_key(folder),
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "isDefaultCalendar": True,
        "isRemovable": False,
        "owner": {"name": account.name, "address": account.address},
    }
    return query_options.pick(document, view.select)


def get_event(call: GraphCall) -> GraphAnswer:
    """Get one event."""
    view = call.view()
    check_selected(view)
    return call.answer_event(call.event(), view)


def list_events(call: GraphCall) -> GraphAnswer:
    """List single events and series."""
    chosen = None
    items = [
        item
        for item in call.mailbox.folders["calendar"].items.values()
        if item.kind is ItemKind.CALENDAR and item.meeting is not None
    ]
    if "$filter" in call.options:
        chosen = filters.parse(call.options["$filter"])
        if any(path.casefold() == _ORGANIZER for path in chosen.paths):
            raise GraphError(
                "UnsupportedEntityExpression", "The organizer cannot be filtered by."
            )
        uid = chosen.equal.get("icaluid")
        if uid is not None:
            # Occurrences by their UIDs are found if they stand by themselves.
            known = call.mailbox.meetings(ids.clean(ids.from_uid(uid)))
            items = [item for item in known if item.folder == "calendar"]
        items = [
            item
            for item in items
            if call.shows(item) and chosen.holds(_plain(call, item))
        ]
    return _answer(call, items)


def list_instances(call: GraphCall) -> GraphAnswer:
    """List the occurrences of a series within a span of time."""
    master = call.event()
    if not series.is_series(master):
        raise GraphError("ErrorInvalidRequest", "The event is not a recurring master.")
    low, high = span(call.options)
    return _answer(call, series.occurrences(master, low, high))


def view_calendar(call: GraphCall) -> GraphAnswer:
    """List single events and occurrences within a span of time."""
    low, high = span(call.options)
    for name in query_options.selection(call.options.get("$select")) or ():
        if name in _NOT_IN_VIEWS:
            raise GraphError(
                "ErrorInvalidProperty", f"{name} cannot be selected in calendar views."
            )
    return _answer(call, in_view(call, low, high), by_start=True)


def in_view(call: GraphCall, low: datetime, high: datetime) -> list[Item]:
    """Return the single events and occurrences that overlap a span of time."""
    found = []
    for item in call.mailbox.folders["calendar"].items.values():
        meeting = item.meeting
        if meeting is None or item.kind is not ItemKind.CALENDAR:
            continue
        if series.is_series(item):
            found += series.occurrences(item, low, high)
        elif occurrence_dates.overlap(meeting.start, meeting.end, low, high):
            found.append(item)
    return sorted(found, key=lambda each: series.meeting_of(each).start)


def span(options: dict[str, str]) -> tuple[datetime, datetime]:
    """Return startDateTime and endDateTime; UTC unless they say otherwise.

    Raises `GraphError`.
    """
    found = []
    for name in ("startDateTime", "endDateTime"):
        text = options.get(name)
        if text is None:
            raise GraphError(
                "ErrorInvalidParameter",
                f"This request requires a time window: {name} is missing.",
            )
        head, dot, fraction = text.partition(".")
        try:
            moment = datetime.fromisoformat(head + dot + fraction[:6] if dot else head)
            if not FIRST_YEAR <= moment.year <= LAST_YEAR:
                raise ValueError(text)
        except ValueError:
            raise GraphError(
                "ErrorInvalidParameter", f"{name}: '{text[:40]}' is no time."
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        found.append(moment.astimezone(UTC))
    low, high = found
    if high < low:
        raise GraphError(
            "ErrorInvalidParameter", "endDateTime is before startDateTime."
        )
    if (high - low).days > _WIDEST_DAYS:
        raise GraphError("ErrorCalendarViewRangeTooBig")
    return low, high


def check_selected(view: EntityView) -> None:
    """Refuse properties that events do not have. Raises `GraphError`."""
    for name in view.select or ():
        if name.partition("/")[0] not in events.PROPERTIES:
            raise query_options.parse_error(
                f"Could not find a property named '{name}' on type "
                "'Microsoft.OutlookServices.Event'."
            )


def _plain(call: GraphCall, item: Item) -> dict[str, Any]:
    return events.written(item, call.mailbox, EntityView())


def _answer(
    call: GraphCall, items: list[Item], *, by_start: bool = False
) -> GraphAnswer:
    options = call.options
    view = call.view()
    check_selected(view)
    if any(each.name == "exceptionOccurrences" for each in view.expand):
        raise GraphError(
            "ErrorInvalidRequest", "exceptionOccurrences needs a single event."
        )
    if "$orderby" in options:
        documents = [
            {**_plain(call, item), "@number": number}
            for number, item in enumerate(items)
        ]
        found = query_options.ordered(documents, options["$orderby"])
        items = [items[each["@number"]] for each in found]
    elif not by_start:
        items = sorted(items, key=lambda item: item.created, reverse=True)
    top = query_options.number(options, "$top", call.page_size or 10, _MOST)
    skip = query_options.number(options, "$skip", 0, 10**9)
    links: dict[str, Any] = {}
    if options.get("$count", "").lower() == "true":
        links["@odata.count"] = len(items)
    if skip + top < len(items):
        links["@odata.nextLink"] = call.link({**options, "$skip": str(skip + top)})
    page = items[skip : skip + top]
    documents = [events.written(item, call.mailbox, view) for item in page]
    return call.answer_list(documents, view, "events", links)
