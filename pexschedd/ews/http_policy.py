"""Answers that hold no SOAP, and what the daemon does about them. Pure.

The rows of EWS beside those of `exchange.error_policy`. `error_messages` makes errors
of the rows, the mailbox and the watcher follow them, and the tables in docs/faults.md
are rendered from them.
"""

from collections.abc import Iterator, Mapping

from pexschedd.errors import (
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.exchange.error_policy import (
    CATEGORIES,
    CODES,
    CONNECTION_FAILURES,
    PolicyRule,
    RequestTooLarge,
    Retry,
    UnexplainedServerError,
)

_REFUSED = PolicyRule(Retry.ALARM, MailboxRefused)
_UNREACHABLE = PolicyRule(Retry.ALARM, MailboxUnreachable)
_NOT_SIGNED_IN = PolicyRule(Retry.ALARM, SignInRefused)
_BUSY = PolicyRule(Retry.LATER, MailboxBusy)
_STUMBLED = PolicyRule(Retry.IN_DOUBT, UnexplainedServerError)

STATUSES: Mapping[int, PolicyRule] = {
    400: _REFUSED,
    401: _NOT_SIGNED_IN,
    403: _REFUSED,
    404: _REFUSED,
    413: PolicyRule(Retry.SMALLER, RequestTooLarge),
    429: _BUSY,
    440: PolicyRule(Retry.AGAIN, MailboxBusy),
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

NOT_SOAP = PolicyRule(Retry.IN_DOUBT, MailboxUnreachable)
"""Status 200 with a login page, a torn document, the wrong number of results."""


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
