"""What an administrator has changed of a meeting's room stays, whatever the organizer
sends next."""

from typing import Any

import msgspec
import pytest

from pexschedd.model.conference import Conference
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.fields.validation import is_writable
from pexschedd.model.meeting import MeetingMessage
from tests.scheduling.decisions import series_support as of_series
from tests.scheduling.decisions.decide_support import (
    CONNECTOR,
    HOUR,
    NOW,
    Rooms,
    later,
    request,
    run,
    scheduled,
)

SETTINGS = {
    name: {bool: not declared.default, int: 7, str: "7777"}[declared.type]
    for name, declared in fields_of(Conference).items()
    if is_writable(declared)
}
"""All there are, each other than it was; what they may be is of no account here."""

MESSAGES: dict[str, MeetingMessage] = {
    "moved": later(sequence=1, start=NOW + 24 * HOUR, end=NOW + 25 * HOUR),
    "renamed": later(sequence=1, subject="Plan B"),
    "same again": later(),
    "series moved": of_series.series(
        recurrence=of_series.daily(5), sequence=1, changed=NOW, subject="Plan B"
    ),
    "occurrence moved": of_series.occurrence(
        3, start=of_series.FIRST + 99 * HOUR, sequence=1, subject="Plan B"
    ),
}


def rooms_for(case: str) -> Rooms:
    is_single = case in ("moved", "renamed", "same again")
    return scheduled() if is_single else of_series.scheduled()


@pytest.mark.parametrize("case", MESSAGES)
def test_all_settings_stay(case: str) -> None:
    """The name and the description as well, once an administrator has changed them."""
    rooms = rooms_for(case)
    (room,) = rooms.conferences.values()
    own: dict[str, Any] = {"has_own_name": True, "has_own_description": True}
    changed = msgspec.structs.replace(room, **SETTINGS, **own)
    rooms.conferences[room.id] = changed
    rooms.apply(run(MESSAGES[case], rooms))
    assert rooms.conferences == {room.id: changed}


@pytest.mark.parametrize("case", ["moved", "renamed", "series moved"])
def test_the_origin_is_renewed(case: str) -> None:
    """A room that an earlier version made gets its origin with the next message, and
    so does that of an integration with another name; its name follows the subject."""
    rooms = rooms_for(case)
    (room,) = rooms.conferences.values()
    assert room.vmr_origin == "VMR Scheduling for Exchange: Head office"
    for before in ("", "VMR Scheduling for Exchange: Branch"):
        old = msgspec.structs.replace(room, vmr_origin=before)
        rooms.conferences[room.id] = old
        rooms.apply(run(MESSAGES[case], rooms))
        (renewed,) = rooms.conferences.values()
        assert renewed.vmr_origin == room.vmr_origin
        rooms = rooms_for(case)
        (room,) = rooms.conferences.values()


def test_a_new_room_is_as_the_integration_says() -> None:
    """It gets the theme and the sign-in that the integration has when it is made, and
    keeps them when the integration gets others."""
    rooms = Rooms()
    rooms.book()
    settings = {
        "ivr_theme": 4,
        "host_identity_provider_group": 5,
        "non_idp_participants": "allow_if_trusted",
    }
    first = msgspec.structs.replace(CONNECTOR, **settings)
    rooms.apply(run(request(), rooms, connector=first))
    (room,) = rooms.conferences.values()
    assert {name: getattr(room, name) for name in settings} == settings
    rooms.apply(run(MESSAGES["moved"], rooms))
    (room,) = rooms.conferences.values()
    assert {name: getattr(room, name) for name in settings} == settings
