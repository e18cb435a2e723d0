"""The search for a meeting, on servers that take one by UID and on others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import Sid
from pexschedd.ews.meeting_search import MOST_PAGES, MeetingSearch
from pexschedd.exchange.throttle import REFUSED_FOR, Throttles
from tests.ews.ews_exchange import ALICE, HOUR, Exchange, waiting
from tests.ews.ews_script import SITE, Asked, Line, Script, now
from tests.ews.ews_support import failure, fault, response, success
from tests.ews.test_ews_organizers import GLOBAL_ID, UID, entry
from tests.ews.test_ews_sandbox_series import HALF, SECOND, START, THIRD, weekly

SINGLE = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
CODES = ("ErrorInvalidRestriction", "ErrorUnsupportedPathForQuery")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttles(clock: Clock) -> Throttles:
    return Throttles(clock, lambda: 0.0)


def refusing(exchange: Exchange, code: str = "", *, item: bool = True) -> None:
    exchange.sandbox.behaviour.configure(
        {"refused": [{"what": "binary-restriction", "code": code, "item": item}]}
    )


@pytest.mark.parametrize("item", [True, False])
@pytest.mark.parametrize("code", CODES)
@pytest_twisted.ensureDeferred
async def test_a_meeting_is_found_by_its_time(
    exchange: Exchange, code: str, item: bool
) -> None:
    """A server that refuses the search by UID, in whatever way, gives the meeting."""
    exchange.invite()
    exchange.invite("Another at the same time")
    message, _ = await waiting(exchange.mailbox())
    refusing(exchange, code, item=item)
    meeting = await exchange.organizers().find(ALICE, message.uid, start=message.start)
    assert meeting is not None
    assert (meeting.uid, meeting.subject) == (message.uid, message.subject)


@pytest_twisted.ensureDeferred
async def test_one_that_was_moved_meanwhile(exchange: Exchange) -> None:
    """Within a month it is found where it is now; the rest of time is not searched."""
    item = weekly(exchange, recurrence=None)
    (message,) = await waiting(exchange.mailbox())
    organizers = exchange.organizers()
    refusing(exchange)
    for days, is_found in ((20, True), (40, False)):
        exchange.moment += timedelta(seconds=1)
        start = START + days * DAY
        exchange.sandbox.exchange.update(item, start=start, end=start + HOUR)
        meeting = await organizers.find(ALICE, message.uid, start=message.start)
        assert (meeting is not None) is is_found


@pytest_twisted.ensureDeferred
async def test_a_series_is_found_by_an_occurrence(exchange: Exchange) -> None:
    """The master is given, also when the first date is gone; and each occurrence by
    its original start, the moved one too."""
    organizers = exchange.organizers()
    item = weekly(exchange)
    (message,) = await waiting(exchange.mailbox())
    exchange.moment += timedelta(seconds=1)
    exchange.sandbox.exchange.cancel(item, occurrence=START)
    exchange.moment += timedelta(seconds=1)
    moved = SECOND + DAY
    exchange.sandbox.exchange.update(
        item, occurrence=SECOND, start=moved, end=moved + HALF
    )
    refusing(exchange)
    series = await organizers.find(ALICE, message.uid, start=START)
    assert series is not None
    assert series.is_series
    for original, start in ((SECOND, moved), (THIRD, THIRD)):
        found = await organizers.find(ALICE, message.uid, original, start=original)
        assert found is not None
        assert found.start == start
    assert await organizers.find(ALICE, message.uid, START, start=START) is None


@pytest_twisted.ensureDeferred
async def test_what_is_not_there(exchange: Exchange) -> None:
    """Unknown, cancelled, and another's meetings are not found by their time."""
    organizers = exchange.organizers()
    item = weekly(exchange, required=["bob@example.test"])
    (message,) = await waiting(exchange.mailbox())
    refusing(exchange)
    assert await organizers.find(ALICE, "nobody's", start=START) is None
    bob = "bob@example.test"
    assert await organizers.find(bob, message.uid, start=START) is None
    exchange.sandbox.exchange.cancel(item)
    assert await organizers.find(ALICE, message.uid, start=START) is None


@pytest_twisted.ensureDeferred
async def test_without_a_known_start_the_refusal_is_told(exchange: Exchange) -> None:
    """It is named as what it is, not as a missing permission."""
    refusing(exchange)
    with pytest.raises(MailboxRefused) as caught:
        await exchange.organizers().find(ALICE, "nobody's")
    assert "ErrorInvalidRestriction" in caught.value.message
    assert "ApplicationImpersonation" not in caught.value.message


@pytest_twisted.ensureDeferred
async def test_the_refusal_is_remembered_for_its_server(
    exchange: Exchange, clock: Clock, throttles: Throttles
) -> None:
    """For an hour no calendar of that server is searched by UID, then one is again."""
    weekly(exchange, recurrence=None)
    (message,) = await waiting(exchange.mailbox())
    refusing(exchange)

    async def searches(address: str) -> int:
        exchange.sandbox.calls.clear()
        organizers = exchange.organizers(throttles=throttles)
        await organizers.find(address, message.uid, start=message.start)
        return exchange.sandbox.calls["FindItem"]

    assert await searches(ALICE) == 2
    assert await searches(ALICE) == 1
    # Nothing found near the day: a month around it is looked through.
    assert await searches("bob@example.test") == 2
    clock.advance(REFUSED_FOR + 1)
    assert await searches(ALICE) == 2
    exchange.sandbox.behaviour.configure({})
    clock.advance(REFUSED_FOR + 1)
    assert await searches(ALICE) == 1


def view(*starts: datetime, last: bool = False, uid_at: datetime | None = None) -> str:
    items = "".join(
        entry(
            f"at {start:%d %H}",
            content="<t:MyResponseType>Organizer</t:MyResponseType>"
            f"<t:Start>{start:%Y-%m-%dT%H:%M:%SZ}</t:Start>",
            global_id=GLOBAL_ID if start == uid_at else b"another",
        )
        for start in starts
    )
    return (
        f'<m:RootFolder TotalItemsInView="{len(starts)}" '
        f'IncludesLastItemInRange="{str(last).lower()}"><t:Items>{items}</t:Items>'
        "</m:RootFolder>"
    )


REFUSED = fault("ErrorInvalidRestriction", "TEXT")


def search(script: Script, throttles: Throttles | None = None) -> MeetingSearch:
    shared = throttles.of(SITE.url, SITE.mailbox) if throttles else None
    return MeetingSearch(EwsClient(script, SITE, shared), SITE.mailbox, Sid.ANY)


def found(content: str) -> bytes:
    return response("FindItem", success("FindItem", content))


def test_a_view_goes_on_where_it_ended() -> None:
    """A day with more entries than one answer holds is read to its end."""
    script = Script(
        REFUSED,
        found(view(SINGLE - HOUR, SINGLE - HALF)),
        found(view(SINGLE - HALF, SINGLE, uid_at=SINGLE, last=True)),
    )
    (item,) = now(search(script).entries(UID, SINGLE))
    assert item.start == SINGLE
    begins = [asked.element.find("{*}CalendarView") for asked in script.asked[1:]]
    assert [each.get("StartDate") for each in begins if each is not None] == [
        "2026-11-30T09:00:00Z",
        "2026-12-01T08:30:00Z",
    ]


def endless() -> Iterator[Line]:
    def line(asked: Asked) -> bytes:
        each: Any = asked.element.find("{*}CalendarView")
        since = datetime.fromisoformat(each.get("StartDate"))
        return found(view(since + timedelta(seconds=1)))

    while True:
        yield line


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(found(view(SINGLE - 2 * DAY)), id="going back"),
        pytest.param(found(view()), id="empty"),
        pytest.param(found(view(SINGLE + 90 * DAY)), id="beyond"),
        pytest.param(next(endless()), id="creeping"),
    ],
)
def test_a_view_that_never_ends(line: Line | bytes) -> None:
    """A server that always has more is asked a bounded number of times."""
    script = Script(REFUSED, line)
    assert now(search(script).entries(UID, SINGLE)) == []
    assert len(script.asked) <= 1 + 2 * MOST_PAGES


@pytest.mark.parametrize("year", [1, 1600, 4501, 9999])
def test_a_start_that_no_calendar_holds(year: int) -> None:
    """It cannot be looked around, and nothing is found."""
    around = datetime(year, 1, 1, tzinfo=UTC)
    assert now(search(Script(REFUSED)).entries(UID, around)) == []


def test_the_calendar_itself_is_refused(clock: Clock, throttles: Throttles) -> None:
    """A refusal of the second way as well is no fault of the search: it is told, and
    the search is tried again the next time."""
    denied = response("FindItem", failure("FindItem", "ErrorAccessDenied", "TEXT"))
    script = Script(REFUSED, denied, REFUSED, denied)
    for _ in range(2):
        with pytest.raises(MailboxRefused, match="ApplicationImpersonation"):
            now(search(script, throttles).entries(UID, SINGLE))
    assert len(script.asked) == 4


def test_an_occurrence_without_its_series() -> None:
    """In an attendee's calendar it stands for itself."""
    alone = entry("alone", "Exception", "<t:Start>2026-12-01T09:00:00Z</t:Start>")
    script = Script(
        REFUSED,
        found(
            '<m:RootFolder IncludesLastItemInRange="true"><t:Items>'
            f"{alone}</t:Items></m:RootFolder>"
        ),
        response(
            "GetItem",
            failure("GetItem", "ErrorCalendarOccurrenceIsDeletedFromRecurrence"),
        ),
    )
    (item,) = now(search(script).entries(UID, SINGLE))
    assert (item.ref.item_id, item.kind) == ("alone", "Exception")
