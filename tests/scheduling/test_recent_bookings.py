"""A repeated booking gives the same room, for some minutes."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import StoreFull
from pexschedd.scheduling.booking import BookedRoom
from pexschedd.scheduling.recent_bookings import KEPT, BookingKey, RecentBookings

ANNA, BOB = (1, "anna", "k"), (1, "bob", "k")


class Desk:
    """Bookings that are made when the test says so."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.used: set[str] = set()
        self.begun: list[Deferred[None]] = []
        self.recent: RecentBookings[BookedRoom] = RecentBookings(
            self.clock.seconds, lambda room: room.tag not in self.used, most=3
        )

    def press(self, key: BookingKey = ANNA) -> Deferred[BookedRoom]:
        return Deferred.fromCoroutine(self.recent.book(key, self._book))

    def _book(self) -> Coroutine[Any, Any, BookedRoom]:
        self.begun.append(Deferred())
        return self._booked(len(self.begun), self.begun[-1])

    async def _booked(self, number: int, begun: Deferred[None]) -> BookedRoom:
        await begun
        return BookedRoom("Room", "room@example.test", f"tag-{number}", "")

    def booked(self, key: BookingKey = ANNA) -> str:
        """Press, have it done, and return the tag."""
        pressed = self.press(key)
        if not pressed.called:
            self.begun[-1].callback(None)
        return result(pressed).tag


def result(pressed: Deferred[BookedRoom]) -> BookedRoom:
    found: list[BookedRoom] = []
    pressed.addCallback(found.append)
    assert found, "it has not been answered"
    return found[0]


def test_the_same_key_gives_the_same_room() -> None:
    """Until five minutes have passed; another user's, or another key, is another's."""
    desk = Desk()
    assert desk.booked() == "tag-1"
    assert desk.booked() == "tag-1"
    assert desk.booked(BOB) == "tag-2"
    assert desk.booked((1, "anna", "other")) == "tag-3"
    assert desk.booked((2, "anna", "k")) == "tag-4"
    desk = Desk()
    desk.booked()
    desk.clock.advance(KEPT - 1)
    assert desk.booked() == "tag-1"
    desk.clock.advance(1)
    assert desk.booked() == "tag-2"


def test_two_at_the_same_time() -> None:
    """The second waits for the first; a client that leaves takes nothing away."""
    desk = Desk()
    first, second = desk.press(), desk.press()
    first.addErrback(lambda _: None).cancel()
    desk.begun[0].callback(None)
    assert result(second).tag == "tag-1"
    assert desk.booked() == "tag-1"
    assert len(desk.begun) == 1


def test_a_booking_that_fails() -> None:
    """It is not remembered: the next one is made anew."""
    desk = Desk()
    first, second = desk.press(), desk.press()
    desk.begun[0].errback(StoreFull("The disk is nearly full."))
    for each in (first, second):
        errors: list[Any] = []
        each.addErrback(errors.append)
        assert errors[0].check(StoreFull)
    assert len(desk.recent) == 0
    assert desk.booked() == "tag-2"


def test_a_room_that_was_used_meanwhile() -> None:
    """It is another meeting's now, and a new one is booked."""
    desk = Desk()
    desk.booked()
    desk.used.add("tag-1")
    assert desk.booked() == "tag-2"
    assert desk.booked() == "tag-2"


def test_bounded() -> None:
    """The oldest is forgotten when there are too many."""
    desk = Desk()
    for number in range(10):
        desk.booked((1, "anna", str(number)))
    assert len(desk.recent) == 3
    assert desk.booked((1, "anna", "9")) == "tag-10"
    assert desk.booked((1, "anna", "0")) == "tag-11"


def test_forgotten_while_under_way() -> None:
    """A booking that is pushed out is answered all the same."""
    desk = Desk()
    desk.recent = RecentBookings(desk.clock.seconds, lambda room: True, most=1)
    first, second = desk.press(ANNA), desk.press(BOB)
    for each in desk.begun:
        each.callback(None)
    assert (result(first).tag, result(second).tag) == ("tag-1", "tag-2")
