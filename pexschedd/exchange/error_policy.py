"""Everything that can go wrong with a call, and what the daemon does about it. Pure.

One row for each response code's category, for the codes that are exceptions from it,
and for each trouble with the connection: what EWS and Graph have in common. Each adds
rows of its own, for HTTP statuses and for answers that are none.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from pexschedd.errors import (
    CursorLost,
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
)
from pexschedd.exchange.response_codes import Category, category
from pexschedd.net.errors import ABOUT_TRUST, FailureKind
from pexschedd.scheduling.ports.mailbox import Blame


class Retry(StrEnum):
    """The daemon's reaction to an error: whether and how it tries again."""

    GO_ON = "go on"
    AGAIN = "again at once"
    LATER = "again later"
    FEWER = "again later, fewer calls at once"
    SMALLER = "again in smaller pieces"
    ALONE = "again alone; set aside if only it fails"
    IN_DOUBT = "again alone; set aside if only it fails for hours"
    THRICE = "again at once, three tries in all; then alarm"
    OLDER = "again at once in the older version; then alarm"
    READ_AGAIN = "read again, then again"
    START_OVER = "start over without the cursor"
    SUBSCRIBE = "subscribe again, and look"
    SKIP = "skip: nothing is left to do"
    GIVE_UP = "give up, tell the administrator"
    ALARM = "alarm, and slowly again"


class TooMuch(MailboxError):
    """Less at a time may help."""


class AnswerTooLarge(MailboxUnreachable, TooMuch):
    """The answer is beyond our limit."""


class TakesTooLong(MailboxBusy, TooMuch):
    """The server's own limits for one request are exceeded."""


class RequestTooLarge(MailboxRefused, TooMuch):
    """Something on the way takes no request of this size."""


class UnexplainedServerError(MailboxBusy):
    """The server, or what stands before it, failed in a way that one of the things
    asked for may be to blame for. It has asked for no pause."""


class RequestNotUnderstood(MailboxRefused):
    """The server refuses the request, not the account or the mailbox."""


class PolicyRule(msgspec.Struct, frozen=True):
    """One row of the table: reactions to a code said of a whole request or of one
    item."""

    whole: Retry
    """The retry when it is said of a whole request."""
    error: type[MailboxError] | None = None
    """The error that a request that failed like this raises."""
    item: Retry | None = None
    """The retry when it is said of one item of several; None: as of a whole request."""

    @property
    def of_one(self) -> Retry:
        """The reaction when the code is said of one item of several."""
        return self.item or self.whole


R = Retry

CATEGORIES: Mapping[Category, PolicyRule] = {
    Category.OK: PolicyRule(R.GO_ON),
    Category.THROTTLED: PolicyRule(R.LATER, MailboxBusy),
    Category.TRANSIENT: PolicyRule(R.LATER, MailboxBusy),
    Category.CONCURRENCY: PolicyRule(R.ALONE, RequestNotUnderstood, R.READ_AGAIN),
    Category.GONE: PolicyRule(R.ALONE, RequestNotUnderstood, R.SKIP),
    Category.MEETING_STATE: PolicyRule(R.ALONE, RequestNotUnderstood, R.GIVE_UP),
    Category.BAD_ITEM: PolicyRule(R.ALONE, RequestNotUnderstood),
    Category.CONFIG_MAILBOX: PolicyRule(R.ALARM, MailboxRefused),
    Category.CONFIG_ACCESS: PolicyRule(R.ALARM, MailboxRefused),
    Category.SUBSCRIPTION: PolicyRule(R.SUBSCRIBE, RequestNotUnderstood),
    Category.SYNC_STATE: PolicyRule(R.START_OVER, CursorLost),
    Category.QUOTA: PolicyRule(R.ALARM, MailboxRefused),
    Category.PROTOCOL_BUG: PolicyRule(R.ALONE, RequestNotUnderstood, R.GIVE_UP),
    Category.OTHER: PolicyRule(R.ALONE, RequestNotUnderstood, R.GIVE_UP),
}

_FEWER = PolicyRule(R.FEWER, MailboxBusy)
_SMALLER = PolicyRule(R.SMALLER, TakesTooLong, R.LATER)
_OLDER = PolicyRule(R.OLDER, MailboxRefused, R.GIVE_UP)
_NOT_FOR_OTHERS = PolicyRule(R.ALARM, ImpersonationRefused)
_NOT_SIGNED_IN = PolicyRule(R.ALARM, SignInRefused)

CODES: Mapping[str, PolicyRule] = {
    "ErrorExceededConnectionCount": _FEWER,
    "ErrorExceededFindCountLimit": _SMALLER,
    "ErrorTimeoutExpired": _SMALLER,
    "ErrorBatchProcessingStopped": PolicyRule(R.LATER, MailboxBusy, R.AGAIN),
    "ErrorInternalServerError": PolicyRule(R.IN_DOUBT, UnexplainedServerError),
    "ErrorImpersonateUserDenied": PolicyRule(R.THRICE, ImpersonationRefused),
    "ErrorImpersonationDenied": _NOT_FOR_OTHERS,
    "ErrorImpersonationFailed": _NOT_FOR_OTHERS,
    "ErrorInvalidExchangeImpersonationHeaderData": _NOT_FOR_OTHERS,
    "ErrorAccountDisabled": _NOT_SIGNED_IN,
    "ErrorPasswordExpired": _NOT_SIGNED_IN,
    "ErrorPasswordChangeRequired": _NOT_SIGNED_IN,
    "ErrorIncorrectSchemaVersion": _OLDER,
    "ErrorInvalidSchemaVersionForMailboxVersion": _OLDER,
    "ErrorInvalidServerVersion": _OLDER,
    "ErrorWrongServerVersion": _OLDER,
}
"""The codes that are exceptions from their category."""

_UNREACHABLE = PolicyRule(R.ALARM, MailboxUnreachable)
_UNTRUSTED = PolicyRule(R.ALARM, MailboxUntrusted)

CONNECTION_FAILURES: Mapping[FailureKind, PolicyRule] = {
    **dict.fromkeys(FailureKind, _UNREACHABLE),
    **dict.fromkeys(ABOUT_TRUST, _UNTRUSTED),
    FailureKind.TIMEOUT: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.LOST: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.GARBLED: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.TOO_LARGE: PolicyRule(R.SMALLER, AnswerTooLarge),
}


def rule(code: str) -> PolicyRule:
    """For a response code."""
    return CODES.get(code) or CATEGORIES[category(code)]


def one_may_be_to_blame(error: MailboxError) -> bool:
    """Return whether the failed request may work without one of its parts."""
    return isinstance(
        error, (TooMuch, UnexplainedServerError, RequestNotUnderstood)
    ) or (type(error) is MailboxUnreachable)


def blame_of_request(error: MailboxError) -> Blame:
    """Return the blame for the failure of a request that holds one thing only.

    What Exchange says of the request, and what is too large, is the thing's own.
    Everything else servers say in passing, too, or the request's fate is unknown.
    """
    own = isinstance(error, (RequestNotUnderstood, RequestTooLarge, AnswerTooLarge))
    return Blame.MESSAGE if own else Blame.DOUBT


def blame_of_item(code: str) -> Blame:
    """Return the blame for a response code said of one thing of several."""
    match rule(code).of_one:
        case Retry.ALONE | Retry.GIVE_UP:
            return Blame.MESSAGE
        case Retry.AGAIN:
            return Blame.SERVER
    return Blame.DOUBT
