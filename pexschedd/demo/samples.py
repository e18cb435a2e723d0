"""A few meetings without rooms, so that the first week is not empty."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pexschedd.sandbox.exchange import Exchange
from pexschedd.sandbox.model import ItemKind, MeetingAnswer

ALICE = "alice@example.test"
BOB = "bob@example.test"
_BOTH_WEEKS = 2


class Sample(NamedTuple):
    day: int
    """0 is Monday."""
    time: str
    minutes: int
    organizer: str
    guests: tuple[str, ...]
    subject: str
    location: str


SAMPLES = (
    Sample(0, "09:30", 30, ALICE, (BOB,), "Week start", "Room 1"),
    Sample(0, "14:00", 60, BOB, (ALICE,), "Interview: product designer", "Room 1"),
    Sample(1, "11:00", 45, ALICE, (BOB,), "Budget 2027, second draft", ""),
    Sample(2, "09:00", 120, ALICE, (), "Focus time", ""),
    Sample(2, "15:30", 30, BOB, (ALICE,), "Coffee with the new colleagues", "Kitchen"),
    Sample(3, "10:00", 90, ALICE, (BOB,), "Customer visit: Northwind", "Main entrance"),
    Sample(4, "13:00", 60, BOB, (ALICE,), "Demo Friday", "Open space"),
)


def lay_out(exchange: Exchange, now: datetime) -> None:
    """Fills this week and the next. `now` is in the zone of those who will look."""
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
    """Everybody comes, and the inboxes are empty again."""
    for user in (ALICE, BOB):
        for item in exchange.mailbox(user).inbox():
            if item.kind is ItemKind.REQUEST:
                exchange.respond(item, MeetingAnswer.ACCEPT)
    for user in (ALICE, BOB):
        for item in exchange.mailbox(user).inbox():
            exchange.take_away(item)
