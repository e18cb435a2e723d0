"""Sample meetings without virtual rooms, so that the first weeks are not empty."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pexschedd.sandbox.items.records import ItemKind, MeetingAnswer
from pexschedd.sandbox.mailboxes.exchange import Exchange

ALICE = "alice@example.test"
BOB = "bob@example.test"
_BOTH_WEEKS = 2


class SampleMeeting(NamedTuple):
    """A meeting of every week."""

    day: int
    """0 is Monday."""
    time: str
    minutes: int
    organizer: str
    guests: tuple[str, ...]
    subject: str
    location: str


SAMPLES = (
    SampleMeeting(0, "09:30", 30, ALICE, (BOB,), "Week start", "Room 1"),
    SampleMeeting(
        0, "14:00", 60, BOB, (ALICE,), "Interview: product designer", "Room 1"
    ),
    SampleMeeting(1, "11:00", 45, ALICE, (BOB,), "Budget 2027, second draft", ""),
    SampleMeeting(2, "09:00", 120, ALICE, (), "Focus time", ""),
    SampleMeeting(
        2, "15:30", 30, BOB, (ALICE,), "Coffee with the new colleagues", "Kitchen"
    ),
    SampleMeeting(
        3, "10:00", 90, ALICE, (BOB,), "Customer visit: Northwind", "Main entrance"
    ),
    SampleMeeting(4, "13:00", 60, BOB, (ALICE,), "Demo Friday", "Open space"),
)


def schedule_samples(exchange: Exchange, now: datetime) -> None:
    """Fill this week and the next. `now` is in the zone of the desk's users."""
    monday = (now - timedelta(days=now.weekday())).date()
    for week in range(_BOTH_WEEKS):
        for sample in SAMPLES:
            day = monday + timedelta(days=7 * week + sample.day)
            # In local time: half past nine stays half past nine when clocks change.
            naive = datetime.fromisoformat(f"{day}T{sample.time}")
            start = naive.replace(tzinfo=now.tzinfo)
            exchange.schedule(
                sample.organizer,
                subject=sample.subject,
                start=start,
                end=start + timedelta(minutes=sample.minutes),
                required=sample.guests,
                location=sample.location,
            )
    _accept_all(exchange)


def _accept_all(exchange: Exchange) -> None:
    """Accept all invitations, and empty the inboxes."""
    for user in (ALICE, BOB):
        for item in exchange.mailbox(user).inbox():
            if item.kind is ItemKind.REQUEST:
                exchange.respond(item, MeetingAnswer.ACCEPT)
    for user in (ALICE, BOB):
        for item in exchange.mailbox(user).inbox():
            exchange.take_away(item)
