"""The equipment mailbox over Graph, put together from its parts.

`entities/` reads what the mailbox asks for, `answers` and `removal` do what it is told.
"""

from functools import partial

from pexschedd.clock import Now
from pexschedd.graph.answers import answer_batch
from pexschedd.graph.arrivals import PAGE
from pexschedd.graph.client import GraphClient
from pexschedd.graph.entities.documents import read_page
from pexschedd.graph.entities.events import EVENT_EXPAND, EVENT_SELECT, parse_events
from pexschedd.graph.entities.messages import (
    HEAD_SELECT,
    MESSAGE_EXPAND,
    MESSAGE_PROPERTIES,
    parse_message,
    read_message,
)
from pexschedd.graph.keeping import PageQuery
from pexschedd.graph.mailbox import GraphMailbox, GraphQueries
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.reading.message_reader import MessageQuery
from pexschedd.graph.removal import delete
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage


def parse_heads(data: bytes) -> tuple[list[MeetingMessage], str]:
    """Read a page of messages without bodies, and the link to the next one; those that
    cannot be read are left out. Raises ValueError for a document that is no page."""
    page = read_page(data)
    found = []
    for each in page.value:
        try:
            message = read_message(each, head_only=True).message
        except ValueError:
            continue
        if isinstance(message, MeetingMessage):
            found.append(message)
    return found, page.next_link or ""


def parse_meetings(data: bytes) -> tuple[list[CalendarMeeting], str]:
    """Read a page of events: single meetings and series, and the link to the next one.
    Raises ValueError for a document that is no page."""
    page = parse_events(data)
    meetings = [each.meeting for each in page.events if not each.is_occurrence]
    return meetings, page.next_link


QUERIES = GraphQueries(
    whole=MessageQuery(MESSAGE_PROPERTIES, parse_message),
    head=MessageQuery(
        MESSAGE_PROPERTIES,
        partial(parse_message, head_only=True),
        {"select": HEAD_SELECT},
    ),
    heads=PageQuery({"select": HEAD_SELECT, "expand": MESSAGE_EXPAND}, parse_heads),
    meetings=PageQuery(
        {"select": EVENT_SELECT, "expand": EVENT_EXPAND}, parse_meetings
    ),
)


def graph_mailbox(
    client: GraphClient, *, method: str, now: Now, page: int = PAGE
) -> GraphMailbox:
    """Return the mailbox of a client, with which it is closed.

    `method` is the integration's `graph_answer_method`. Opens nothing yet.
    """
    profile = MailboxProfile()
    return GraphMailbox(
        client,
        QUERIES,
        partial(answer_batch, client, method=method, now=now, profile=profile),
        partial(delete, client, profile=profile),
        now=now,
        page=page,
    )
