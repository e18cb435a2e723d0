"""The entity types of Graph that the sandbox uses, and a strict check of documents.

A cut-down table by hand: the names of properties, their types, and the members of
enumerations, as Microsoft's description of v1.0 has them. Message and event are open
types there; here they are closed, so that a misspelt property is found.
"""

import base64
import re
from typing import Any

_ENUMS = {
    "attendeeType": "required optional resource",
    "bodyType": "text html",
    "calendarColor": "auto lightBlue lightGreen lightOrange lightGray lightYellow",
    "dayOfWeek": "sunday monday tuesday wednesday thursday friday saturday",
    "eventType": "singleInstance occurrence exception seriesMaster",
    "followupFlagStatus": "notFlagged complete flagged",
    "freeBusyStatus": "unknown free tentative busy oof workingElsewhere",
    "importance": "low normal high",
    "inferenceClassificationType": "focused other",
    "locationType": "default conferenceRoom homeAddress businessAddress geoCoordinates "
    "streetAddress hotel restaurant localBusiness postalAddress",
    "locationUniqueIdType": "unknown locationStore directory private bing",
    "meetingMessageType": "none meetingRequest meetingCancelled meetingAccepted "
    "meetingTenativelyAccepted meetingDeclined",
    "meetingRequestType": "none newMeetingRequest fullUpdate informationalUpdate "
    "silentUpdate outdated principalWantsCopy",
    "onlineMeetingProviderType": "unknown skypeForBusiness skypeForConsumer "
    "teamsForBusiness",
    "recurrencePatternType": "daily weekly absoluteMonthly relativeMonthly "
    "absoluteYearly relativeYearly",
    "recurrenceRangeType": "endDate noEnd numbered",
    "responseType": "none organizer tentativelyAccepted accepted declined notResponded",
    "sensitivity": "normal personal private confidential",
    "userPurpose": "unknown user linked shared room equipment others",
    "weekIndex": "first second third fourth last",
    "changeType": "created updated deleted",
    "lifecycleEventType": "missed subscriptionRemoved reauthorizationRequired",
    "delegateMeetingMessageDeliveryOptions": "sendToDelegateAndInformationToPrincipal "
    "sendToDelegateAndPrincipal sendToDelegateOnly",
}
ENUMS = {name: frozenset(members.split()) for name, members in _ENUMS.items()}

_TYPES = """
outlookItem: id String, createdDateTime DateTimeOffset,
  lastModifiedDateTime DateTimeOffset, changeKey String, categories [String]
message(outlookItem): receivedDateTime DateTimeOffset, sentDateTime DateTimeOffset,
  hasAttachments Boolean, internetMessageId String, subject String, bodyPreview String,
  importance importance, parentFolderId String, conversationId String,
  conversationIndex Binary, isDeliveryReceiptRequested Boolean,
  isReadReceiptRequested Boolean, isRead Boolean, isDraft Boolean, webLink String,
  inferenceClassification inferenceClassificationType, body itemBody,
  uniqueBody itemBody, sender recipient, from recipient, toRecipients [recipient],
  ccRecipients [recipient], bccRecipients [recipient], replyTo [recipient],
  flag followupFlag, singleValueExtendedProperties [singleValueLegacyExtendedProperty]
eventMessage(message): meetingMessageType meetingMessageType, type eventType,
  isOutOfDate Boolean, isAllDay Boolean, isDelegated Boolean,
  startDateTime dateTimeTimeZone, endDateTime dateTimeTimeZone, location location,
  recurrence patternedRecurrence, event event
eventMessageRequest(eventMessage): previousLocation location,
  previousStartDateTime dateTimeTimeZone, previousEndDateTime dateTimeTimeZone,
  responseRequested Boolean, allowNewTimeProposals Boolean,
  meetingRequestType meetingRequestType
eventMessageResponse(eventMessage): responseType responseType, proposedNewTime timeSlot
event(outlookItem): transactionId String, originalStartTimeZone String,
  originalEndTimeZone String, iCalUId String, reminderMinutesBeforeStart Int32,
  isReminderOn Boolean, hasAttachments Boolean, subject String, bodyPreview String,
  importance importance, sensitivity sensitivity, isAllDay Boolean, isCancelled Boolean,
  isOrganizer Boolean, responseRequested Boolean, seriesMasterId String,
  showAs freeBusyStatus, type eventType, webLink String, onlineMeetingUrl String,
  isOnlineMeeting Boolean, onlineMeetingProvider onlineMeetingProviderType,
  allowNewTimeProposals Boolean, isDraft Boolean, hideAttendees Boolean,
  onlineMeeting onlineMeetingInfo, responseStatus responseStatus, body itemBody,
  start dateTimeTimeZone, end dateTimeTimeZone, location location,
  locations [location], recurrence patternedRecurrence, attendees [attendee],
  organizer recipient, originalStart DateTimeOffset, cancelledOccurrences [String],
  exceptionOccurrences [event],
  singleValueExtendedProperties [singleValueLegacyExtendedProperty]
singleValueLegacyExtendedProperty: id String, value String
mailFolder: id String, displayName String, parentFolderId String,
  childFolderCount Int32, unreadItemCount Int32, totalItemCount Int32,
  isHidden Boolean,
  singleValueExtendedProperties [singleValueLegacyExtendedProperty]
calendar: id String, name String, color calendarColor, changeKey String,
  canShare Boolean, canViewPrivateItems Boolean, canEdit Boolean, owner emailAddress,
  isDefaultCalendar Boolean, isRemovable Boolean
itemBody: contentType bodyType, content String
emailAddress: name String, address String
recipient: emailAddress emailAddress
attendee(recipient): type attendeeType, status responseStatus,
  proposedNewTime timeSlot
responseStatus: response responseType, time DateTimeOffset
timeSlot: start dateTimeTimeZone, end dateTimeTimeZone
dateTimeTimeZone: dateTime String, timeZone String
location: displayName String, locationType locationType, uniqueId String,
  uniqueIdType locationUniqueIdType, address physicalAddress,
  coordinates outlookGeoCoordinates, locationEmailAddress String, locationUri String
physicalAddress: street String, city String, state String, countryOrRegion String,
  postalCode String
outlookGeoCoordinates: altitude Double, latitude Double, longitude Double,
  accuracy Double, altitudeAccuracy Double
onlineMeetingInfo: joinUrl String, conferenceId String, tollNumber String
followupFlag: flagStatus followupFlagStatus, startDateTime dateTimeTimeZone,
  dueDateTime dateTimeTimeZone, completedDateTime dateTimeTimeZone
patternedRecurrence: pattern recurrencePattern, range recurrenceRange
recurrencePattern: type recurrencePatternType, interval Int32, month Int32,
  dayOfMonth Int32, daysOfWeek [dayOfWeek], firstDayOfWeek dayOfWeek, index weekIndex
recurrenceRange: type recurrenceRangeType, startDate Date, endDate Date,
  recurrenceTimeZone String, numberOfOccurrences Int32
mailboxSettings: archiveFolder String, timeZone String, dateFormat String,
  timeFormat String, userPurpose userPurpose, language localeInfo,
  delegateMeetingMessageDeliveryOptions delegateMeetingMessageDeliveryOptions
localeInfo: locale String, displayName String
convertIdResult: sourceId String, targetId String, errorDetails genericError
genericError: code String, message String
subscription: id String, resource String, applicationId String, changeType String,
  clientState String, notificationUrl String, lifecycleNotificationUrl String,
  expirationDateTime DateTimeOffset, creatorId String,
  latestSupportedTlsVersion String, includeResourceData Boolean,
  encryptionCertificate String, encryptionCertificateId String,
  notificationQueryOptions String, notificationUrlAppId String
changeNotificationCollection: value [changeNotification], validationTokens [String]
changeNotification: id String, subscriptionId String,
  subscriptionExpirationDateTime DateTimeOffset, clientState String,
  changeType changeType, resource String, tenantId Guid, resourceData resourceData,
  lifecycleEvent lifecycleEventType
resourceData: id String
accept: comment String, sendResponse Boolean
decline: comment String, sendResponse Boolean, proposedNewTime timeSlot
cancel: comment String
move: destinationId String
sendMail: message message, saveToSentItems Boolean
translateExchangeIds: inputIds [String], sourceIdType String, targetIdType String
error: error errorBody
errorBody: code String, message String, innerError innerError
innerError: date String, request-id String, client-request-id String
"""


def _read_types() -> dict[str, tuple[str, dict[str, str]]]:
    found = {}
    for line in re.sub(r"\n  ", " ", _TYPES.strip()).splitlines():
        head, _, rest = line.partition(": ")
        name, _, base = head.partition("(")
        pairs = (part.split() for part in rest.split(","))
        found[name] = (base.rstrip(")"), {pair[0]: pair[1] for pair in pairs})
    return found


TYPES = _read_types()
_PREFIX = "#microsoft.graph."
_SIMPLE: dict[str, Any] = {
    "String": str,
    "Boolean": bool,
    "Int32": int,
    "Double": float,
}
_PATTERNS = {
    "DateTimeOffset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)",
    "Date": r"\d{4}-\d\d-\d\d",
    "Guid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}


def properties(name: str) -> dict[str, str]:
    """The properties of a type and of those it derives from."""
    base, own = TYPES[name]
    return {**(properties(base) if base else {}), **own}


def derives(name: str, base: str) -> bool:
    """Whether a type is another one, or derives from it."""
    while name and name != base:
        name = TYPES[name][0] if name in TYPES else ""
    return name == base


def faults(document: Any, name: str, where: str = "") -> list[str]:
    """What is wrong with a document of a type."""
    if not isinstance(document, dict):
        return [f"{where}: no {name}: {document!r}"]
    declared = document.get("@odata.type")
    # Of a notification it is the type of what has changed.
    if declared is not None and name != "resourceData":
        actual = str(declared).removeprefix(_PREFIX)
        if not derives(actual, name):
            return [f"{where}: {declared} is no {name}"]
        name = actual
    known = properties(name)
    found = []
    for key, value in document.items():
        if "@" in key:
            continue
        if key not in known:
            found.append(f"{where}/{key}: unknown in {name}")
        else:
            found += _value_faults(value, known[key], f"{where}/{key}")
    return found


def _value_faults(value: Any, kind: str, where: str) -> list[str]:
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{where}: no collection: {value!r}"]
        inner = kind.strip("[]")
        return [
            fault
            for index, each in enumerate(value)
            for fault in _value_faults(each, inner, f"{where}[{index}]")
        ]
    if value is None:
        return []
    if kind in TYPES:
        return faults(value, kind, where)
    if kind in ENUMS:
        good = isinstance(value, str) and value in ENUMS[kind]
    elif kind in _PATTERNS:
        good = isinstance(value, str) and bool(re.fullmatch(_PATTERNS[kind], value))
    elif kind == "Binary":
        good = isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    else:
        good = isinstance(value, _SIMPLE[kind])
        good = good and not (kind == "Int32" and isinstance(value, bool))
    return [] if good else [f"{where}: no {kind}: {value!r}"]


_COLLECTIONS = {
    "messages": "message",
    "mailFolders/messages": "message",
    "mailFolders": "mailFolder",
    "events": "event",
    "calendars": "calendar",
    "calendarView": "event",
    "translateExchangeIds": "convertIdResult",
    "mailboxSettings": "mailboxSettings",
    "subscriptions": "subscription",
}
_ENVELOPE = {"value"}


def answer_faults(status: int, document: Any) -> list[str]:
    """What is wrong with an answer, whose type its context names."""
    if document is None:
        return []
    if status >= 400:
        return faults(document, "error")
    context = document.get("@odata.context", "")
    match = re.search(
        r"\$metadata#(?:users\('[^']*'\)/)?([^$]*?)(/\$entity)?$", context
    )
    if match is None or match[1] not in _COLLECTIONS:
        return [f"no known context: {context!r}"]
    name = _COLLECTIONS[match[1]]
    if match[2]:
        return faults(document, name)
    stray = [key for key in document if "@" not in key and key not in _ENVELOPE]
    found = [f"/{key}: unknown in a collection" for key in stray]
    for index, each in enumerate(document["value"]):
        found += faults(each, name, f"[{index}]")
    return found


_REQUESTS = (
    (r"PATCH .*/messages/[^/]+", "message"),
    (r"PATCH .*/mailFolders/[^/]+", "mailFolder"),
    (r"POST .*/events", "event"),
    (r"PATCH .*/events/[^/]+", "event"),
    (r"POST .*/(accept|tentativelyAccept)", "accept"),
    (r"POST .*/decline", "decline"),
    (r"POST .*/cancel", "cancel"),
    (r"POST .*/move", "move"),
    (r"POST .*/sendMail", "sendMail"),
    (r"POST .*/translateExchangeIds", "translateExchangeIds"),
    (r"(POST|PATCH) /subscriptions.*", "subscription"),
)


def request_faults(method: str, path: str, document: Any) -> list[str]:
    """What is wrong with the body of a request."""
    if document is None:
        return []
    line = f"{method} {path.partition('?')[0]}"
    for pattern, name in _REQUESTS:
        if re.fullmatch(pattern, line):
            known = {key.lower(): key for key in properties(name)}
            # Names of parameters, unlike those of properties, may be of any case.
            if TYPES[name][0] == "" and name not in ("event", "message"):
                document = {known.get(k.lower(), k): v for k, v in document.items()}
            return faults(document, name)
    return [f"no body is known for {line}"]
