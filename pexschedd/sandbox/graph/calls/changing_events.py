"""Changes of events: creation, change, deletion, cancellation."""

from http import HTTPStatus
from typing import Any

from msgspec import structs

from pexschedd.sandbox.graph.calls import changing_messages
from pexschedd.sandbox.graph.calls.graph_call import GraphCall, no_content
from pexschedd.sandbox.graph.entities import (
    bodies_json,
    events,
    extended,
    people,
    recurrences,
    values,
)
from pexschedd.sandbox.graph.entities.view import EntityView, read_zoned
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items import bodies, series
from pexschedd.sandbox.items.records import (
    Attendee,
    Item,
    ItemKind,
    Meeting,
    ResponseType,
    Role,
    Send,
)
from pexschedd.sandbox.mailboxes import organizing

_READ_ONLY = frozenset(
    {"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "iCalUId"}
    | {"bodyPreview", "isCancelled", "isOrganizer", "seriesMasterId", "type"}
    | {"webLink", "onlineMeetingUrl", "isDraft", "responseStatus", "onlineMeeting"}
    | {"originalStart", "cancelledOccurrences", "hasAttachments", "organizer"}
    | {"originalStartTimeZone", "originalEndTimeZone"}
)
_IGNORED = frozenset({"locations", "onlineMeetingProvider", "hideAttendees"})
_OWN = frozenset(
    {"categories", "showAs", "isReminderOn", "reminderMinutesBeforeStart"}
    | {"importance", "sensitivity", extended.NAME}
)
"""Properties of one's own copy of a meeting, of which nobody is told."""
_BUSY = ("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere")
_IMPORTANCE = ("Low", "Normal", "High")
_SENSITIVITY = ("Normal", "Personal", "Private", "Confidential")


def create_event(call: GraphCall) -> GraphAnswer:
    """Put an event into the calendar, and invite its attendees."""
    document = call.request.document()
    exchange = call.exchange
    now = exchange.now()
    for name in ("start", "end"):
        if name not in document:
            raise GraphError(
                "ErrorPropertyValidationFailure", f"{name}: Required property."
            )
    start, zone = read_zoned(document["start"], "start")
    end, end_zone = read_zoned(document["end"], "end")
    item = Item(
        kind=ItemKind.CALENDAR,
        item_class="IPM.Appointment",
        created=now,
        modified=now,
        received=now,
        meeting=Meeting(
            goid=exchange.new_goid(),
            organizer=exchange.person(call.mailbox.address),
            start=start,
            end=end,
            zone=zone,
            end_zone="" if end_zone == zone else end_zone,
            critical_change=now,
        ),
    )
    _apply(call, item, document)
    if document.get("isOnlineMeeting") is True and not bodies_json.join_url(item.body):
        unique = series.meeting_of(item).goid[-16:].hex()
        item.body = bodies_json.with_block(item.body, unique)
    series.settle(item, None)
    exchange.organize(call.mailbox, item, Send.ALL)
    return call.answer_event(item, call.view(), HTTPStatus.CREATED)


def update_event(call: GraphCall) -> GraphAnswer:
    """Change an event; of a meeting that the mailbox organizes, tell the attendees."""
    item = call.event()
    _check_match(call, item)
    document = call.request.document()
    names = {name for name in document if "@" not in name}
    if not item.is_organizer and names - _OWN - _IGNORED:
        _check_attendee_change(call, item, document)
        names &= _OWN
        document = {name: document[name] for name in names}
    draft = structs.replace(item)
    _apply(call, draft, document)
    send = _recipients(call, names)
    events.note_unsent(draft, _is_unsent(names, send))
    changed = call.exchange.change(item, draft, send)
    return call.answer_event(changed, call.view())


def delete_event(call: GraphCall) -> GraphAnswer:
    """Take an event out of the calendar; its organizer cancels it thereby."""
    item = call.event()
    _check_match(call, item)
    if item.is_organizer and item.told is not None and item.told.attendees:
        call.exchange.cancel(item)
    elif call.mailbox.master_of(item) is not None:
        call.mailbox.remove(item)
    else:
        call.mailbox.move(item, "deleteditems")
    return no_content()


def permanently_delete_event(call: GraphCall) -> GraphAnswer:
    """Delete an event for good, without a word to anybody."""
    changing_messages.check_permanent_delete(call)
    call.mailbox.remove(call.event())
    return no_content()


def cancel_event(call: GraphCall) -> GraphAnswer:
    """Cancel a meeting with a comment to its attendees; organizers only."""
    item = call.event()
    document = {key.lower(): value for key, value in call.request.document().items()}
    comment = document.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise GraphError("ErrorInvalidRequest", "comment: must be a text.")
    if not item.is_organizer:
        raise GraphError(
            "ErrorInvalidRequest",
            "Your request can't be completed. You need to be an organizer to cancel "
            "a meeting.",
        )
    call.exchange.cancel(item, text=bodies.from_text(comment or ""))
    return no_content(HTTPStatus.ACCEPTED)


def _check_match(call: GraphCall, item: Item) -> None:
    wanted = call.request.headers.get("if-match", "*").strip()
    if wanted not in ("*", events.etag(item, call.mailbox)):
        raise GraphError("ErrorIrresolvableConflict")


def _check_attendee_change(
    call: GraphCall, item: Item, document: dict[str, Any]
) -> None:
    """Refuse to change another's meeting, unless nothing would change."""
    now = events.written(item, call.mailbox, EntityView())
    for name, value in document.items():
        if "@" in name or name in _OWN or name in _IGNORED:
            continue
        if now.get(name) != value:
            raise GraphError(
                "ErrorAccessDenied",
                f"{name}: only the organizer may change it.",
            )


def _is_unsent(names: set[str], send: Send) -> bool | None:
    """Return whether a change is one that the attendees should have been told of, and
    were not; None if it says nothing about that."""
    if send is not Send.NONE:
        return False
    return True if names - _OWN - _IGNORED - {"transactionId"} else None


def _recipients(call: GraphCall, names: set[str]) -> Send:
    told = names - _OWN - _IGNORED - {"transactionId"}
    if not told or (told == {"body"} and not call.settings.body_change_mails):
        return Send.NONE
    return Send.CHANGED if told == {"attendees"} else Send.ALL


def _apply(call: GraphCall, item: Item, document: dict[str, Any]) -> None:
    """Give an item the properties of a document. Raises `GraphError`."""
    meeting = series.meeting_of(item)
    changes: dict[str, Any] = {}
    for name, value in document.items():
        if "@" in name or name in _IGNORED:
            continue
        if name in _READ_ONLY:
            raise GraphError(
                "ErrorInvalidPropertySet", f"The property '{name}' is read-only."
            )
        if not _apply_own(item, name, value):
            changes |= _meeting_change(call, item, meeting, name, value)
    item.meeting = structs.replace(meeting, **changes)
    if item.meeting.end < item.meeting.start:
        raise GraphError("ErrorPropertyValidationFailure", "end is before start.")


def _apply_own(item: Item, name: str, value: Any) -> bool:
    """Set a property that is not the meeting's; return whether there is one."""
    match name:
        case "subject":
            item.subject = bodies.clean_text(values.text(value, name))
        case "body":
            item.body = bodies_json.read(value)
        case "categories":
            item.categories = values.texts(value, name)
        case "importance":
            item.importance = values.chosen(value, name, _IMPORTANCE)
        case "sensitivity":
            item.sensitivity = values.chosen(value, name, _SENSITIVITY)
        case "isReminderOn":
            item.reminder = value is True
        case "reminderMinutesBeforeStart":
            item.reminder_minutes = int(value) if isinstance(value, int) else 15
        case "transactionId":
            item.extended = {
                **item.extended,
                events.TRANSACTION: values.text(value, name),
            }
        case extended.NAME:
            extended.store(item, value)
        case "isOnlineMeeting":
            pass
        case _:
            return False
    return True


def _meeting_change(
    call: GraphCall, item: Item, meeting: Meeting, name: str, value: Any
) -> dict[str, Any]:
    match name:
        case "start":
            moment, zone = read_zoned(value, name)
            return {"start": moment, "zone": zone, "zone_rules": ""}
        case "end":
            return {"end": read_zoned(value, name)[0]}
        case "isAllDay":
            return {"all_day": value is True}
        case "location":
            place = value.get("displayName") if isinstance(value, dict) else ""
            place = values.text(place, "location.displayName")
            return {"location": bodies.clean_text(place)}
        case "showAs":
            shown = values.chosen(value, name, _BUSY)
            item.free_busy = shown
            return {"free_busy": shown} if item.is_organizer or not item.id else {}
        case "responseRequested":
            return {"response_requested": value is not False}
        case "allowNewTimeProposals":
            return {"allow_new_time": value is not False}
        case "recurrence":
            return {"recurrence": recurrences.read(value)}
        case "attendees":
            return {"attendees": _attendees(call, meeting, value)}
    raise GraphError(
        "RequestBodyRead",
        f"The property '{name}' does not exist on type 'microsoft.graph.event'.",
    )


def _attendees(call: GraphCall, meeting: Meeting, value: Any) -> tuple[Attendee, ...]:
    """Return the attendees of a document; those who stay keep their answers."""
    wanted = people.read_attendees(value)
    known = {each.person.address.casefold(): each for each in meeting.attendees}
    found: tuple[Attendee, ...] = ()
    for role in Role:
        listed = [call.exchange.person(person) for person in wanted[role]]
        found = organizing.replace_role(found, role, listed)
    return tuple(
        structs.replace(each, response=before.response, responded=before.responded)
        if (before := known.get(each.person.address.casefold())) is not None
        else structs.replace(each, response=ResponseType.UNKNOWN)
        for each in found
    )
