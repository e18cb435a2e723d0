"""Messages and events as they are asked for, over a socket."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from pexschedd.graph.entities.documents import read_page
from pexschedd.graph.entities.events import (
    EVENT_EXPAND,
    EVENT_SELECT,
    OCCURRENCES_EXPAND,
    OCCURRENCES_SELECT,
    CalendarEvent,
    EventPage,
    parse_changed,
    parse_event,
    parse_events,
)
from pexschedd.graph.entities.messages import (
    FOUND_EXPAND,
    FOUND_SELECT,
    HEAD_SELECT,
    MESSAGE_EXPAND,
    WITHOUT_BODY,
    ListedMessage,
    ReadMessage,
    parse_message,
    read_listed,
)
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import MeetingMessage
from pexschedd.sandbox import SeriesRecurrence
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.scheduling.ports.mailbox import Unreadable
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, HOUR, MEETING

DAY = timedelta(days=1)


def get(*parts: str, mailbox: str = EQUIPMENT, **query: str | int) -> ApiRequest:
    path = user_path(mailbox, *parts, **query)
    return ApiRequest(name=parts[0], method="GET", path=path)


def listed(data: bytes) -> list[ListedMessage]:
    return [read_listed(each) for each in read_page(data).value]


def changed_series(world: GraphWorld) -> None:
    """A series with one occurrence moved and one cancelled, both sent by themselves."""
    box = world.sandbox
    series = box.invite(recurrence=SeriesRecurrence.daily(count=5))
    box.moment += timedelta(seconds=5)
    second = MEETING + DAY
    box.exchange.update(
        series, occurrence=second, start=second + HOUR, end=second + 2 * HOUR
    )
    box.moment += timedelta(seconds=5)
    box.exchange.cancel(series, occurrence=MEETING + 3 * DAY)


async def found_in_inbox(world: GraphWorld) -> list[ListedMessage]:
    found = await world.client().read(
        get(
            *("mailFolders", "inbox", "messages"),
            select=FOUND_SELECT,
            expand=FOUND_EXPAND,
        ),
        listed,
    )
    assert isinstance(found, list)
    return found


async def test_messages_in_a_batch(graph_world: GraphWorld) -> None:
    """A list tells which meetings messages are about; a batch reads them, whole and
    without bodies, under the same ids."""
    changed_series(graph_world)
    found = await found_in_inbox(graph_world)
    assert len(found) == 3
    assert len({each.ref.uid for each in found}) == 1
    ids = [each.ref.item_id for each in found]
    for select, parse in (
        ({}, parse_message),
        ({"select": HEAD_SELECT}, partial(parse_message, head_only=True)),
    ):
        requests = [
            get("messages", each, expand=MESSAGE_EXPAND, **select) for each in ids
        ]
        answers = await graph_world.client().batch(requests, parse)
        for one, answer in zip(found, answers, strict=True):
            assert isinstance(answer, ReadMessage)
            assert isinstance(answer.message, MeetingMessage)
            assert answer.message.ref == one.ref
            assert answer.folder == one.folder
            assert answer.message.has_sequence
            assert bool(answer.message.html) is not bool(select)
            assert answer.message.start is not None


async def test_a_series_with_its_occurrences(graph_world: GraphWorld) -> None:
    """A list of events has the changes of a series in its property; a single series
    has them as events of their own too."""
    changed_series(graph_world)
    client = graph_world.client(ALICE)
    page = await client.read(
        get("events", mailbox=ALICE, select=EVENT_SELECT, expand=EVENT_EXPAND),
        parse_events,
    )
    assert isinstance(page, EventPage)
    (event,) = page.events
    recurrence = event.meeting.recurrence
    assert recurrence is not None
    (moved,) = recurrence.exceptions
    assert (moved.original, moved.start) == (MEETING + DAY, MEETING + DAY + HOUR)
    assert recurrence.deleted == (MEETING + 3 * DAY,)
    assert event.organizes
    alone = get(
        *("events", event.meeting.ref.item_id),
        mailbox=ALICE,
        select=OCCURRENCES_SELECT,
        expand=OCCURRENCES_EXPAND,
    )
    again = await client.read(alone, parse_event)
    assert isinstance(again, CalendarEvent)
    assert again.meeting.recurrence == recurrence
    changed = await client.read(alone, parse_changed)
    assert isinstance(changed, dict)
    ref = changed[moved.original]
    occurrence = await client.read(
        get(
            *("events", ref.item_id),
            mailbox=ALICE,
            select=EVENT_SELECT,
            expand=EVENT_EXPAND,
        ),
        parse_event,
    )
    assert isinstance(occurrence, CalendarEvent)
    assert occurrence.is_occurrence
    assert occurrence.original == moved.original
    assert occurrence.series_id == event.meeting.ref.item_id
    assert occurrence.meeting.uid == event.meeting.uid


async def test_occurrences_without_the_property(graph_world: GraphWorld) -> None:
    """The same changes come from the lists beside a series that has no property."""
    changed_series(graph_world)
    client = graph_world.client(ALICE)
    (item,) = graph_world.sandbox.exchange.mailbox(ALICE).items("calendar")
    item.left_out = frozenset({"00062002-0000-0000-c000-000000000046:0x8216"})
    page = await client.read(get("events", mailbox=ALICE, select="id"), _first_id)
    found = await client.read(
        get(
            *("events", str(page)),
            mailbox=ALICE,
            select=OCCURRENCES_SELECT,
            expand=OCCURRENCES_EXPAND,
        ),
        parse_event,
    )
    assert isinstance(found, CalendarEvent)
    recurrence = found.meeting.recurrence
    assert recurrence is not None
    assert [each.original for each in recurrence.exceptions] == [MEETING + DAY]
    assert recurrence.deleted == (MEETING + 3 * DAY,)


def _first_id(data: bytes) -> str:
    found: dict[str, Any] = msgspec.json.decode(data)
    return str(found["value"][0]["id"])


async def test_an_application_that_sees_no_bodies(graph_world: GraphWorld) -> None:
    """With Mail.ReadBasic alone no meeting is made up: the role is named."""
    graph_world.sandbox.invite()
    (found,) = await found_in_inbox(graph_world)
    graph_world.sandbox.add(
        MailboxGrant("Mail.ReadBasic"), client_id="basic", secret="s"
    )
    graph_world.tokens._token = graph_world.sandbox.token(
        client_id="basic", client_secret="s"
    )["access_token"]
    request = get("messages", found.ref.item_id, expand=MESSAGE_EXPAND)
    answer = await graph_world.client().read(request, parse_message)
    assert isinstance(answer, ReadMessage)
    assert isinstance(answer.message, Unreadable)
    assert answer.message.reason == WITHOUT_BODY
