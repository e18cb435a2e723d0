"""FindItem: pages, restrictions, sorting, and the calendar view."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from lxml import etree

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import occurrence_dates, series
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall
from pexschedd.sandbox.properties import restriction
from pexschedd.sandbox.properties.response_shape import ResponseShape
from pexschedd.sandbox.properties.value_types import Comparable

_ORDER = (
    *("ItemShape", "IndexedPageItemView", "FractionalPageItemView"),
    *("SeekToConditionPageItemView", "CalendarView", "ContactsView", "GroupBy"),
    *("DistinguishedGroupBy", "Restriction", "SortOrder", "ParentFolderIds"),
    "QueryString",
)
_UNSUPPORTED = _ORDER[2:4] + _ORDER[5:8] + _ORDER[-1:]
_LIMIT = 1000
"""EWSFindCountLimit: the most items that one call returns."""
_YEARS = timedelta(days=2 * 366)


def find_item(call: OperationCall) -> Element:
    """FindItem: a page of items, or a calendar view, for each folder."""
    element = call.element
    traversal = markup.need(
        element, "Traversal", ("Shallow", "SoftDeleted", "Associated")
    )
    markup.in_order(element, _ORDER)
    shape = ResponseShape.read(markup.need_m(element, "ItemShape"), from_find=True)
    folders = call.folders(markup.need_m(element, "ParentFolderIds"))

    def job(
        find: Callable[[], tuple[SandboxMailbox, MailboxFolder]],
    ) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            mailbox, folder = find()
            for name in _UNSUPPORTED:
                if markup.find_m(element, name) is not None:
                    raise EwsError("ErrorInvalidOperation", f"No {name} here.")
            view = markup.find_m(element, "CalendarView")
            if view is not None:
                _calendar_view(call, good, shape, mailbox, folder, view)
                return
            items = [] if traversal != "Shallow" else _select(call, mailbox, folder)
            items = [item for item in items if call.shows(item)]
            _page(call, good, shape, mailbox, items)

        return write

    return call.answer([job(find) for find in folders])


def _select(
    call: OperationCall, mailbox: SandboxMailbox, folder: MailboxFolder
) -> Sequence[Item]:
    """Return the matching items, sorted; they are kept for the next page until the
    folder changes."""
    condition = markup.find_m(call.element, "Restriction")
    order = markup.find_m(call.element, "SortOrder")
    wanted = restriction.goid_wanted(condition, call.zone)
    if wanted is not None and folder.name == "calendar":
        return _sort(order, mailbox, mailbox.meetings(wanted))
    question = (
        call.request.zone,
        *(
            etree.tostring(e, method="c14n")
            for e in (condition, order)
            if e is not None
        ),
        order is None,
    )
    known = folder.views.get(question)
    if known is not None:
        return known
    items = list(folder.items.values())
    if condition is not None:
        test = restriction.compile_restriction(condition, call.zone)
        items = [item for item in items if test(item, mailbox)]
    items = _sort(order, mailbox, items)
    if len(folder.views) >= 8:
        folder.views.clear()
    folder.views[question] = items
    return items


def _sort(
    order: Element | None, mailbox: SandboxMailbox, items: list[Item]
) -> list[Item]:
    if order is None:
        # Newest first, as the store keeps an unsorted folder.
        newest_first = items[::-1]
        newest_first.sort(key=lambda item: item.received, reverse=True)
        return newest_first
    for field in reversed(order):
        try:
            path = restriction.path_in(field)
        except EwsError as error:
            if error.code != "ErrorUnsupportedPathForQuery":
                raise
            raise EwsError("ErrorUnsupportedPathForSortGroup") from None
        direction = markup.need(field, "Order", ("Ascending", "Descending"))

        def key(
            item: Item, path: restriction.PropertyPath = path
        ) -> tuple[bool, object]:
            found: tuple[Comparable, ...] = path.read(item, mailbox)
            return (bool(found), found[0] if found else 0)

        items = sorted(items, key=key, reverse=direction == "Descending")
    return items


def _page(
    call: OperationCall,
    good: Element,
    shape: ResponseShape,
    mailbox: SandboxMailbox,
    items: Sequence[Item],
) -> None:
    view = markup.find_m(call.element, "IndexedPageItemView")
    count, start, total = _LIMIT, 0, len(items)
    if view is not None:
        offset = markup.need_int(view, "Offset", 0, 2**31 - 1)
        base = markup.need(view, "BasePoint", ("Beginning", "End"))
        if view.get("MaxEntriesReturned") is not None:
            wanted = markup.need_int(view, "MaxEntriesReturned", 1, 2**31 - 1)
            count = min(wanted, _LIMIT)
        start = offset
        if base == "End":
            start = max(0, total - offset - count)
            count = max(0, total - offset) - start
    chosen = items[start : start + count]
    end = min(start + count, total)
    root = markup.m(
        good,
        "RootFolder",
        IndexedPagingOffset=str(end),
        TotalItemsInView=str(total),
        IncludesLastItemInRange=markup.as_text(end >= total),
    )
    listed = markup.t(root, "Items")
    for item in chosen:
        shape.write(listed, item, mailbox)


def _calendar_view(
    call: OperationCall,
    good: Element,
    shape: ResponseShape,
    mailbox: SandboxMailbox,
    folder: MailboxFolder,
    view: Element,
) -> None:
    """Everything that overlaps a span of time, by start; no paging."""
    for name in ("Restriction", "SortOrder"):
        if markup.find_m(call.element, name) is not None:
            raise EwsError("ErrorInvalidOperation", f"No {name} with CalendarView.")
    if folder.folder_class != "IPF.Appointment":
        raise EwsError("ErrorCalendarFolderIsInvalidForCalendarView")
    start = call.time(view, markup.need(view, "StartDate"))
    end = call.time(view, markup.need(view, "EndDate"))
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate")
    if end - start > _YEARS:
        raise EwsError("ErrorCalendarViewRangeTooBig")
    limit = _LIMIT
    if view.get("MaxEntriesReturned") is not None:
        limit = markup.need_int(view, "MaxEntriesReturned", 1, 2**31 - 1)
    found = sorted(
        (
            each
            for item in folder.items.values()
            if call.shows(item)
            for each in _within(item, start, end)
        ),
        key=_start,
    )
    chosen = found[:limit]
    root = markup.m(
        good,
        "RootFolder",
        TotalItemsInView=str(len(chosen)),
        IncludesLastItemInRange=markup.as_text(len(chosen) == len(found)),
    )
    listed = markup.t(root, "Items")
    for item in chosen:
        shape.write(listed, item, mailbox)


def _within(item: Item, start: datetime, end: datetime) -> Sequence[Item]:
    """An item, or the occurrences of a series, as far as they overlap the span."""
    meeting = item.meeting
    if meeting is None:
        return ()
    if meeting.recurrence is not None:
        return series.occurrences(item, start, end)
    if occurrence_dates.overlap(meeting.start, meeting.end, start, end):
        return (item,)
    return ()


def _start(item: Item) -> datetime:
    return (
        item.meeting.start
        if item.meeting is not None
        else datetime.min.replace(tzinfo=UTC)
    )
