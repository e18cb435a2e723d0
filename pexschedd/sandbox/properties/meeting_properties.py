"""The properties of calendar items and of the messages about meetings."""

from collections.abc import Callable

from pexschedd.sandbox.items import ids, series
from pexschedd.sandbox.items.records import (
    CalendarType,
    ChangedOccurrence,
    Item,
    ItemKind,
    Meeting,
    ResponseType,
    Role,
)
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.properties import recurrence_markup, value_types
from pexschedd.sandbox.properties.definitions import (
    CALENDAR,
    FULL,
    MEETING_MAIL,
    REQUEST,
    TIMED,
    Getter,
    declare,
    from_meeting,
)
from pexschedd.sandbox.properties.extended_properties import state_flags


def _people(*roles: Role) -> Getter:
    return from_meeting(
        lambda meeting: tuple(a for a in meeting.attendees if a.role in roles)
    )


def _zone(meeting: Meeting, name: str) -> tuple[str, int, str]:
    own = meeting.zone_rules if name == meeting.zone else ""
    return (name, meeting.start.year, own)


def _associated(item: Item, mailbox: SandboxMailbox) -> tuple[str, str] | None:
    entry = mailbox.entry(item.meeting) if item.meeting is not None else None
    return None if entry is None else (entry.id, mailbox.change_key(entry))


def _out_of_date(item: Item, mailbox: SandboxMailbox) -> bool:
    if item.meeting is None:
        return False
    return series.outdated(mailbox.entry(item.meeting), item.meeting)


def _my_response(item: Item, mailbox: SandboxMailbox) -> str | None:
    if item.kind is ItemKind.CALENDAR:
        return item.my_response.value
    entry = mailbox.entry(item.meeting) if item.meeting is not None else None
    return ResponseType.NONE.value if entry is None else entry.my_response.value


def _one(find: Callable[[Meeting], ChangedOccurrence | None]) -> Getter:
    def get(
        item: Item, mailbox: SandboxMailbox
    ) -> recurrence_markup.OccurrenceReference | None:
        if item.meeting is None or item.meeting.recurrence is None:
            return None
        found = find(item.meeting)
        return None if found is None else _listed(item, mailbox, found)

    return get


def _modified(
    item: Item, mailbox: SandboxMailbox
) -> tuple[recurrence_markup.OccurrenceReference, ...]:
    found = item.meeting.exceptions if item.meeting is not None else ()
    return tuple(_listed(item, mailbox, each) for each in found)


def _listed(
    item: Item, mailbox: SandboxMailbox, each: ChangedOccurrence
) -> recurrence_markup.OccurrenceReference:
    identifier = ids.occurrence_id(item.id, each.original_start)
    return recurrence_markup.OccurrenceReference(
        identifier, mailbox.change_key(item), each
    )


def _duration(meeting: Meeting) -> str:
    minutes = int((meeting.end - meeting.start).total_seconds()) // 60
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    text = f"P{days}D" if days else "P"
    return text + (f"T{hours}H{minutes}M" if hours or minutes or not days else "")


def _when(meeting: Meeting) -> str:
    start, end = meeting.start, meeting.end
    return f"{start:%A, %B %d, %Y %H:%M}-{end:%H:%M} (UTC)"


MEETING_PROPERTIES = (
    declare(
        "meeting:AssociatedCalendarItemId",
        MEETING_MAIL,
        value_types.IDENTIFIER,
        _associated,
    ),
    declare(
        "meeting:IsDelegated", MEETING_MAIL, value_types.BOOL, lambda item, _: False
    ),
    declare("meeting:IsOutOfDate", MEETING_MAIL, value_types.BOOL, _out_of_date),
    declare(
        "meeting:HasBeenProcessed",
        MEETING_MAIL,
        value_types.BOOL,
        lambda item, _: item.processed,
    ),
    declare(
        "meeting:ResponseType",
        MEETING_MAIL,
        value_types.TEXT,
        lambda item, _: item.response.value,
    ),
    declare(
        "calendar:UID",
        TIMED,
        value_types.TEXT,
        from_meeting(lambda meeting: ids.uid(meeting.goid)),
        "u",
    ),
    declare(
        "calendar:RecurrenceId",
        TIMED,
        value_types.TIME,
        from_meeting(lambda meeting: meeting.recurrence_id),
    ),
    declare(
        "calendar:DateTimeStamp",
        TIMED,
        value_types.TIME,
        from_meeting(lambda meeting: meeting.critical_change),
    ),
    declare(
        "calendar:IsOrganizer",
        TIMED,
        value_types.BOOL,
        lambda item, _: item.is_organizer,
    ),
    declare(
        "meetingRequest:MeetingRequestType",
        REQUEST,
        value_types.TEXT,
        lambda item, _: item.request_type,
    ),
    declare(
        "meetingRequest:IntendedFreeBusyStatus",
        REQUEST,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.free_busy),
    ),
    declare(
        "calendar:Start",
        TIMED,
        value_types.TIME,
        from_meeting(lambda meeting: meeting.start),
        "d",
    ),
    declare(
        "calendar:End",
        TIMED,
        value_types.TIME,
        from_meeting(lambda meeting: meeting.end),
        "d",
    ),
    declare(
        "calendar:OriginalStart",
        CALENDAR,
        value_types.TIME,
        from_meeting(lambda meeting: meeting.recurrence_id),
    ),
    declare(
        "calendar:IsAllDayEvent",
        FULL,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.all_day),
    ),
    declare(
        "calendar:LegacyFreeBusyStatus",
        FULL,
        value_types.TEXT,
        lambda item, _: (
            item.free_busy if item.kind is ItemKind.CALENDAR else "Tentative"
        ),
        "d",
    ),
    declare(
        "calendar:Location",
        TIMED,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.location or None),
        "d",
    ),
    declare("calendar:When", FULL, value_types.TEXT, from_meeting(_when)),
    declare(
        "calendar:IsMeeting",
        FULL,
        value_types.BOOL,
        lambda item, _: item.kind is ItemKind.REQUEST or item.is_meeting,
    ),
    declare(
        "calendar:IsCancelled",
        FULL,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.cancelled),
    ),
    declare(
        "calendar:IsRecurring",
        FULL,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.type is not CalendarType.SINGLE),
    ),
    declare(
        "calendar:MeetingRequestWasSent",
        FULL,
        value_types.BOOL,
        lambda item, _: item.told is not None or item.kind is ItemKind.REQUEST,
    ),
    declare(
        "calendar:IsResponseRequested",
        CALENDAR,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.response_requested),
    ),
    declare(
        "calendar:CalendarItemType",
        TIMED,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.type.value),
    ),
    declare("calendar:MyResponseType", FULL, value_types.TEXT, _my_response),
    declare(
        "calendar:Organizer",
        FULL,
        value_types.PERSON,
        from_meeting(lambda meeting: meeting.organizer),
        "d",
    ),
    declare(
        "calendar:RequiredAttendees",
        FULL,
        value_types.ATTENDEES,
        _people(Role.REQUIRED),
        "gu",
    ),
    declare(
        "calendar:OptionalAttendees",
        FULL,
        value_types.ATTENDEES,
        _people(Role.OPTIONAL),
        "gu",
    ),
    declare(
        "calendar:Resources", FULL, value_types.ATTENDEES, _people(Role.RESOURCE), "gu"
    ),
    declare(
        "calendar:ConflictingMeetingCount",
        FULL,
        value_types.INT,
        lambda item, _: 0,
        "g",
    ),
    declare(
        "calendar:AdjacentMeetingCount", FULL, value_types.INT, lambda item, _: 0, "g"
    ),
    declare("calendar:Duration", FULL, value_types.TEXT, from_meeting(_duration), "u"),
    declare(
        "calendar:TimeZone",
        FULL,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.zone),
        "u",
    ),
    declare(
        "calendar:AppointmentReplyTime",
        FULL,
        value_types.TIME,
        lambda item, _: item.replied,
    ),
    declare(
        "calendar:AppointmentSequenceNumber",
        FULL,
        value_types.INT,
        from_meeting(lambda meeting: meeting.sequence),
    ),
    declare("calendar:AppointmentState", FULL, value_types.INT, state_flags),
    declare(
        "calendar:Recurrence",
        TIMED,
        recurrence_markup.RECURRENCE,
        from_meeting(
            lambda meeting: meeting if meeting.recurrence is not None else None
        ),
        "g",
    ),
    declare(
        "calendar:FirstOccurrence",
        FULL,
        recurrence_markup.OCCURRENCE,
        _one(series.first),
        "g",
    ),
    declare(
        "calendar:LastOccurrence",
        FULL,
        recurrence_markup.OCCURRENCE,
        _one(series.last),
        "g",
    ),
    declare(
        "calendar:ModifiedOccurrences",
        FULL,
        recurrence_markup.OCCURRENCES,
        _modified,
        "g",
    ),
    declare(
        "calendar:DeletedOccurrences",
        FULL,
        recurrence_markup.DELETED,
        from_meeting(lambda meeting: meeting.deleted),
        "g",
    ),
    declare(
        "calendar:StartTimeZone",
        FULL,
        value_types.ZONE,
        from_meeting(lambda meeting: _zone(meeting, meeting.zone)),
        "g",
    ),
    declare(
        "calendar:EndTimeZone",
        FULL,
        value_types.ZONE,
        from_meeting(lambda meeting: _zone(meeting, meeting.end_zone or meeting.zone)),
        "g",
    ),
    declare("calendar:ConferenceType", FULL, value_types.INT, lambda item, _: 0),
    declare(
        "calendar:AllowNewTimeProposal",
        FULL,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.allow_new_time),
    ),
    declare("calendar:IsOnlineMeeting", FULL, value_types.BOOL, lambda item, _: False),
    declare(
        "calendar:StartTimeZoneId",
        FULL,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.zone),
        "u",
    ),
    declare(
        "calendar:EndTimeZoneId",
        FULL,
        value_types.TEXT,
        from_meeting(lambda meeting: meeting.end_zone or meeting.zone),
        "u",
    ),
)
