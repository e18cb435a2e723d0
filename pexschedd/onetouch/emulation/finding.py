"""FindItem and GetItem of the emulated calendar. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.folders import CALENDAR, MOST_FOLDERS, folder_of
from pexschedd.onetouch.emulation.items import ItemShape, read_shape, write_item
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    child,
    listed,
    response_messages,
    schema_error,
    whole_number,
    yes_or_no,
)
from pexschedd.onetouch.emulation.zones import zone_called
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

LONGEST_VIEW = timedelta(days=2 * 366)
"""The longest span of a calendar view, as Exchange has it."""
MOST_ITEMS = 1_000
"""Items of one page."""
MOST_READ = 200
"""Items that one GetItem may name: reading them takes half a millisecond each."""
_MOST = 2**31 - 1
_NOT_ANSWERED = ("Restriction", "GroupBy", "DistinguishedGroupBy", "QueryString")


def find_item(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer FindItem, with a calendar view or by pages."""
    element = call.element
    shape = read_shape(element, is_found=True)
    for name in _NOT_ANSWERED:
        if child(element, name) is not None:
            raise ExchangeRefusal(
                "ErrorUnsupportedPathForQuery",
                f"{name} is not supported here; ask with a CalendarView.",
            )
    view, page = child(element, "CalendarView"), child(element, "IndexedPageItemView")

    def answer(reference: Element, good: Element) -> None:
        found = room.meetings if folder_of(room, reference) is CALENDAR else ()
        if view is not None:
            _answer_view(good, room, found, shape, view, zone_called(call.zone))
        else:
            _answer_page(good, room, found, shape, page)

    references = listed(element, "ParentFolderIds", MOST_FOLDERS)
    # A list is long: the same folder is not answered many times over.
    if len(references) > 1:
        raise ExchangeRefusal("ErrorInvalidRequest", "Ask for one folder at a time.")
    return response_messages("FindItem", [partial(answer, each) for each in references])


def _answer_view(
    good: Element,
    room: EmulatedRoom,
    meetings: Sequence[ScreenMeeting],
    shape: ItemShape,
    view: Element,
    zone: tzinfo,
) -> None:
    """Everything that overlaps a span of time; there are no pages."""
    start = read_time(view.get("StartDate", ""), "StartDate", zone)
    end = read_time(view.get("EndDate", ""), "EndDate", zone)
    if end < start:
        raise ExchangeRefusal("ErrorCalendarEndDateIsEarlierThanStartDate")
    if end - start > LONGEST_VIEW:
        raise ExchangeRefusal("ErrorCalendarViewRangeTooBig")
    most = whole_number(
        view.get("MaxEntriesReturned", str(MOST_ITEMS)), 1, _MOST, "MaxEntriesReturned"
    )
    found = [m for m in meetings if overlaps(m, start, end)]
    chosen = found[:most]
    root = add_m(
        good,
        "RootFolder",
        TotalItemsInView=str(len(chosen)),
        IncludesLastItemInRange=yes_or_no(len(chosen) == len(found)),
    )
    _write_items(root, room, chosen, shape)


def _answer_page(
    good: Element,
    room: EmulatedRoom,
    meetings: Sequence[ScreenMeeting],
    shape: ItemShape,
    page: Element | None,
) -> None:
    first, most, total = 0, MOST_ITEMS, len(meetings)
    if page is not None:
        first = whole_number(page.get("Offset", ""), 0, _MOST, "Offset")
        given = page.get("MaxEntriesReturned", str(MOST_ITEMS))
        most = min(whole_number(given, 1, _MOST, "MaxEntriesReturned"), MOST_ITEMS)
        if page.get("BasePoint") == "End":
            first = max(0, total - first - most)
    end = min(first + most, total)
    root = add_m(
        good,
        "RootFolder",
        IndexedPagingOffset=str(end),
        TotalItemsInView=str(total),
        IncludesLastItemInRange=yes_or_no(end >= total),
    )
    _write_items(root, room, meetings[first:end], shape)


def _write_items(
    root: Element,
    room: EmulatedRoom,
    meetings: Sequence[ScreenMeeting],
    shape: ItemShape,
) -> None:
    items = add_t(root, "Items")
    for meeting in meetings:
        write_item(items, room, meeting, shape)


def get_item(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer GetItem: a message for each item."""
    shape = read_shape(call.element)

    def answer(reference: Element, good: Element) -> None:
        meeting = room.meeting(reference.get("Id", ""))
        write_item(add_m(good, "Items"), room, meeting, shape)

    references = listed(call.element, "ItemIds", MOST_READ)
    return response_messages(
        "GetItem", [partial(answer, each) for each in references], "Items"
    )


def overlaps(meeting: ScreenMeeting, start: datetime, end: datetime) -> bool:
    """Return whether any of a meeting is within a span. One without any length counts
    at its instant; one that ends as the span begins does not."""
    if meeting.start == meeting.end:
        return start <= meeting.start < end or meeting.start == start
    return meeting.start < end and meeting.end > start


def read_time(text: str, what: str, zone: tzinfo) -> datetime:
    """Return an xs:dateTime in UTC; `zone` applies to one without an offset. Raises
    `ExchangeRefusal`."""
    try:
        moment = datetime.fromisoformat(text.strip()[:40])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise schema_error(
            f"The '{what}' value '{text[:40]}' is not a valid dateTime."
        ) from None
