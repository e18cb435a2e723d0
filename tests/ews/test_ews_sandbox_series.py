"""Series, keeping and rewriting against the sandbox Exchange, over real sockets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import MailboxRefused
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageKind
from pexschedd.model.recurrence import DayOfWeek, Weekly
from pexschedd.sandbox import Item, ItemKind
from pexschedd.sandbox import SeriesRecurrence as Repeats
from pexschedd.sandbox.items import bodies
from pexschedd.scheduling.ports.mailbox import Action, Answer, OutcomeKind, RewriteKind
from pexschedd.scheduling.recurrence.series_dates import (
    find,
    first_start,
    last_end,
)
from tests.ews.ews_exchange import ALICE, EQUIPMENT, Exchange, waiting

START = datetime(2026, 10, 12, 8, tzinfo=UTC)
"""10 o'clock in Berlin in summer; 9 o'clock UTC in winter."""
HALF = timedelta(minutes=30)
SECOND = datetime(2026, 10, 19, 8, tzinfo=UTC)
THIRD = datetime(2026, 10, 26, 9, tzinfo=UTC)
FOURTH = datetime(2026, 11, 2, 9, tzinfo=UTC)


def weekly(exchange: Exchange, **changed: Any) -> Item:
    """Alice's Mondays: 4 times, over the end of summer time."""
    exchange.moment += timedelta(seconds=1)
    settings = {
        "subject": "Weekly",
        "start": START,
        "end": START + HALF,
        "resources": [EQUIPMENT],
        "body": "<p>PXPS:-1#</p>",
        "zone": "W. Europe Standard Time",
        "recurrence": Repeats.weekly("Monday", count=4),
        **changed,
    }
    return exchange.sandbox.exchange.schedule(ALICE, **settings)


@pytest_twisted.ensureDeferred
async def test_a_series_as_its_organizer_has_it(exchange: Exchange) -> None:
    """Its pattern, its zone, and what was moved or taken out before the invitation."""
    weekly(exchange)
    (message,) = await waiting(exchange.mailbox())
    assert message.is_series
    assert message.recurrence is not None
    assert message.recurrence.pattern == Weekly(days=(DayOfWeek.MONDAY,))
    assert message.recurrence.zone == "Europe/Berlin"
    assert message.recurrence.at.hour == 10
    assert first_start(message.recurrence) == message.start == START
    assert last_end(message.recurrence) == FOURTH + HALF
    fourth = find(message.recurrence, FOURTH)
    assert fourth is not None
    assert fourth.index == 3


@pytest_twisted.ensureDeferred
async def test_changed_occurrences(exchange: Exchange) -> None:
    """A moved and a cancelled occurrence arrive as such; then the series knows them."""
    mailbox = exchange.mailbox()
    server = exchange.sandbox.exchange
    item = weekly(exchange)
    exchange.moment += timedelta(seconds=1)
    server.update(
        item, occurrence=SECOND, start=SECOND + 2 * HALF, end=SECOND + 3 * HALF
    )
    exchange.moment += timedelta(seconds=1)
    server.cancel(item, occurrence=THIRD)
    series, moved, cancelled = await waiting(mailbox)
    assert {series.uid} == {moved.uid} == {cancelled.uid}
    assert (series.recurrence_id, series.is_series) == (None, True)
    assert (moved.recurrence_id, moved.is_series) == (SECOND, False)
    assert moved.start == SECOND + 2 * HALF
    assert moved.recurrence is None
    assert cancelled.kind is MessageKind.CANCELLATION
    assert cancelled.recurrence_id == THIRD

    exchange.moment += timedelta(seconds=1)
    server.update(item, subject="Weekly!")
    *_, again = await waiting(mailbox)
    assert again.recurrence is not None
    assert [each.original for each in again.recurrence.exceptions] == [SECOND]
    assert again.recurrence.exceptions[0].start == SECOND + 2 * HALF
    assert again.recurrence.deleted == (THIRD,)


@pytest_twisted.ensureDeferred
async def test_whole_days(exchange: Exchange) -> None:
    """A series of whole days keeps to midnight through the end of summer time."""
    midnight = datetime(2026, 10, 11, 22, tzinfo=UTC)
    weekly(exchange, start=midnight, end=midnight + timedelta(days=1), all_day=True)
    (message,) = await waiting(exchange.mailbox())
    assert message.recurrence is not None
    assert message.recurrence.all_day
    assert message.recurrence.duration == timedelta(days=1)
    assert last_end(message.recurrence) == datetime(2026, 11, 2, 23, tzinfo=UTC)


@pytest_twisted.ensureDeferred
async def test_the_calendar(exchange: Exchange) -> None:
    """What was accepted stands in the calendar: a series once, with its body."""
    mailbox = exchange.mailbox()
    assert await mailbox.calendar() == ([], "")
    weekly(exchange)
    weekly(exchange, subject="Once", recurrence=None)
    messages = await waiting(mailbox)
    await mailbox.answer([Answer(each.ref, Action.ACCEPT) for each in messages])
    meetings, cursor = await mailbox.calendar()
    assert cursor == ""
    assert [each.subject for each in meetings] == ["Weekly", "Once"]
    series, single = meetings
    assert series.recurrence == messages[0].recurrence
    assert (series.is_series, single.is_series) == (True, False)
    assert all(each.accepted and not each.cancelled for each in meetings)
    assert [each.uid for each in meetings] == [each.uid for each in messages]
    assert all("PXPS:-1#" in each.html for each in meetings)
    assert all(each.organizer.email == ALICE for each in meetings)
    outcomes = await mailbox.delete([each.ref for each in meetings])
    assert [each.kind for each in outcomes] == [OutcomeKind.DONE] * 2
    assert await mailbox.calendar() == ([], "")
    outcomes = await mailbox.delete([series.ref])
    assert [each.kind for each in outcomes] == [OutcomeKind.GONE]
    # Alice has her own still, and the equipment's acceptances: nobody was told.
    assert exchange.folder(ALICE, "inbox") == ["IPM.Schedule.Meeting.Resp.Pos"] * 2


@pytest_twisted.ensureDeferred
async def test_the_inbox_while_it_is_emptied(exchange: Exchange) -> None:
    """Half of each page is deleted before the next is read: at most as many others of
    the page's last second are passed over, and nothing new is seen."""
    server = exchange.sandbox.exchange
    for number in range(230):
        if number % 10 == 0:
            exchange.moment += timedelta(seconds=1)
        server.send_message(
            server.mailbox(ALICE), to=[EQUIPMENT], subject=str(number), body="spam"
        )
    exchange.moment += timedelta(seconds=1)
    limit = exchange.moment
    exchange.invite("new")
    mailbox = exchange.mailbox()
    seen: list[MeetingMessage] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page, cursor = await mailbox.inbox(limit, cursor)
        pages += 1
        seen += page
        await mailbox.delete([each.ref for each in page[::2]])
    assert pages == 3
    assert {each.kind for each in seen} == {MessageKind.OTHER}
    assert len({each.subject for each in seen}) == len(seen)
    # The first page ended with a second of 10 items, 5 of which went; the other in
    # the middle of one, when 2 of its 5 went.
    assert len(seen) == 230 - 5 - 2
    assert "IPM.Schedule.Meeting.Request" in exchange.folder(EQUIPMENT, "inbox")


@pytest_twisted.ensureDeferred
async def test_an_organizers_meeting_is_rewritten(exchange: Exchange) -> None:
    """Found by its UID, rewritten once, and told to everybody in her name."""
    mailbox, organizers = exchange.mailbox(), exchange.organizers()
    weekly(exchange, body="<p>TOK:-x#</p>")
    (message,) = await waiting(mailbox)
    meeting = await organizers.find(ALICE, message.uid)
    assert isinstance(meeting, CalendarMeeting)
    assert meeting.is_series
    assert meeting.recurrence == message.recurrence
    assert "TOK:-x#" in meeting.html
    exchange.moment += timedelta(seconds=1)
    new = "<p>PXPS:-1# &amp; more</p>"
    rewritten = await organizers.rewrite(ALICE, meeting.ref, new)
    assert rewritten == (RewriteKind.DONE, "")
    *_, update = await waiting(mailbox)
    assert "PXPS:-1#" in update.html
    assert update.organizer.email == ALICE
    assert update.recurrence == message.recurrence
    assert (await organizers.rewrite(ALICE, meeting.ref, new))[0] is (
        RewriteKind.CHANGED
    )
    assert len(await waiting(mailbox)) == 2


@pytest.mark.parametrize("original", [SECOND, FOURTH])
@pytest_twisted.ensureDeferred
async def test_an_occurrence_is_rewritten(
    exchange: Exchange, original: datetime
) -> None:
    """A moved one and one as the pattern has it: only that one changes."""
    mailbox, organizers = exchange.mailbox(), exchange.organizers()
    item = weekly(exchange, body="<p>TOK:-x#</p>")
    other = datetime(2026, 10, 20, 17, tzinfo=UTC)
    exchange.moment += timedelta(seconds=1)
    exchange.sandbox.exchange.update(
        item, occurrence=SECOND, start=other, end=other + HALF
    )
    message, _ = await waiting(mailbox)
    meeting = await organizers.find(ALICE, message.uid, original)
    assert meeting is not None
    assert meeting.start == (other if original == SECOND else original)
    assert meeting.uid == message.uid
    assert not meeting.is_series
    exchange.moment += timedelta(seconds=1)
    new = "<p>PXPS:-2#</p>"
    assert (await organizers.rewrite(ALICE, meeting.ref, new))[0] is RewriteKind.DONE
    *_, update = await waiting(mailbox)
    assert update.recurrence_id == original
    assert "PXPS:-2#" in update.html
    series = await organizers.find(ALICE, message.uid)
    assert series is not None
    assert "PXPS:-2#" not in series.html


@pytest_twisted.ensureDeferred
async def test_what_an_organizer_does_not_have(exchange: Exchange) -> None:
    """Unknown meetings, deleted occurrences and others' meetings are not found."""
    organizers = exchange.organizers()
    item = weekly(exchange, required=["bob@example.test"])
    (message,) = await waiting(exchange.mailbox())
    assert await organizers.find(ALICE, "nobody's") is None
    assert await organizers.find("bob@example.test", message.uid) is None
    assert await organizers.find(ALICE, message.uid, START + 3 * HALF * 48) is None
    exchange.sandbox.exchange.cancel(item, occurrence=THIRD)
    assert await organizers.find(ALICE, message.uid, THIRD) is None
    assert await organizers.find(ALICE, message.uid, FOURTH) is not None
    exchange.sandbox.exchange.cancel(item)
    assert await organizers.find(ALICE, message.uid) is None


@pytest_twisted.ensureDeferred
async def test_a_text_stays_a_text(exchange: Exchange) -> None:
    """A meeting that was written in plain text is rewritten in plain text."""
    organizers = exchange.organizers()
    item = weekly(exchange, recurrence=None, body=bodies.from_text("TOK:-x#"))
    (message,) = await waiting(exchange.mailbox())
    meeting = await organizers.find(ALICE, message.uid)
    assert meeting is not None
    assert meeting.html == ""
    assert "TOK:-x#" in meeting.text
    rewritten = await organizers.rewrite(ALICE, meeting.ref, "PXPS:-1# <3")
    assert rewritten[0] is RewriteKind.DONE
    assert item.kind is ItemKind.CALENDAR
    assert item.body.text.strip() == "PXPS:-1# <3"


@pytest_twisted.ensureDeferred
async def test_organizers_we_may_not_act_for(exchange: Exchange) -> None:
    """An external organizer, and an account without the role, are refused by name."""
    for address, changed, words in (
        ("eve@elsewhere.test", {}, "no mailbox"),
        (
            "bob@example.test",
            {"username": ALICE, "password": "alice"},
            "ApplicationImpersonation",
        ),
    ):
        with pytest.raises(MailboxRefused, match=address) as caught:
            await exchange.organizers(**changed).find(address, "uid")
        assert words in caught.value.message


@pytest_twisted.ensureDeferred
async def test_an_update_whose_echo_was_lost(exchange: Exchange) -> None:
    """Done, but the connection died: trying it again finds the meeting changed."""
    organizers = exchange.organizers()
    weekly(exchange)
    (message,) = await waiting(exchange.mailbox())
    meeting = await organizers.find(ALICE, message.uid)
    assert meeting is not None
    exchange.misbehave(kind="reset", operation="UpdateItem", after=True)
    kinds: list[str] = []
    for _ in range(2):
        try:
            kinds.append((await organizers.rewrite(ALICE, meeting.ref, "new"))[0])
        except Exception as error:  # noqa: BLE001 - its name is what is tested
            kinds.append(type(error).__name__)
    assert kinds == ["MailboxUnreachable", RewriteKind.CHANGED]


@pytest_twisted.ensureDeferred
async def test_many_batches_at_once(exchange: Exchange) -> None:
    """Eight connections, small batches: everything is read and answered once."""
    for number in range(100):
        exchange.invite(f"m{number}")
    mailbox = exchange.mailbox(
        limits=ConnectionLimits(connections=8), fetch_batch=9, answer_batch=7
    )
    messages = await waiting(mailbox)
    received = [each.received for each in messages]
    assert received == sorted(received)
    outcomes = await mailbox.answer(
        [Answer(each.ref, Action.ACCEPT) for each in messages]
    )
    assert [each.kind for each in outcomes] == [OutcomeKind.DONE] * 100
    assert len(exchange.folder(ALICE, "inbox")) == 100
