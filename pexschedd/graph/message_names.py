"""The ids that EWS and Graph have for the same messages: `MessageNames` over Graph.

Graph's default ids are those of EWS in another alphabet (see `rest_id`), and a request
by an id of either kind, default or immutable, is answered with the kind that the
request prefers. So each message is looked up by the id that is known, together with its
event. Graph's own translation (translateExchangeIds) is not open to applications.
"""

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from pexschedd.errors import MailboxError
from pexschedd.graph.answering.answer_lookup import Found, Steps, look_up
from pexschedd.graph.answering.batched_steps import in_batches
from pexschedd.graph.answering.given_answers import RESPONSES, is_given
from pexschedd.graph.answering.removal_steps import is_refused
from pexschedd.graph.arrivals import ArrivalReader
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.folders import folder_ids
from pexschedd.graph.organizers.organizer_events import ews_id, rest_id
from pexschedd.graph.problems import GraphProblem
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.ports.message_names import RenamedMessage

_MALFORMED = "errorinvalididmalformed"
"""The code for an id of another mailbox, or of the other interface."""


class GraphMessageNames:
    """See `scheduling.ports.message_names.MessageNames`. `client` is closed with it."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._arrivals = ArrivalReader(client)

    async def for_graph(self, item_ids: Sequence[str]) -> list[RenamedMessage | None]:
        """Return the messages that EWS calls so, or None, in this order."""
        ids = [rest_id(each) for each in item_ids]
        return [
            None if each is None else renamed(each, each.id)
            for each in await self._look_up(ids, immutable=True)
        ]

    async def for_ews(self, item_ids: Sequence[str]) -> list[RenamedMessage | None]:
        """Return the messages that Graph calls so, or None, in this order."""
        folders = await folder_ids(self._client) if item_ids else None
        here = {folders.inbox, folders.deleted} if folders else set()
        return [
            renamed(each, ews_id(each.id)) if each and each.folder in here else None
            for each in await self._look_up(item_ids, immutable=False)
        ]

    async def deletions_until_now(self, cursor: str = "") -> str:
        """Return the cursor from which all of the inbox is new, and what is hidden from
        now on."""
        return await self._arrivals.deletions_until_now(cursor)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _look_up(
        self, item_ids: Sequence[str], *, immutable: bool
    ) -> list[Found | None]:
        address = self._client.target.mailbox
        steps = [
            _look_up_steps(address, each, immutable=immutable) for each in item_ids
        ]
        return [self._there(each) for each in await in_batches(self._client, steps)]

    def _there(self, result: Found | GraphProblem | MailboxError) -> Found | None:
        """Return the message; None if it is gone. Raises `MailboxError` if that is not
        certain."""
        if isinstance(result, MailboxError):
            raise result
        if isinstance(result, Found):
            return result if result.id else None
        if is_gone(result) or result.code.casefold() == _MALFORMED:
            return None
        raise self._client.error_for(result)


def renamed(found: Found, item_id: str) -> RenamedMessage:
    """Return a message that was looked up, under its other id."""
    event = found.event
    organized = event is not None and event.organized
    return RenamedMessage(
        item_id=item_id,
        received=found.received,
        lacks_event=found.is_meeting and event is None and not found.delegated,
        answered=None if organized else _answered(found),
    )


def _answered(found: Found) -> Action | None:
    if is_given(Action.DECLINE, found):
        return Action.DECLINE
    event = found.event
    if event is None or event.responded is None or found.received is None:
        return None
    accepted = event.response == RESPONSES[Action.ACCEPT]
    return Action.ACCEPT if accepted and event.responded >= found.received else None


def _look_up_steps(
    address: str, item_id: str, *, immutable: bool
) -> Steps[Found | GraphProblem]:
    """Look a message up with its event, in the best form that is not refused."""
    ask = partial(look_up, address, item_id, details=False)
    found = yield replace(ask(selected=True), immutable_ids=immutable)
    if isinstance(found, Found) or is_gone(found) or not is_refused(found):
        return found
    if found.code.casefold() == _MALFORMED:
        return found
    return (yield replace(ask(selected=False), immutable_ids=immutable))
