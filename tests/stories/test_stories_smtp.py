"""Meetings of people outside, as their .ics arrives by SMTP."""

from datetime import datetime
from typing import Any

import pytest_twisted

from pexschedd.model import tables
from pexschedd.sandbox import internet_mail
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EQUIPMENT,
    GONE,
    HOUR,
    Booked,
    World,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred

EVE = "eve@outside.example"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def arrives(
    world: World,
    room: Booked,
    method: str,
    start: datetime = AT_TEN,
    sequence: int = 0,
    *more: str,
) -> Any:
    """Eve's mail server has sent this."""
    world.now.advance()
    ics = "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            f"METHOD:{method}",
            "BEGIN:VEVENT",
            "UID:7@calendar.outside.example",
            f"DTSTAMP:{stamp(world.now())}",
            f"DTSTART:{stamp(start)}",
            f"DTEND:{stamp(start + HOUR)}",
            f"SEQUENCE:{sequence}",
            "SUMMARY:Plans",
            f"DESCRIPTION:Join us\\n{room.tag}",
            f"ORGANIZER;CN=Eve:mailto:{EVE}",
            f"ATTENDEE:mailto:{EQUIPMENT}",
            *more,
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    )
    return internet_mail.receive(world.exchange, EQUIPMENT, ics)


@story
async def test_request(world: World) -> None:
    """A room that was booked for somebody outside opens for their meeting, follows it,
    and ends with it."""
    room = await world.book()
    arrives(world, room, "REQUEST")
    await world.settle()
    assert await world.rooms() == ["Plans (Eve)"]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"

    arrives(world, room, "REQUEST", AT_TEN + DAY, 1)
    await world.settle()
    assert await world.schedule() == [window(AT_TEN + DAY)]

    arrives(world, room, "CANCEL", AT_TEN + DAY, 2)
    await world.settle()
    assert await world.door(room, at=AT_TEN + DAY) == GONE
    assert world.exchange.mailbox(EQUIPMENT).calendar() == []
    assert world.inbox() == []
    assert list(world.store.all(tables.OUTBOX)) == []
    assert await world.alarms() == []


@story
async def test_series(world: World) -> None:
    """A series with one moved and one cancelled, each in a message of its own."""
    room = await world.book()
    arrives(world, room, "REQUEST", AT_TEN, 0, "RRULE:FREQ=DAILY;COUNT=4")
    await world.settle()
    second, third = AT_TEN + DAY, AT_TEN + 2 * DAY
    later = second + 3 * HOUR
    arrives(world, room, "REQUEST", later, 1, f"RECURRENCE-ID:{stamp(second)}")
    await world.settle()
    arrives(world, room, "CANCEL", third, 1, f"RECURRENCE-ID:{stamp(third)}")
    await world.settle()

    assert await world.door(room, at=AT_TEN) == "open"
    assert await world.door(room, at=second) == opens(later)
    assert await world.door(room, at=later) == "open"
    assert await world.door(room, at=third) == opens(third + DAY)
    assert world.inbox() == []


@story
async def test_counter(world: World) -> None:
    """A proposal of another time changes nothing, and nobody answers it."""
    room = await world.book()
    arrives(world, room, "REQUEST")
    await world.settle()
    guest = "ATTENDEE;PARTSTAT=TENTATIVE:mailto:guest@outside.example"
    (proposal,) = arrives(world, room, "COUNTER", AT_TEN + DAY, 0, guest)
    await world.settle()

    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
    assert [each.item_class for each in world.inbox()] == [proposal.item_class]
    assert await world.alarms() == []


@story
async def test_cancelled_by_a_stranger(world: World) -> None:
    """Who knows the UID is not the organizer: the meeting stays."""
    room = await world.book()
    arrives(world, room, "REQUEST")
    await world.settle()
    stranger = "mallory@elsewhere.example"
    ics = (
        "BEGIN:VCALENDAR\nMETHOD:CANCEL\nBEGIN:VEVENT\n"
        "UID:7@calendar.outside.example\n"
        f"DTSTART:{stamp(AT_TEN)}\nDTEND:{stamp(AT_TEN + HOUR)}\nSEQUENCE:9\n"
        f"ORGANIZER:mailto:{stranger}\nEND:VEVENT\nEND:VCALENDAR"
    )
    internet_mail.receive(world.exchange, EQUIPMENT, ics)
    await world.settle()

    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
