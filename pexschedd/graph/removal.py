"""Deleting old items of any kind over Graph, and the folders that messages lie in."""

from collections.abc import Sequence

from pexschedd.errors import MailboxError
from pexschedd.exchange.batches import batches
from pexschedd.graph.answering.answer_lookup import Found, Steps, look_up_folder
from pexschedd.graph.answering.batched_steps import in_batches
from pexschedd.graph.answering.folder_steps import (
    FOLDERS,
    folder_id,
    is_within_reach,
)
from pexschedd.graph.answering.removal_steps import (
    carry_out,
    is_refused,
    not_found_out,
    outcome_of,
    take_away,
)
from pexschedd.graph.batch import MOST
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import CALENDARS, ApiRequest, user_path
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind


async def find_folders(client: GraphClient, profile: MailboxProfile) -> None:
    """Find out the ids of the inbox and of Deleted Items, unless they are known.

    Raises `MailboxError`.
    """
    if profile.folders:
        return
    address = client.target.mailbox
    results = await in_batches(
        client, [folder_id(look_up_folder(address, name)) for name in FOLDERS]
    )
    ids = set()
    for result in results:
        if isinstance(result, MailboxError):
            raise result
        if isinstance(result, GraphProblem):
            raise client.error_for(result)
        ids.add(result)
    profile.folders = frozenset(ids)


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
    if isinstance(found, Found):
        reached = yield from is_within_reach(address, found.folder, profile)
        if isinstance(reached, GraphProblem):
            return not_found_out(reached)
        if reached:
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
    result = yield from carry_out(
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
