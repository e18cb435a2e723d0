"""From an application to an equipment mailbox."""

from collections.abc import Sequence
from functools import partial

from pexschedd.clock import Now
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.answers import answer_batch
from pexschedd.graph.entities.documents import read_page
from pexschedd.graph.entities.events import EVENT_EXPAND, EVENT_SELECT, parse_events
from pexschedd.graph.entities.messages import (
    HEAD_SELECT,
    MESSAGE_EXPAND,
    parse_message,
    read_message,
)
from pexschedd.graph.keeping import PageQuery
from pexschedd.graph.mailbox import GraphMailbox, GraphQueries
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.message_fetcher import MessageQuery
from pexschedd.graph.removal import delete
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage


def graph_mailbox(
    account: GraphAccount,
    mailbox: str,
    *,
    answer_method: str,
    now: Now,
    throttle: SharedThrottle | None = None,
    observer: Observer | None = None,
) -> GraphMailbox:
    """Return a mailbox as an application sees it; nothing is opened yet.

    `answer_method` is the integration's `graph_answer_method`; `now` is the wall clock,
    by which Exchange dates messages and answers.
    """
    client = account.client(mailbox, throttle=throttle, observer=observer)
    profile = MailboxProfile()
    return GraphMailbox(
        client,
        QUERIES,
        partial(answer_batch, client, method=answer_method, now=now, profile=profile),
        partial(delete, client, profile=profile),
        now=now,
    )


def parse_heads(data: bytes) -> tuple[Sequence[MeetingMessage], str]:
    """Read a page of messages without their bodies; those that cannot be read are left
    out. Raises `ValueError` for a document that is no page."""
    page = read_page(data)
    found = [read_message(each, head_only=True).message for each in page.value]
    messages = [each for each in found if isinstance(each, MeetingMessage)]
    return messages, page.next_link or ""


def parse_meetings(data: bytes) -> tuple[Sequence[CalendarMeeting], str]:
    """Read a page of a calendar's single meetings and series. Raises `ValueError` for a
    document that is no page."""
    page = parse_events(data)
    meetings = [each.meeting for each in page.events if not each.is_occurrence]
    return meetings, page.next_link


QUERIES = GraphQueries(
    whole=MessageQuery({"expand": MESSAGE_EXPAND}, parse_message),
    head=MessageQuery(
        {"select": HEAD_SELECT, "expand": MESSAGE_EXPAND},
        partial(parse_message, head_only=True),
    ),
    heads=PageQuery({"select": HEAD_SELECT, "expand": MESSAGE_EXPAND}, parse_heads),
    meetings=PageQuery(
        {"select": EVENT_SELECT, "expand": EVENT_EXPAND}, parse_meetings
    ),
)
"""The options that each question needs, with what reads its answer."""
