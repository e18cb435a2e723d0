"""Errors as Exchange reports them: response codes, and the texts that go with them."""

from collections.abc import Mapping

_TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorBatchProcessingStopped": "The batch request was stopped.",
    "ErrorCalendarIsNotOrganizer": "Only the organizer can do this to a meeting.",
    "ErrorCalendarMeetingRequestIsOutOfDate": (
        "The meeting request is out of date: a newer one has been processed."
    ),
    "ErrorCalendarViewRangeTooBig": "A calendar view may span two years at most.",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange": (
        "The occurrence index is out of the recurrence range."
    ),
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": (
        "The occurrence has been deleted from the recurrence."
    ),
    "ErrorChangeKeyRequiredForWriteOperations": (
        "A change key is required for this kind of operation."
    ),
    "ErrorCrossMailboxMoveCopy": "Items cannot move from one mailbox to another.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": (
        "The account does not have permission to impersonate the requested user."
    ),
    "ErrorInternalServerError": "An internal server error occurred.",
    "ErrorInvalidChangeKey": "The change key is invalid.",
    "ErrorInvalidIdEmpty": "The id is empty.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidOperation": "The operation is not supported here.",
    "ErrorInvalidServerVersion": "The requested server version is not valid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or invalid.",
    "ErrorIrresolvableConflict": (
        "The send or update operation could not be performed because the change key "
        "passed in the request does not match the current change key for the item."
    ),
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": (
        "The mailbox is being moved. Try again once that is done."
    ),
    "ErrorMessageDispositionRequired": (
        "MessageDisposition must be given for messages and meeting responses."
    ),
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorOccurrenceCrossingBoundary": (
        "An occurrence cannot be moved past or onto the day of another one."
    ),
    "ErrorRecurrenceHasNoOccurrence": "The recurrence has no occurrence.",
    "ErrorSendMeetingCancellationsRequired": (
        "SendMeetingCancellations must be given for calendar items."
    ),
    "ErrorSendMeetingInvitationsOrCancellationsRequired": (
        "SendMeetingInvitationsOrCancellations must be given for calendar items."
    ),
    "ErrorSendMeetingInvitationsRequired": (
        "SendMeetingInvitations must be given for calendar items."
    ),
    "ErrorSentMeetingRequestUpdate": "A sent meeting request cannot be updated.",
    "ErrorServerBusy": (
        "The server cannot service this request right now. Try again later."
    ),
    "ErrorUnsupportedPathForQuery": "This property cannot be searched for.",
    "ErrorUnsupportedPathForSortGroup": "This property cannot be sorted by.",
}


class EwsError(Exception):
    """A failure of one thing that a request asks for, reported in its response
    message."""

    def __init__(
        self, code: str, text: str = "", values: Mapping[str, str] | None = None
    ) -> None:
        self.code = code
        self.text = text or _TEXTS.get(code, f"{code}.")
        self.values = dict(values or {})
        """Values of MessageXml, such as BackOffMilliseconds."""
        super().__init__(f"{code}: {self.text}")


class RequestFault(EwsError):
    """A failure of a request as a whole, reported as a SOAP fault with HTTP status
    500."""


class SchemaError(RequestFault):
    """A request that breaks the schema."""

    def __init__(self, violation: str, line: int = 0, position: int = 0) -> None:
        self.violation = violation
        self.line = line
        self.position = position
        super().__init__(
            "ErrorSchemaValidation",
            f"The request failed schema validation: {violation}",
        )
