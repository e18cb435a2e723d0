"""Exchange's response codes, and the few categories that they mean to us.

All codes of Exchange Server's schema are known here; one that a newer server may
invent is `Category.OTHER`.
"""

from enum import StrEnum

from pexschedd.exchange.other_codes import OTHER


class Category(StrEnum):
    """The meaning of a response code to the daemon, coarsely."""

    OK = "ok"
    """Nothing is wrong."""
    THROTTLED = "throttled"
    """The server is busy, or we are too much for it: come back later."""
    TRANSIENT = "transient"
    """Something is out of order on the server for a while."""
    CONCURRENCY = "concurrency"
    """The item changed since we read it: read it again."""
    GONE = "gone"
    """The item is not there any more."""
    MEETING_STATE = "meeting_state"
    """This answer does not fit the meeting's state, and never will."""
    BAD_ITEM = "bad_item"
    """The server cannot read or write this item."""
    CONFIG_MAILBOX = "config_mailbox"
    """The mailbox or its address is not as it has to be."""
    CONFIG_ACCESS = "config_access"
    """The account may not do this."""
    SUBSCRIPTION = "subscription"
    """The subscription is not valid any more: subscribe again, and look by yourself."""
    SYNC_STATE = "sync_state"
    """The synchronisation state is not valid any more."""
    QUOTA = "quota"
    """The mailbox is full."""
    PROTOCOL_BUG = "protocol_bug"
    """The server does not understand the request."""
    OTHER = "other"
    """Final for this request."""


_CODES = {
    Category.OK: "NoError",
    Category.THROTTLED: """
        ErrorExceededConnectionCount
        ErrorExceededFindCountLimit
        ErrorExceededMessageLimit
        ErrorExceededSubscriptionCount
        ErrorInsufficientResources
        ErrorMessageSubmissionBlocked
        ErrorNotEnoughMemory
        ErrorServerBusy
        ErrorSubmissionQuotaExceeded
        ErrorTooManyObjectsOpened
    """,
    Category.TRANSIENT: """
        ErrorADOperation
        ErrorADUnavailable
        ErrorBatchProcessingStopped
        ErrorClientDisconnected
        ErrorConnectionFailed
        ErrorDataSourceOperation
        ErrorInternalServerError
        ErrorInternalServerTransientError
        ErrorMailboxFailover
        ErrorMailboxMoveInProgress
        ErrorMailboxStoreUnavailable
        ErrorNoApplicableProxyCASServersAvailable
        ErrorNoRespondingCASInDestinationSite
        ErrorProxiedSubscriptionCallFailure
        ErrorProxyCallFailed
        ErrorProxyRequestProcessingFailed
        ErrorProxyServiceDiscoveryFailed
        ErrorProxyTokenExpired
        ErrorRequestAborted
        ErrorServiceDiscoveryFailed
        ErrorServiceUnavailable
        ErrorTimeoutExpired
        ErrorWebRequestInInvalidState
    """,
    Category.CONCURRENCY: """
        ErrorChangeKeyRequired
        ErrorChangeKeyRequiredForWriteOperations
        ErrorInvalidChangeKey
        ErrorIrresolvableConflict
        ErrorStaleObject
    """,
    Category.GONE: """
        ErrorCalendarCannotUpdateDeletedItem
        ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange
        ErrorCalendarOccurrenceIsDeletedFromRecurrence
        ErrorCannotDeleteObject
        ErrorInvalidReferenceItem
        ErrorItemNotFound
        ErrorObjectTypeChanged
    """,
    Category.MEETING_STATE: """
        ErrorCalendarIsCancelledForAccept
        ErrorCalendarIsCancelledForDecline
        ErrorCalendarIsCancelledForRemove
        ErrorCalendarIsCancelledForTentative
        ErrorCalendarIsDelegatedForAccept
        ErrorCalendarIsDelegatedForDecline
        ErrorCalendarIsDelegatedForRemove
        ErrorCalendarIsDelegatedForTentative
        ErrorCalendarIsGroupMailboxForAccept
        ErrorCalendarIsGroupMailboxForDecline
        ErrorCalendarIsNotOrganizer
        ErrorCalendarIsOrganizerForAccept
        ErrorCalendarIsOrganizerForDecline
        ErrorCalendarIsOrganizerForRemove
        ErrorCalendarIsOrganizerForTentative
        ErrorCalendarMeetingRequestIsOutOfDate
        ErrorInvalidItemForOperationAcceptItem
        ErrorInvalidItemForOperationDeclineItem
        ErrorInvalidItemForOperationRemoveItem
        ErrorInvalidItemForOperationTentative
        ErrorMoveCopyFailed
        ErrorSendAsDenied
    """,
    Category.BAD_ITEM: """
        ErrorContentConversionFailed
        ErrorCorruptData
        ErrorItemCorrupt
        ErrorItemPropertyRequestFailed
        ErrorItemSave
        ErrorItemSavePropertyError
        ErrorMessageSizeExceeded
        ErrorMimeContentConversionFailed
        ErrorPropertyValidationFailure
        ErrorResponseSchemaValidation
        ErrorUnsupportedRecurrence
        ErrorVirusDetected
        ErrorVirusMessageDeleted
    """,
    Category.CONFIG_MAILBOX: """
        ErrorFolderNotFound
        ErrorInvalidLicense
        ErrorInvalidSmtpAddress
        ErrorInvalidUserPrincipalName
        ErrorLocalServerObjectNotFound
        ErrorMailboxConfiguration
        ErrorMailboxLogonFailed
        ErrorMissingEmailAddress
        ErrorMissingExchangePrincipal
        ErrorNoCalendar
        ErrorNonExistentMailbox
        ErrorNonPrimarySmtpAddress
        ErrorSyncFolderNotFound
    """,
    Category.CONFIG_ACCESS: """
        ErrorAccessDenied
        ErrorAccountDisabled
        ErrorCallerIsInvalidADAccount
        ErrorCreateItemAccessDenied
        ErrorImpersonateUserDenied
        ErrorImpersonationDenied
        ErrorImpersonationFailed
        ErrorInvalidAuthorizationContext
        ErrorInvalidExchangeImpersonationHeaderData
        ErrorNoOAuthServerAvailableForRequest
        ErrorOrganizationAccessBlocked
        ErrorPasswordChangeRequired
        ErrorPasswordExpired
        ErrorSubscriptionAccessDenied
        ErrorSubscriptionDelegateAccessNotSupported
        ErrorTokenSerializationDenied
        ErrorUserNotAllowedByPolicy
    """,
    Category.SYNC_STATE: """
        ErrorInvalidSyncStateData
    """,
    Category.SUBSCRIPTION: """
        ErrorEventNotFound
        ErrorExpiredSubscription
        ErrorInvalidSubscription
        ErrorInvalidSubscriptionRequest
        ErrorInvalidWatermark
        ErrorMissedNotificationEvents
        ErrorNewEventStreamConnectionOpened
        ErrorReadEventsFailed
        ErrorSubscriptionNotFound
        ErrorSubscriptionUnsubscribed
    """,
    Category.QUOTA: """
        ErrorMessagePerFolderCountReceiveQuotaExceeded
        ErrorQuotaExceeded
    """,
    Category.PROTOCOL_BUG: """
        ErrorCalendarFolderIsInvalidForCalendarView
        ErrorCalendarInvalidTimeZone
        ErrorCalendarViewRangeTooBig
        ErrorDuplicateSOAPHeader
        ErrorIncorrectSchemaVersion
        ErrorInvalidArgument
        ErrorInvalidExtendedProperty
        ErrorInvalidId
        ErrorInvalidIdEmpty
        ErrorInvalidIdMalformed
        ErrorInvalidIndexedPagingParameters
        ErrorInvalidOperation
        ErrorInvalidPagingMaxRows
        ErrorInvalidPropertyForOperation
        ErrorInvalidPropertyRequest
        ErrorInvalidRecipients
        ErrorInvalidRequest
        ErrorInvalidRestriction
        ErrorInvalidSchemaVersionForMailboxVersion
        ErrorInvalidServerVersion
        ErrorMessageDispositionRequired
        ErrorMissingArgument
        ErrorMissingRecipients
        ErrorSchemaValidation
        ErrorSendMeetingCancellationsRequired
        ErrorSendMeetingInvitationsOrCancellationsRequired
        ErrorSendMeetingInvitationsRequired
        ErrorSentMeetingRequestUpdate
        ErrorTimeZone
        ErrorUnsupportedPathForQuery
        ErrorWrongServerVersion
        ErrorWrongServerVersionDelegate
    """,
    Category.OTHER: OTHER,
}

_CATEGORIES = {
    code: category for category, codes in _CODES.items() for code in codes.split()
}


KNOWN = frozenset(_CATEGORIES)


def category(code: str) -> Category:
    """Return the category of a response code; OTHER for unlisted ones."""
    return _CATEGORIES.get(code, Category.OTHER)


UNLISTED = "other"


def metric_code(code: str) -> str:
    """Return the response code as metrics and traces have it: `UNLISTED` for one that
    is not listed, in whose place a server may put any text."""
    return code if code in KNOWN else UNLISTED
