"""What every implementation of the organizers' calendars promises, and of the look-up
of items: over EWS and over Graph alike, against one sandbox."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import pytest
import pytest_twisted

from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.graph.organizers.graph_organizers import GraphOrganizers
from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.sandbox import Exchange as SandboxExchange
from pexschedd.sandbox import SeriesRecurrence
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.records import Item
from pexschedd.scheduling.ports.mailbox import (
    ItemLookup,
    OrganizersCalendars,
    RewriteKind,
)
from tests.ews.ews_exchange import Exchange
from tests.graph.msgraph_support import GraphWorld

ALICE, BOB = "alice@example.test", "bob@example.test"
EQUIPMENT = "pexipmeeting@example.test"
MEETING = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
BODY = "<p>Agenda</p><p>TOK:-x#</p>"
NEW = "<p>Agenda</p><p>PXPS:-1#</p>"


class Organizers(OrganizersCalendars, ItemLookup, Protocol):
    """Both ports, which one class implements."""


class Server:
    """A sandbox, and organizers' calendars in it."""

    def __init__(self, organizers: Organizers, exchange: SandboxExchange) -> None:
        self.organizers = organizers
        self.exchange = exchange

    def invite(self, **more: Any) -> Item:
        fields: dict[str, Any] = {
            "subject": "Weekly",
            "start": MEETING,
            "end": MEETING + HOUR,
            "body": BODY,
            "required": [EQUIPMENT, BOB],
            **more,
        }
        return self.exchange.schedule(ALICE, **fields)

    def series(self) -> Item:
        return self.invite(recurrence=SeriesRecurrence.weekly("Tuesday", count=6))

    async def find(self, item: Item, original: datetime | None = None) -> Any:
        return await self.organizers.find(ALICE, uid_of(item), original, start=MEETING)

    async def found(
        self, item: Item, original: datetime | None = None
    ) -> CalendarMeeting:
        found = await self.find(item, original)
        assert isinstance(found, CalendarMeeting)
        return found

    def received(self, address: str = EQUIPMENT) -> list[Item]:
        return list(self.exchange.mailbox(address).items("inbox"))


def uid_of(item: Item) -> str:
    assert item.meeting is not None
    return ids.uid(ids.clean(item.meeting.goid))


@pytest_twisted.async_yield_fixture(params=["ews", "graph"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "ews":
        ews = Exchange()
        yield Server(ews.organizers(), ews.sandbox.exchange)
        await ews.close()
        return
    world = GraphWorld()
    client = world.client()
    organizers = GraphOrganizers(client._transport, world.tokens, client.target)
    yield Server(cast(Organizers, organizers), world.sandbox.exchange)
    await world.close()


@pytest_twisted.ensureDeferred
async def test_a_meeting_is_found(server: Server) -> None:
    """As it stands in the calendar of its organizer, who alone has it."""
    item = server.invite()
    found = await server.found(item)
    assert (found.uid, found.subject) == (uid_of(item), "Weekly")
    assert (found.start, found.end) == (MEETING, MEETING + HOUR)
    assert "TOK:-x#" in found.html
    assert found.organizer.email == ALICE
    assert not found.is_series
    assert found.ref.item_id
    assert found.ref.change_key
    assert await server.organizers.find(BOB, uid_of(item), start=MEETING) is None
    assert await server.organizers.find(ALICE, "0" * 112, start=MEETING) is None


@pytest_twisted.ensureDeferred
async def test_a_cancelled_meeting_is_not_found(server: Server) -> None:
    """It is not the organizer's any more."""
    item = server.invite()
    server.exchange.cancel(item)
    assert await server.find(item) is None


@pytest_twisted.ensureDeferred
async def test_a_series_is_found(server: Server) -> None:
    """With its pattern, its changed and its deleted occurrences."""
    item = server.series()
    moved = MEETING + WEEK
    server.exchange.update(
        item, occurrence=moved, start=moved + HOUR, end=moved + 2 * HOUR
    )
    server.exchange.cancel(item, occurrence=MEETING + 2 * WEEK)
    found = await server.found(item)
    assert found.is_series
    assert found.recurrence is not None
    assert [e.original for e in found.recurrence.exceptions] == [moved]
    assert len(found.recurrence.deleted) == 1


@pytest_twisted.ensureDeferred
async def test_an_occurrence_is_found(server: Server) -> None:
    """By its original start, wherever it was moved to; one that was deleted is not, nor
    one that never was."""
    item = server.series()
    moved = MEETING + WEEK
    away = moved + timedelta(days=3)
    server.exchange.update(item, occurrence=moved, start=away, end=away + HOUR)
    server.exchange.cancel(item, occurrence=MEETING + 2 * WEEK)
    found = await server.found(item, moved)
    assert (found.start, found.uid) == (away, uid_of(item))
    assert not found.is_series
    found = await server.found(item, MEETING + 3 * WEEK)
    assert found.start == MEETING + 3 * WEEK
    for original in (MEETING + 2 * WEEK, MEETING + 10 * WEEK):
        assert await server.find(item, original) is None
    for moment in (datetime.min, datetime.max):  # noqa: DTZ901 (the zone follows)
        assert await server.find(item, moment.replace(tzinfo=UTC)) is None


@pytest_twisted.ensureDeferred
async def test_a_single_meeting_has_no_occurrence(server: Server) -> None:
    """What is asked for is a part of a series."""
    assert await server.find(server.invite(), MEETING) is None


@pytest_twisted.ensureDeferred
async def test_a_rewrite(server: Server) -> None:
    """The new body is told to every attendee, once; the rest stays as it was."""
    item = server.invite()
    found = await server.found(item)
    result = await server.organizers.rewrite(ALICE, found.ref, NEW)
    assert result == (RewriteKind.DONE, "")
    again = await server.found(item)
    assert "PXPS:-1#" in again.html
    assert "TOK" not in again.html
    assert (again.start, again.subject) == (found.start, found.subject)
    for address in (EQUIPMENT, BOB):
        first, update = server.received(address)
        assert "PXPS:-1#" in update.body.html
        assert update.meeting is not None
        assert first.meeting is not None
        assert update.meeting.goid == first.meeting.goid


@pytest_twisted.ensureDeferred
async def test_a_rewrite_is_done_once(server: Server) -> None:
    """Asked for again with what was read before it, it changes nothing and tells
    nobody."""
    item = server.invite()
    found = await server.found(item)
    await server.organizers.rewrite(ALICE, found.ref, NEW)
    kind, _ = await server.organizers.rewrite(ALICE, found.ref, "<p>Other</p>")
    assert kind is RewriteKind.CHANGED
    assert len(server.received()) == 2
    assert "PXPS:-1#" in (await server.found(item)).html


@pytest_twisted.ensureDeferred
async def test_the_organizers_own_change_is_kept(server: Server) -> None:
    """A meeting that has been changed since it was read is not rewritten."""
    item = server.invite()
    found = await server.found(item)
    server.exchange.update(item, body="<p>My own words</p>")
    kind, _ = await server.organizers.rewrite(ALICE, found.ref, NEW)
    assert kind is RewriteKind.CHANGED
    assert "My own words" in (await server.found(item)).html
    assert len(server.received()) == 2


@pytest_twisted.ensureDeferred
async def test_an_occurrence_is_rewritten(server: Server) -> None:
    """It alone, and its attendees are told of it."""
    item = server.series()
    original = MEETING + WEEK
    found = await server.found(item, original)
    result = await server.organizers.rewrite(ALICE, found.ref, NEW)
    assert result == (RewriteKind.DONE, "")
    assert "PXPS:-1#" in (await server.found(item, original)).html
    assert "PXPS:-1#" not in (await server.found(item)).html
    (_, update) = server.received()
    assert update.meeting is not None
    assert update.meeting.recurrence_id == original


@pytest_twisted.ensureDeferred
async def test_a_meeting_that_is_gone(server: Server) -> None:
    """There is nothing to rewrite."""
    item = server.invite()
    found = await server.found(item)
    server.exchange.mailbox(ALICE).remove(item)
    kind, _ = await server.organizers.rewrite(ALICE, found.ref, NEW)
    assert kind is RewriteKind.GONE


@pytest_twisted.ensureDeferred
async def test_an_organizer_without_a_mailbox_here(server: Server) -> None:
    """The refusal names the organizer, whatever was asked for."""
    stranger = "stranger@elsewhere.test"
    for call in (
        server.organizers.find(stranger, "0" * 112, start=MEETING),
        server.organizers.rewrite(stranger, MessageRef("AAMk", "ck"), NEW),
        server.organizers.item_uid(stranger, "AAMk"),
    ):
        with pytest.raises(MailboxRefused, match=stranger):
            await call


@pytest.mark.parametrize("address", ["", "/O=ORG/OU=X/CN=ALICE", "@"])
@pytest_twisted.ensureDeferred
async def test_no_address(server: Server, address: str) -> None:
    """An organizer without an SMTP address is refused."""
    with pytest.raises(MailboxRefused, match="email address"):
        await server.organizers.find(address, "0" * 112)


@pytest_twisted.ensureDeferred
async def test_whose_item_it_is(server: Server) -> None:
    """An item of EWS tells its meeting's UID in its own calendar, and in no other one;
    an occurrence tells that of its series."""
    item = server.invite()
    assert await server.organizers.item_uid(ALICE, item.id) == uid_of(item)
    assert await server.organizers.item_uid(BOB, item.id) == ""
    series = server.series()
    third = server.exchange.occurrence(series, MEETING + 2 * WEEK)
    assert await server.organizers.item_uid(ALICE, third.id) == uid_of(series)
    server.exchange.mailbox(ALICE).remove(item)
    assert await server.organizers.item_uid(ALICE, item.id) == ""
    with pytest.raises(MailboxError):
        await server.organizers.item_uid(ALICE, "bm8gaXRlbQ==")
