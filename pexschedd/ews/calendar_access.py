"""The equipment mailbox's calendar and old items: `MailboxKeeping` over EWS."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from twisted.logger import Logger

from pexschedd.errors import CursorLost, MailboxError, MailboxRefused
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem
from pexschedd.ews.error_messages import EwsTarget, common_problem, outcome
from pexschedd.ews.item_fetcher import ItemFetcher
from pexschedd.ews.operations.delete_item import build_delete, parse_delete
from pexschedd.ews.operations.find_item import (
    PagePosition,
    build_find_calendar,
    build_find_inbox,
    parse_find_calendar,
    parse_find_inbox,
)
from pexschedd.ews.operations.get_meetings import build_get_meetings, parse_meetings
from pexschedd.ews.operations.get_user_configuration import (
    build_get_processing,
    parse_processing,
)
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.batches import at_once, batches, one_page
from pexschedd.exchange.response_codes import Category, category
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageRef
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind, Unreadable

_log = Logger()

DELETE_BATCH = 100


async def calendar(
    client: EwsClient,
    target: EwsTarget,
    cursor: str,
    pages: BatchSize,
    batch: int,
    parallel: int,
) -> tuple[list[CalendarMeeting], str]:
    """Read one page of the calendar: its meetings, and the cursor of the next page."""
    position = _position(cursor)
    refs, following = await one_page(
        pages,
        lambda most: client.read(
            build_find_calendar(target.mailbox, position, most),
            partial(parse_find_calendar, position=position),
        ),
    )
    fetcher = ItemFetcher(client, target, build_get_meetings, parse_meetings)
    meetings: list[CalendarMeeting] = []
    for fetched in await at_once(batches(refs, batch), parallel, fetcher.fetch):
        if isinstance(fetched, MailboxError):
            raise fetched
        for each in fetched or []:
            if isinstance(each, Unreadable):
                _log.warn(
                    "mailbox has a meeting in its calendar that cannot be read "
                    "mailbox={mailbox} integration={integration}: {reason}",
                    mailbox=target.mailbox,
                    integration=target.integration,
                    reason=each.reason,
                )
            else:
                meetings.append(each)
    return meetings, following


async def inbox(
    client: EwsClient,
    target: EwsTarget,
    received_before: datetime,
    cursor: str,
    pages: BatchSize,
) -> tuple[list[MeetingMessage], str]:
    """Read one page of the inbox's messages received before a time, and the next
    cursor."""
    position = _position(cursor)
    return await one_page(
        pages,
        lambda most: client.read(
            build_find_inbox(target.mailbox, position, received_before, most),
            partial(parse_find_inbox, position=position),
        ),
    )


def _position(cursor: str) -> PagePosition:
    try:
        return PagePosition.read(cursor)
    except ValueError:
        raise CursorLost("The cursor is not one of this mailbox.") from None


async def processes_automatically(client: EwsClient, target: EwsTarget) -> bool | None:
    """Return whether Exchange itself answers requests; None if it does not tell."""
    try:
        return await client.read(build_get_processing(target.mailbox), parse_processing)
    except MailboxRefused:
        # Not every server has it, nor lets us see it.
        return None


async def delete(
    client: EwsClient, target: EwsTarget, refs: Sequence[MessageRef]
) -> list[Outcome]:
    """An error after a batch leaves the rest to be tried again."""
    outcomes: list[Outcome] = []
    for batch in batches(refs, DELETE_BATCH):
        try:
            outcomes += await _delete(client, target, batch)
        except MailboxError as error:
            if not outcomes:
                raise
            rest = Outcome(OutcomeKind.RETRY, error.message)
            return outcomes + [rest] * (len(refs) - len(outcomes))
    return outcomes


async def _delete(
    client: EwsClient, target: EwsTarget, refs: Sequence[MessageRef]
) -> list[Outcome]:
    problems = await client.write(
        build_delete(target.mailbox, refs), partial(parse_delete, expected=len(refs))
    )
    problem = common_problem(problems)
    if problem is not None:
        raise client.error_for(problem)
    return [_deleted(problem) for problem in problems]


def _deleted(problem: ItemProblem | None) -> Outcome:
    """A damaged item that cannot be deleted now will not be deleted later."""
    found = outcome(problem)
    if problem is not None and category(problem.code) is Category.BAD_ITEM:
        return Outcome(OutcomeKind.FAILED, found.reason)
    return found
