"""Everything that can go wrong with a call, and what the daemon does about it. Pure.

One row for each response code's category, for the codes that are exceptions from it,
for each HTTP status, each trouble with the connection, and each answer that is none.
`faults` makes errors of the rows, the mailbox and the watcher follow them, and the
tables in docs/faults.md are rendered from them.
"""

from collections.abc import Iterator, Mapping
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
from pexschedd.ews.response_codes import Category, category
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

_REFUSED = PolicyRule(R.ALARM, MailboxRefused)
_UNREACHABLE = PolicyRule(R.ALARM, MailboxUnreachable)
_BUSY = PolicyRule(R.LATER, MailboxBusy)
_STUMBLED = PolicyRule(R.IN_DOUBT, UnexplainedServerError)
_UNTRUSTED = PolicyRule(R.ALARM, MailboxUntrusted)

STATUSES: Mapping[int, PolicyRule] = {
    400: _REFUSED,
    401: _NOT_SIGNED_IN,
    403: _REFUSED,
    404: _REFUSED,
    413: PolicyRule(R.SMALLER, RequestTooLarge),
    429: _BUSY,
    440: PolicyRule(R.AGAIN, MailboxBusy),
    449: _UNREACHABLE,
    451: _UNREACHABLE,
    456: _NOT_SIGNED_IN,
    502: _STUMBLED,
    503: _BUSY,
    504: _STUMBLED,
    507: _REFUSED,
}
"""Of answers without SOAP."""

ERROR_PAGE = _STUMBLED
"""A redirection to the server's own page for errors, or 500 with the words that its
framework has for an application that fell over."""
REDIRECTED = _UNREACHABLE
"""Any other redirection: none is followed."""
OTHER_STATUS = _UNREACHABLE

CONNECTION_FAILURES: Mapping[FailureKind, PolicyRule] = {
    **dict.fromkeys(FailureKind, _UNREACHABLE),
    **dict.fromkeys(ABOUT_TRUST, _UNTRUSTED),
    FailureKind.TIMEOUT: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.LOST: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.GARBLED: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    FailureKind.TOO_LARGE: PolicyRule(R.SMALLER, AnswerTooLarge),
}

NOT_SOAP = PolicyRule(R.IN_DOUBT, MailboxUnreachable)
"""Status 200 with a login page, a torn document, the wrong number of results."""


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


# For docs/faults.md


def rendered() -> str:
    """The tables, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| category of the response code | said of a whole request | of one item |"
    yield "|---|---|---|"
    for kind, rule in CATEGORIES.items():
        yield f"| `{kind}` | {rule.whole} | {rule.of_one} |"
    yield ""
    yield "| exception from its category | said of a whole request | of one item |"
    yield "|---|---|---|"
    for code, rule in CODES.items():
        yield f"| `{code}` | {rule.whole} | {rule.of_one} |"
    yield ""
    yield "| HTTP status without SOAP | reaction |"
    yield "|---|---|"
    yield f"| a redirection to Exchange's own error page | {ERROR_PAGE.whole} |"
    yield f"| 500 and `Server Error in '/EWS' Application` | {ERROR_PAGE.whole} |"
    yield f"| any other redirection | {REDIRECTED.whole} |"
    for status, rule in STATUSES.items():
        yield f"| {status} | {rule.whole} |"
    yield f"| any other | {OTHER_STATUS.whole} |"
    yield f"| 200, but a page or a torn document | {NOT_SOAP.whole} |"
    yield ""
    yield "| trouble with the connection | reaction |"
    yield "|---|---|"
    for failure, rule in CONNECTION_FAILURES.items():
        yield f"| {failure.replace('_', ' ')} | {rule.whole} |"
