"""Odd subjects and bodies: without, huge, signed, sealed, and mangled on the way."""

import re
from collections.abc import Callable
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted

from pexschedd.sandbox.mailboxes import alterations
from tests.stories.single_support import accepted, nothing_scheduled
from tests.stories.story_support import AT_TEN, INVALID_ALIAS, NEW_SINGLE, World

story = pytest_twisted.ensureDeferred


@story
async def test_without_a_body(world: World) -> None:
    """Nothing in the body, no room."""
    alice = world.organizer()
    with world.exchange.on_the_way(alterations.without_body):
        await alice.invite("Plans", AT_TEN)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    await nothing_scheduled(world)


@story
async def test_without_a_subject(world: World) -> None:
    """A meeting need not have a subject for its room to have a name."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room, (await world.rooms())[0])
    assert "Alice Archer" in (await world.rooms())[0]


@story
async def test_subject_like_a_program(world: World) -> None:
    """What a subject says is never run, neither as a template nor as markup."""
    alice, room = world.organizer(), await world.book()
    subject = "{{ 7 * 7 }} {% for x in y %} <script>alert(1)</script>"
    await alice.invite(subject, AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room, f"{subject} (Alice Archer)")


@story
async def test_subject_of_great_length(world: World) -> None:
    """A room's name is as long as a name may be, and no longer."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Planning" * 31, AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    (name,) = await world.rooms()
    assert len(name) == 250
    await accepted(world, room, name)


@story
async def test_same_subject_twice(world: World) -> None:
    """Two rooms of the same name get different ones."""
    alice = world.organizer()
    rooms = [await world.book(), await world.book()]
    for room in rooms:
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    first, second = await world.rooms()
    assert first == "Plans (Alice Archer)"
    assert re.fullmatch(r"Plans \(Alice Archer\) \d{6}", second)
    for room in rooms:
        assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_plain_text(world: World) -> None:
    """The tag counts in plain text, too."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=ex.Body(f"Agenda\n\n{room.tag}\n"))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_formatting_lost_on_the_way(world: World) -> None:
    """A gateway that leaves nothing but text does no harm."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(alterations.plain_text):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_megabyte(world: World) -> None:
    """The tag is found at the end of a million characters."""
    alice, room = world.organizer(), await world.book()
    work = ("All work and no play makes Jack a dull boy. " * 12)[:493]
    agenda = f"<p>{work}</p>" * 2_000
    assert len(agenda) == 1_000_000
    await alice.invite("Plans", AT_TEN, body=agenda + room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("<p>Hi</p>" + "<div><b>a</b><br></div>" * 10_000, id="many"),
        pytest.param("<blockquote>On Monday Bob wrote:<div>" * 150, id="quoted"),
        pytest.param("<div>" * 4_000, id="deep"),
        pytest.param("<div>" * 200_000, id="very deep"),
        pytest.param("<table><tr><td>" * 1_000 + "<p " * 5_000, id="broken"),
    ],
)
@story
async def test_many_elements(world: World, before: str) -> None:
    """The tag is found behind thousands of elements, and within them."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=before + room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_signed(world: World) -> None:
    """A signature in the clear hides nothing."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(alterations.signed):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@pytest.mark.parametrize("sealed", [alterations.encrypted, alterations.rights_managed])
@story
async def test_sealed(world: World, sealed: Callable[[Any], None]) -> None:
    """What nobody but its readers can read, the room cannot either."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(sealed):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    await nothing_scheduled(world)
    assert not world.scheduled_alias(room).is_used
