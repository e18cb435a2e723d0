"""Errors as Graph reports them: a status, a code and a text."""

from collections.abc import Mapping
from http import HTTPStatus

from pexschedd.sandbox.errors import EwsError

_STATUS = {
    "InvalidAuthenticationToken": 401,
    "ErrorAccessDenied": 403,
    "ErrorCannotDeleteObject": 403,
    "ErrorItemNotFound": 404,
    "ErrorFolderNotFound": 404,
    "ErrorSyncFolderNotFound": 404,
    "ErrorInvalidUser": 404,
    "ErrorNonExistentMailbox": 404,
    "MailboxNotEnabledForRESTAPI": 404,
    "ResourceNotFound": 404,
    "Request_ResourceNotFound": 404,
    "ErrorIrresolvableConflict": 412,
    "ResyncRequired": 410,
    "SyncStateInvalid": 410,
    "SyncStateNotFound": 410,
    "ApplicationThrottled": 429,
    "TooManyRequests": 429,
    "activityLimitReached": 429,
    "ErrorCorruptData": 500,
    "ErrorInternalServerError": 500,
    "InternalServerError": 500,
    "UnknownError": 500,
    "generalException": 500,
    "ErrorInternalServerTransientError": 503,
    "ErrorMailboxMoveInProgress": 503,
    "ErrorMailboxStoreUnavailable": 503,
    "ErrorServerBusy": 503,
    "ErrorTimeoutExpired": 503,
    "ErrorQuotaExceeded": 507,
}
_TEXTS = {
    "ApplicationThrottled": "Application is over its MailboxConcurrency limit.",
    "ErrorCannotDeleteObject": "Cannot delete the object.",
    "ErrorInvalidUser": "The requested user is invalid.",
    "InvalidAuthenticationToken": "Access token validation failure.",
    "MailboxNotEnabledForRESTAPI": "REST API is not yet supported for this mailbox.",
    "SyncStateNotFound": "The sync state generation is not found.",
}


class GraphError(Exception):
    """A request that is refused. `status` is by default the one of the code, or 400."""

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.message = message or _TEXTS.get(code) or EwsError(code).text
        self.status = HTTPStatus(status or _STATUS.get(code, 400))
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.message}")

    @classmethod
    def of(cls, error: EwsError) -> "GraphError":
        """Return the error of Graph for one of EWS."""
        return cls(error.code, error.text)
