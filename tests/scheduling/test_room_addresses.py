"""The equipment mailbox's addresses: asked for in the background, kept for a day."""

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pexschedd.errors import MailboxBusy
from pexschedd.scheduling.ports.mailbox import DirectoryEntry
from pexschedd.scheduling.room_addresses import KEPT, PAUSE, RoomAddresses
from tests.scheduling.upkeep.upkeep_support import CONNECTOR

ROOM = DirectoryEntry("Room", "room@example.test", ("room@example.test",))


class Book:
    """A directory whose answers come when the test gives them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.answers: list[Deferred[DirectoryEntry | None]] = []
        self.addresses = RoomAddresses(lambda connector: self, self.clock)

    async def entry(self, address: str) -> DirectoryEntry | None:
        self.asked.append(address)
        self.answers.append(Deferred())
        return await self.answers[-1]


def test_asked_once_and_kept_for_a_day() -> None:
    """Nobody waits for the directory, and a day later it is asked again."""
    book = Book()
    assert book.addresses.of(CONNECTOR) is None
    assert book.addresses.of(CONNECTOR) is None
    book.answers[0].callback(ROOM)
    assert book.addresses.of(CONNECTOR) == ROOM
    book.clock.advance(KEPT - 1)
    assert book.addresses.of(CONNECTOR) == ROOM
    assert book.asked == ["equipment@example.test"]
    book.clock.advance(1)
    assert book.addresses.of(CONNECTOR) == ROOM
    assert len(book.asked) == 2


def test_another_address() -> None:
    """Of a changed address nothing is known yet, and an old answer is not taken."""
    book = Book()
    book.addresses.of(CONNECTOR)
    changed = replace(CONNECTOR, room_mailbox_email_address="new@example.test")
    assert book.addresses.of(changed) is None
    book.answers[0].callback(ROOM)
    assert book.addresses.of(changed) is None
    book.answers[1].callback(replace(ROOM, name="New"))
    assert book.addresses.of(changed) == replace(ROOM, name="New")


def test_a_directory_that_does_not_tell() -> None:
    """It is asked again after a while, not with every booking; what was known stays."""
    book = Book()
    book.addresses.of(CONNECTOR)
    book.answers[0].callback(None)
    book.addresses.of(CONNECTOR)
    assert len(book.asked) == 1
    book.clock.advance(PAUSE)
    book.addresses.of(CONNECTOR)
    book.answers[1].callback(ROOM)
    book.clock.advance(KEPT)
    with capturedLogs() as events:
        book.addresses.of(CONNECTOR)
        book.answers[2].errback(MailboxBusy("Later."))
    assert book.addresses.of(CONNECTOR) == ROOM
    assert [event["reason"] for event in events] == ["Later."]
