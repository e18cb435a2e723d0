"""Rooms' calendars over real sockets, from the sandbox Exchange."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
import pytest_twisted
from hypothesis import given
from lxml import etree

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxRefused,
    SignInRefused,
)
from pexschedd.ews.rooms.calendar_items import (
    build_get_items,
    build_get_without_body,
    build_listing,
)
from pexschedd.ews.rooms.rooms import EwsRooms
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing
from tests.ews.ews_rooms_support import (
    DAY,
    OAK,
    SECRET,
    START,
    RoomExchange,
)
from tests.ews.test_ews_requests import MAILBOXES, REFS

WEEK = timedelta(days=7)


@pytest_twisted.async_yield_fixture()
async def exchange() -> AsyncIterator[RoomExchange]:
    exchange = RoomExchange()
    yield exchange
    await exchange.close()


@given(MAILBOXES, REFS)
def test_requests_are_valid(
    schema: etree.XMLSchema, room: str, refs: Sequence[MessageRef]
) -> None:
    """Exchange's own schema allows all that is sent, whatever the room is called."""
    for request in (
        build_listing(room, START, START + DAY, 500),
        build_get_items(room, refs),
        build_get_without_body(room, refs),
    ):
        schema.assertValid(etree.fromstring(request))


async def listed(
    rooms: EwsRooms, room: str = OAK, until: datetime = START + WEEK
) -> CalendarListing:
    return await rooms.listing(room, START - DAY, until)


@pytest_twisted.ensureDeferred
async def test_a_room_outside_the_scope(exchange: RoomExchange) -> None:
    """The refusal names the room; other rooms can be read."""
    rooms = exchange.rooms()
    with pytest.raises(ImpersonationRefused, match=SECRET):
        await listed(rooms, SECRET)
    with pytest.raises(MailboxRefused, match="gone@"):
        await listed(rooms, "gone@example.test")
    with pytest.raises(MailboxRefused, match="no email address"):
        await listed(rooms, "oak")
    assert (await listed(rooms)).meetings == ()


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_no_rooms_fault(exchange: RoomExchange) -> None:
    """The account is refused, and the error does not name a room."""
    with pytest.raises(SignInRefused) as refused:
        await listed(exchange.rooms(password="wrong"))
    assert "calendar of the room" not in refused.value.message


@pytest_twisted.ensureDeferred
async def test_a_room_by_another_address(exchange: RoomExchange) -> None:
    """An alias of the mailbox does as well."""
    exchange.book("Plan")
    (found,) = (await listed(exchange.rooms(), f"alias-{OAK}")).meetings
    assert found.start == START + DAY
