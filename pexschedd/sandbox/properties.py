"""The properties of items: their URIs, who has them, and where the value comes from."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pexschedd.sandbox import ids, values
from pexschedd.sandbox.extended import state_flags
from pexschedd.sandbox.mailbox import Mailbox
from pexschedd.sandbox.model import (
    EMPTY_BODY,
    Item,
    Kind,
    Meeting,
    Person,
    ResponseType,
    Role,
)
from pexschedd.sandbox.values import Type

_ALL = frozenset(Kind)
_MAIL = _ALL - {Kind.CALENDAR}
_MEETING = frozenset({Kind.REQUEST, Kind.CANCELLATION, Kind.RESPONSE})
_REQUEST = frozenset({Kind.REQUEST})
_CALENDAR = frozenset({Kind.CALENDAR})
_FULL = _REQUEST | _CALENDAR
_TIMED = _MEETING | _CALENDAR

Getter = Callable[[Item, Mailbox], Any]


@dataclass(frozen=True)
class Property:
    uri: str
    kinds: frozenset[Kind]
    type: Type
    get: Getter
    """None (or an empty list): the item does not have it."""
    default: bool = False
    """Part of the Default shape."""
    found: bool = True
    """FindItem can give it, too; GetItem always can."""
    searchable: bool = True

    @property
    def name(self) -> str:
        """The element's."""
        return self.uri.partition(":")[2]


def of(read: Callable[[Meeting], Any]) -> Getter:
    """Takes the value from the item's meeting, if it has one."""
    return lambda item, _: read(item.meeting) if item.meeting is not None else None


def _people(*roles: Role) -> Getter:
    return of(lambda meeting: tuple(a for a in meeting.attendees if a.role in roles))


def _names(people: Iterable[Person]) -> str:
    return "; ".join(person.name for person in people)


def _zone(meeting: Meeting, name: str) -> tuple[str, int, str]:
    own = meeting.zone_rules if name == meeting.zone else ""
    return (name, meeting.start.year, own)


def _associated(item: Item, mailbox: Mailbox) -> tuple[str, str] | None:
    entry = mailbox.meeting(item.meeting.goid) if item.meeting is not None else None
    return None if entry is None else (entry.id, mailbox.change_key(entry))


def _out_of_date(item: Item, mailbox: Mailbox) -> bool:
    if item.meeting is None:
        return False
    entry = mailbox.meeting(item.meeting.goid)
    if entry is None or entry.meeting is None:
        return False
    return entry.meeting.newer_than(item.meeting)


def _my_response(item: Item, mailbox: Mailbox) -> str | None:
    if item.kind is Kind.CALENDAR:
        return item.my_response.value
    entry = mailbox.meeting(item.meeting.goid) if item.meeting is not None else None
    return ResponseType.NONE.value if entry is None else entry.my_response.value


def _response_objects(item: Item, mailbox: Mailbox) -> tuple[str, ...]:
    del mailbox
    reply = ("ReplyToItem", "ForwardItem", "ReplyAllToItem")
    if item.kind is Kind.CANCELLATION:
        return (*reply, "RemoveItem")
    if item.kind is Kind.CALENDAR and item.is_organizer:
        return ("ForwardItem", "CancelCalendarItem") if item.is_meeting else ()
    if item.kind in (Kind.REQUEST, Kind.CALENDAR):
        if item.meeting is not None and item.meeting.cancelled:
            return (*reply, "RemoveItem")
        return ("AcceptItem", "TentativelyAcceptItem", "DeclineItem", *reply)
    return reply


def _duration(meeting: Meeting) -> str:
    minutes = int((meeting.end - meeting.start).total_seconds()) // 60
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    text = f"P{days}D" if days else "P"
    return text + (f"T{hours}H{minutes}M" if hours or minutes or not days else "")


def _when(meeting: Meeting) -> str:
    start, end = meeting.start, meeting.end
    return f"{start:%A, %B %d, %Y %H:%M}-{end:%H:%M} (UTC)"


def _binary(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _p(
    uri: str,
    kinds: frozenset[Kind],
    kind: Type,
    get: Getter,
    flags: str = "",
) -> Property:
    """`flags`: d default shape, g only GetItem gives it, u unsearchable."""
    return Property(
        uri,
        kinds,
        kind,
        get,
        "d" in flags,
        "g" not in flags,
        "u" not in flags and kind.parse is not None,
    )


_TABLE = (
    _p(
        "item:ItemId",
        _ALL,
        values.IDENTIFIER,
        lambda item, box: (item.id, box.change_key(item)),
        "d",
    ),
    _p(
        "item:ParentFolderId",
        _ALL,
        values.IDENTIFIER,
        lambda item, box: (
            box.folders[item.folder].id,
            box.folder_change_key(box.folders[item.folder]),
        ),
    ),
    _p("item:ItemClass", _ALL, values.TEXT, lambda item, _: item.item_class),
    _p("item:Subject", _ALL, values.TEXT, lambda item, _: item.subject or None, "d"),
    _p("item:Sensitivity", _ALL, values.TEXT, lambda item, _: item.sensitivity, "d"),
    _p(
        "item:Body",
        _ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "dg",
    ),
    _p("item:DateTimeReceived", _ALL, values.TIME, lambda item, _: item.received),
    _p(
        "item:Size",
        _ALL,
        values.INT,
        lambda item, _: 1000 + len(item.body.html) + 2 * len(item.body.text),
        "d",
    ),
    _p(
        "item:Categories", _ALL, values.STRINGS, lambda item, _: item.categories or None
    ),
    _p("item:Importance", _ALL, values.TEXT, lambda item, _: item.importance),
    _p("item:IsSubmitted", _ALL, values.BOOL, lambda item, _: False),
    _p("item:IsDraft", _ALL, values.BOOL, lambda item, _: item.is_draft),
    _p(
        "item:IsFromMe",
        _ALL,
        values.BOOL,
        lambda item, box: bool(item.author and item.author.address == box.address),
    ),
    _p("item:IsResend", _ALL, values.BOOL, lambda item, _: False),
    _p(
        "item:IsUnmodified",
        _ALL,
        values.BOOL,
        lambda item, _: item.modified == item.created,
    ),
    _p("item:DateTimeSent", _ALL, values.TIME, lambda item, _: item.sent, "d"),
    _p("item:DateTimeCreated", _ALL, values.TIME, lambda item, _: item.created, "d"),
    _p("item:ResponseObjects", _ALL, values.OBJECTS, _response_objects, "g"),
    _p("item:ReminderIsSet", _ALL, values.BOOL, lambda item, _: item.reminder),
    _p(
        "item:ReminderMinutesBeforeStart",
        _ALL,
        values.INT,
        lambda item, _: item.reminder_minutes,
    ),
    _p("item:DisplayCc", _ALL, values.TEXT, lambda item, _: _names(item.cc) or None),
    _p("item:DisplayTo", _ALL, values.TEXT, lambda item, _: _names(item.to) or None),
    _p("item:HasAttachments", _ALL, values.BOOL, lambda item, _: False, "d"),
    _p("item:Culture", _ALL, values.TEXT, lambda item, _: "en-US"),
    _p("item:EffectiveRights", _ALL, values.RIGHTS, lambda item, _: True),
    _p("item:LastModifiedName", _ALL, values.TEXT, lambda item, box: box.account.name),
    _p("item:LastModifiedTime", _ALL, values.TIME, lambda item, _: item.modified),
    _p("item:IsAssociated", _ALL, values.BOOL, lambda item, _: False),
    _p(
        "item:UniqueBody",
        _ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    _p("item:Flag", _ALL, values.FLAG, lambda item, _: "NotFlagged"),
    _p(
        "item:NormalizedBody",
        _ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    _p("item:Preview", _ALL, values.TEXT, lambda item, _: item.body.text[:255] or None),
    _p(
        "item:TextBody",
        _ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    _p("item:InstanceKey", _ALL, values.TEXT, lambda item, _: _binary(item.id[-24:])),
    _p("message:Sender", _MAIL, values.PERSON, lambda item, _: item.sender),
    _p(
        "message:ToRecipients",
        _MAIL,
        values.PEOPLE,
        lambda item, _: item.to or None,
        "dg",
    ),
    _p(
        "message:CcRecipients",
        _MAIL,
        values.PEOPLE,
        lambda item, _: item.cc or None,
        "g",
    ),
    _p(
        "message:BccRecipients",
        _MAIL,
        values.PEOPLE,
        lambda item, _: item.bcc or None,
        "g",
    ),
    _p("message:IsReadReceiptRequested", _MAIL, values.BOOL, lambda item, _: False),
    _p("message:IsDeliveryReceiptRequested", _MAIL, values.BOOL, lambda item, _: False),
    _p(
        "message:ConversationTopic",
        _MAIL,
        values.TEXT,
        lambda item, _: item.subject.partition(": ")[2] or item.subject or None,
    ),
    _p("message:From", _MAIL, values.PERSON, lambda item, _: item.author, "d"),
    _p(
        "message:InternetMessageId",
        _MAIL,
        values.TEXT,
        lambda item, _: item.message_id or None,
    ),
    _p("message:IsRead", _MAIL, values.BOOL, lambda item, _: item.is_read, "d"),
    _p(
        "message:IsResponseRequested",
        _MAIL,
        values.BOOL,
        of(lambda meeting: meeting.response_requested),
    ),
    _p(
        "message:ReceivedBy",
        _MAIL,
        values.PERSON,
        lambda item, box: Person(box.account.name, box.address),
    ),
    _p(
        "message:ReceivedRepresenting",
        _MAIL,
        values.PERSON,
        lambda item, box: Person(box.account.name, box.address),
    ),
    _p("meeting:AssociatedCalendarItemId", _MEETING, values.IDENTIFIER, _associated),
    _p("meeting:IsDelegated", _MEETING, values.BOOL, lambda item, _: False),
    _p("meeting:IsOutOfDate", _MEETING, values.BOOL, _out_of_date),
    _p(
        "meeting:HasBeenProcessed",
        _MEETING,
        values.BOOL,
        lambda item, _: item.processed,
    ),
    _p(
        "meeting:ResponseType",
        _MEETING,
        values.TEXT,
        lambda item, _: item.response.value,
    ),
    _p(
        "calendar:UID",
        _TIMED,
        values.TEXT,
        of(lambda meeting: ids.uid(meeting.goid)),
        "u",
    ),
    _p(
        "calendar:RecurrenceId",
        _TIMED,
        values.TIME,
        of(lambda meeting: meeting.recurrence_id),
    ),
    _p(
        "calendar:DateTimeStamp",
        _TIMED,
        values.TIME,
        of(lambda meeting: meeting.critical_change),
    ),
    _p("calendar:IsOrganizer", _TIMED, values.BOOL, lambda item, _: item.is_organizer),
    _p(
        "meetingRequest:MeetingRequestType",
        _REQUEST,
        values.TEXT,
        lambda item, _: item.request_type,
    ),
    _p(
        "meetingRequest:IntendedFreeBusyStatus",
        _REQUEST,
        values.TEXT,
        of(lambda meeting: meeting.free_busy),
    ),
    _p("calendar:Start", _TIMED, values.TIME, of(lambda meeting: meeting.start), "d"),
    _p("calendar:End", _TIMED, values.TIME, of(lambda meeting: meeting.end), "d"),
    _p(
        "calendar:IsAllDayEvent",
        _FULL,
        values.BOOL,
        of(lambda meeting: meeting.all_day),
    ),
    _p(
        "calendar:LegacyFreeBusyStatus",
        _FULL,
        values.TEXT,
        lambda item, _: item.free_busy if item.kind is Kind.CALENDAR else "Tentative",
        "d",
    ),
    _p(
        "calendar:Location",
        _TIMED,
        values.TEXT,
        of(lambda meeting: meeting.location or None),
        "d",
    ),
    _p("calendar:When", _FULL, values.TEXT, of(_when)),
    _p(
        "calendar:IsMeeting",
        _FULL,
        values.BOOL,
        lambda item, _: item.kind is Kind.REQUEST or item.is_meeting,
    ),
    _p(
        "calendar:IsCancelled",
        _FULL,
        values.BOOL,
        of(lambda meeting: meeting.cancelled),
    ),
    _p(
        "calendar:IsRecurring",
        _FULL,
        values.BOOL,
        of(lambda meeting: meeting.recurrence is not None),
    ),
    _p(
        "calendar:MeetingRequestWasSent",
        _FULL,
        values.BOOL,
        lambda item, _: item.told is not None or item.kind is Kind.REQUEST,
    ),
    _p(
        "calendar:IsResponseRequested",
        _CALENDAR,
        values.BOOL,
        of(lambda meeting: meeting.response_requested),
    ),
    _p(
        "calendar:CalendarItemType",
        _TIMED,
        values.TEXT,
        of(lambda meeting: meeting.type.value),
    ),
    _p("calendar:MyResponseType", _FULL, values.TEXT, _my_response),
    _p(
        "calendar:Organizer",
        _FULL,
        values.PERSON,
        of(lambda meeting: meeting.organizer),
        "d",
    ),
    _p(
        "calendar:RequiredAttendees",
        _FULL,
        values.ATTENDEES,
        _people(Role.REQUIRED),
        "gu",
    ),
    _p(
        "calendar:OptionalAttendees",
        _FULL,
        values.ATTENDEES,
        _people(Role.OPTIONAL),
        "gu",
    ),
    _p("calendar:Resources", _FULL, values.ATTENDEES, _people(Role.RESOURCE), "gu"),
    _p("calendar:ConflictingMeetingCount", _FULL, values.INT, lambda item, _: 0, "g"),
    _p("calendar:AdjacentMeetingCount", _FULL, values.INT, lambda item, _: 0, "g"),
    _p("calendar:Duration", _FULL, values.TEXT, of(_duration), "u"),
    _p("calendar:TimeZone", _FULL, values.TEXT, of(lambda meeting: meeting.zone), "u"),
    _p(
        "calendar:AppointmentReplyTime",
        _FULL,
        values.TIME,
        lambda item, _: item.replied,
    ),
    _p(
        "calendar:AppointmentSequenceNumber",
        _FULL,
        values.INT,
        of(lambda meeting: meeting.sequence),
    ),
    _p("calendar:AppointmentState", _FULL, values.INT, state_flags),
    _p(
        "calendar:StartTimeZone",
        _FULL,
        values.ZONE,
        of(lambda meeting: _zone(meeting, meeting.zone)),
        "g",
    ),
    _p(
        "calendar:EndTimeZone",
        _FULL,
        values.ZONE,
        of(lambda meeting: _zone(meeting, meeting.end_zone or meeting.zone)),
        "g",
    ),
    _p("calendar:ConferenceType", _FULL, values.INT, lambda item, _: 0),
    _p(
        "calendar:AllowNewTimeProposal",
        _FULL,
        values.BOOL,
        of(lambda meeting: meeting.allow_new_time),
    ),
    _p("calendar:IsOnlineMeeting", _FULL, values.BOOL, lambda item, _: False),
    _p(
        "calendar:StartTimeZoneId",
        _FULL,
        values.TEXT,
        of(lambda meeting: meeting.zone),
        "u",
    ),
    _p(
        "calendar:EndTimeZoneId",
        _FULL,
        values.TEXT,
        of(lambda meeting: meeting.end_zone or meeting.zone),
        "u",
    ),
)

PROPERTIES = {each.uri: each for each in _TABLE}
BODIES = frozenset(
    {"item:Body", "item:UniqueBody", "item:NormalizedBody", "item:TextBody"}
)
"""What the shape's body types are about."""

_OTHERS = """
item: MimeContent Attachments InReplyTo InternetMessageHeaders ReminderDueBy
 ReminderNextTime DisplayBcc ConversationId StoreEntryId EntityExtractionResult
 PolicyTag ArchiveTag RetentionDate PredictedActionReasons IsClutter
 RightsManagementLicenseData BlockStatus HasBlockedImages IconIndex Mentions MentionedMe
 WebClientReadFormQueryString WebClientEditFormQueryString MentionsPreview MentionsEx
 Hashtags AppliedHashtags AppliedHashtagsPreview Likes LikesPreview AtAllMention
 PendingSocialActivityTagIds CanDelete InferenceClassification FirstBody
message: ConversationIndex References ReplyTo ApprovalRequestData VotingInformation
 ReminderMessageData PublishedCalendarItemIcs PublishedCalendarItemName MessageSafety
meeting: ProposedStart ProposedEnd DoNotForwardMeeting
meetingRequest: ChangeHighlights
calendar: OriginalStart StartWallClock EndWallClock EnhancedLocation ConflictingMeetings
 AdjacentMeetings InboxReminders Recurrence FirstOccurrence LastOccurrence
 ModifiedOccurrences DeletedOccurrences MeetingTimeZone MeetingWorkspaceUrl NetShowUrl
 JoinOnlineMeetingUrl OnlineMeetingSettings CalendarActivityData DoNotForwardMeeting
"""
_PREFIXES = frozenset(
    {"folder", "task", "contacts", "distributionlist", "postitem", "conversation"}
    | {"persona", "person"}
)


def _others() -> frozenset[str]:
    found, prefix = set(), ""
    for word in _OTHERS.split():
        if word.endswith(":"):
            prefix = word
        else:
            found.add(prefix + word)
    return frozenset(found)


_KNOWN = _others()


def exists(uri: str) -> bool:
    """Exchange has such a property, even if no item of the sandbox does."""
    return uri in PROPERTIES or uri in _KNOWN or uri.partition(":")[0] in _PREFIXES
