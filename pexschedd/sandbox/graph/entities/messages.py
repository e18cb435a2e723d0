"""Messages and meeting messages as JSON."""

from typing import Any

from pexschedd.sandbox.graph.entities import (
    bodies_json,
    events,
    extended,
    item_ids,
    people,
    recurrences,
)
from pexschedd.sandbox.graph.entities.view import EntityView, timestamp, zoned
from pexschedd.sandbox.graph.odata.query_options import pick
from pexschedd.sandbox.items.records import (
    Item,
    ItemKind,
    MailboxUser,
    ResponseType,
)
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_EVENT_MESSAGE = "#microsoft.graph.eventMessage"
_ODATA_TYPES = {
    ItemKind.REQUEST: "#microsoft.graph.eventMessageRequest",
    ItemKind.CANCELLATION: _EVENT_MESSAGE,
    ItemKind.RESPONSE: "#microsoft.graph.eventMessageResponse",
}
_ANSWERS = {
    ResponseType.ACCEPT: ("meetingAccepted", "accepted"),
    ResponseType.TENTATIVE: ("meetingTenativelyAccepted", "tentativelyAccepted"),
    ResponseType.DECLINE: ("meetingDeclined", "declined"),
}
_REQUESTS = {
    "NewMeetingRequest": "newMeetingRequest",
    "FullUpdate": "fullUpdate",
    "InformationalUpdate": "informationalUpdate",
    "Outdated": "outdated",
}
PROPERTIES = frozenset(
    {"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories"}
    | {"receivedDateTime", "sentDateTime", "hasAttachments", "internetMessageId"}
    | {"internetMessageHeaders", "subject", "bodyPreview", "importance"}
    | {"parentFolderId", "conversationId", "conversationIndex", "isRead", "isDraft"}
    | {"isDeliveryReceiptRequested", "isReadReceiptRequested", "webLink", "body"}
    | {"sender", "from", "toRecipients", "ccRecipients", "bccRecipients", "replyTo"}
    | {"uniqueBody", "inferenceClassification", "flag"}
)
DERIVED = frozenset(
    {"startDateTime", "endDateTime", "isAllDay", "isDelegated", "isOutOfDate"}
    | {"location", "meetingMessageType", "recurrence", "type", "allowNewTimeProposals"}
    | {"responseRequested", "meetingRequestType", "previousStartDateTime"}
    | {"previousEndDateTime", "previousLocation", "proposedNewTime", "responseType"}
)


def written(
    item: Item,
    mailbox: SandboxMailbox,
    view: EntityView,
    *,
    basic: bool = False,
    missing_event: Any = None,
) -> dict[str, Any]:
    """Return an item as a message.

    `basic` leaves out bodies and extended properties, as for an application with
    Mail.ReadBasic; `missing_event` stands for an event that there is not.
    """
    document = _message(item, mailbox, view)
    if view.wants("body") and not basic:
        document["body"] = bodies_json.written(item.body, view)
    if view.select is not None and "uniqueBody" in view.select and not basic:
        document["uniqueBody"] = bodies_json.written(item.body, view)
    kind = _ODATA_TYPES.get(item.kind)
    if kind is not None and item.meeting is not None:
        document = {"@odata.type": kind, **document, **_meeting(item, mailbox, view)}
    document = pick(document, view.select)
    properties = None if basic else extended.expanded(item, mailbox, view)
    if properties:
        document[extended.NAME] = properties
    for each in view.expand:
        if each.name == "event" and kind is not None:
            entry = event_of(item, mailbox)
            inner = _event_view(each.options.get("$select"), view)
            document["event"] = (
                missing_event
                if entry is None
                else events.written(entry, mailbox, inner)
            )
    return document


def event_of(item: Item, mailbox: SandboxMailbox) -> Item | None:
    """Return the calendar item that a meeting message is about, if there is one."""
    return None if item.meeting is None else mailbox.entry(item.meeting)


def _event_view(select: str | None, view: EntityView) -> EntityView:
    names = None
    if select is not None:
        names = tuple(name.strip() for name in select.split(","))
    return EntityView(view.immutable, view.text_bodies, view.zone, (), names)


def _message(item: Item, mailbox: SandboxMailbox, view: EntityView) -> dict[str, Any]:
    folder = mailbox.folders[item.folder]
    return {
        "@odata.etag": events.etag(item, mailbox),
        "id": item_ids.item_id(item, immutable=view.immutable),
        "createdDateTime": timestamp(item.created),
        "lastModifiedDateTime": timestamp(item.modified),
        "changeKey": mailbox.change_key(item),
        "categories": list(item.categories),
        "receivedDateTime": timestamp(item.received),
        "sentDateTime": timestamp(item.sent),
        "hasAttachments": bool(item.attachments),
        "internetMessageId": item.message_id or None,
        "subject": item.subject,
        "bodyPreview": bodies_json.preview(item.body),
        "importance": item.importance.lower(),
        "parentFolderId": item_ids.folder_id(folder),
        "conversationId": None,
        "conversationIndex": None,
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": False,
        "isRead": item.is_read,
        "isDraft": item.is_draft,
        "webLink": "https://outlook.office365.com/owa/",
        "inferenceClassification": "focused",
        "sender": _unless_left_out(item, "message:Sender", item.sender),
        "from": _unless_left_out(item, "message:From", _principal(item)),
        "toRecipients": [people.recipient(each) for each in item.to],
        "ccRecipients": [people.recipient(each) for each in item.cc],
        "bccRecipients": [people.recipient(each) for each in item.bcc],
        "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
    }


def _principal(item: Item) -> MailboxUser | None:
    """The one for whom a message was sent: of a request that was passed on it stays
    the organizer."""
    if item.kind is ItemKind.REQUEST and item.meeting is not None and item.author:
        return item.meeting.organizer
    return item.author


def _unless_left_out(item: Item, name: str, person: MailboxUser | None) -> Any:
    return None if name in item.left_out else people.recipient(person, item)


def _meeting(item: Item, mailbox: SandboxMailbox, view: EntityView) -> dict[str, Any]:
    meeting = item.meeting
    if meeting is None:
        return {}
    found: dict[str, Any] = {
        "meetingMessageType": _message_type(item),
        "type": events.TYPES[meeting.type],
        "isOutOfDate": _out_of_date(item, mailbox),
        "isAllDay": meeting.all_day,
        "isDelegated": False,
        "startDateTime": zoned(meeting.start, meeting, view),
        "endDateTime": zoned(meeting.end, meeting, view),
        "location": events.location(meeting),
        "recurrence": recurrences.written(meeting),
    }
    if "calendar:Start" in item.left_out:
        found["startDateTime"] = None
    if "calendar:End" in item.left_out:
        found["endDateTime"] = None
    if item.kind is ItemKind.REQUEST:
        found |= {
            "previousLocation": None,
            "previousStartDateTime": None,
            "previousEndDateTime": None,
            "responseRequested": meeting.response_requested,
            "allowNewTimeProposals": meeting.allow_new_time,
            "meetingRequestType": _REQUESTS.get(item.request_type, "none"),
        }
    elif item.kind is ItemKind.RESPONSE:
        found |= {
            "responseType": _ANSWERS.get(item.response, ("none", "none"))[1],
            "proposedNewTime": None,
        }
    return found


def _message_type(item: Item) -> str:
    if item.kind is ItemKind.REQUEST:
        return "meetingRequest"
    if item.kind is ItemKind.CANCELLATION:
        return "meetingCancelled"
    return _ANSWERS.get(item.response, ("none", "none"))[0]


def _out_of_date(item: Item, mailbox: SandboxMailbox) -> bool:
    entry = event_of(item, mailbox)
    if item.request_type == "Outdated":
        return True
    if entry is None and item.meeting is not None:
        # Of an occurrence that its series has left behind.
        entry = mailbox.master(item.meeting.goid)
    if entry is None or entry.meeting is None or item.meeting is None:
        return False
    return entry.meeting.newer_than(item.meeting)
