"""FindItem: what lies in a folder, page by page; a meeting by its global object id;
what takes place in a span of time.

A page begins where the one before ended in time, not at a number: what was read may
be deleted before the next page is asked for. (Of the second in which the page ended,
as many others are passed over then; the next look finds them.)
"""

import base64
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from pexschedd.ews.envelope import (
    Element,
    ItemProblem,
    NotSoap,
    Sid,
    child,
    children,
    m,
    only_result,
    parse,
    request,
    results,
    t,
)
from pexschedd.ews.operations.get_item import read_message
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import (
    CALENDAR,
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    INBOX,
    first_item,
    folder,
    item_shape,
    property_uri,
    read_ref,
    write_time,
)
from pexschedd.exchange.global_ids import occurrence_date
from pexschedd.exchange.moments import read_time
from pexschedd.model.meeting import MeetingMessage, MessageRef

PAGE = 100
_RECEIVED = "item:DateTimeReceived"
_CREATED = "item:DateTimeCreated"
_COPIES = 10
"""A meeting is in a calendar once, unless somebody copied it."""
MOST_IN_VIEW = 1000
"""Entries of a calendar view; Exchange gives no more at a time."""


class PagePosition(msgspec.Struct, frozen=True):
    """The position of a page: a moment, and how many items of that moment come
    before."""

    moment: datetime | None = None
    behind: int = 0

    @classmethod
    def read(cls, cursor: str) -> "PagePosition":
        """Parse what `str` made of a place; raises ValueError for anything else."""
        if not cursor:
            return cls()
        behind, _, moment = cursor.partition(" ")
        return cls(read_time(moment), min(max(int(behind), 0), 2**31 - 1))

    def __str__(self) -> str:
        return f"{self.behind} {write_time(self.moment) if self.moment else ''}"

    def after(self, times: Sequence[datetime | None]) -> "PagePosition":
        """Behind a page of items with these times. Raises `NotSoap` when they are
        not in order: the pages would never end."""
        moment, behind = self.moment, self.behind
        for each in times:
            if each is None or each == moment:
                behind += 1
            elif moment is None or each > moment:
                moment, behind = each, 1
            else:
                raise NotSoap("the items of a page are not in order")
        return PagePosition(moment, behind)


def build_find_inbox(
    mailbox: str, position: PagePosition, before: datetime, most: int = PAGE
) -> bytes:
    """Everything that was received before, oldest first."""
    fields = (
        "item:ItemClass",
        "item:Subject",
        _RECEIVED,
        "message:From",
        "calendar:IsCancelled",
    )
    shape = item_shape(fields, (CLEAN_GLOBAL_ID,), sender_address=True)
    return _page(mailbox, shape, INBOX, _RECEIVED, position, most, before)


def parse_find_inbox(
    data: bytes, position: PagePosition
) -> tuple[list[MeetingMessage], str]:
    """Read a page of messages, and the cursor of the next page; "" after the last."""
    items, last = found_items(data)
    found = [
        read_message(item, ref) for item in items if (ref := read_ref(item)) is not None
    ]
    return found, _next(position, items, "DateTimeReceived", last)


def build_find_calendar(
    mailbox: str, position: PagePosition, most: int = PAGE
) -> bytes:
    """Masters and single meetings, oldest first."""
    shape = item_shape((_CREATED,))
    return _page(mailbox, shape, CALENDAR, _CREATED, position, most)


def parse_find_calendar(
    data: bytes, position: PagePosition
) -> tuple[list[MessageRef], str]:
    """Read a page of meetings' ids, and the cursor of the next page; "" after the
    last."""
    items, last = found_items(data)
    found = [ref for ref in map(read_ref, items) if ref is not None]
    return found, _next(position, items, "DateTimeCreated", last)


def _next(
    position: PagePosition, items: Sequence[Element], name: str, last: bool
) -> str:
    if last or not items:
        return ""
    return str(position.after([ItemReader(item).time(name) for item in items]))


def _page(
    mailbox: str,
    shape: Element,
    where: str,
    field: str,
    position: PagePosition,
    most: int,
    before: datetime | None = None,
) -> bytes:
    view = m(
        "IndexedPageItemView",
        MaxEntriesReturned=str(most),
        Offset=str(position.behind),
        BasePoint="Beginning",
    )
    conditions = []
    if position.moment is not None:
        conditions.append(_compared("IsGreaterThanOrEqualTo", field, position.moment))
    if before is not None:
        conditions.append(_compared("IsLessThan", field, before))
    if len(conditions) > 1:
        conditions = [t("And", *conditions)]
    operation = m(
        "FindItem",
        shape,
        view,
        *(m("Restriction", condition) for condition in conditions),
        m(
            "SortOrder",
            t("FieldOrder", t("FieldURI", FieldURI=field), Order="Ascending"),
        ),
        m("ParentFolderIds", folder(where)),
        Traversal="Shallow",
    )
    return request(operation, mailbox)


def _compared(how: str, field: str, moment: datetime) -> Element:
    constant = t("Constant", Value=write_time(moment))
    return t(how, t("FieldURI", FieldURI=field), t("FieldURIOrConstant", constant))


class FoundItem(msgspec.Struct, frozen=True):
    """A calendar item as a search shows it."""

    ref: MessageRef
    uid: str
    kind: str
    """Single, Occurrence, Exception or RecurringMaster."""
    start: datetime | None
    day: date | None
    """The original day, of an occurrence that is an item by itself."""
    cancelled: bool
    organizes: bool
    """True if this mailbox organizes it."""


_ENTRY = (
    "calendar:Start",
    "calendar:CalendarItemType",
    "calendar:IsCancelled",
    "calendar:AppointmentState",
    "calendar:MyResponseType",
)


def build_find_meeting(mailbox: str, global_id: bytes, sid: Sid) -> bytes:
    """The items of one meeting in the calendar, by its clean global object id."""
    constant = t("Constant", Value=base64.b64encode(global_id).decode("ascii"))
    operation = m(
        "FindItem",
        item_shape(_ENTRY, (CLEAN_GLOBAL_ID, GLOBAL_ID)),
        m(
            "IndexedPageItemView",
            MaxEntriesReturned=str(_COPIES),
            Offset="0",
            BasePoint="Beginning",
        ),
        m(
            "Restriction",
            t(
                "IsEqualTo",
                property_uri(CLEAN_GLOBAL_ID),
                t("FieldURIOrConstant", constant),
            ),
        ),
        m("ParentFolderIds", folder(CALENDAR)),
        Traversal="Shallow",
    )
    return request(operation, mailbox, sid)


def build_view(mailbox: str, since: datetime, until: datetime, sid: Sid) -> bytes:
    """A span of time; occurrences are items of their own here."""
    operation = m(
        "FindItem",
        item_shape(_ENTRY, (CLEAN_GLOBAL_ID, GLOBAL_ID)),
        m(
            "CalendarView",
            MaxEntriesReturned=str(MOST_IN_VIEW),
            StartDate=write_time(since),
            EndDate=write_time(until),
        ),
        m("ParentFolderIds", folder(CALENDAR)),
        Traversal="Shallow",
    )
    return request(operation, mailbox, sid)


def build_get_master(mailbox: str, occurrence: MessageRef, sid: Sid) -> bytes:
    """Build a GetItem for the series that an occurrence belongs to."""
    master = t("RecurringMasterItemId", OccurrenceId=occurrence.item_id)
    shape = item_shape(_ENTRY, (CLEAN_GLOBAL_ID, GLOBAL_ID))
    return request(m("GetItem", shape, m("ItemIds", master)), mailbox, sid)


def parse_master(data: bytes) -> FoundItem | ItemProblem | None:
    """Read a series; None if the answer has no item."""
    result = results(parse(data), 1)[0]
    if result.problem is not None:
        return result.problem
    item = first_item(result.element)
    return _entry(item) if item is not None else None


def parse_entries(data: bytes) -> list[FoundItem]:
    """Read the ids of found meetings, with what tells one from another."""
    return parse_view(data)[0]


def parse_view(data: bytes) -> tuple[list[FoundItem], bool]:
    """Read found meetings, and whether these are all."""
    items, last = found_items(data)
    return [entry for entry in map(_entry, items) if entry is not None], last


def _entry(element: Element) -> FoundItem | None:
    item, ref = ItemReader(element), read_ref(element)
    if ref is None:
        return None
    return FoundItem(
        ref,
        uid=item.uid,
        kind=item.word("CalendarItemType"),
        start=item.time("Start"),
        day=occurrence_date(item.binary(GLOBAL_ID)),
        cancelled=item.cancelled,
        organizes=item.organizes,
    )


def found_items(data: bytes) -> tuple[list[Element], bool]:
    """The items that a search has found, and whether there are no more."""
    root = child(only_result(parse(data)), "RootFolder")
    if root is None:
        raise NotSoap("the search has no result")
    last = root.get("IncludesLastItemInRange", "true").strip() in ("true", "1")
    return list(children(child(root, "Items"))), last
