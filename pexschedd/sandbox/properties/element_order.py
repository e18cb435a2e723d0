"""The order of the elements of items: every type of EWS is a sequence.

Facts of the protocol, used to write answers and to refuse requests that break it.
"""

from pexschedd.sandbox.items.records import ItemKind

_ITEM = (
    *("MimeContent", "ItemId", "ParentFolderId", "ItemClass", "Subject"),
    *("Sensitivity", "Body", "Attachments", "DateTimeReceived", "Size", "Categories"),
    *("Importance", "InReplyTo", "IsSubmitted", "IsDraft", "IsFromMe", "IsResend"),
    *("IsUnmodified", "InternetMessageHeaders", "DateTimeSent", "DateTimeCreated"),
    *("ResponseObjects", "ReminderDueBy", "ReminderIsSet", "ReminderNextTime"),
    *("ReminderMinutesBeforeStart", "DisplayCc", "DisplayTo", "DisplayBcc"),
    *("HasAttachments", "ExtendedProperty", "Culture", "EffectiveRights"),
    *("LastModifiedName", "LastModifiedTime", "IsAssociated"),
    *("WebClientReadFormQueryString", "WebClientEditFormQueryString"),
    *("ConversationId", "UniqueBody", "Flag", "StoreEntryId", "InstanceKey"),
    *("NormalizedBody", "EntityExtractionResult", "PolicyTag", "ArchiveTag"),
    *("RetentionDate", "Preview", "RightsManagementLicenseData"),
    *("PredictedActionReasons", "IsClutter", "BlockStatus", "HasBlockedImages"),
    *("TextBody", "IconIndex", "SearchKey", "SortKey", "Hashtags", "Mentions"),
    *("MentionedMe", "MentionsPreview", "MentionsEx", "AppliedHashtags"),
    *("AppliedHashtagsPreview", "Likes", "LikesPreview"),
    *("PendingSocialActivityTagIds", "AtAllMention", "CanDelete"),
    "InferenceClassification",
)
_MESSAGE = (
    *_ITEM,
    *("Sender", "ToRecipients", "CcRecipients", "BccRecipients"),
    *("IsReadReceiptRequested", "IsDeliveryReceiptRequested", "ConversationIndex"),
    *("ConversationTopic", "From", "InternetMessageId", "IsRead"),
    *("IsResponseRequested", "References", "ReplyTo", "ReceivedBy"),
    *("ReceivedRepresenting", "ApprovalRequestData", "VotingInformation"),
    *("ReminderMessageData", "MessageSafety", "SenderSMTPAddress", "MailboxGuids"),
    *("PublishedCalendarItemIcs", "PublishedCalendarItemName"),
)
_MEETING = (
    *_MESSAGE,
    *("AssociatedCalendarItemId", "IsDelegated", "IsOutOfDate", "HasBeenProcessed"),
    *("ResponseType", "UID", "RecurrenceId", "DateTimeStamp", "IsOrganizer"),
)
_TIMES = ("Start", "End", "OriginalStart", "IsAllDayEvent", "LegacyFreeBusyStatus")
_STATE = ("Location", "When", "IsMeeting", "IsCancelled", "IsRecurring")
_SERIES = (
    *("Duration", "TimeZone", "AppointmentReplyTime", "AppointmentSequenceNumber"),
    *("AppointmentState", "Recurrence", "FirstOccurrence", "LastOccurrence"),
    *("ModifiedOccurrences", "DeletedOccurrences", "MeetingTimeZone"),
    *("StartTimeZone", "EndTimeZone", "ConferenceType", "AllowNewTimeProposal"),
    *("IsOnlineMeeting", "MeetingWorkspaceUrl", "NetShowUrl", "EnhancedLocation"),
)
_CONFLICTS = (
    *("ConflictingMeetingCount", "AdjacentMeetingCount", "ConflictingMeetings"),
    "AdjacentMeetings",
)
_WHO = ("Organizer", "RequiredAttendees", "OptionalAttendees", "Resources")
_WALL = ("StartWallClock", "EndWallClock", "StartTimeZoneId", "EndTimeZoneId")

ORDER: dict[ItemKind, tuple[str, ...]] = {
    ItemKind.MESSAGE: _MESSAGE,
    ItemKind.REQUEST: (
        *_MEETING,
        *("MeetingRequestType", "IntendedFreeBusyStatus"),
        *_TIMES,
        *_STATE,
        *("MeetingRequestWasSent", "CalendarItemType", "MyResponseType"),
        *_WHO,
        *_CONFLICTS,
        *_SERIES,
        "ChangeHighlights",
        *_WALL,
        "DoNotForwardMeeting",
    ),
    ItemKind.CANCELLATION: (
        *_MEETING,
        *("Start", "End", "Location", "Recurrence", "CalendarItemType"),
        *("EnhancedLocation", "DoNotForwardMeeting"),
    ),
    ItemKind.RESPONSE: (
        *_MEETING,
        *("Start", "End", "Location", "Recurrence", "CalendarItemType"),
        *("ProposedStart", "ProposedEnd", "EnhancedLocation"),
    ),
    ItemKind.CALENDAR: (
        *_ITEM,
        *("UID", "RecurrenceId", "DateTimeStamp"),
        *_TIMES,
        *_STATE,
        *("MeetingRequestWasSent", "IsResponseRequested", "CalendarItemType"),
        "MyResponseType",
        *_WHO,
        "InboxReminders",
        *_CONFLICTS,
        *_SERIES,
        *_WALL,
        *("IntendedFreeBusyStatus", "JoinOnlineMeetingUrl", "OnlineMeetingSettings"),
        *("IsOrganizer", "CalendarActivityData", "DoNotForwardMeeting"),
    ),
}
"""Element names of each kind of item, in schema order."""

RESPONSE_OBJECT = (
    *("ItemClass", "Sensitivity", "Body", "Attachments", "InternetMessageHeaders"),
    *("Sender", "ToRecipients", "CcRecipients", "BccRecipients"),
    *("IsReadReceiptRequested", "IsDeliveryReceiptRequested", "From"),
    *("ReferenceItemId", "ProposedStart", "ProposedEnd"),
)
"""AcceptItem, TentativelyAcceptItem, DeclineItem."""

SMART_RESPONSE = (
    *("Subject", "Body", "ToRecipients", "CcRecipients", "BccRecipients"),
    *("IsReadReceiptRequested", "IsDeliveryReceiptRequested", "From"),
    *("ReferenceItemId", "NewBodyContent"),
)
"""CancelCalendarItem and ReplyToItem."""
