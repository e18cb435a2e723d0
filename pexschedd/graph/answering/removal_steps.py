"""The steps that take away a message which is done with. Pure.

It leaves the inbox and Deleted Items: what lies there was put there by Exchange or by a
person. It is moved to the folder of soft deletion; where that is refused it is deleted
for good; where there is no such action, as in some national clouds, it is deleted
twice, the first time into Deleted Items.
"""

from pexschedd.errors import MailboxRefused, SignInRefused
from pexschedd.exchange.error_policy import Retry
from pexschedd.graph.answering.answer_lookup import Found, Steps
from pexschedd.graph.error_policy import blame_of, is_gone, rule_of
from pexschedd.graph.mailbox_profile import MailboxProfile, RemovalWay
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.scheduling.ports.mailbox import Blame, Outcome, OutcomeKind

SOFT_DELETED = "recoverableitemsdeletions"
"""The well-known name of the folder from which deleted items can be restored."""


def take_away(
    address: str, item_id: str, profile: MailboxProfile
) -> Steps[GraphProblem | None]:
    """Return the steps that take a message away; they return what is in the way.

    A missing target folder looks like a missing message. So what seems to be gone is
    deleted all the same, and only that tells.
    """
    result: Found | GraphProblem
    for way in list(RemovalWay)[profile.removal :]:
        last = way is RemovalWay.DELETE
        result = yield from carry_out(_removal(way, address, item_id), last=last)
        if isinstance(result, Found):
            if last:
                again = yield _removal(way, address, item_id)
                if isinstance(again, GraphProblem) and not is_gone(again):
                    return again
            profile.removal = max(profile.removal, way)
            return None
        gone = is_gone(result)
        if (gone and way > RemovalWay.MOVE) or not (gone or is_refused(result)):
            break
    return None if isinstance(result, Found) else result


def carry_out(request: ApiRequest, *, last: bool) -> Steps[Found | GraphProblem]:
    """Return the result of a request that the whole mailbox may refuse."""
    try:
        return (yield request)
    except SignInRefused:
        raise
    except MailboxRefused as error:
        if last:
            raise
        return GraphProblem(403, "", error.message)


def is_refused(problem: GraphProblem) -> bool:
    """Return whether a request as such is refused, so that another one may be taken."""
    rule = rule_of(problem)
    if rule.error is None or rule.of_one in (Retry.SKIP, Retry.READ_AGAIN):
        return False
    refuses = issubclass(rule.error, MailboxRefused)
    return refuses and not issubclass(rule.error, SignInRefused)


def _removal(way: RemovalWay, address: str, item_id: str) -> ApiRequest:
    if way is RemovalWay.MOVE:
        return ApiRequest(
            name="messages/move",
            method="POST",
            path=user_path(address, "messages", item_id, "move"),
            body={"destinationId": SOFT_DELETED},
        )
    if way is RemovalWay.PURGE:
        return ApiRequest(
            name="messages/permanentDelete",
            method="POST",
            path=user_path(address, "messages", item_id, "permanentDelete"),
        )
    return ApiRequest(
        name="messages/delete",
        method="DELETE",
        path=user_path(address, "messages", item_id),
    )


def not_found_out(problem: GraphProblem) -> Outcome:
    """Return the outcome for one thing whose folder cannot be told: it is not gone."""
    return Outcome(OutcomeKind.RETRY, problem.words, Blame.SERVER)


def outcome_of(result: Found | GraphProblem | None) -> Outcome:
    """Return the outcome for one thing, whose last request had this result."""
    if not isinstance(result, GraphProblem):
        return Outcome(OutcomeKind.DONE)
    if is_gone(result):
        return Outcome(OutcomeKind.GONE)
    final = rule_of(result).of_one is Retry.GIVE_UP
    kind = OutcomeKind.FAILED if final else OutcomeKind.RETRY
    return Outcome(kind, result.words, blame_of(result))
