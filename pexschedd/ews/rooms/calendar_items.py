"""FindItem with a CalendarView, and GetItem, for a room's calendar. Pure.

The rooms are named by any address that they have: it is typed by an administrator.
"""

from collections.abc import Sequence
from datetime import datetime

from pexschedd.ews.envelope import (
    Element,
    ItemProblem,
    Sid,
    m,
    parse,
    request,
    results,
)
from pexschedd.ews.operations.find_item import found_items
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import (
    CALENDAR,
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    first_item,
    folder,
    item_ids,
    item_shape,
    read_ref,
    write_time,
)
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.invitation.invitation import LONGEST_LOCATION, bounded_body
from pexschedd.onetouch.ports.room_mailboxes import ListedMeeting, RoomItem

_PRIVATE = ("Private", "Confidential")

_LISTED = ("calendar:Start", "calendar:End", "calendar:CalendarItemType")
_FIRST_FIELDS = (
    "item:Subject",
    "item:Sensitivity",
    "item:LastModifiedTime",
    "calendar:UID",
    "calendar:RecurrenceId",
    "calendar:Start",
    "calendar:End",
    "calendar:OriginalStart",
    "calendar:IsAllDayEvent",
    "calendar:Location",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:Organizer",
    "calendar:AppointmentState",
)


def build_listing(room: str, since: datetime, until: datetime, most: int) -> bytes:
    """Build a FindItem for a span of time; occurrences are items of their own."""
    operation = m(
        "FindItem",
        item_shape(_LISTED, (CLEAN_GLOBAL_ID, GLOBAL_ID)),
        m(
            "CalendarView",
            MaxEntriesReturned=str(most),
            StartDate=write_time(since),
            EndDate=write_time(until),
        ),
        m("ParentFolderIds", folder(CALENDAR)),
        Traversal="Shallow",
    )
    return request(operation, room, Sid.ANY)


def parse_listing(data: bytes) -> tuple[list[ListedMeeting], bool]:
    """Read the meetings of a list, and whether these are all. What has no id or no
    time is left out."""
    items, is_last = found_items(data)
    found = [listed for listed in map(_listed, items) if listed is not None]
    return found, is_last


def _listed(element: Element) -> ListedMeeting | None:
    item, ref = ItemReader(element), read_ref(element)
    start, end = item.time("Start"), item.time("End")
    if ref is None or start is None or end is None:
        return None
    return ListedMeeting(
        ref=ref,
        uid=item.uid,
        start=start,
        end=end,
        is_plain=item.word("CalendarItemType") == "Occurrence",
    )


def build_get_items(room: str, refs: Sequence[MessageRef]) -> bytes:
    """Build a GetItem for whole meetings."""
    return _get(room, refs, ("item:Body", *_FIRST_FIELDS), body_type="HTML")


def build_get_without_body(room: str, refs: Sequence[MessageRef]) -> bytes:
    """Build a GetItem for meetings whose bodies the server cannot give."""
    return _get(room, refs, _FIRST_FIELDS)


def _get(
    room: str, refs: Sequence[MessageRef], fields: Sequence[str], body_type: str = ""
) -> bytes:
    shape = item_shape(
        fields,
        (CLEAN_GLOBAL_ID, GLOBAL_ID),
        body_type=body_type,
        sender_address=True,
    )
    # Without change keys: what is wanted is the item as it is now.
    ids = item_ids(MessageRef(ref.item_id) for ref in refs)
    return request(m("GetItem", shape, ids), room, Sid.ANY)


def parse_items(data: bytes, expected: int) -> list[RoomItem | ItemProblem]:
    """One for each id, in the order of the request."""
    found: list[RoomItem | ItemProblem] = []
    for result in results(parse(data), expected):
        element = first_item(result.element)
        item = _item(element) if element is not None else None
        found.append(result.problem or item or _no_meeting())
    return found


def _no_meeting() -> ItemProblem:
    return ItemProblem("ErrorItemCorrupt", "the item is not a meeting")


def _item(element: Element) -> RoomItem | None:
    item, ref = ItemReader(element), read_ref(element)
    start, end = item.time("Start"), item.time("End")
    if ref is None or start is None or end is None:
        return None
    html, text = item.bodies
    is_occurrence = item.word("CalendarItemType") in ("Occurrence", "Exception")
    original = item.time("OriginalStart") or item.time("RecurrenceId")
    return RoomItem(
        ref=ref,
        uid=item.uid,
        start=start,
        end=end,
        recurrence_id=original or (start if is_occurrence else None),
        changed=item.time("LastModifiedTime"),
        subject=item.subject,
        location=item.word("Location")[:LONGEST_LOCATION],
        html=bounded_body(html),
        text=bounded_body(text),
        organizer=item.organizer,
        is_private=item.word("Sensitivity") in _PRIVATE,
        is_all_day=item.true("IsAllDayEvent"),
        is_cancelled=item.cancelled,
    )
