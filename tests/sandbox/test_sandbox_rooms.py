"""Rooms of the sandbox: calendar processing, and a service account for rooms alone."""

import pytest

from pexschedd.sandbox import Account, CalendarProcessing, Processing
from tests.sandbox.sandbox_support import (
    ALICE,
    HOUR,
    MEETING,
    ROOM,
    CheckedSandbox,
    find_item,
)

KEEPS_ALL = CalendarProcessing(
    delete_comments=False,
    delete_subject=False,
    add_organizer_to_subject=False,
    remove_private_property=False,
)
OTJ = "otj@example.test"


def sandbox_with(processing: CalendarProcessing) -> CheckedSandbox:
    return CheckedSandbox(
        accounts=[
            Account(ALICE, "Alice Archer", "alice"),
            Account(OTJ, password="otj", impersonates=(ROOM,)),
            Account(
                ROOM,
                "Room 1",
                processing=Processing.AUTO_ACCEPT,
                calendar_processing=processing,
            ),
        ]
    )


@pytest.mark.parametrize(
    ("processing", "subject", "body", "sensitivity"),
    [
        (CalendarProcessing(), "Alice Archer", "", "Normal"),
        (KEEPS_ALL, "Weekly", "Agenda", "Private"),
        (
            CalendarProcessing(delete_subject=False, delete_comments=False),
            "Alice Archer Weekly",
            "Agenda",
            "Normal",
        ),
        (
            CalendarProcessing(add_organizer_to_subject=False),
            "",
            "",
            "Normal",
        ),
    ],
)
def test_what_a_room_keeps(
    processing: CalendarProcessing, subject: str, body: str, sensitivity: str
) -> None:
    """Each switch takes away its own; Exchange's defaults take all."""
    sandbox = sandbox_with(processing)
    item = sandbox.exchange.schedule(
        ALICE, subject="Weekly", start=MEETING, end=MEETING + HOUR, body="Agenda"
    )
    item.sensitivity = "Private"
    sandbox.exchange.update(item, resources=[ROOM])
    (entry,) = sandbox.exchange.mailbox(ROOM).calendar()
    assert (entry.subject, entry.body.text) == (subject, body)
    assert entry.sensitivity == sensitivity


def test_the_flag_follows_the_organizer() -> None:
    """A meeting that is made private later is so in the room as well."""
    sandbox = sandbox_with(KEEPS_ALL)
    item = sandbox.exchange.schedule(
        ALICE,
        subject="Weekly",
        start=MEETING,
        end=MEETING + HOUR,
        resources=[ROOM],
    )
    item.sensitivity = "Private"
    sandbox.exchange.update(item, subject="Talk")
    (entry,) = sandbox.exchange.mailbox(ROOM).calendar()
    assert (entry.subject, entry.sensitivity) == ("Talk", "Private")


def test_impersonation_can_be_for_rooms_alone() -> None:
    """The service account reads the room, and nobody else."""
    sandbox = sandbox_with(KEEPS_ALL)
    assert sandbox.find(OTJ, "calendar", acting_as=ROOM) == []
    fault = sandbox.fault(OTJ, find_item("calendar"), acting_as=ALICE)
    assert fault == "ErrorImpersonateUserDenied"
