"""Errors of Microsoft Graph, and what the daemon does about them. Pure.

Codes that begin with `Error` are those of EWS and have the rows of
`exchange.error_policy`; here are Graph's own, and the statuses of answers without a
code that is known. The tables in docs/faults.md are rendered from them.
"""

from collections.abc import Iterator, Mapping

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.exchange import error_policy, response_codes
from pexschedd.exchange.error_policy import (
    PolicyRule,
    RequestNotUnderstood,
    RequestTooLarge,
    Retry,
    UnexplainedServerError,
)
from pexschedd.graph.problems import NO_RESULT, UNREADABLE, GraphProblem
from pexschedd.scheduling.ports.mailbox import Blame

R = Retry
_NOT_SIGNED_IN = PolicyRule(R.ALARM, SignInRefused)
_REFUSED = PolicyRule(R.ALARM, MailboxRefused)
_NOT_UNDERSTOOD = PolicyRule(R.ALONE, RequestNotUnderstood, R.GIVE_UP)
_GONE = PolicyRule(R.ALONE, RequestNotUnderstood, R.SKIP)
_CHANGED = PolicyRule(R.ALONE, RequestNotUnderstood, R.READ_AGAIN)
_CURSOR_LOST = PolicyRule(R.START_OVER, CursorLost)
_BUSY = PolicyRule(R.LATER, MailboxBusy)
_STUMBLED = PolicyRule(R.IN_DOUBT, UnexplainedServerError)

CODES: Mapping[str, PolicyRule] = {
    "InvalidAuthenticationToken": _NOT_SIGNED_IN,
    "AuthenticationError": _NOT_SIGNED_IN,
    "Authorization_RequestDenied": _REFUSED,
    "ErrorInvalidUser": _REFUSED,
    "Request_ResourceNotFound": _REFUSED,
    "ResourceNotFound": _REFUSED,
    "MailboxNotEnabledForRESTAPI": _REFUSED,
    "ItemNotFound": _GONE,
    "ErrorCannotDeleteObject": _GONE,
    "ErrorFolderNotFound": _NOT_UNDERSTOOD,
    "ErrorSyncFolderNotFound": _NOT_UNDERSTOOD,
    "SyncStateNotFound": _CURSOR_LOST,
    "SyncStateInvalid": _CURSOR_LOST,
    "ResyncRequired": _CURSOR_LOST,
    "ApplicationThrottled": _BUSY,
    "ActivityLimitReached": _BUSY,
    "TooManyRequests": _BUSY,
    "BadRequest": _NOT_UNDERSTOOD,
    "ErrorInvalidRequest": _NOT_UNDERSTOOD,
    "ErrorInvalidUrlQuery": _NOT_UNDERSTOOD,
    "InefficientFilter": _NOT_UNDERSTOOD,
    "UnsupportedEntityExpression": _NOT_UNDERSTOOD,
    "RequestBroker-ParseUri": _NOT_UNDERSTOOD,
    "RequestBroker--ParseUri": _NOT_UNDERSTOOD,
    "FailedDependency": PolicyRule(R.AGAIN, MailboxBusy),
    "InternalServerError": _STUMBLED,
    "GeneralException": _STUMBLED,
    "UnknownError": _STUMBLED,
    NO_RESULT: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
    UNREADABLE: PolicyRule(R.IN_DOUBT, MailboxUnreachable),
}
"""Graph's own codes, and those of EWS that mean another thing here."""

STATUSES: Mapping[int, PolicyRule] = {
    400: _NOT_UNDERSTOOD,
    401: _NOT_SIGNED_IN,
    403: _REFUSED,
    # Without a code it may be the whole API that is not there.
    404: _STUMBLED,
    405: _NOT_UNDERSTOOD,
    408: _BUSY,
    409: _CHANGED,
    410: _CURSOR_LOST,
    412: _CHANGED,
    413: PolicyRule(R.SMALLER, RequestTooLarge),
    423: _BUSY,
    424: PolicyRule(R.AGAIN, MailboxBusy),
    429: _BUSY,
    500: _STUMBLED,
    502: _STUMBLED,
    503: _BUSY,
    504: _STUMBLED,
    507: _REFUSED,
    509: _BUSY,
}
"""Of answers without a code that is known."""

OTHER_STATUS = PolicyRule(R.ALARM, MailboxUnreachable)
NOT_JSON = PolicyRule(R.IN_DOUBT, MailboxUnreachable)
"""A success whose body is not what was asked for."""

_CODES = {code.casefold(): rule for code, rule in CODES.items()}
_OF_EWS = {code.casefold(): code for code in response_codes.KNOWN}
"""Codes come in any case."""
_NAMES = _OF_EWS | {code.casefold(): code for code in CODES}


def rule_of(problem: GraphProblem) -> PolicyRule:
    """Return the row for a problem: by its code, else by its status."""
    code = problem.code.casefold()
    if code in _CODES:
        return _CODES[code]
    if code in _OF_EWS:
        return error_policy.rule(_OF_EWS[code])
    return STATUSES.get(problem.status, OTHER_STATUS)


def metric_code(problem: GraphProblem) -> str:
    """Return a problem's code as metrics and traces have it; of one that is not listed,
    which may be any text of a server, the status."""
    listed = _NAMES.get(problem.code.casefold())
    if listed is None and 100 <= problem.status < 600:
        return f"http-{problem.status}"
    return listed or response_codes.UNLISTED


def is_gone(problem: GraphProblem) -> bool:
    """Return whether the thing that was asked for is not there any more."""
    return rule_of(problem).of_one is R.SKIP


def is_of_one(problem: GraphProblem) -> bool:
    """Return whether a problem is that of the thing asked for; others of the mailbox
    may work."""
    return rule_of(problem).error is RequestNotUnderstood


def blame_of(problem: GraphProblem) -> Blame:
    """Return the blame for a problem said of one thing of several."""
    match rule_of(problem).of_one:
        case R.ALONE | R.GIVE_UP:
            return Blame.MESSAGE
        case R.IN_DOUBT:
            return Blame.DOUBT
        case R.READ_AGAIN | R.SMALLER:
            return Blame.DOUBT
    return Blame.SERVER


# For docs/faults.md


def rendered() -> str:
    """Return the tables, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| Graph's code | said of a whole request | of one part of a batch |"
    yield "|---|---|---|"
    for code, rule in CODES.items():
        yield f"| `{code}` | {rule.whole} | {rule.of_one} |"
    yield "| `Error…`, as EWS has them | as over EWS, by category | as over EWS |"
    yield ""
    yield "| status without a known code | said of a whole request | of one part |"
    yield "|---|---|---|"
    for status, rule in STATUSES.items():
        yield f"| {status} | {rule.whole} | {rule.of_one} |"
    yield f"| any other | {OTHER_STATUS.whole} | {OTHER_STATUS.of_one} |"
    yield f"| a success that is not JSON | {NOT_JSON.whole} | {NOT_JSON.of_one} |"
