"""Taking messages away that are done with, and deleting old items.

A message that is done with leaves the inbox and Deleted Items: what lies there was put
there by Exchange or by a person. It is moved to the folder of soft deletion; where that
is refused it is deleted for good; where there is no such action, as in some national
clouds, it is deleted twice, the first time into Deleted Items.
"""

from collections.abc import Sequence

from pexschedd.errors import MailboxError, MailboxRefused, SignInRefused
from pexschedd.exchange.batches import batches
from pexschedd.exchange.error_policy import Retry
from pexschedd.graph.answer_lookup import Found, look_up_folder
from pexschedd.graph.batch import MOST
from pexschedd.graph.batched_steps import Steps, in_batches
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import blame_of, is_gone, rule_of
from pexschedd.graph.mailbox_profile import MailboxProfile, RemovalWay
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import CALENDARS, ApiRequest, user_path
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind

SOFT_DELETED = "recoverableitemsdeletions"
"""The well-known name of the folder from which deleted items can be restored."""

_FOLDERS = ("inbox", "deleteditems")


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
        result = yield from _carry_out(_removal(way, address, item_id), last=last)
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


def _carry_out(request: ApiRequest, *, last: bool) -> Steps[Found | GraphProblem]:
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


async def find_folders(client: GraphClient, profile: MailboxProfile) -> None:
    """Find out the ids of the inbox and of Deleted Items, unless they are known.

    Raises `MailboxError`.
    """
    if profile.folders:
        return
    address = client.target.mailbox
    results = await in_batches(
        client, [_folder(look_up_folder(address, name)) for name in _FOLDERS]
    )
    ids = set()
    for result in results:
        if isinstance(result, MailboxError):
            raise result
        if isinstance(result, GraphProblem):
            raise client.error_for(result)
        ids.add(result)
    profile.folders = frozenset(ids)


def _folder(request: ApiRequest) -> Steps[str | GraphProblem]:
    result = yield request
    return result if isinstance(result, GraphProblem) else result.id


# Items of any kind


async def delete(
    client: GraphClient,
    refs: Sequence[MessageRef],
    *,
    profile: MailboxProfile | None = None,
) -> list[Outcome]:
    """Delete messages and events without an answer to anyone; return one outcome for
    each, in order.

    An error leaves the rest to be tried again; it is raised if nothing was done.
    """
    profile = profile or MailboxProfile()
    address = client.target.mailbox
    outcomes: list[Outcome] = []
    if refs:
        await find_folders(client, profile)
    for batch in batches(refs, MOST):
        results = await in_batches(
            client, [_deletion(address, ref.item_id, profile) for ref in batch]
        )
        errors = [each for each in results if isinstance(each, MailboxError)]
        if errors and not outcomes and len(errors) == len(results):
            raise errors[0]
        outcomes += [
            Outcome(OutcomeKind.RETRY, each.message)
            if isinstance(each, MailboxError)
            else each
            for each in results
        ]
        if errors:
            rest = Outcome(OutcomeKind.RETRY, errors[0].message)
            return outcomes + [rest] * (len(refs) - len(outcomes))
    return outcomes


def _deletion(address: str, item_id: str, profile: MailboxProfile) -> Steps[Outcome]:
    """Return the steps that delete an item; its id does not say of which kind it is."""
    found = yield ApiRequest(
        name="messages/get",
        method="GET",
        path=user_path(address, "messages", item_id, select="id,parentFolderId"),
    )
    if isinstance(found, Found) and found.folder in profile.folders:
        return outcome_of((yield from take_away(address, item_id, profile)))
    if isinstance(found, GraphProblem) and not (is_gone(found) or is_refused(found)):
        return outcome_of(found)
    event = yield ApiRequest(
        name="events/get",
        role=CALENDARS,
        method="GET",
        path=user_path(address, "events", item_id, select="id,isOrganizer"),
    )
    if isinstance(event, GraphProblem):
        return outcome_of(event)
    result = yield from _carry_out(
        ApiRequest(
            name="events/permanentDelete",
            role=CALENDARS,
            method="POST",
            path=user_path(address, "events", item_id, "permanentDelete"),
        ),
        last=False,
    )
    if isinstance(result, GraphProblem) and is_refused(result):
        if event.organizes:
            return Outcome(
                OutcomeKind.FAILED,
                "The mailbox organizes this meeting itself: to delete it would cancel "
                "it for its attendees.",
            )
        result = yield ApiRequest(
            name="events/delete",
            role=CALENDARS,
            method="DELETE",
            path=user_path(address, "events", item_id),
        )
    return outcome_of(result)


def outcome_of(result: Found | GraphProblem | None) -> Outcome:
    """Return the outcome for one thing, whose last request had this result."""
    if not isinstance(result, GraphProblem):
        return Outcome(OutcomeKind.DONE)
    if is_gone(result):
        return Outcome(OutcomeKind.GONE)
    final = rule_of(result).of_one is Retry.GIVE_UP
    kind = OutcomeKind.FAILED if final else OutcomeKind.RETRY
    return Outcome(kind, result.words, blame_of(result))
