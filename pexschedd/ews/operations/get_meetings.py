"""GetItem: meetings as they stand in a calendar."""

from collections.abc import Sequence
from datetime import datetime

from pexschedd.bodies.tags import find
from pexschedd.ews.envelope import (
    Element,
    ItemProblem,
    Sid,
    child,
    children,
    m,
    parse,
    request,
    results,
    text,
)
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import (
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    first_item,
    item_ids,
    item_shape,
    read_ref,
)
from pexschedd.ews.operations.recurrence import RECURRENCE_FIELDS, read_recurrence
from pexschedd.ews.operations.time_zone import read_zone
from pexschedd.exchange.moments import read_time
from pexschedd.model.meeting import CalendarMeeting, MessageRef

_FIELDS = (
    "item:Subject",
    "item:Body",
    "item:TextBody",
    "calendar:UID",
    "calendar:CalendarItemType",
    "calendar:IsCancelled",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:AppointmentState",
    *RECURRENCE_FIELDS,
)


def build_get_meetings(
    mailbox: str,
    refs: Sequence[MessageRef],
    *,
    body_type: str = "HTML",
    sid: Sid = Sid.PRIMARY,
) -> bytes:
    """With their bodies: as "HTML", or as "Best", which leaves a text a text."""
    shape = item_shape(
        _FIELDS,
        (CLEAN_GLOBAL_ID, GLOBAL_ID),
        body_type=body_type,
        sender_address=True,
    )
    return request(m("GetItem", shape, _ids(refs)), mailbox, sid)


def parse_meetings(data: bytes, expected: int) -> list[CalendarMeeting | ItemProblem]:
    """One for each id, in the order of the request."""
    found: list[CalendarMeeting | ItemProblem] = []
    for result in results(parse(data), expected):
        item = first_item(result.element)
        meeting = _meeting(item) if item is not None else None
        found.append(result.problem or meeting or _no_meeting())
    return found


def _no_meeting() -> ItemProblem:
    return ItemProblem("ErrorItemCorrupt", "the item is not a meeting")


def _meeting(element: Element) -> CalendarMeeting | None:
    item = ItemReader(element)
    ref = read_ref(element)
    start, end = item.time("Start"), item.time("End")
    if ref is None or start is None or end is None or not item.uid:
        return None
    html, plain = item.bodies
    return CalendarMeeting(
        ref=ref,
        uid=item.uid,
        start=start,
        end=end,
        recurrence=read_recurrence(item) if item.is_series else None,
        is_series=item.is_series,
        zone=read_zone(child(element, "StartTimeZone"), start),
        subject=item.subject,
        organizer=item.organizer,
        html=html,
        text=plain,
        tags=find(html, plain),
        cancelled=item.cancelled,
        accepted=item.word("MyResponseType") == "Accept",
    )


def build_get_changed(mailbox: str, master: MessageRef, sid: Sid) -> bytes:
    """Build a GetItem for the occurrences of a series that are items of their own."""
    shape = item_shape(("calendar:ModifiedOccurrences",))
    return request(m("GetItem", shape, _ids([master])), mailbox, sid)


def parse_changed(data: bytes) -> dict[datetime, MessageRef] | ItemProblem:
    """The items by the original start of their occurrence."""
    result = results(parse(data), 1)[0]
    if result.problem is not None:
        return result.problem
    changed = {}
    occurrences = child(first_item(result.element), "ModifiedOccurrences")
    for each in children(occurrences, "Occurrence"):
        original, ref = read_time(text(each, "OriginalStart")), read_ref(each)
        if original is not None and ref is not None:
            changed[original] = ref
    return changed


def build_get_uid(mailbox: str, item_id: str, sid: Sid) -> bytes:
    """Build a GetItem for what identifies the meeting that an item belongs to."""
    shape = item_shape(("calendar:UID",), (CLEAN_GLOBAL_ID, GLOBAL_ID))
    return request(m("GetItem", shape, _ids([MessageRef(item_id)])), mailbox, sid)


def parse_uid(data: bytes) -> str | ItemProblem:
    """Return the canonical UID; empty for an item that is no meeting."""
    result = results(parse(data), 1)[0]
    if result.problem is not None:
        return result.problem
    item = first_item(result.element)
    return ItemReader(item).uid if item is not None else ""


def build_get_body_type(mailbox: str, ref: MessageRef, sid: Sid) -> bytes:
    """Build a GetItem for a meeting's body in the format it was written in."""
    shape = item_shape(("item:Body",), body_type="Best")
    return request(m("GetItem", shape, _ids([ref])), mailbox, sid)


def parse_body_type(data: bytes) -> str | ItemProblem:
    """Return the format that the body was written in: "HTML" or "Text"."""
    result = results(parse(data), 1)[0]
    if result.problem is not None:
        return result.problem
    body = child(first_item(result.element), "Body")
    return "Text" if body is not None and body.get("BodyType") == "Text" else "HTML"


def _ids(refs: Sequence[MessageRef]) -> Element:
    return item_ids(MessageRef(ref.item_id) for ref in refs)
