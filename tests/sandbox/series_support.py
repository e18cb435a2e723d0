"""A weekly series in a sandbox, and what mailboxes have of it."""

from datetime import UTC, datetime, timedelta

from pexschedd.sandbox import (
    CalendarType,
    Item,
    Meeting,
    MeetingAnswer,
    SandboxMailbox,
    SeriesRecurrence,
)
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT, HOUR, CheckedSandbox

BERLIN = "W. Europe Standard Time"
FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)  # a Tuesday
WEEK = timedelta(days=7)
SECOND, THIRD = FIRST + WEEK, FIRST + 2 * WEEK
WEEKLY = SeriesRecurrence.weekly("Tuesday", count=5)


def schedule(sandbox: CheckedSandbox, *required: str, **more: object) -> Item:
    fields: dict[str, object] = {
        "subject": "Weekly",
        "start": FIRST,
        "end": FIRST + HOUR,
        "required": list(required),
        "body": "<p>Agenda</p>",
        "zone": BERLIN,
        "recurrence": WEEKLY,
    }
    return sandbox.exchange.schedule(ALICE, **{**fields, **more})  # type: ignore[arg-type]  # the tests' own keyword arguments


def box(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> SandboxMailbox:
    return sandbox.exchange.mailbox(address)


def newest(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    return box(sandbox, address).inbox()[0]


def about(item: Item) -> Meeting:
    assert item.meeting is not None
    return item.meeting


def accept(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    """Answers the newest request; gives what is in the calendar then."""
    return sandbox.exchange.respond(newest(sandbox, address), MeetingAnswer.ACCEPT)[0]


def starts(sandbox: CheckedSandbox, item: Item) -> list[datetime]:
    found = sandbox.exchange.occurrences(item, FIRST - WEEK, FIRST + 60 * WEEK)
    return [about(each).start for each in found]


def the_series(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    (item,) = box(sandbox, address).calendar()
    assert about(item).type is CalendarType.MASTER
    return item
