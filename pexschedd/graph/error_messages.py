"""Failed requests to Graph, as our errors and in words for administrators. Pure."""

from collections.abc import Sequence

import msgspec

from pexschedd.errors import MailboxBusy, MailboxError
from pexschedd.exchange.error_policy import CONNECTION_FAILURES
from pexschedd.graph.error_policy import NOT_JSON, is_of_one, rule_of
from pexschedd.graph.problems import GraphProblem
from pexschedd.net.errors import ConnectionFailure, FailureKind, clause
from pexschedd.util.powershell import quoted


class GraphTarget(msgspec.Struct, frozen=True):
    """The mailbox that is asked for, and the application that asks: what an
    administrator needs to read."""

    host: str
    mailbox: str
    client_id: str
    integration: int | None = None
    """The integration's id, for the log; None for a request outside of one."""
    role: str = "Mail.ReadWrite"
    """The role of Exchange Online without which the mailbox is closed."""


def connection_error(failure: ConnectionFailure, target: GraphTarget) -> MailboxError:
    """Return the error for a request that got no complete answer."""
    kind = CONNECTION_FAILURES[failure.kind].error or MailboxError
    hint = _HINTS.get(failure.kind, "")
    return kind(f"Microsoft Graph at {target.host}: {clause(failure)}.{hint}")


_HINTS = {
    FailureKind.NAME: " Check graph_api_domain and this machine's DNS.",
    FailureKind.REFUSED: " Check graph_api_domain and the firewalls on the way.",
    FailureKind.NO_ROUTE: " Check the network and the firewalls on the way.",
    FailureKind.TIMEOUT: " Check the network and the firewalls on the way.",
    FailureKind.PROXY_SIGN_IN: " Check username and password_file of the proxy in the "
    "configuration file.",
    FailureKind.PROXY_FORBIDS: " Allow the host on the proxy, or leave the proxy out "
    "(bypass, disable_proxy).",
}


def not_graph(reason: str, target: GraphTarget) -> MailboxError:
    """Return the error for a success that is not what was asked for."""
    kind = NOT_JSON.error or MailboxError
    return kind(
        f"{target.host} did not answer as Microsoft Graph does: {reason}. Check "
        "graph_api_domain, and that nothing on the way changes its answers."
    )


def refusal(problem: GraphProblem, target: GraphTarget) -> MailboxError:
    """Return the error that a problem of a whole request stands for."""
    kind = rule_of(problem).error or MailboxError
    sentence = _CODES.get(problem.code.casefold()) or _STATUSES.get(problem.status)
    if sentence is None:
        busy = issubclass(kind, MailboxBusy)
        sentence = (
            "{host} cannot do this right now: {said}"
            if busy
            else ("{host} refuses: {said}")
        )
    words = sentence.format(
        host=target.host,
        mailbox=target.mailbox,
        client_id=target.client_id,
        role=problem.role or target.role,
        said=problem.words,
        assignment=_assignment(target),
    )
    pause = problem.retry_after if issubclass(kind, MailboxBusy) else None
    return kind(words, retry_after=pause)


def _assignment(target: GraphTarget) -> str:
    return (
        "Test-ServicePrincipalAuthorization -Identity "
        f"{quoted(target.client_id)} -Resource {quoted(target.mailbox)}"
    )


_CODES = {
    "erroraccessdenied": (
        "The application {client_id} may not use the mailbox {mailbox}. Assign it the "
        "role 'Application {role}' with a scope that includes this mailbox; "
        "{assignment} shows what it may do. A new assignment can take up to two hours "
        "to work. Graph says: {said}"
    ),
    "mailboxnotenabledforrestapi": (
        "The mailbox {mailbox} is not in Exchange Online, as one on premises, or has "
        "no license there: Microsoft Graph does not reach it."
    ),
    "syncstatenotfound": "{host} does not know the position in {mailbox} any more.",
    "syncstateinvalid": "{host} does not know the position in {mailbox} any more.",
    "resyncrequired": "{host} does not know the position in {mailbox} any more.",
    "errorquotaexceeded": (
        "The mailbox {mailbox} is full: empty it or raise its quota."
    ),
}
_CODES |= dict.fromkeys(
    ("errorinvaliduser", "request_resourcenotfound", "resourcenotfound"),
    "There is no mailbox {mailbox} in the tenant whose application this is. Enter the "
    "user principal name if that differs from the address, and check the tenant of the "
    "token endpoint. Graph says: {said}",
)
_STATUSES = {
    401: "{host} does not accept the application {client_id}: {said}. Check "
    "oauth_client_id, the tenant of the token endpoint, and that both are of the same "
    "cloud as graph_api_domain.",
    403: _CODES["erroraccessdenied"],
    404: "{host} answered with HTTP 404 and without a reason. Check graph_api_domain.",
}


def common_problem(found: Sequence[object]) -> GraphProblem | None:
    """Return the problem of the whole mailbox that all results of a batch have, if
    they have one: then it is not a problem of the single things."""
    problems = [each for each in found if isinstance(each, GraphProblem)]
    if len(problems) < len(found) or not problems:
        return None
    if any(is_of_one(each) for each in problems):
        return None
    kinds = {rule_of(each).error for each in problems}
    return problems[0] if len(kinds) == 1 else None
