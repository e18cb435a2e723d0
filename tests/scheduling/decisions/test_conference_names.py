"""Names of rooms: unique, kept while people may be inside, and never empty."""

import msgspec
import pytest

from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    later,
    request,
    run,
    scheduled,
)


def test_a_room_is_not_renamed_while_people_may_be_inside() -> None:
    """Nodes know a running conference by its name: it stays while the room is open."""
    rooms = scheduled()
    rooms.apply(run(later(subject="New name"), rooms, now=NOW + 2 * HOUR))
    assert next(iter(rooms.conferences.values())).name == "Plans"


def test_names_are_made_unique() -> None:
    """A name that is taken gets a random number; an edit keeps that number."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    rooms.apply(run(request(uid="0400FF", tag=OTHER_TAG), rooms))
    names = sorted(c.name for c in rooms.conferences.values())
    assert names == ["Plans", "Plans 123456"]
    rooms.apply(run(later(uid="0400FF", tag=OTHER_TAG), rooms, digits="999999999"))
    assert sorted(c.name for c in rooms.conferences.values()) == names


@pytest.mark.parametrize("subject", ["", " ", "\ufeff", "\u200b\u200f", "\u0301"])
def test_a_room_without_a_title_is_named_by_its_number(subject: str) -> None:
    """A title in which nobody sees anything is none."""
    (conference,) = scheduled(subject=subject).conferences.values()
    assert conference.name == "555000001"


def test_a_long_name_is_cut_to_be_made_unique() -> None:
    """The number has to fit into the 250 characters of a name, and stays afterwards."""
    long = "x" * 250
    rooms = scheduled(subject=long)
    rooms.book(2, OTHER_TAG)
    rooms.apply(run(request(uid="0400FF", tag=OTHER_TAG, subject=long), rooms))
    names = sorted(c.name for c in rooms.conferences.values())
    assert names == [f"{long[:243]} 123456", long]
    again = later(uid="0400FF", tag=OTHER_TAG, subject=long)
    rooms.apply(run(again, rooms, digits="999999999"))
    assert sorted(c.name for c in rooms.conferences.values()) == names


@pytest.mark.parametrize("name", ["Other 123456", "Plans (2)", "Plans 12a", "Plans12"])
def test_a_name_follows_the_subject(name: str) -> None:
    """Only the very name that is wanted, and a number after a blank, may stay."""
    rooms = scheduled()
    ((id, conference),) = rooms.conferences.items()
    rooms.conferences[id] = msgspec.structs.replace(conference, name=name)
    rooms.apply(run(later(), rooms))
    assert rooms.conferences[id].name == "Plans"
