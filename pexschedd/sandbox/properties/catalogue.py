"""All properties of items by their URIs, and the other URIs that Exchange knows."""

from pexschedd.sandbox.properties.item_properties import ITEM_PROPERTIES
from pexschedd.sandbox.properties.meeting_properties import MEETING_PROPERTIES

PROPERTIES = {each.uri: each for each in (*ITEM_PROPERTIES, *MEETING_PROPERTIES)}
BODIES = frozenset(
    {"item:Body", "item:UniqueBody", "item:NormalizedBody", "item:TextBody"}
)
"""The properties that the body types of a shape apply to."""

_OTHERS = """
item: MimeContent InReplyTo InternetMessageHeaders ReminderDueBy
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
calendar: StartWallClock EndWallClock EnhancedLocation ConflictingMeetings
 AdjacentMeetings InboxReminders MeetingTimeZone MeetingWorkspaceUrl NetShowUrl
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
    """Return whether Exchange has such a property, even if no item of the sandbox
    does."""
    return uri in PROPERTIES or uri in _KNOWN or uri.partition(":")[0] in _PREFIXES
