"""Failed calls, as our errors and in words that help an administrator. Pure.

Three kinds of failure arrive here: a connection that gave no answer
(`ConnectionFailure`), an HTTP status, and what the server itself says (`ItemProblem`).
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pexschedd.errors import MailboxBusy, MailboxError, MailboxRefused
from pexschedd.ews import http_policy
from pexschedd.ews.envelope import (
    MAX_TEXT,
    ItemProblem,
    NotSoap,
    ServerError,
    SoapError,
)
from pexschedd.ews.sign_in_advice import not_signed_in
from pexschedd.exchange.error_policy import (
    CONNECTION_FAILURES,
    PolicyRule,
    Retry,
    UnexplainedServerError,
    blame_of_item,
    rule,
)
from pexschedd.exchange.response_codes import Category, category
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind
from pexschedd.util.retry_after import seconds_of

MAX_PAUSE = 3600.0
"""Seconds. A server that asks for more is asked again earlier."""


class EwsTarget(msgspec.Struct, frozen=True):
    """Whom we talk to and as whom: what an administrator needs to read."""

    url: str
    username: str
    mailbox: str
    method: str = "BASIC"
    """The way the account signs in: the integration's `authentication_method`."""
    integration: int | None = None
    """The integration's id, for the log; None for a call outside of one."""

    @property
    def host(self) -> str:
        """Host, and port if it is not the usual one."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


_CONNECTION_FAILURES = {
    FailureKind.NAME: "The name of the Exchange server {host} cannot be resolved. "
    "Check the EWS URL and this machine's DNS.",
    FailureKind.REFUSED: "{host} refuses connections. Check the host and port of the "
    "EWS URL, and that the server is running.",
    FailureKind.NO_ROUTE: "{host} cannot be reached ({detail}). Check the network and "
    "the firewalls between this machine and the server.",
    FailureKind.TIMEOUT: "{host} did not answer completely within {detail} seconds. "
    "Check the network, the firewalls and the load of the server.",
    FailureKind.LOST: "{host} closed the connection before the answer was complete.",
    FailureKind.CLOSED: "The connection to {host} was given up.",
    FailureKind.GARBLED: "{host} does not answer as a web server does ({detail}). "
    "Check the port and the scheme of the EWS URL.",
    FailureKind.TOO_LARGE: "The answer of {host} is larger than {detail} bytes.",
    FailureKind.UNTRUSTED: "The TLS certificate of {host} is not trusted: {detail}. "
    "Upload the certificate of the authority that issued it as a ca_certificate of the "
    "management API, or add it to the configuration's ca_file.",
    FailureKind.WRONG_HOST: "The TLS certificate of {host} is not for this host: "
    "{detail}. Use a host name of the certificate in the EWS URL, or give the server a "
    "certificate with its name as subject alternative name.",
    FailureKind.NOT_VALID_NOW: "The TLS certificate of {host} is not valid now: "
    "{detail}. Renew it, and check this machine's clock.",
    FailureKind.UNFIT: "The TLS certificate of {host} cannot be accepted: {detail}. "
    "Have the server's certificate issued again.",
    FailureKind.TLS: "No TLS connection to {host} can be made: {detail}. TLS 1.2 or "
    "newer is needed.",
    FailureKind.OLD_TLS: "{host} only supports TLS versions older than 1.2 ({detail}). "
    "Enable TLS 1.2 on the server.",
    FailureKind.NO_CIPHER: "{host} has no TLS cipher in common with this machine "
    "({detail}). Enable current ones on the server.",
    FailureKind.NOT_TLS: "{host} does not speak TLS on this port ({detail}). Check the "
    "port of the EWS URL.",
    FailureKind.CLIENT_CERTIFICATE: "{host} asks for a client certificate ({detail}), "
    "which pexschedd does not have. Let the EWS virtual directory ignore client "
    "certificates.",
    FailureKind.PROXY_UNREACHABLE: "{host} cannot be reached: {detail}. Check the "
    "proxy of the configuration file; an integration can do without it "
    "(disable_proxy).",
    FailureKind.PROXY_SIGN_IN: "{host} cannot be reached: {detail}. Check username and "
    "password_file of the proxy in the configuration file.",
    FailureKind.PROXY_FORBIDS: "{host} cannot be reached: {detail}. Allow it on the "
    "proxy, or leave the proxy out (bypass, disable_proxy).",
    FailureKind.PROXY_FAILED: "{host} cannot be reached: {detail}. Check the EWS URL, "
    "and whether the proxy reaches the server.",
    FailureKind.PROXY_GARBLED: "{host} cannot be reached: {detail}. Check the proxy's "
    "address in the configuration file, and the proxy.",
}


def connection_error(failure: ConnectionFailure, target: EwsTarget) -> MailboxError:
    """Return the error for a request that got no complete HTTP answer."""
    sentence = _CONNECTION_FAILURES[failure.kind]
    kind = CONNECTION_FAILURES[failure.kind].error or MailboxError
    return kind(sentence.format(host=target.host, detail=failure.detail))


def soap_error(error: SoapError, target: EwsTarget) -> MailboxError:
    """For a whole request."""
    if isinstance(error, ServerError):
        return server_error(error.problem, target)
    reason = str(error) if isinstance(error, NotSoap) else "it holds no result"
    kind = http_policy.NOT_SOAP.error or MailboxError
    return kind(
        f"{target.host} did not answer as an Exchange server does: {reason}. Check "
        "that the EWS URL leads to Exchange itself and that nothing in between asks "
        "for a sign-in of its own.",
    )


# What the server says about the whole request

_REFUSALS = {
    ("ErrorImpersonateUserDenied", "ErrorImpersonationDenied"): (
        "The account {username} may not act for the mailbox {mailbox}. Give it the "
        "management role ApplicationImpersonation with a scope that includes this "
        "mailbox."
    ),
    ("ErrorImpersonationFailed", "ErrorInvalidExchangeImpersonationHeaderData"): (
        "The account {username} could not act for the mailbox {mailbox}: {text}. "
        "Check the role ApplicationImpersonation and the mailbox's address."
    ),
    ("ErrorNonExistentMailbox", "ErrorMissingExchangePrincipal"): (
        "There is no mailbox {mailbox} on {host}. Check the mailbox's address: a "
        "mailbox in another organization cannot be opened."
    ),
    ("ErrorNonPrimarySmtpAddress",): (
        "{mailbox} is not the primary address of its mailbox. Use the primary one: "
        "{text}"
    ),
    ("ErrorInvalidSmtpAddress", "ErrorMissingEmailAddress"): (
        "{mailbox} is not an address that {host} knows. Check the mailbox's address."
    ),
    ("ErrorMailboxLogonFailed", "ErrorMailboxConfiguration"): (
        "The mailbox {mailbox} cannot be opened: {text}"
    ),
    ("ErrorAccessDenied",): (
        "The account {username} may not open the mailbox {mailbox}. Check its role "
        "ApplicationImpersonation."
    ),
    ("ErrorAccountDisabled",): "The account of the mailbox {mailbox} is disabled.",
    ("ErrorPasswordExpired", "ErrorPasswordChangeRequired"): (
        "The password of the account {username} has expired: set a new one."
    ),
    ("ErrorQuotaExceeded", "ErrorMessagePerFolderCountReceiveQuotaExceeded"): (
        "The mailbox {mailbox} is full: empty it or raise its quota."
    ),
    (
        "ErrorIncorrectSchemaVersion",
        "ErrorInvalidSchemaVersionForMailboxVersion",
        "ErrorInvalidServerVersion",
        "ErrorWrongServerVersion",
    ): (
        "{host}, or the server of the mailbox {mailbox}, is too old: Exchange 2013 "
        "SP1 or newer is needed."
    ),
}
_REFUSED_WITH = {code: said for codes, said in _REFUSALS.items() for code in codes}


def server_error(problem: ItemProblem, target: EwsTarget) -> MailboxError:
    """Return the error that a problem with the whole request stands for."""
    kind = rule(problem.code).error or MailboxRefused
    sentence = _REFUSED_WITH.get(problem.code)
    if sentence is None:
        sentence = _SENTENCES.get(category(problem.code), "{host} refuses: {said}")
    words = sentence.format(
        username=target.username,
        mailbox=target.mailbox,
        host=target.host,
        text=problem.text or problem.code,
        said=said(problem),
    )
    return kind(
        words, retry_after=pause_of(problem) if issubclass(kind, MailboxBusy) else None
    )


_SENTENCES = {
    Category.SYNC_STATE: "{host} does not accept the synchronisation state of "
    "{mailbox} any more.",
    Category.THROTTLED: "{host} is busy: {said}",
    Category.TRANSIENT: "{host} cannot do this right now: {said}",
}


def pause_of(problem: ItemProblem) -> float | None:
    """In seconds, what the server asked for; it does say 0 and mean nothing by it."""
    return min(problem.back_off, MAX_PAUSE) if problem.back_off else None


def said(problem: ItemProblem) -> str:
    """The server's words and its code, for the log and the administrator."""
    return f"{problem.text} ({problem.code})" if problem.text else problem.code


WHOLE_MAILBOX = frozenset((Category.CONFIG_ACCESS, Category.CONFIG_MAILBOX))
"""Categories of a problem with the account or mailbox, even when said of an item."""

_SHARED = frozenset((Category.THROTTLED, *WHOLE_MAILBOX))


def common_problem(found: Sequence[ItemProblem | None]) -> ItemProblem | None:
    """The problem that everything asked for has, if it has one: then it is not a
    problem of the single things. None in `found` is no problem."""
    problems = [problem for problem in found if problem is not None]
    if (
        problems
        and len(problems) == len(found)
        and all(category(problem.code) in _SHARED for problem in problems)
    ):
        return problems[0]
    return None


# What the server says about one answer

_OUTCOMES = {
    Retry.SKIP: OutcomeKind.GONE,
    Retry.GIVE_UP: OutcomeKind.FAILED,
}


def outcome(problem: ItemProblem | None) -> Outcome:
    """A bad item is tried again, too: who repeats it counts the tries."""
    if problem is None:
        return Outcome(OutcomeKind.DONE)
    kind = _OUTCOMES.get(rule(problem.code).of_one, OutcomeKind.RETRY)
    if kind is OutcomeKind.GONE:
        return Outcome(kind)
    return Outcome(kind, said(problem), blame=blame_of_item(problem.code))


# HTTP

_STATUSES = {
    400: "{host} does not understand the request (HTTP 400). Something between this "
    "machine and Exchange may have changed it.",
    403: "{host} forbids this (HTTP 403). Check that Exchange Web Services are allowed "
    "for the account {username} and the mailbox {mailbox} (EwsEnabled, "
    "EwsApplicationAccessPolicy) and in the organization.",
    404: "There are no Exchange Web Services at {url} (HTTP 404). Check the EWS URL; "
    "usually it ends in /EWS/Exchange.asmx.",
    413: "{host} does not accept a request of this size (HTTP 413). Raise the limit of "
    "the server or of the proxy in front of it.",
    440: "{host} has ended the session (HTTP 440).",
    449: "{host} wants the request sent again, or to another server (HTTP 449). Set "
    "the EWS URL to the address of Exchange itself.",
    451: "The mailbox {mailbox} is on another server than {host} (HTTP 451). Set the "
    "EWS URL to that server's address.",
    456: "The account {username} is locked (HTTP 456). Unlock it.",
    507: "{host} has no space left (HTTP 507).",
}
_NOT_NOW = "{host} is not available right now (HTTP {status})."
_OWN_PAGE = "/ews/genericerrorpage.htm"
_FELL_OVER = "Server Error in"
PAGE_START = 2000
"""Characters of a page that are looked into."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """The telling parts of an HTTP answer that holds no SOAP."""

    status: int
    offered: str = ""
    """All WWW-Authenticate headers."""
    location: str = ""
    retry_after: str = ""
    date: str = ""
    received: datetime | None = None
    """The time of the answer by our own clock."""
    diagnostics: str = ""
    """x-ms-diagnostics: why a token was refused."""
    page: str = ""
    """The beginning of the answer."""


def http_error(answer: HttpAnswer, target: EwsTarget) -> MailboxError:
    """Return the error that an HTTP answer without SOAP stands for."""
    status = answer.status
    if status == 401:
        return not_signed_in(
            host=target.host,
            username=target.username,
            method=target.method,
            offered=answer.offered,
            diagnostics=answer.diagnostics,
        )
    found = _rule(answer)
    kind = found.error or MailboxError
    sentence = _STATUSES.get(status, _NOT_NOW)
    if found is http_policy.REDIRECTED and status >= 300 and status < 400:
        sentence = (
            "{host} redirects the request (HTTP {status}, to {where}). Credentials are "
            "not sent to another address: set the EWS URL to that of Exchange itself."
        )
    elif not issubclass(kind, MailboxBusy) and status not in _STATUSES:
        sentence = "{host} answered with HTTP {status} and without a SOAP message."
    words = sentence.format(
        host=target.host,
        username=target.username,
        mailbox=target.mailbox,
        url=target.url,
        status=status,
        where=" ".join(answer.location.split())[:MAX_TEXT] or "nowhere",
    )
    retry_after = _seconds(answer)
    if kind is UnexplainedServerError and retry_after is not None:
        kind = MailboxBusy
    return kind(words, retry_after=retry_after)


def _rule(answer: HttpAnswer) -> PolicyRule:
    status = answer.status
    if 300 <= status < 400:
        where = answer.location.partition("?")[0]
        own = where.lower().endswith(_OWN_PAGE)
        return http_policy.ERROR_PAGE if own else http_policy.REDIRECTED
    if status == 500 and _FELL_OVER in answer.page:
        return http_policy.ERROR_PAGE
    return http_policy.STATUSES.get(status, http_policy.OTHER_STATUS)


def _seconds(answer: HttpAnswer) -> float | None:
    seconds = seconds_of(answer.retry_after, answer.date, answer.received)
    return None if seconds is None else min(seconds, MAX_PAUSE)
