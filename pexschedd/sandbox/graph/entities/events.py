"""Events as JSON."""

from datetime import datetime
from typing import Any

from pexschedd.sandbox.graph.entities import (
    bodies_json,
    extended,
    item_ids,
    people,
    recurrences,
)
from pexschedd.sandbox.graph.entities.view import EntityView, timestamp, zoned
from pexschedd.sandbox.graph.odata.query_options import pick
from pexschedd.sandbox.items import ids, occurrence_dates, series
from pexschedd.sandbox.items.records import CalendarType, Item, Meeting
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

TYPES = {
    CalendarType.SINGLE: "singleInstance",
    CalendarType.OCCURRENCE: "occurrence",
    CalendarType.EXCEPTION: "exception",
    CalendarType.MASTER: "seriesMaster",
}
_SHOWN = {
    "Free": "free",
    "Tentative": "tentative",
    "Busy": "busy",
    "OOF": "oof",
    "WorkingElsewhere": "workingElsewhere",
}
TRANSACTION = "graph:transactionId"
"""The key under which an item keeps the client's transaction id."""
UNSENT = "graph:unsent"
"""The key of an item whose attendees were not told of its latest change."""
PROPERTIES = frozenset(
    {"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories"}
    | {"transactionId", "originalStartTimeZone", "originalEndTimeZone", "iCalUId"}
    | {"reminderMinutesBeforeStart", "isReminderOn", "hasAttachments", "subject"}
    | {"bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled"}
    | {"isOrganizer", "responseRequested", "seriesMasterId", "showAs", "type"}
    | {"webLink", "onlineMeetingUrl", "isOnlineMeeting", "onlineMeetingProvider"}
    | {"allowNewTimeProposals", "isDraft", "hideAttendees", "responseStatus", "body"}
    | {"start", "end", "location", "locations", "recurrence", "attendees"}
    | {"organizer", "onlineMeeting", "originalStart", "cancelledOccurrences"}
)


def written(item: Item, mailbox: SandboxMailbox, view: EntityView) -> dict[str, Any]:
    """Return a calendar item as an event."""
    meeting = series.meeting_of(item)
    document = {
        **_core(item, mailbox, view),
        **_attributes(item, meeting),
        **_times(item, mailbox, meeting, view),
        **_people(item, meeting),
    }
    if view.wants("body"):
        document["body"] = bodies_json.written(item.body, view)
    selected = view.select is not None and "cancelledOccurrences" in view.select
    if selected and meeting.type is CalendarType.MASTER:
        document["cancelledOccurrences"] = [
            f"OID.{item_ids.item_id(item, immutable=view.immutable)}."
            f"{occurrence_dates.local_date(meeting, each).isoformat()}"
            for each in meeting.deleted
        ]
    document = pick(document, view.select)
    properties = extended.expanded(item, mailbox, view)
    if properties:
        document[extended.NAME] = properties
    if any(each.name == "exceptionOccurrences" for each in view.expand):
        plain = EntityView(view.immutable, view.text_bodies, view.zone)
        document["exceptionOccurrences"] = [
            written(each, mailbox, plain) for each in item.exceptions
        ]
    return document


def note_unsent(item: Item, unsent: bool | None) -> None:
    """Note whether the attendees know of an item's latest change; None: as before."""
    if unsent is None:
        return
    kept = {name: value for name, value in item.extended.items() if name != UNSENT}
    item.extended = {**kept, UNSENT: "true"} if unsent else kept


def etag(item: Item, mailbox: SandboxMailbox) -> str:
    """Return the ETag of an item."""
    return f'W/"{mailbox.change_key(item)}"'


def i_cal_uid(meeting: Meeting) -> str:
    """Return the UID of a meeting, of an occurrence with its date."""
    if meeting.recurrence_id is None:
        return ids.uid(meeting.goid)
    day = occurrence_dates.local_date(meeting, meeting.recurrence_id)
    return ids.uid(ids.for_occurrence(meeting.goid, day))


def _core(item: Item, mailbox: SandboxMailbox, view: EntityView) -> dict[str, Any]:
    return {
        "@odata.etag": etag(item, mailbox),
        "id": item_ids.item_id(item, immutable=view.immutable),
        "createdDateTime": timestamp(item.created),
        "lastModifiedDateTime": timestamp(item.modified),
        "changeKey": mailbox.change_key(item),
        "categories": list(item.categories),
    }


def _attributes(item: Item, meeting: Meeting) -> dict[str, Any]:
    url = bodies_json.join_url(item.body)
    transaction = item.extended.get(TRANSACTION)
    return {
        "transactionId": transaction,
        "iCalUId": i_cal_uid(meeting),
        "reminderMinutesBeforeStart": item.reminder_minutes,
        "isReminderOn": item.reminder,
        "hasAttachments": bool(item.attachments),
        "subject": item.subject,
        "bodyPreview": bodies_json.preview(item.body),
        "importance": item.importance.lower(),
        "sensitivity": item.sensitivity.lower(),
        "isAllDay": meeting.all_day,
        "isCancelled": meeting.cancelled,
        "isOrganizer": item.is_organizer,
        "responseRequested": meeting.response_requested,
        "showAs": _SHOWN.get(item.free_busy, "unknown"),
        "type": TYPES[meeting.type],
        "webLink": "https://outlook.office365.com/owa/",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": url is not None,
        "onlineMeetingProvider": "unknown" if url is None else "teamsForBusiness",
        "allowNewTimeProposals": meeting.allow_new_time,
        "isDraft": item.is_organizer
        and bool(meeting.attendees)
        and (item.told is None or UNSENT in item.extended),
        "hideAttendees": False,
        "onlineMeeting": None if url is None else {"joinUrl": url},
    }


def _times(
    item: Item, mailbox: SandboxMailbox, meeting: Meeting, view: EntityView
) -> dict[str, Any]:
    master = mailbox.master_of(item)
    zone = meeting.zone
    if meeting.zone_rules:
        zone = "tzone://Microsoft/Custom"
    found: dict[str, Any] = {
        "originalStartTimeZone": zone,
        "originalEndTimeZone": meeting.end_zone or zone,
        "seriesMasterId": (
            None
            if master is None
            else item_ids.item_id(master, immutable=view.immutable)
        ),
        "start": zoned(meeting.start, meeting, view),
        "end": zoned(meeting.end, meeting, view),
        "location": location(meeting),
        "locations": [location(meeting)] if meeting.location else [],
        "recurrence": recurrences.written(meeting),
    }
    if meeting.recurrence_id is not None:
        found["originalStart"] = _original(meeting.recurrence_id)
    return found


def _original(moment: datetime) -> str | None:
    return timestamp(moment)


def location(meeting: Meeting) -> dict[str, Any]:
    """Return the place of a meeting."""
    if not meeting.location:
        return {
            "displayName": "",
            "locationType": "default",
            "uniqueIdType": "unknown",
            "address": {},
            "coordinates": {},
        }
    return {
        "displayName": meeting.location,
        "locationType": "default",
        "uniqueId": meeting.location,
        "uniqueIdType": "private",
    }


def _people(item: Item, meeting: Meeting) -> dict[str, Any]:
    own = item.is_organizer
    return {
        "responseStatus": {
            "response": people.RESPONSES[item.my_response],
            "time": timestamp(item.replied) or "0001-01-01T00:00:00Z",
        },
        "attendees": [
            people.attendee(each, is_organizer=own) for each in meeting.attendees
        ],
        "organizer": people.recipient(meeting.organizer, item),
    }
